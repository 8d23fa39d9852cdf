//! What a server's clients can cost it at most: memory, descriptors, places, lines of its log.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::core::{Config, Reason, Session};
use tinyferry_kit::{Endpoint, Frames, Memory};

use crate::attack_target::Target;
use crate::harness::{Place, Server, command, content, idle_client, kibibytes, write_private};

/// The hello of a client, and a refusal of the whole session, which only servers send.
fn signals() -> (Vec<u8>, Vec<u8>) {
    let hello = Frames::client(7, Config::RELIABLE).take();
    let config = Config::RELIABLE.refuse(Reason::Busy);
    let refusal = answer(config, &hello);
    (hello, refusal)
}

/// The answer of a server to a hello.
fn answer(config: Config, hello: &[u8]) -> Vec<u8> {
    let mut server = Endpoint::new(Session::server(config), Memory::default());
    server.exchange(hello)
}

/// Writes `said` again and again for so long, and reads next to nothing; how many bytes were written and
/// read.
pub(crate) fn flood(mut stream: &TcpStream, said: &[u8], time: Duration) -> (u64, u64) {
    let said = said.repeat(1000);
    let end = Instant::now() + time;
    stream.set_nonblocking(true).expect("it can");
    let (mut at, mut written, mut read) = (0, 0, 0);
    while Instant::now() < end {
        match stream.write(&said[at..]) {
            Ok(count) => (at, written) = ((at + count) % said.len(), written + count as u64),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // Slowly, so that there is always an answer that does not fit.
                read += stream.read(&mut [0; 20_000]).unwrap_or(0) as u64;
                thread::sleep(Duration::from_millis(5));
            }
            Err(_) => break,
        }
    }
    stream.set_nonblocking(false).expect("it can");
    (written, read)
}

#[test]
fn a_peer_that_writes_and_hardly_reads_costs_a_mebibyte() {
    let (hello, _) = signals();
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--clients-per-address", "64"]);
    let address = server.endpoint["tcp://".len()..].to_owned();
    drop(idle_client(&address));
    let before = server.kibibytes("VmRSS");
    let clients = [(); 4].map(|()| idle_client(&address));
    let taken = AtomicU64::new(0);
    thread::scope(|scope| {
        for client in &clients {
            scope.spawn(|| {
                let (written, _) = flood(client, &hello, Duration::from_secs(4));
                taken.fetch_add(written, Ordering::SeqCst);
            });
        }
    });
    let grown = server.kibibytes("VmHWM").saturating_sub(before);
    let taken = taken.into_inner() >> 10;
    println!("{taken} KiB written to a server that grew by {grown} KiB");
    assert!(taken > 4 * 5 * 1024, "only {taken} KiB were taken");
    assert!(grown <= 4 * 1024, "it grew by {grown} KiB for 4 clients");
}

#[test]
fn a_client_whose_server_writes_and_hardly_reads_costs_a_mebibyte() {
    let place = Place::new();
    fs::write(place.here("large"), content(60_000_000, 1)).expect("a file");
    let peak = |floods: bool| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("tcp://{}", listener.local_addr().expect("an address"));
        let mut child = command(&endpoint, &place.here(""), &["put", "large"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let (mut stream, _) = listener.accept().expect("a client");
        let mut hello = [0; 36];
        stream.read_exact(&mut hello).expect("a hello");
        // The answer to the hello differs from it in the code, and therefore in its check.
        let answer = answer(Config::RELIABLE, &hello);
        stream.write_all(&answer).expect("it takes it");
        if floods {
            flood(&stream, &answer, Duration::from_secs(3));
        } else {
            thread::sleep(Duration::from_secs(1));
        }
        let peak = kibibytes(child.id(), "VmHWM");
        let _ = child.kill();
        let _ = child.wait();
        peak
    };
    let (quiet, flooded) = (peak(false), peak(true));
    println!("a client's peak: {quiet} KiB, flooded: {flooded} KiB");
    assert!(flooded <= quiet + 1024, "{quiet} KiB, flooded: {flooded} KiB");
}

/// Clients that were busy and have nothing under way any more.
#[test]
fn an_idle_client_costs_a_hundred_kibibytes() {
    const CLIENTS: u64 = 16;
    // More than the buffers of one end hold.
    let busy = signals().0.repeat(5000);
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let address = server.endpoint["tcp://".len()..].to_owned();
    drop(idle_client(&address));
    let before = server.kibibytes("VmRSS");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut client = idle_client(&address);
            // Each hello is answered; then the client is idle.
            client.write_all(&busy).expect("it takes it");
            client.read_exact(&mut busy.clone()).expect("it answers");
            client
        })
        .collect();
    thread::sleep(Duration::from_millis(300));
    let grown = server.kibibytes("VmRSS").saturating_sub(before);
    println!("{CLIENTS} idle clients: {grown} KiB");
    assert!(grown <= CLIENTS * 100, "{CLIENTS} idle clients cost {grown} KiB");
    drop(clients);
}

