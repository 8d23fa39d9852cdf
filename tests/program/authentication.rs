//! Keys: who comes in, on what terms, and what everybody else sees of it.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tinyferry::auth::generate_shared;
use tinyferry::client::Client;
use tinyferry::fs::{Directory, Source};

use crate::harness::{
    Place, Server, assert_same, client, content, idle_client, mode, program, set_mode, snapshot,
    write_private,
};
use crate::make_tree;

/// A server's private key, and a line that lets `public` in.
fn pairs(place: &Place, terms: &str) {
    let here = place.here("");
    program(&here, &["keygen", "--pair", "mine"]).well();
    program(&here, &["keygen", "--pair", "theirs"]).well();
    let private = fs::read_to_string(place.here("theirs")).expect("it is made");
    let public = fs::read_to_string(place.here("mine.pub")).expect("it is made");
    write_private(&place.here("keys"), &format!("{private}{} {terms}\n", public.trim()));
}

#[test]
fn a_shared_key_protects_all_that_goes_there_and_back() {
    let place = Place::new();
    make_tree(&place, 2000);
    let here = place.here("");
    program(&here, &["keygen", "key"]).well();
    fs::write(place.here("large"), content(10_000_000, 3)).expect("a file");
    let key = place.here("key").display().to_string();
    let mut server = Server::start(&place.served(""), &["--key", &key, "-vv"]);
    server.client(&here, &["put", "--key", "key", "tree", "--sha256", "-vv"]).well();
    assert_same(&place.here("tree"), &place.served("tree"));
    server.client(&here, &["get", "--key", "key", "tree", "--into", "back"]).well();
    assert_same(&place.here("tree"), &place.here("back/tree"));
    server.client(&here, &["put", "--key", "key", "large"]).well();
    server.client(&here, &["get", "--key", "key", "large", "--into", "back"]).well();
    assert_eq!(fs::read(place.here("large")).ok(), fs::read(place.here("back/large")).ok());
    let ended = server.client(&here, &["ping", "--key", "key", "-vv"]).well();
    let digits = fs::read_to_string(&key).expect("the key");
    let digits = digits.trim().strip_prefix("shared ").expect("a shared key");
    for said in [server.log(), ended.stdout, ended.stderr] {
        assert!(!said.contains(&digits[..16]) && !said.contains(&digits[48..]), "{said}");
    }
    server.client(&here, &["close", "--key", "key"]).with(6, &["not allowed"]);
    // A Unix socket is like any other.
    let listen = format!("unix://{}", place.root.path().join("socket").display());
    let server = Server::start_at(&listen, &place.served(""), &["--key", &key]);
    server.client(&here, &["get", "--key", "key", "large", "--into", "by unix"]).well();
    assert_eq!(fs::read(place.here("large")).ok(), fs::read(place.here("by unix/large")).ok());
}

#[test]
fn keygen_makes_private_files_and_replaces_none() {
    let place = Place::new();
    let here = place.here("");
    for arguments in [&["keygen", "key"][..], &["keygen", "--pair", "pair"]] {
        let said = program(&here, arguments).well();
        let file = arguments[arguments.len() - 1];
        let text = fs::read_to_string(place.here(file)).expect("it is made");
        assert!(!said.stdout.contains(&text[10..40]) && !said.stderr.contains(&text[10..40]));
        assert_eq!(mode(&place.here(file)), 0o600);
        program(&here, arguments).with(1, &["is there already"]);
        assert_eq!(fs::read_to_string(place.here(file)).ok(), Some(text));
    }
    // Half a pair is none.
    fs::write(place.here("half.pub"), "other").expect("a file");
    program(&here, &["keygen", "--pair", "half"]).with(1, &["half.pub", "is there already"]);
    assert!(!place.here("half").exists());
    fs::write(place.here("whole"), "other").expect("a file");
    program(&here, &["keygen", "--pair", "whole"]).with(1, &["whole", "is there already"]);
    assert!(!place.here("whole.pub").exists());
}

