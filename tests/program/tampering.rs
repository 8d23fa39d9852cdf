//! An encrypted session, of which a byte is changed on the way.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::auth::generate_shared;
use tinyferry::client::Client;
use tinyferry::fs::{Directory, Source};

use crate::harness::{Place, content};

/// A proxy between a client and a server: flips one bit of the bytes of the client, or of the
/// server, and records all bytes.
struct Tamperer {
    address: String,
    carried: Arc<Mutex<Vec<u8>>>,
    /// Which byte is changed, counted over both directions.
    flip: Arc<AtomicUsize>,
    /// How many bytes a session had.
    seen: Arc<AtomicUsize>,
}

impl Tamperer {
    fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let tamperer = Self {
            address: listener.local_addr().expect("an address").to_string(),
            carried: Arc::default(),
            flip: Arc::new(AtomicUsize::new(usize::MAX)),
            seen: Arc::default(),
        };
        let server = server["tcp://".len()..].to_owned();
        let (carried, flip) = (tamperer.carried.clone(), tamperer.flip.clone());
        let seen = tamperer.seen.clone();
        // It ends with the program.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&server) else { return };
                seen.store(0, Ordering::SeqCst);
                let ways = [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))];
                for (from, to) in ways {
                    let (mut from, mut to) = (from.expect("it can"), to.expect("it can"));
                    let (carried, flip, seen) = (carried.clone(), flip.clone(), seen.clone());
                    thread::spawn(move || {
                        let mut buffer = [0; 16 * 1024];
                        while let Ok(count @ 1..) = from.read(&mut buffer) {
                            let before = seen.fetch_add(count, Ordering::SeqCst);
                            let at = flip.load(Ordering::SeqCst);
                            if (before..before + count).contains(&at) {
                                buffer[at - before] ^= 1 << (at % 8);
                            }
                            let bytes = &buffer[..count];
                            carried.lock().expect("nobody panics").extend_from_slice(bytes);
                            if to.write_all(bytes).is_err() {
                                break;
                            }
                        }
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
            }
        });
        tamperer
    }
}

#[test]
fn an_encrypted_session_with_any_byte_flipped_ends() {
    let place = Place::new();
    let key = place.here("key");
    generate_shared(&key).expect("a key");
    let server = tinyferry::server::Server::builder(place.served(""))
        .key_file(&key)
        .listen("tcp://127.0.0.1:0".parse().expect("an endpoint"))
        // A length that was made longer waits for bytes that do not come.
        .handshake_timeout(Duration::from_millis(500))
        .idle_timeout(Duration::from_millis(500))
        .sync(tinyferry::fs::Sync::Never)
        .bind()
        .expect("it listens");
    let tamperer = Tamperer::start(&server.endpoint().to_string());
    let stopper = server.stopper();
    let running = thread::spawn(move || server.run());
    let bytes = content(1500, 9);
    let secret = b"a sentence that nobody else may read";
    fs::write(place.here("f"), [&bytes[..], secret].concat()).expect("a file");
    let expected = fs::read(place.here("f")).expect("it is there");
    let put = || {
        let endpoint = format!("tcp://{}", tamperer.address).parse().expect("an endpoint");
        let config = tinyferry::core::Config::RELIABLE.timeout(300);
        let mut client = Client::builder(endpoint).config(config).key_file(&key).connect()?;
        let source = Source { local: place.here("f"), remote: "f".into() };
        client.put_store(|| Directory::sending_file(source.clone(), ())).map(drop)
    };
    put().expect("nothing is changed");
    assert_eq!(fs::read(place.served("f")).expect("it is there"), expected);
    thread::sleep(Duration::from_millis(50));
    let length = tamperer.seen.load(Ordering::SeqCst);
    let carried = std::mem::take(&mut *tamperer.carried.lock().expect("nobody panics"));
    for part in [&secret[..16], &bytes[..16], b"SAF", b"DON"] {
        assert!(!carried.windows(part.len()).any(|found| found == part), "it can be read");
    }
    let step = match std::env::var_os("TINYFERRY_FLIPS") {
        Some(_) => 1,
        None => 41,
    };
    let (mut tried, mut through) = (0, 0);
    for at in (0..length).step_by(step) {
        let _ = fs::remove_file(place.served("f"));
        tamperer.flip.store(at, Ordering::SeqCst);
        let begin = Instant::now();
        let result = put();
        assert!(begin.elapsed() < Duration::from_secs(20), "byte {at}: it hung");
        tried += 1;
        let found = fs::read(place.served("f")).ok();
        assert!(found.is_none() || found.as_ref() == Some(&expected), "byte {at}: a wrong file");
        if result.is_ok() {
            // Only bytes after the last answer may have been changed.
            assert_eq!(found.as_ref(), Some(&expected), "byte {at}");
            through += 1;
        }
    }
    println!("{tried} of {length} bytes flipped: no wrong file, no hang; {through} after the end");
    assert!(through <= tried / 4 + 2);
    stopper.stop();
    running.join().expect("it ends").expect("in good order");
}
