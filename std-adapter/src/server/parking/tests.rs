//! Work that records its turns, over sockets.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use super::*;

const LONG: Duration = Duration::from_secs(20);

/// Reads a byte in each turn and sends it, until the socket ends.
struct Echo {
    number: u64,
    socket: Arc<UnixStream>,
    timeout: Option<Duration>,
    lane: Lane,
    replies: Sender<(u64, u8)>,
    /// Waits here in each turn.
    barrier: Option<Arc<Barrier>>,
}

impl Echo {
    fn parked(self) -> Parked {
        let (number, input) = (self.number, Arc::clone(&self.socket) as Arc<dyn Pollable>);
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        Parked { number, work: Box::new(self), input, deadline }
    }
}

impl Work for Echo {
    fn lane(&self) -> Lane {
        self.lane
    }

    fn run(self: Box<Self>) -> Turn {
        if let Some(barrier) = &self.barrier {
            barrier.wait();
        }
        let mut byte = [0];
        self.socket.set_nonblocking(true).unwrap();
        match (&*self.socket).read(&mut byte) {
            Ok(0) => Turn::Over,
            Ok(_) if byte[0] == b'!' => panic!("a fault of this test"),
            Ok(_) => {
                self.replies.send((self.number, byte[0])).unwrap();
                Turn::Park(self.parked())
            }
            Err(_) => {
                self.replies.send((self.number, b'?')).unwrap();
                Turn::Over
            }
        }
    }
}

fn parking(handshakes: usize, sessions: usize) -> Arc<Parking> {
    Arc::new(Parking::new(Threads { handshakes, sessions }).unwrap())
}

/// Parks a client of this number; returns its end.
fn park(parking: &Arc<Parking>, number: u64, replies: &Sender<(u64, u8)>) -> UnixStream {
    let (here, there) = UnixStream::pair().unwrap();
    let (socket, replies) = (Arc::new(there), replies.clone());
    let (timeout, lane, barrier) = (None, Lane::Session, None);
    parking.begin(Echo { number, socket, timeout, lane, replies, barrier }.parked()).unwrap();
    here
}

#[test]
fn a_parked_client_goes_on_with_each_of_its_bytes() {
    let (parking, (replies, received)) = (parking(1, 2), channel());
    let _open = parking.open().unwrap();
    let mut clients: Vec<_> = (0..50).map(|number| park(&parking, number, &replies)).collect();
    for byte in 0..4 {
        for client in &mut clients {
            client.write_all(&[byte]).unwrap();
        }
        let mut all: Vec<_> =
            clients.iter().map(|_| received.recv_timeout(LONG).unwrap()).collect();
        all.sort_unstable();
        assert!(all.iter().copied().eq((0..50).map(|number| (number, byte))));
    }
    // Of one byte each comes one turn.
    assert!(received.try_recv().is_err());
    // A client that leaves is over: its socket is closed.
    drop(clients.pop());
    let mut last = clients.pop().unwrap();
    last.shutdown(std::net::Shutdown::Write).unwrap();
    last.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(last.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_deadline_wakes_a_silent_client() {
    let (parking, (replies, received)) = (parking(1, 1), channel());
    let _open = parking.open().unwrap();
    let _silent = park(&parking, 7, &replies);
    let (_here, there) = UnixStream::pair().unwrap();
    let (socket, barrier) = (Arc::new(there), None);
    let timeout = Some(Duration::from_millis(50));
    let (replies, lane) = (replies, Lane::Session);
    let begin = Instant::now();
    let echo = Echo { number: 8, socket, timeout, lane, replies, barrier };
    parking.begin(echo.parked()).unwrap();
    assert_eq!(received.recv_timeout(LONG).unwrap(), (8, b'?'));
    assert!(begin.elapsed() >= Duration::from_millis(50));
    assert!(received.try_recv().is_err());
}

#[test]
fn more_clients_than_threads_are_all_served() {
    const CLIENTS: u64 = 30;
    let (parking, (replies, received)) = (parking(1, 3), channel());
    let _open = parking.open().unwrap();
    // Three turns at a time, and never fewer: each waits for two others.
    let barrier = Arc::new(Barrier::new(3));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (mut here, there) = UnixStream::pair().unwrap();
            let (socket, replies) = (Arc::new(there), replies.clone());
            let barrier = Some(Arc::clone(&barrier));
            let (timeout, lane) = (None, Lane::Session);
            let echo = Echo { number, socket, timeout, lane, replies, barrier };
            parking.begin(echo.parked()).unwrap();
            here.write_all(b"a").unwrap();
            here
        })
        .collect();
    let mut all: Vec<_> = clients.iter().map(|_| received.recv_timeout(LONG).unwrap().0).collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..CLIENTS));
}

#[test]
fn handshakes_that_take_long_do_not_keep_out_sessions() {
    let (parking, (replies, received)) = (parking(2, 1), channel());
    let _open = parking.open().unwrap();
    let barrier = Arc::new(Barrier::new(3));
    let slow: Vec<_> = (0..8)
        .map(|number| {
            let (mut here, there) = UnixStream::pair().unwrap();
            let (socket, replies) = (Arc::new(there), replies.clone());
            let (timeout, lane, barrier) = (None, Lane::Handshake, Some(Arc::clone(&barrier)));
            let echo = Echo { number, socket, timeout, lane, replies, barrier };
            parking.begin(echo.parked()).unwrap();
            here.write_all(b"s").unwrap();
            here
        })
        .collect();
    let mut client = park(&parking, 99, &replies);
    client.write_all(b"c").unwrap();
    assert_eq!(received.recv_timeout(LONG).unwrap(), (99, b'c'));
    // Two of the eight wait for a third.
    for _ in 0..4 {
        barrier.wait();
    }
    let all: Vec<_> = slow.iter().map(|_| received.recv_timeout(LONG).unwrap().1).collect();
    assert_eq!(all, [b's'; 8]);
}

#[test]
fn a_panic_ends_one_client_and_no_thread() {
    let (parking, (replies, received)) = (parking(1, 1), channel());
    let _open = parking.open().unwrap();
    let mut faulty = park(&parking, 1, &replies);
    let mut sound = park(&parking, 2, &replies);
    faulty.write_all(b"!").unwrap();
    faulty.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(faulty.read(&mut [0]).unwrap(), 0);
    sound.write_all(b"a").unwrap();
    assert_eq!(received.recv_timeout(LONG).unwrap(), (2, b'a'));
}

#[test]
fn parked_clients_end_with_the_lot() {
    let (parking, (replies, received)) = (parking(1, 1), channel());
    let open = parking.open().unwrap();
    let mut before = park(&parking, 1, &replies);
    drop(open);
    let mut after = park(&parking, 2, &replies);
    for client in [&mut before, &mut after] {
        client.set_read_timeout(Some(LONG)).unwrap();
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
    assert!(received.try_recv().is_err());
}