#[test]
fn a_client_without_the_key_is_rejected() {
    let place = Place::new();
    let here = place.here("");
    for key in ["key", "other"] {
        program(&here, &["keygen", key]).well();
    }
    program(&here, &["keygen", "--pair", "pair"]).well();
    let key = place.here("key").display().to_string();
    let mut server = Server::start(&place.served(""), &["--key", &key]);
    server.client(&here, &["ping"]).with(7, &["nobody in without a key"]);
    server.client(&here, &["ping", "--key", "other"]).with(7, &["does not know the key"]);
    server.client(&here, &["ping", "--key", "pair"]).with(7, &["no keys of that kind"]);
    server.client(&here, &["ping", "--key", "none"]).with(1, &["\"none\" cannot be read"]);
    server.client(&here, &["ping", "--key", "key"]).well();
    assert_eq!(server.log().matches("rejected:").count(), 3, "{}", server.log());
    let plain = Server::start(&place.served(""), &[]);
    plain.client(&here, &["ping", "--key", "key"]).with(7, &["it does not encrypt"]);
    set_mode(Path::new(&key), 0o644);
    plain.client(&here, &["ping", "--key", "key"]).with(1, &["chmod 600"]);
    let served = place.served("").display().to_string();
    let listen = ["serve", "--listen", "tcp://127.0.0.1:0", &served, "--key"];
    program(&here, &[&listen[..], &["key"]].concat()).with(1, &["chmod 600"]);
    program(&here, &[&listen[..], &["pair"]].concat()).with(1, &["no client could connect"]);
    write_private(&place.here("keys"), &format!("shared {} dir=missing\n", "ab".repeat(32)));
    program(&here, &[&listen[..], &["keys"]].concat()).with(1, &["\"missing\"", "no such file"]);
}

#[test]
fn a_server_on_the_network_demands_a_key_or_an_explicit_option() {
    let place = Place::new();
    let served = place.served("").display().to_string();
    for listen in ["tcp://0.0.0.0:0", "tcp://[::]:0"] {
        let ended = program(&place.here(""), &["serve", "--listen", listen, &served]);
        ended.with(1, &["will not listen", "--key", "--insecure"]);
    }
}

#[test]
fn a_client_without_a_key_connects_to_loopback_alone() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    // Whoever dials 0.0.0.0 reaches this listener, but it is no address of this machine alone.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("it can");
    let port = listener.local_addr().expect("an address").port();
    let before = snapshot(&here);
    for address in ["192.0.2.1:8080", "[2001:db8::1]:8080", &format!("0.0.0.0:{port}")] {
        let arguments = [&["put", "f"][..], &["get", "f", "--into", "new"], &["ping"], &["close"]];
        for arguments in arguments {
            let begin = Instant::now();
            let ended = client(&format!("tcp://{address}"), &here, arguments);
            ended.with(7, &["not on this machine", "--key", "--insecure"]);
            assert!(begin.elapsed() < Duration::from_secs(3), "{address} was waited for");
        }
    }
    assert!(listener.accept().is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
    assert_eq!(snapshot(&here), before);
    drop(listener);
    let server = Server::start(&place.served(""), &[]);
    let elsewhere = server.endpoint.replace("127.0.0.1", "0.0.0.0");
    client(&elsewhere, &here, &["ping"]).with(7, &["not on this machine"]);
    client(&elsewhere, &here, &["put", "f", "--insecure"]).well();
    assert!(place.served("f").exists());
}

