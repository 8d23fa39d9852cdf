//! A small server of RFC 2217: Telnet on one side, a serial port on the other.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};

const IAC: u8 = 255;
const COM_PORT: u8 = 44;

/// Serves one connection after another, until it is dropped.
pub(crate) struct PortServer {
    pub(crate) address: String,
    /// The requests of the clients: a code and a value.
    pub(crate) requests: Arc<Mutex<Vec<Vec<u8>>>>,
    is_over: Arc<AtomicBool>,
}

impl PortServer {
    /// `baud`: the only rate that the port has, if there is one.
    pub(crate) fn listen(port: &Path, baud: Option<u32>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let is_over = Arc::new(AtomicBool::new(false));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (port, over, log): (PathBuf, _, _) =
            (port.to_owned(), Arc::clone(&is_over), Arc::clone(&requests));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let port = OpenOptions::new().read(true).write(true).open(&port).expect("a port");
                client.set_nodelay(true).expect("it can");
                Served { client, port, baud, log: &log }.carry();
            }
        });
        Self { address, requests, is_over }
    }

    pub(crate) fn url(&self, settings: &str) -> String {
        format!("rfc2217://{}?{settings}", self.address)
    }
}

impl Drop for PortServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.address);
    }
}

struct Served<'a> {
    client: TcpStream,
    port: File,
    baud: Option<u32>,
    log: &'a Mutex<Vec<Vec<u8>>>,
}

impl Served<'_> {
    /// Carries both directions until the connection or the port ends.
    fn carry(mut self) {
        // Options that a client does not have, and notes that it does not need.
        let begin = [IAC, 251, 1, IAC, 253, 31, IAC, 251, 3, IAC, 250, 44, 107, 0, IAC, 240];
        if self.client.write_all(&begin).is_err() {
            return;
        }
        let mut command = Vec::new();
        let mut buffer = [0; 300];
        loop {
            let mut both =
                [PollFd::new(&self.client, PollFlags::IN), PollFd::new(&self.port, PollFlags::IN)];
            poll(&mut both, None).expect("it can be waited for");
            let [from_client, from_port] =
                [0, 1].map(|index: usize| !both[index].revents().is_empty());
            if from_client {
                let Ok(count @ 1..) = self.client.read(&mut buffer) else { return };
                for byte in &buffer[..count] {
                    if !self.take(&mut command, *byte) {
                        return;
                    }
                }
            }
            if from_port {
                let Ok(count @ 1..) = self.port.read(&mut buffer) else { return };
                if !self.send(&escaped(&buffer[..count])) {
                    return;
                }
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        self.client.write_all(bytes).is_ok()
    }

    /// Takes a byte of the client; `command` is the incomplete one. Returns whether both ends are open.
    fn take(&mut self, command: &mut Vec<u8>, byte: u8) -> bool {
        if command.is_empty() && byte != IAC {
            return self.port.write_all(&[byte]).is_ok();
        }
        command.push(byte);
        match command[..] {
            [IAC, IAC] => {
                command.clear();
                self.port.write_all(&[IAC]).is_ok()
            }
            [IAC, 251, option] => {
                command.clear();
                self.send(&[IAC, 253, option])
            }
            [IAC, 253, option] => {
                command.clear();
                self.send(&[IAC, 251, option])
            }
            [IAC, 252 | 254, _] => {
                command.clear();
                true
            }
            [IAC, 250, .., IAC, 240] => {
                let content = std::mem::take(command);
                self.answer(&content[2..content.len() - 2])
            }
            _ => true,
        }
    }

    fn answer(&mut self, content: &[u8]) -> bool {
        let mut content = content.to_vec();
        // No value has two of them in a row.
        content.dedup_by(|next, byte| *next == IAC && *byte == IAC);
        assert_eq!(content[0], COM_PORT);
        self.log.lock().expect("no panic").push(content[1..].to_vec());
        if let (1, Some(baud)) = (content[1], self.baud) {
            content[2..].copy_from_slice(&baud.to_be_bytes());
        }
        content[1] += 100;
        self.send(&[&[IAC, 250], &escaped(&content)[..], &[IAC, 240]].concat())
    }
}

fn escaped(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| vec![*byte; if *byte == IAC { 2 } else { 1 }]).collect()
}
