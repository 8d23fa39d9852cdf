//! Connections of attackers to a server, and their bytes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use embedded_io::Write as _;
use embedded_io_adapters::std::FromStd;
use tinyferry::core::Config;
use tinyferry::core::checksum::Tables;
use tinyferry::core::wire::{Code, SIGNAL_LEN, Signal};
use tinyferry_kit::Frames;
use tinyferry_secure::{Identity, PrivateKey, SecureStream};

use super::{Channel, PATIENCE, Target};

impl Target {
    /// Connects from the address of the attackers.
    pub(crate) fn connect(&self) -> TcpStream {
        let server: SocketAddr = self.address().parse().expect("an address");
        let stream = match self.attackers {
            Some(address) => connect_from(address, server),
            None => TcpStream::connect(server).expect("a server"),
        };
        stream.set_read_timeout(Some(PATIENCE * 2)).expect("a timeout");
        stream
    }

    /// Completes the handshake with the key.
    pub(crate) fn come_in(&self) -> Channel {
        let key = self.key.as_ref().expect("it has one");
        let identity = Identity::Shared(key.clone());
        // Where very many others connect as well, one may have to come again.
        for _ in 0..1000 {
            // Nobody here needs it to be unforeseeable.
            let ephemeral = PrivateKey::new(&[7; 32]);
            let (stream, buffers) = (FromStd::new(self.connect()), [(); 2].map(|()| vec![0; 8192]));
            match SecureStream::connect(stream, &identity, ephemeral, &mut (), buffers) {
                Ok(channel) => return channel,
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
        panic!("the key is right");
    }

    /// Sends `bytes` after the handshake, and reads the server's bytes to the end of the stream.
    /// Returns the time that this took.
    pub(crate) fn say(&self, bytes: &[u8]) -> Duration {
        let begin = Instant::now();
        if self.key.is_none() {
            return self.say_outside(bytes);
        }
        let mut channel = self.come_in();
        // It may well have hung up before.
        let _ = channel.write_all(bytes).and_then(|()| channel.close());
        let mut buffer = [0; 4096];
        while let Ok(1..) = embedded_io::Read::read(&mut channel, &mut buffer) {}
        begin.elapsed()
    }

    /// Sends `bytes` after the handshake, reads nothing, and stays for `time`.
    pub(crate) fn stay(&self, bytes: &[u8], time: Duration) {
        // Where it is disconnected or not read, the rest is not sent.
        if self.key.is_none() {
            let mut stream = self.connect();
            stream.set_write_timeout(Some(time)).expect("a timeout");
            let _ = Write::write_all(&mut stream, bytes);
            thread::sleep(time);
            return;
        }
        let mut channel = self.come_in();
        let _ = channel.write_all(bytes).and_then(|()| channel.flush());
        thread::sleep(time);
    }

    /// A client whose handshake is complete, and which asks for nothing; whether it has a place.
    pub(crate) fn take_place(&self) -> Option<Box<dyn Send>> {
        let hello = Frames::client(7, Config::RELIABLE).bytes;
        let mut answer = [0; SIGNAL_LEN];
        let (connection, answered): (Box<dyn Send>, bool) = match self.key {
            None => {
                let mut stream = self.connect();
                let said = Write::write_all(&mut stream, &hello);
                let answered =
                    said.and_then(|()| Read::read_exact(&mut stream, &mut answer)).is_ok();
                (Box::new(stream), answered)
            }
            Some(_) => {
                let mut channel = self.come_in();
                let said = channel.write_all(&hello).and_then(|()| channel.flush()).is_ok();
                let answered =
                    said && embedded_io::Read::read_exact(&mut channel, &mut answer).is_ok();
                (Box::new(channel), answered)
            }
        };
        let signal = Signal::parse::<Tables>(0, &answer).filter(|_| answered);
        signal.is_some_and(|signal| signal.code == Code::Pon).then_some(connection)
    }

    /// The same without a handshake.
    pub(crate) fn say_outside(&self, bytes: &[u8]) -> Duration {
        let begin = Instant::now();
        let mut stream = self.connect();
        let said = Write::write_all(&mut stream, bytes);
        let _ = said.and_then(|()| stream.shutdown(Shutdown::Write));
        read_to_end(stream);
        begin.elapsed()
    }

    /// Connections that begin to say this, none of them more, and wait.
    pub(crate) fn leave_half_open(&self, said: &[u8]) -> (usize, Duration) {
        let begin = Instant::now();
        let idle: Vec<_> = (0..28)
            .map(|number| {
                let mut stream = self.connect();
                let _ = Write::write_all(&mut stream, &said[..number * 3]);
                stream
            })
            .collect();
        idle.into_iter().for_each(read_to_end);
        (28, begin.elapsed())
    }
}

fn read_to_end(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(1..) = Read::read(&mut stream, &mut buffer) {}
}

/// Connects from this address. A process that is started meanwhile must not inherit the socket: it would keep
/// the connection, and the slot of the server, after this end has closed it.
#[cfg(target_os = "linux")]
fn connect_from(address: Ipv4Addr, server: SocketAddr) -> TcpStream {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

    let closes = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, closes, None);
    let socket = socket.expect("a socket");
    bind(&socket, &SocketAddr::from((address, 0))).expect("a local address");
    connect(&socket, &server).expect("a server");
    socket.into()
}

#[cfg(not(target_os = "linux"))]
fn connect_from(_: Ipv4Addr, server: SocketAddr) -> TcpStream {
    TcpStream::connect(server).expect("a server")
}

#[test]
fn a_started_process_does_not_inherit_the_connection_of_an_attacker() {
    let target = Target::open().separate_attackers();
    let flags = rustix::io::fcntl_getfd(target.connect()).expect("it is open");
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
}
