//! The highest cost of clients for a server: memory, descriptors, slots, lines of its log.

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
use crate::harness::{Place, Server, command, content, idle_client, kibibytes};

/// The hello of a client, and a refusal of the whole session, which only servers send.
pub(crate) fn signals() -> (Vec<u8>, Vec<u8>) {
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
    // More than the buffers of one end.
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
