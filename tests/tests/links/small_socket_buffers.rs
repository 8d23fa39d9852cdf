//! Two blocking ends with the smallest socket buffers that the system gives.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use embedded_io_adapters::std::FromStd;
use socket2::SockRef;
use tinyferry::checksum::Desktop;
use tinyferry::transport::stream::StreamLink;
use tinyferry_core::driver::blocking::{HalfDuplex, Link, drive};
use tinyferry_core::error::Reason;
use tinyferry_core::{Config, Session, Task};
use tinyferry_kit::{File, Memory, content, session_number};

/// The smallest buffers, and no wait that is not a deadlock.
macro_rules! make_small {
    ($stream:expr) => {{
        let socket = SockRef::from($stream);
        socket.set_recv_buffer_size(1).expect("a size");
        socket.set_send_buffer_size(1).expect("a size");
        $stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        $stream.set_write_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    }};
}

fn pair() -> (UnixStream, UnixStream) {
    let (client, server) = UnixStream::pair().expect("a pair");
    make_small!(&client);
    make_small!(&server);
    (client, server)
}

fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    SockRef::from(&listener).set_recv_buffer_size(1).expect("a size");
    let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a server");
    let (server, _) = listener.accept().expect("a client");
    for stream in [&client, &server] {
        make_small!(stream);
        stream.set_nodelay(true).expect("it can");
    }
    (client, server)
}

/// Puts a tree, every other entry of which is refused, and gets another one.
fn two_ends<T, L>(config: Config, files: usize, (client, server): (T, T), link: fn(T) -> L)
where
    T: Send + 'static,
    L: Link<Error = std::io::Error> + Send + 'static,
{
    let mut here = Memory::default();
    let mut there = Memory::default();
    for number in 0..files {
        let path = format!("t/{number}");
        here.files.insert(path.clone(), File::new(content(number % 3, number as u64)));
        if number % 2 == 0 {
            there.refuse.insert(path, Reason::NoPermission);
        }
    }
    let (sender, done) = channel();
    thread::spawn(move || {
        let mut session = Session::<Desktop>::server(config);
        let result = drive(&mut session, &mut link(server), &mut there).is_ok();
        let _ = sender.send((result, there));
    });
    let mut link = link(client);
    let mut session = Session::<Desktop>::client(session_number(77), config);
    here.queue_tree("t");
    session.begin(Task::Put).expect("it may");
    let outcome = drive(&mut session, &mut link, &mut here).expect("the put succeeds");
    assert_eq!((outcome.entries, outcome.refused), (files as u32, files as u32 / 2));
    session.begin(Task::get_tree("t")).expect("it may");
    let mut back = Memory::default();
    let outcome = drive(&mut session, &mut link, &mut back).expect("the get succeeds");
    assert_eq!(outcome.entries as usize, files / 2);
    drop(link);
    let (result, there) = done.recv_timeout(Duration::from_secs(30)).expect("the server ends");
    assert!(result);
    assert_eq!(there.files, back.files);
    assert_eq!(there.files.len(), files / 2);
}

/// TCP with buffers so small waits for acknowledgements most of the time.
const FEW: usize = 200;
const MANY: usize = 20_000;

/// R52.
#[test]
fn half_duplex_ends_do_not_deadlock() {
    let config = Config::RELIABLE.half_duplex(true);
    two_ends(config, MANY, pair(), |stream| HalfDuplex(FromStd::new(stream)));
    two_ends(config, FEW, connected(), |stream| HalfDuplex(FromStd::new(stream)));
}

#[test]
fn full_duplex_ends_do_not_deadlock() {
    two_ends(Config::RELIABLE, MANY, pair(), |stream| StreamLink::new(stream, Arc::default()));
    two_ends(Config::RELIABLE, FEW, connected(), |stream| StreamLink::new(stream, Arc::default()));
}
