//! A proxy between a client and its server, which counts bytes and queries, and cuts the connection.

use std::collections::VecDeque;
use std::io::{BufRead, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::{set_socket_linger, set_socket_send_buffer_size};

use crate::harness::Server;

/// A proxy between a client and its server: counts the bytes of each direction, and cuts the line at a position.
pub(crate) struct Proxy {
    pub(crate) endpoint: String,
    shared: Arc<Shared>,
}

/// How a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Each end gets all that has crossed, and then the end of the stream.
    Close,
    /// Each end gets an error; the buffers of the proxy are lost.
    Reset,
    /// The client gets the end of the stream; the server notices nothing for a while.
    Silence,
    /// As [`Cut::Close`], but the bytes in flight at the cut are lost.
    Loss,
}

/// How long the server notices nothing.
const SILENCE: Duration = Duration::from_millis(600);
/// The number of bytes that the proxy reads at once.
pub(crate) const PIECE: usize = 16 * 1024;

/// The cuts to come.
#[derive(Default)]
struct Plan {
    /// The direction whose bytes count.
    direction: usize,
    /// The number of its bytes to the next cut.
    left: u64,
    /// The next cuts, each with the number of bytes to the one behind it.
    cuts: VecDeque<(Cut, u64)>,
    done: u64,
}

struct Shared {
    /// Where the server is now.
    target: Mutex<String>,
    /// Bytes from the client to the server, and back.
    crossed: [AtomicU64; 2],
    /// Queries of the position from the server, if no content looks like one.
    queries: AtomicU64,
    /// The line is cut when one direction has carried this number of bytes.
    cut: AtomicU64,
    /// No more bytes are carried after this number in one direction, and the line stays open.
    hold: AtomicU64,
    plan: Mutex<Plan>,
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
            plan: Mutex::default(),
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

    /// Carries at most this number of bytes in one direction, until the line is cut.
    pub(crate) fn stop_at(&self, bytes: u64) {
        self.shared.hold.store(bytes, Ordering::Relaxed);
    }

    /// Cuts the line again and again: each time after this number of bytes more in one direction.
    pub(crate) fn cut_often(&self, direction: usize, cuts: impl Iterator<Item = (u64, Cut)>) {
        let (distances, kinds): (Vec<_>, Vec<_>) = cuts.unzip();
        let mut behind = distances.into_iter();
        let left = behind.next().unwrap_or(u64::MAX);
        let cuts = kinds.into_iter().zip(behind.chain([u64::MAX])).collect();
        *self.shared.plan.lock().expect("nobody panics") = Plan { direction, left, cuts, done: 0 };
    }

    /// The number of these cuts so far.
    pub(crate) fn cuts(&self) -> u64 {
        self.shared.plan.lock().expect("nobody panics").done
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
        if !self.plan.lock().expect("nobody panics").cuts.is_empty() {
            // The number of bytes that a reset drops is bounded.
            for stream in [&client, &server] {
                set_socket_send_buffer_size(stream, PIECE).expect("it can");
            }
        }
        let is_cut = Arc::new(AtomicBool::new(false));
        let ways = [(client.try_clone(), server.try_clone()), (Ok(server), Ok(client))];
        for (direction, (from, to)) in ways.into_iter().enumerate() {
            let (from, to) = (from.expect("it can"), to.expect("it can"));
            let (shared, is_cut) = (self.clone(), is_cut.clone());
            thread::spawn(move || {
                if !shared.carry(direction, &from, &to, &is_cut) {
                    return;
                }
                if is_cut.load(Ordering::SeqCst) {
                    // Unread bytes would turn the end of the stream into an error.
                    let _ = from.set_read_timeout(Some(Duration::from_secs(5)));
                    while let Ok(1..) = (&from).read(&mut [0; PIECE]) {}
                    return;
                }
                for stream in [&from, &to] {
                    let _ = stream.shutdown(Shutdown::Both);
                }
            });
        }
    }

    /// Carries one direction of a connection. Returns whether the connection ends now.
    fn carry(
        &self,
        direction: usize,
        mut from: &TcpStream,
        mut to: &TcpStream,
        is_cut: &AtomicBool,
    ) -> bool {
        let mut buffer = vec![0; PIECE];
        let mut end = [0; 2];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if is_cut.load(Ordering::SeqCst) {
                return true;
            }
            let before = self.crossed[direction].fetch_add(count as u64, Ordering::Relaxed);
            if before >= self.hold.load(Ordering::Relaxed) {
                return false;
            }
            if direction == 1 {
                let bytes = [&end[..], &buffer[..count]].concat();
                // By a search for the first byte: without optimisation a window at each byte takes seconds.
                let rests = BufRead::split(&bytes[..], b'P').skip(1).map_while(Result::ok);
                let queries = rests.filter(|rest| rest.starts_with(b"IN")).count();
                self.queries.fetch_add(queries as u64, Ordering::Relaxed);
                end.copy_from_slice(&bytes[count..]);
            }
            let planned = self.next_cut(direction, count as u64);
            let left = self.cut.load(Ordering::Relaxed).saturating_sub(before);
            let count = count.min(usize::try_from(left).unwrap_or(count));
            let is_lost = planned == Some(Cut::Loss);
            if !is_lost && (to.write_all(&buffer[..count]).is_err() || count as u64 == left) {
                return true;
            }
            if let Some(cut) = planned {
                let ends = if direction == 0 { [from, to] } else { [to, from] };
                self.cut(cut, ends, is_cut);
                return true;
            }
        }
        true
    }

    /// The cut that is due when these bytes have crossed.
    fn next_cut(&self, direction: usize, count: u64) -> Option<Cut> {
        let mut plan = self.plan.lock().expect("nobody panics");
        if plan.direction != direction {
            return None;
        }
        plan.left = plan.left.saturating_sub(count);
        if plan.left > 0 {
            return None;
        }
        let (cut, left) = plan.cuts.pop_front()?;
        (plan.left, plan.done) = (left, plan.done + 1);
        Some(cut)
    }

    fn cut(&self, cut: Cut, [client, server]: [&TcpStream; 2], is_cut: &AtomicBool) {
        self.streams.lock().expect("nobody panics").clear();
        match cut {
            Cut::Close | Cut::Loss => {
                is_cut.store(true, Ordering::SeqCst);
                for stream in [client, server] {
                    let _ = stream.shutdown(Shutdown::Write);
                }
            }
            Cut::Reset => {
                for stream in [client, server] {
                    let _ = set_socket_linger(stream, Some(Duration::ZERO));
                }
            }
            Cut::Silence => {
                is_cut.store(true, Ordering::SeqCst);
                let _ = client.shutdown(Shutdown::Both);
                thread::sleep(SILENCE);
                let _ = server.shutdown(Shutdown::Write);
            }
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
