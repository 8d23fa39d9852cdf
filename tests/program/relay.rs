//! A relay between TCP and a serial port, as ser2net and the firmware of Wi-Fi modules have it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};

/// Carries one connection after another, until it is dropped.
pub(crate) struct Relay {
    pub(crate) address: String,
    is_over: Arc<AtomicBool>,
}

impl Relay {
    /// Listens at a TCP port; each client has the serial port.
    pub(crate) fn listen(port: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let is_over = Arc::new(AtomicBool::new(false));
        let (port, over) = (port.to_owned(), Arc::clone(&is_over));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                join(client, &open(&port));
            }
        });
        Self { address, is_over }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.address);
    }
}

/// Connects a serial port to a TCP server, until the connection ends.
pub(crate) fn connect(port: PathBuf, address: String) {
    thread::spawn(move || join(TcpStream::connect(address).expect("a server"), &open(&port)));
}

fn open(port: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(port).expect("the port opens")
}

/// Carries both directions until the connection or the port ends. Then no reader of the port is left, which would take
/// bytes from the next connection.
fn join(mut stream: TcpStream, mut port: &File) {
    stream.set_nodelay(true).expect("it can");
    let mut buffer = [0; 512];
    loop {
        let mut both = [PollFd::new(&stream, PollFlags::IN), PollFd::new(port, PollFlags::IN)];
        poll(&mut both, None).expect("it can be waited for");
        let [from_stream, from_port] = [0, 1].map(|index: usize| !both[index].revents().is_empty());
        if from_stream && !carry(&mut stream, &mut port, &mut buffer) {
            return;
        }
        if from_port && !carry(&mut port, &mut stream, &mut buffer) {
            return;
        }
    }
}

/// Carries the available bytes. Returns whether both are open.
fn carry(from: &mut impl Read, to: &mut impl Write, buffer: &mut [u8]) -> bool {
    match from.read(buffer) {
        Ok(count @ 1..) => to.write_all(&buffer[..count]).is_ok(),
        _ => false,
    }
}
