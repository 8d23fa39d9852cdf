//! A proxy between a client and its server, which counts bytes and queries, and cuts the connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::harness::Server;

/// Between a client and its server: counts what crosses, and cuts the line if it is told to.
pub(crate) struct Proxy {
    pub(crate) endpoint: String,
    shared: Arc<Shared>,
}

struct Shared {
    /// Where the server is now.
    target: Mutex<String>,
    /// Bytes from the client to the server, and back.
    crossed: [AtomicU64; 2],
    /// Queries of the position from the server, if no content looks like one.
    queries: AtomicU64,
    /// The line is cut when one direction has carried so many.
    cut: AtomicU64,
    /// No more bytes cross when one direction has carried so many, and the line stays open.
    hold: AtomicU64,
    is_over: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            target: Mutex::default(),
            crossed: [AtomicU64::new(0), AtomicU64::new(0)],
            queries: AtomicU64::new(0),
            cut: AtomicU64::new(u64::MAX),
            hold: AtomicU64::new(u64::MAX),
            is_over: AtomicBool::new(false),
            streams: Mutex::default(),
        });
        let proxy = Self { endpoint: format!("tcp://{address}"), shared: shared.clone() };
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if shared.is_over.load(Ordering::Relaxed) {
                    return;
                }
                let target = shared.target.lock().expect("nobody panics").clone();
                // Without a server the client finds a closed line.
                let Ok(server) = TcpStream::connect(target) else { continue };
                shared.join(client, server);
            }
        });
        proxy
    }

    pub(crate) fn lead_to(&self, server: &Server) {
        self.lead_to_address(&server.endpoint["tcp://".len()..]);
    }

    pub(crate) fn lead_to_address(&self, address: &str) {
        *self.shared.target.lock().expect("nobody panics") = address.to_owned();
    }

    pub(crate) fn crossed(&self, direction: usize) -> u64 {
        self.shared.crossed[direction].load(Ordering::Relaxed)
    }

    pub(crate) fn queries(&self) -> u64 {
        self.shared.queries.load(Ordering::Relaxed)
    }

    /// Cuts the line that is open now.
    pub(crate) fn cut_now(&self) {
        for stream in self.shared.streams.lock().expect("nobody panics").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn cut_at(&self, bytes: u64) {
        self.shared.cut.store(bytes, Ordering::Relaxed);
    }

    /// Carries no more than so many bytes in one direction, until the line is cut.
    pub(crate) fn hold_at(&self, bytes: u64) {
        self.shared.hold.store(bytes, Ordering::Relaxed);
    }
}

impl Shared {
    fn join(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let mut streams = self.streams.lock().expect("nobody panics");
        streams.clear();
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("it can");
            streams.push(stream.try_clone().expect("it can"));
        }
        let ways = [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))];
        for (direction, (from, to)) in ways.into_iter().enumerate() {
            let (mut from, mut to) = (from.expect("it can"), to.expect("it can"));
            let shared = self.clone();
            thread::spawn(move || {
                let mut buffer = vec![0; 16 * 1024];
                let mut end = [0; 2];
                while let Ok(count @ 1..) = from.read(&mut buffer) {
                    let before =
                        shared.crossed[direction].fetch_add(count as u64, Ordering::Relaxed);
                    if before >= shared.hold.load(Ordering::Relaxed) {
                        return;
                    }
                    if direction == 1 {
                        let bytes = [&end[..], &buffer[..count]].concat();
                        let queries = bytes.windows(3).filter(|code| code == b"PIN").count();
                        shared.queries.fetch_add(queries as u64, Ordering::Relaxed);
                        end.copy_from_slice(&bytes[count..]);
                    }
                    let left = shared.cut.load(Ordering::Relaxed).saturating_sub(before);
                    let count = count.min(usize::try_from(left).unwrap_or(count));
                    if to.write_all(&buffer[..count]).is_err() || count as u64 == left {
                        break;
                    }
                }
                for stream in [&from, &to] {
                    let _ = stream.shutdown(Shutdown::Both);
                }
            });
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.endpoint["tcp://".len()..]);
        for stream in self.shared.streams.lock().expect("nobody panics").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