#[test]
fn descriptors_are_budgeted_and_a_shortage_is_logged_once() {
    let place = Place::new();
    let mut server = Server::start_under("ulimit -n 256;", &place.served(""), &[]);
    let log = server.log();
    assert!(
        log.contains("10 clients are served at once, not 64: the limit of open files is 256"),
        "{log}"
    );
    let address = server.endpoint["tcp://".len()..].to_owned();
    let idle_clients: Vec<_> = (0..10).map(|_| idle_client(&address)).collect();
    server.client(&place.here(""), &["ping"]).with(4, &["busy"]);
    drop(idle_clients);
    // Where the limit cannot carry even the handshakes, nobody is lost for good.
    let mut server = Server::start_under("ulimit -n 32;", &place.served(""), &[]);
    let address = server.endpoint["tcp://".len()..].to_owned();
    let silent: Vec<_> = (0..50).map(|_| TcpStream::connect(&address)).collect();
    thread::sleep(Duration::from_secs(2));
    let log = server.log();
    let told = log.lines().filter(|line| line.contains("could not be accepted")).count();
    assert!((1..=3).contains(&told), "{log}");
    drop(silent);
    server.client(&place.here(""), &["ping"]).well();
}

/// The soft limit is raised to the hard one.
#[test]
fn the_limit_of_open_files_is_raised() {
    let place = Place::new();
    let server = Server::start_under("ulimit -Sn 64;", &place.served(""), &[]);
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.child.id()));
    let limits = limits.expect("it runs");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
    let mut figures = line.split_whitespace().skip(3);
    assert_eq!(figures.next(), figures.next(), "{line}");
}

/// 60 clients with trees of 64 levels, under the limit that is usual.
#[test]
fn clients_are_counted_over_all_endpoints() {
    let place = Place::new();
    let socket = format!("unix://{}", place.here("socket").display());
    let arguments = ["--clients", "2", "--listen", &socket];
    let server = Server::start(&place.served(""), &arguments);
    let address = server.endpoint.strip_prefix("tcp://");
    let address = address.expect("the first one is told first").to_owned();
    let idle_clients = [(); 2].map(|()| idle_client(&address));
    crate::harness::client(&socket, &place.here(""), &["ping"]).with(4, &["busy"]);
    server.client(&place.here(""), &["ping"]).with(4, &["busy"]);
    drop(idle_clients);
    thread::sleep(Duration::from_millis(200));
    crate::harness::client(&socket, &place.here(""), &["ping"]).well();
}

fn start_with_key(place: &Place, arguments: &[&str]) -> Server {
    write_private(&place.here("key"), &format!("shared {}\n", "5e".repeat(32)));
    let key = place.here("key").display().to_string();
    Server::start(&place.served(""), &[arguments, &["--key", &key]].concat())
}

#[test]
fn connections_without_a_handshake_lock_no_client_out() {
    let place = Place::new();
    let server = start_with_key(&place, &["--clients", "4"]);
    let address = server.endpoint["tcp://".len()..].to_owned();
    let silent: Vec<_> = (0..400)
        .map(|number| {
            let mut stream = TcpStream::connect(&address).expect("a server");
            let _ = stream.write_all(&b"TFS"[..number % 4]);
            stream
        })
        .collect();
    for _ in 0..5 {
        server.client(&place.here(""), &["ping", "--key", "key"]).well();
    }
    // They wait without being looked at: all of them cost no processor time.
    let before = server.processor_time();
    thread::sleep(Duration::from_secs(2));
    let spent = server.processor_time() - before;
    assert!(spent <= Duration::from_millis(40), "{spent:?} of processor time");
    drop(silent);
}

/// What makes no handshake is disconnected when its time is over, and not when the idle time is.
#[test]
fn a_handshake_has_one_deadline() {
    let place = Place::new();
    let limits = ["--handshake-timeout", "2", "--idle", "60"];
    let open = Server::start(&place.served(""), &limits);
    let mut locked = start_with_key(&place, &limits);
    let (_, refusal) = signals();
    let begins: [&[u8]; 8] = [
        b"",
        b"S",
        &[0xFA],
        b"T",
        b"PIN",
        &refusal,
        &refusal.repeat(3),
        &[&refusal[..], b"S"].concat(),
    ];
    let hello = recorded_hello(&place, &locked);
    thread::scope(|scope| {
        for (server, begin) in begins
            .iter()
            .flat_map(|begin| [(&open, *begin), (&locked, *begin)])
            .chain([(&locked, &hello[..]), (&locked, &hello[..hello.len() - 1])])
        {
            let address = server.endpoint["tcp://".len()..].to_owned();
            scope.spawn(move || {
                let since = Instant::now();
                let mut stream = TcpStream::connect(address).expect("a server");
                stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
                stream.write_all(begin).expect("it takes it");
                while let Ok(1..) = stream.read(&mut [0; 4096]) {}
                let took = since.elapsed();
                assert!(took < Duration::from_secs(8), "{begin:02x?}: {} ms", took.as_millis());
            });
        }
    });
    let log = locked.log();
    // The client that was recorded is the only one who ever proved that it has a key.
    assert_eq!(log.lines().filter(|line| line.contains("authenticated as")).count(), 1, "{log}");
}

