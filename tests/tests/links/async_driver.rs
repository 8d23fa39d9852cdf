//! The async driver: it sends the bytes of the blocking one, byte for byte.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use embedded_io::{ErrorKind, ErrorType};
use tinyferry_core::driver::async_io::{self, Clock};
use tinyferry_core::driver::blocking::{self, Link};
use tinyferry_core::{Config, Millis, Session, Task};
use tinyferry_kit::{Faults, File, Memory, Pair, content, session_number};

pub(super) const NUMBER: u32 = 0xC0FF_EE01;
const MILLISECOND: u64 = 1_000_000;

/// The lines to a server that lives in virtual time, for a client under a driver.
struct World {
    pair: Pair,
    /// Until when the client waits, in nanoseconds.
    deadline: Option<u64>,
}

impl World {
    fn now(&self) -> Millis {
        (self.pair.now / MILLISECOND) as Millis
    }

    fn wait_until(&mut self, deadline: Millis) -> bool {
        self.deadline = Some(u64::from(deadline) * MILLISECOND);
        deadline <= self.now()
    }

    fn read(&mut self, into: &mut [u8]) -> usize {
        let most = into.len().min(29);
        self.pair.down.read(self.pair.now, &mut into[..most])
    }

    /// Time passes while the bytes go out.
    fn write(&mut self, bytes: &[u8]) -> usize {
        let soon = self.pair.now + 100_000;
        self.pair.serve(Some(soon)).expect("the server gets on");
        self.pair.up.write(self.pair.now, &bytes[..bytes.len().min(100)])
    }

    /// Nothing goes on at this end.
    fn pass(&mut self) {
        self.pair.serve(self.deadline).expect("the server gets on");
    }
}

#[derive(Clone)]
struct End(Rc<RefCell<World>>);

impl ErrorType for End {
    type Error = ErrorKind;
}

impl embedded_io::Read for End {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        let mut world = self.0.borrow_mut();
        loop {
            match world.read(into) {
                0 if world.deadline.is_some_and(|deadline| deadline <= world.pair.now) => {
                    return Err(ErrorKind::TimedOut);
                }
                0 => world.pass(),
                count => return Ok(count),
            }
        }
    }
}

impl embedded_io::Write for End {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        Ok(if bytes.is_empty() { 0 } else { self.0.borrow_mut().write(bytes) })
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Link for End {
    const HALF_DUPLEX: bool = false;

    fn now(&mut self) -> Option<Millis> {
        Some(self.0.borrow().now())
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, _: bool) {
        let mut world = self.0.borrow_mut();
        world.deadline = None;
        deadline.map(|deadline| world.wait_until(deadline));
    }

    fn is_ready(&mut self) -> Result<bool, ErrorKind> {
        let world = self.0.borrow();
        Ok(world.pair.down.readable_at().is_some_and(|at| at <= world.pair.now))
    }
}

impl embedded_io_async::Read for End {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        self.0.borrow_mut().deadline = None;
        poll_fn(|_| match self.0.borrow_mut().read(into) {
            0 => Poll::Pending,
            count => Poll::Ready(Ok(count)),
        })
        .await
    }
}

impl embedded_io_async::Write for End {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        embedded_io::Write::write(self, bytes)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Clock for End {
    fn now(&mut self) -> Option<Millis> {
        Link::now(self)
    }

    async fn wait_until(&mut self, deadline: Millis) {
        poll_fn(|_| match self.0.borrow_mut().wait_until(deadline) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }
}

/// Whether a future wants to be polled again at once.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Driver {
    Blocking,
    Async,
}

/// Runs the task. Returns the bytes of each direction, and both stores.
fn transcript(driver: Driver, mut pair: Pair, config: Config, task: Task<'_>) -> [Vec<u8>; 2] {
    (pair.up.record, pair.down.record) = (Some(Vec::new()), Some(Vec::new()));
    pair.server.session.resume(Some(0));
    let mut store = pair.client.store.clone();
    let world = Rc::new(RefCell::new(World { pair, deadline: None }));
    let mut link = End(Rc::clone(&world));
    let mut session: Session = Session::client(session_number(NUMBER), config);
    session.begin(task).expect("it may");
    let outcome = match driver {
        Driver::Blocking => blocking::drive(&mut session, &mut link, &mut store),
        Driver::Async => {
            let (mut writer, mut clock) = (link.clone(), link.clone());
            let mut run =
                pin!(async_io::drive(&mut session, &mut link, &mut writer, &mut clock, &mut store));
            let woken = Arc::new(Woken::default());
            let waker = Waker::from(Arc::clone(&woken));
            loop {
                match run.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(outcome) => break outcome,
                    // It only let others run first.
                    Poll::Pending if woken.0.swap(false, Ordering::SeqCst) => {}
                    Poll::Pending => world.borrow_mut().pass(),
                }
            }
        }
    };
    assert_eq!(outcome.expect("it succeeds").refused, 0, "{driver:?}");
    let pair = &world.borrow().pair;
    let files = &pair.server.store.files;
    assert!(store.files == *files && files.len() >= 2, "{driver:?}: the stores differ");
    [&pair.up, &pair.down].map(|line| line.record.clone().expect("it is kept"))
}

#[test]
fn the_async_driver_sends_the_bytes_of_the_blocking_one() {
    let files = || {
        let mut files = Memory::with([("t/a", content(60_000, 1)), ("t/b/c", content(3000, 2))]);
        files.files.insert("t/empty".into(), File::new(Vec::new()));
        files
    };
    let lines = [
        (Config::RELIABLE, Faults::default()),
        (Config::RELIABLE.credit(8), Faults::default()),
        (Config::LOSSY, Faults::default()),
        (Config::LOSSY, Faults { flip: 1e-5, drop: 1e-4, insert: 1e-4, ..Faults::default() }),
    ];
    for (config, faults) in lines {
        for (seed, puts) in [(1, true), (2, false), (3, true), (4, false)] {
            let (task, stores) = if puts {
                (Task::Put, (files(), Memory::default()))
            } else {
                let task = Task::get_tree("t");
                (task, (Memory::default(), files()))
            };
            let mut pair = Pair::new(config, stores.0, stores.1).serial(921_600, seed).delayed(3);
            pair.client.store.queue_tree("t");
            for line in [&mut pair.up, &mut pair.down] {
                line.faults = faults;
                line.room = 1 << 20;
            }
            let [up, down] = transcript(Driver::Blocking, pair.clone(), config, task);
            assert!(up.len() + down.len() > 63_000 && !up.is_empty() && !down.is_empty());
            let other = transcript(Driver::Async, pair, config, task);
            assert!(other == [up, down], "seed {seed}: the transcripts differ");
        }
    }
}