#[test]
fn each_key_has_its_directory_and_rights_and_is_revoked_with_its_line() {
    let place = Place::new();
    let here = place.here("");
    let mut lines = Vec::new();
    for (key, terms) in [
        ("reader", "name=reader rights=read dir=a"),
        ("writer", "name=writer rights=write dir=b c"),
        ("owner", "name=owner\u{202e} rights=read,write,close"),
    ] {
        program(&here, &["keygen", key]).well();
        let line = fs::read_to_string(place.here(key)).expect("it is made");
        lines.push(format!("{} {terms}\n", line.trim()));
    }
    write_private(&place.here("keys"), &lines.concat());
    for directory in ["a", "b c"] {
        fs::create_dir(place.served(directory)).expect("a directory");
    }
    for (path, text) in [("top", "t"), ("a/f", "a"), ("b c/f", "b")] {
        fs::write(place.served(path), text).expect("a file");
    }
    fs::write(place.here("new"), "n").expect("a file");
    let keys = place.here("keys").display().to_string();
    let mut server = Server::start(&place.served(""), &["--key", &keys]);
    let ask = |server: &Server, key: &str, arguments: &[&str]| {
        server.client(&here, &[&arguments[..1], &["--key", key], &arguments[1..]].concat())
    };
    ask(&server, "reader", &["get", "f", "--into", "out"]).well();
    assert_eq!(fs::read(place.here("out/f")).expect("it is there"), b"a");
    ask(&server, "reader", &["get", "top"]).with(6, &["no file of that name"]);
    ask(&server, "reader", &["get", "b c/f"]).with(6, &["no file of that name"]);
    ask(&server, "reader", &["put", "new"]).with(6, &["takes no files"]);
    ask(&server, "reader", &["close"]).with(6, &["not allowed"]);
    ask(&server, "writer", &["put", "new"]).well();
    assert_eq!(fs::read(place.served("b c/new")).expect("it is there"), b"n");
    ask(&server, "writer", &["get", "new"]).with(6, &["gives no files"]);
    ask(&server, "owner", &["get", ".", "--into", "all"]).well();
    assert_eq!(fs::read(place.here("all/b c/new")).expect("it is there"), b"n");
    // A name from a file is shown as it is written, not as it may look.
    assert!(server.log().contains("authenticated as owner\\u{202e}"), "{}", server.log());
    write_private(&place.here("keys"), &lines[1..].concat());
    ask(&server, "reader", &["ping"]).with(7, &["does not know the key"]);
    ask(&server, "writer", &["ping"]).well();
    write_private(&place.here("keys"), &lines.concat());
    ask(&server, "owner", &["close"]).well();
    assert_eq!(server.wait(), Some(0));
    // A server that only gives does so for all.
    let server = Server::start(&place.served(""), &["--key", &keys, "--read-only"]);
    ask(&server, "owner", &["put", "new"]).with(6, &["takes no files"]);
}

#[test]
fn a_client_accepts_the_known_key_of_a_server_alone() {
    let place = Place::new();
    let here = place.here("");
    pairs(&place, "name=me");
    fs::write(place.here("f"), "f").expect("a file");
    let keys = place.here("keys").display().to_string();
    let mut server = Server::start(&place.served(""), &["--key", &keys]);
    let known = ["--key", "mine", "--known-hosts", "known"];
    let ask = |server: &Server, arguments: &[&str]| {
        server.client(&here, &[&arguments[..1], &known, &arguments[1..]].concat())
    };
    let shown = fs::read_to_string(place.here("theirs.pub")).expect("it is made");
    let shown = shown.trim().strip_prefix("public ").expect("a public key").to_owned();
    ask(&server, &["put", "f"]).with(7, &["is not known", &shown, "--accept-new"]);
    assert!(!place.here("known").exists() && !place.served("f").exists());
    ask(&server, &["put", "f", "--accept-new"]).well();
    ask(&server, &["get", "f", "--into", "back"]).well();
    assert!(server.log().contains("authenticated as me"), "{}", server.log());
    // A pair that the server does not know.
    program(&here, &["keygen", "--pair", "stranger"]).well();
    let stranger = ["ping", "--key", "stranger", "--known-hosts", "known"];
    server.client(&here, &stranger).with(7, &["does not know the key"]);
    // Another server at the same place: a hard stop, whatever is said.
    let endpoint = server.endpoint.clone();
    drop(server);
    fs::remove_file(place.here("theirs")).expect("it is there");
    fs::remove_file(place.here("theirs.pub")).expect("it is there");
    fs::remove_file(place.here("mine.pub")).expect("it is there");
    fs::rename(place.here("mine"), place.here("first")).expect("it is there");
    pairs(&place, "name=me");
    fs::rename(place.here("first"), place.here("mine")).expect("it is there");
    let _other = Server::start_at(&endpoint, &place.served(""), &["--key", &keys]);
    for accept in [&[][..], &["--accept-new"]] {
        let arguments = [&["put"], &known[..], &["f"], accept].concat();
        client(&endpoint, &here, &arguments).with(7, &["not the one it had before", "known"]);
    }
}