/// The first message of a handshake, as a client with the key has sent it.
fn recorded_hello(place: &Place, server: &Server) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("tcp://{}", listener.local_addr().expect("an address"));
    let address = server.endpoint["tcp://".len()..].to_owned();
    let recorder = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut server = TcpStream::connect(address).expect("a server");
        let mut hello = vec![0; 4096];
        let count = client.read(&mut hello).expect("a hello");
        hello.truncate(count);
        server.write_all(&hello).expect("it takes it");
        let (mut from, mut to) = (server.try_clone().expect("it"), client.try_clone().expect("it"));
        let back = thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut client, &mut server);
        let _ = server.shutdown(std::net::Shutdown::Both);
        let _ = back.join();
        hello
    });
    crate::harness::client(&endpoint, &place.here(""), &["ping", "--key", "key"]).well();
    recorder.join().expect("it only copies")
}

#[test]
fn a_list_of_many_links_logs_a_few_lines() {
    let place = Place::new();
    fs::create_dir(place.served("links")).expect("a directory");
    for number in 0..3000 {
        symlink("nowhere", place.served(&format!("links/link {number}"))).expect("a link");
    }
    let mut server = Server::start(&place.served(""), &[]);
    let before = server.log().len();
    for arguments in [&["ls", "-R"][..], &["get", "links", "--into", "back"]] {
        let ended = server.client(&place.here(""), arguments);
        assert!(matches!(ended.code, Some(0 | 3)), "{}", ended.stderr);
    }
    let log = server.log();
    println!("{} bytes of log", log.len() - before);
    assert!(log.len() - before < 3000, "{log}");
}

#[test]
fn stalled_clients_do_not_delay_the_shutdown() {
    let target = Target::open();
    let said = target.recorded();
    let place = Place::new();
    let mut server = Server::start(&place.served(""), &["--grace", "1"]);
    let address = server.endpoint["tcp://".len()..].to_owned();
    let stalled: Vec<_> = [0, 1, 36, 60, 100, said.len() / 2]
        .into_iter()
        .map(|cut| {
            let mut stream = TcpStream::connect(&address).expect("a server");
            stream.write_all(&said[..cut]).expect("it takes it");
            stream
        })
        .collect();
    thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    assert!(begin.elapsed() < Duration::from_secs(6));
    drop(stalled);
}

/// R16, R33.
#[test]
fn files_beyond_a_limit_are_refused_and_the_others_arrive() {
    let place = Place::new();
    let here = place.here("");
    let limits = ["--max-file", "5000", "--max-entries", "6", "--max-depth", "3"];
    let server = Server::start(&place.served(""), &limits);
    fs::write(place.here("fits"), content(5000, 1)).expect("a file");
    fs::write(place.here("large"), content(5001, 1)).expect("a file");
    server.client(&here, &["put", "fits"]).well();
    server
        .client(&here, &["put", "large"])
        .with(6, &["\"large\"", "no file of more than 5000 bytes"]);
    server.client(&here, &["put", "fits", "--to", "a/b"]).well();
    server
        .client(&here, &["put", "fits", "--to", "a/b/c"])
        .with(6, &["path is too deep", "more than 3 names"]);
    fs::create_dir(place.here("tree")).expect("a directory");
    for number in 0..8 {
        fs::write(place.here(&format!("tree/{number}")), "x").expect("a file");
    }
    server
        .client(&here, &["put", "tree"])
        .with(3, &["2 entries were not transferred", "the tree has more than 6 entries"]);
    assert_eq!(fs::read_dir(place.served("tree")).expect("it is there").count(), 6);
    // A client that gets has limits of its own.
    let got = ["get", "fits", "--into", "out", "--max-file", "4999"];
    server.client(&here, &got).with(1, &["more than 4999 bytes"]);
    let got = ["get", "tree", "--into", "out", "--max-entries", "2"];
    server.client(&here, &got).with(3, &["4 entries were not transferred"]);
}
