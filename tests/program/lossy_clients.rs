//! Clients whose link loses bytes, as the server sees them: by the handshake and by their address.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType};
use tinyferry::core::Config;
use tinyferry::core::checksum::Tables;
use tinyferry::core::wire::{Code, SACK_BLOCKS, SIGNAL_LEN, Seeds, Signal};
use tinyferry_kit::Frames;

use crate::harness::{Place, Server, content};

const SESSION: u32 = 7;
/// The size of the file, and the part that the first client sends, in bytes.
const SIZE: u64 = 1 << 20;
const SENT: u64 = SIZE / 2;
/// The longest distance between the end of a partial and its first gap, in bytes.
const GAPS: u64 = (SACK_BLOCKS as u64 + 1) * 1024;

/// A client of this address that offers a file.
struct Client {
    stream: TcpStream,
}

impl Client {
    fn connect(server: &Server, from: Ipv4Addr, config: Config) -> Self {
        let address = server.endpoint.trim_start_matches("tcp://");
        let address: SocketAddrV4 =
            address.trim_end_matches("?lossy=true").parse().expect("an address");
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None);
        let socket = socket.expect("a socket");
        rustix::net::bind(&socket, &SocketAddrV4::new(from, 0))
            .expect("an address of this machine");
        rustix::net::connect(&socket, &address).expect("a server");
        let mut stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let mut frames = Frames::client(SESSION, config);
        frames.described(Signal::offer(1, SIZE, SIZE, 7), b"f");
        stream.write_all(&frames.bytes).expect("it reads");
        Self { stream }
    }

    /// The next signal about the file.
    fn answer(&mut self) -> Signal {
        let seeds = [0, Seeds::server(SESSION).sending];
        loop {
            let mut frame = [0; SIGNAL_LEN];
            self.stream.read_exact(&mut frame).expect("an answer");
            let signal = seeds.iter().find_map(|seed| Signal::parse::<Tables>(*seed, &frame));
            let signal = signal.expect("a signal");
            if signal.transfer == 1 {
                return signal;
            }
        }
    }

    /// Sends the first part of the file, and leaves when the server has stored it.
    fn sends_first_part(mut self, config: Config) {
        let mut frames = Frames::client(SESSION, config);
        frames.take();
        for (number, chunk) in content(SENT as usize, 1).chunks(1024).enumerate() {
            frames.chunk(1, number as u64 * 1024, chunk);
        }
        frames.signal(Signal::ask(1, SENT, 600));
        self.stream.write_all(&frames.bytes).expect("it reads");
        while self.answer().position < SENT {}
    }
}

/// The position of the server's partial for a client of this address.
fn position(server: &Server, from: Ipv4Addr, config: Config) -> u64 {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        // The offer is refused until the server has noticed that the client before has left.
        match Client::connect(server, from, config).answer() {
            Signal { code: Code::Pon, position, .. } => return position,
            signal => assert!(Instant::now() < end, "{signal:?}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_handshake_tells_the_store_of_a_server_that_a_client_loses_bytes() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let from = Ipv4Addr::LOCALHOST;
    Client::connect(&server, from, Config::LOSSY).sends_first_part(Config::LOSSY);
    // On a lossy link the partial may have gaps near its end, on a reliable one it has none.
    assert_eq!(position(&server, from, Config::LOSSY), SENT - GAPS);
    assert_eq!(position(&server, from, Config::RELIABLE), SENT);
}

#[test]
fn a_client_of_a_lossy_listener_resumes_the_partials_of_its_own_address_alone() {
    let place = Place::new();
    let listen = "tcp://127.0.0.1:0?lossy=true";
    let server = Server::start_at(listen, &place.served(""), &["--write-only"]);
    let [one, other] = [2, 3].map(|last| Ipv4Addr::new(127, 0, 0, last));
    Client::connect(&server, one, Config::LOSSY).sends_first_part(Config::LOSSY);
    assert_eq!(position(&server, other, Config::LOSSY), 0);
    assert_eq!(position(&server, one, Config::LOSSY), SENT - GAPS);
}