/// Between a client and a server: flips one bit of what the client, or the server, sends, and
/// keeps all it carries.
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
            // Only what came after the last answer may have been changed.
            assert_eq!(found.as_ref(), Some(&expected), "byte {at}");
            through += 1;
        }
    }
    println!("{tried} of {length} bytes flipped: no wrong file, no hang; {through} after the end");
    assert!(through <= tried / 4 + 2);
    stopper.stop();
    running.join().expect("it ends").expect("in good order");
}

#[test]
fn the_oldest_partials_are_removed_where_partials_take_too_much() {
    let place = Place::new();
    fs::create_dir(place.served("sub")).expect("a directory");
    let now = SystemTime::now();
    for (name, bytes, hours) in [
        (".old", 100_000, 30),
        (".older", 20_000, 40),
        ("sub/.new", 40_000, 10),
        (".newest", 5_000, 1),
    ] {
        let path = place.served(&format!("{name}.tinyferry-part"));
        fs::write(&path, vec![0; bytes]).expect("a file");
        let file = fs::File::options().write(true).open(path).expect("it is there");
        file.set_modified(now - Duration::from_secs(3_600 * hours)).expect("a time");
    }
    let server = Server::start(&place.served(""), &["--max-partials", "50000"]);
    // They are counted in the background.
    let end = Instant::now() + Duration::from_secs(20);
    while place.served(".old.tinyferry-part").exists() {
        assert!(Instant::now() < end, "it stays");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(!place.served(".older.tinyferry-part").exists());
    assert!(place.served("sub/.new.tinyferry-part").exists());
    assert!(place.served(".newest.tinyferry-part").exists());
    for bytes in [0, 100, 3_000_000] {
        fs::write(place.here("f"), content(bytes, 1)).expect("a file");
        for _ in 0..2 {
            server.client(&place.here(""), &["put", "f"]).well();
        }
    }
}

#[test]
fn one_address_cannot_use_all_connections() {
    let place = Place::new();
    let limits = ["--clients-per-address", "2", "--handshake-timeout", "1"];
    let mut server = Server::start(&place.served(""), &limits);
    let address = server.endpoint["tcp://".len()..].to_owned();
    let idle_clients = [(); 2].map(|()| idle_client(&address));
    server.client(&place.here(""), &["ping"]).with(4, &["busy"]);
    assert!(
        server
            .wait_for_line("rejected: busy: 2 clients are connected, 2 of them from this address")
            .is_some()
    );
    drop(idle_clients);
    // Silent, and as slow as it gets: both are disconnected in time, and take no place.
    let silent = [(); 4].map(|()| TcpStream::connect(&address).expect("a server"));
    let mut slow = TcpStream::connect(&address).expect("a server");
    slow.write_all(b"PIN").expect("it takes it");
    thread::sleep(Duration::from_millis(200));
    server.client(&place.here(""), &["ping"]).well();
    let begin = Instant::now();
    for mut stream in silent.into_iter().chain([slow]) {
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        let ended = stream.read(&mut [0; 100]);
        assert!(ended.is_ok_and(|count| count == 0) || begin.elapsed() < Duration::from_secs(9));
    }
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert!(server.wait_for_line("did not complete the handshake in time").is_some());
}
