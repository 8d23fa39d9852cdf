//! Two serial ports and a cable between them, in real time. Neither a pseudo-terminal nor loopback has
//! a rate, a delay and faults; those of the cable are of two [`Line`]s.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::Line;

/// Bytes move this often, in nanoseconds. The lines have a schedule of their own, so that being
/// late now and then changes no rate.
const TICK: u64 = 1_000_000;
/// The delay of a carrier that the room of a line covers, in nanoseconds.
const LATE: u64 = 5 * TICK;
/// How often an idle carrier looks whether it is to end.
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// Two serial ports with a cable between them. When it is dropped both ports are gone, as if they
/// were unplugged.
pub struct Cable {
    ends: [Arc<End>; 2],
    lines: [Arc<Mutex<Line>>; 2],
    stop: Arc<AtomicBool>,
    carriers: Vec<JoinHandle<()>>,
}

/// A pseudo-terminal: programs open its port, the cable has its other side.
struct End {
    master: OwnedFd,
    port: PathBuf,
    /// Keeps the port alive while no program has it open.
    _slave: OwnedFd,
}

impl End {
    fn open() -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let port =
            PathBuf::from(std::ffi::OsString::from_vec(ptsname(&master, Vec::new())?.into_bytes()));
        fcntl_setfl(&master, OFlags::NONBLOCK)?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = open(&port, flags, Mode::empty())?;
        let mut settings = tcgetattr(&slave)?;
        settings.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &settings)?;
        Ok(Self { master, port, _slave: slave })
    }
}

impl Cable {
    /// Lays a cable: `there` carries from the first port to the second, `back` the other way.
    ///
    /// # Errors
    /// Those of the system.
    pub fn lay(there: Line, back: Line) -> io::Result<Self> {
        let ends = [Arc::new(End::open()?), Arc::new(End::open()?)];
        let lines = [there, back].map(|mut line| {
            if let Some(room) = LATE.checked_div(line.byte_time) {
                line.room = line.room.max(room);
            }
            Arc::new(Mutex::new(line))
        });
        let stop = Arc::new(AtomicBool::new(false));
        let carriers = [(0, 1), (1, 0)]
            .map(|(from, to)| {
                let (from_end, to_end) = (Arc::clone(&ends[from]), Arc::clone(&ends[to]));
                let (line, stop) = (Arc::clone(&lines[from]), Arc::clone(&stop));
                thread::spawn(move || carry(&from_end.master, &to_end.master, &line, &stop))
            })
            .into();
        Ok(Self { ends, lines, stop, carriers })
    }

    /// The ports at both ends.
    pub fn ports(&self) -> [&Path; 2] {
        [&self.ends[0].port, &self.ends[1].port]
    }

    /// The lines, there and back. One that is cut carries nothing any more.
    pub fn lines(&self) -> [MutexGuard<'_, Line>; 2] {
        [lock(&self.lines[0]), lock(&self.lines[1])]
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for carrier in self.carriers.drain(..) {
            let _ = carrier.join();
        }
    }
}

fn lock(line: &Mutex<Line>) -> MutexGuard<'_, Line> {
    line.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries one direction until it is told to stop.
fn carry(from: &OwnedFd, to: &OwnedFd, line: &Mutex<Line>, stop: &AtomicBool) {
    let origin = Instant::now();
    let mut buffer = [0; 4096];
    // Bytes that are read, and for which the line has no room yet.
    let mut waiting = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let mut line = lock(line);
        let now = origin.elapsed().as_nanos() as u64;
        loop {
            if waiting.is_empty() {
                match rustix::io::read(from, &mut buffer[..256]) {
                    Ok(count) if count > 0 => waiting.extend_from_slice(&buffer[..count]),
                    _ => break,
                }
            }
            let count = line.write(now, &waiting);
            waiting.drain(..count);
            if !waiting.is_empty() {
                break;
            }
        }
        let mut arrived = 0;
        loop {
            let count = line.read(now, &mut buffer);
            arrived += count;
            if count == 0 {
                break;
            }
            deliver(to, &buffer[..count]);
        }
        let is_idle = waiting.is_empty() && line.readable_at().is_none() && arrived == 0;
        // A lone signal need not wait for a whole tick.
        let done = line.idle_at().max(now) - now + line.delay;
        drop(line);
        if is_idle {
            let _ = poll(&mut [PollFd::new(from, PollFlags::IN)], Some(&GLANCE));
        } else {
            let wait = if arrived == 0 || done > 0 { done.clamp(TICK / 20, TICK) } else { 0 };
            thread::sleep(Duration::from_nanos(wait));
        }
    }
}

/// Writes the bytes that have arrived to the port. Bytes that nobody reads are lost, as in a UART.
fn deliver(to: &OwnedFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes).map_err(io::Error::from) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content;

    #[test]
    fn a_cable_carries_all_and_no_faster_than_its_rate() {
        let line = |seed| Line::serial(921_600, seed);
        let cable = Cable::lay(line(1), line(2)).expect("pseudo-terminals");
        let [a, b] = cable.ports().map(|port| {
            open(port, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("the port is there")
        });
        let sent = content(40_000, 3);
        let (begin, bytes) = (Instant::now(), sent.clone());
        let writer = thread::spawn(move || {
            let mut bytes = bytes.as_slice();
            while !bytes.is_empty() {
                bytes = &bytes[rustix::io::write(&a, bytes).expect("a write")..];
            }
            a
        });
        let mut got = vec![0; sent.len()];
        let mut count = 0;
        while count < got.len() {
            count += rustix::io::read(&b, &mut got[count..]).expect("a read");
        }
        let took = begin.elapsed().as_secs_f64();
        assert!(got == sent, "the content differs");
        let expected = sent.len() as f64 * 10.0 / 921_600.0;
        assert!(took > expected * 0.99, "{took} s, not {expected} s");
        drop(writer.join().expect("it writes"));
    }
}
