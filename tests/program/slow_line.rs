//! A line between a client and its server that carries a limited number of bytes a second.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::harness::Server;

/// The line.
pub(crate) struct SlowLine {
    pub(crate) endpoint: String,
}

/// The bytes that are carried at once.
const PIECE: u64 = 16 * 1024;

impl SlowLine {
    /// Carries one connection to `server`, at this rate in bytes a second in each direction.
    pub(crate) fn start(server: &Server, rate: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("tcp://{}", listener.local_addr().expect("an address"));
        let address = server.endpoint["tcp://".len()..].to_owned();
        thread::spawn(move || -> std::io::Result<()> {
            let (client, _) = listener.accept()?;
            let server = TcpStream::connect(address)?;
            let (from, to) = (client.try_clone()?, server.try_clone()?);
            thread::spawn(move || carry(from, to, rate));
            carry(server, client, rate)
        });
        Self { endpoint }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, rate: u64) -> std::io::Result<()> {
    let mut buffer = vec![0; PIECE as usize];
    loop {
        match from.read(&mut buffer)? {
            0 => return to.shutdown(Shutdown::Write),
            count => to.write_all(&buffer[..count])?,
        }
        thread::sleep(Duration::from_millis(PIECE * 1000 / rate));
    }
}
