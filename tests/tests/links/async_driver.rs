//! The async driver: what it says is what the blocking one says, byte for byte; over `tokio`'s
//! streams; and it reads while it cannot write.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use embedded_io::{ErrorKind, ErrorType};
use embedded_io_adapters::std::FromStd;
use embedded_io_adapters::tokio_1::FromTokio;
use tinyferry_core::driver::async_io::{self, Clock, NoClock};
use tinyferry_core::driver::blocking::{self, HalfDuplex, Link};
use tinyferry_core::error::Reason;
use tinyferry_core::{Config, Millis, Session, Task};
use tinyferry_kit::{Faults, File, Memory, Pair, content, session_number};

const NUMBER: u32 = 0xC0FF_EE01;
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
enum Driver {
    Blocking,
    Async,
}

/// Carries the task out; what went up, what went down, and both stores.
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
    assert_eq!(outcome.expect("it goes well").refused, 0, "{driver:?}");
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

/// Keeps what was read.
struct Recorded<T>(T, Vec<u8>);

impl<T: ErrorType> ErrorType for Recorded<T> {
    type Error = T::Error;
}

impl<T: embedded_io_async::Read> embedded_io_async::Read for Recorded<T> {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, T::Error> {
        let count = self.0.read(into).await?;
        self.1.extend_from_slice(&into[..count]);
        Ok(count)
    }
}

impl<T: embedded_io::Read> embedded_io::Read for Recorded<T> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, T::Error> {
        let count = self.0.read(into)?;
        self.1.extend_from_slice(&into[..count]);
        Ok(count)
    }
}

impl<T: embedded_io::Write> embedded_io::Write for Recorded<T> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, T::Error> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> Result<(), T::Error> {
        self.0.flush()
    }
}

pub(super) struct TokioClock(pub(super) Instant);

impl Clock for TokioClock {
    fn now(&mut self) -> Option<Millis> {
        Some(self.0.elapsed().as_millis() as Millis)
    }

    async fn wait_until(&mut self, deadline: Millis) {
        let at = self.0 + Duration::from_millis(deadline.into());
        tokio::time::sleep_until(at.into()).await;
    }
}

pub(super) fn tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// What the client's end does: a tree there, and a file back.
fn tasks() -> (Memory, [Task<'static>; 2]) {
    let mut store = Memory::with([("t/a", content(300_000, 5)), ("t/b", content(700, 6))]);
    store.queue_tree("t");
    (store, [Task::Put, Task::get_file("there")])
}

fn connected() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    Ok((client, listener.accept()?.0))
}

/// What each end heard over TCP.
fn over_tcp(driver: Driver, config: Config) -> [Vec<u8>; 2] {
    let (client, server) = connected().expect("loopback");
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    }
    let serving = thread::spawn(move || {
        let mut session: Session = Session::server(config);
        let mut store = Memory::with([("there", content(400_000, 7))]);
        let heard = match driver {
            Driver::Blocking => {
                let mut link = HalfDuplex(Recorded(FromStd::new(server), Vec::new()));
                blocking::drive(&mut session, &mut link, &mut store).expect("it goes well");
                link.0.1
            }
            Driver::Async => tokio().block_on(async {
                server.set_nonblocking(true).expect("it can");
                let stream = tokio::net::TcpStream::from_std(server).expect("it is nonblocking");
                let (reader, writer) = stream.into_split();
                let mut reader = Recorded(FromTokio::new(reader), Vec::new());
                let (mut writer, mut clock) = (FromTokio::new(writer), TokioClock(Instant::now()));
                async_io::drive(&mut session, &mut reader, &mut writer, &mut clock, &mut store)
                    .await
                    .expect("it goes well");
                reader.1
            }),
        };
        (heard, store)
    });
    let mut session: Session = Session::client(session_number(NUMBER), config);
    let (mut store, tasks) = tasks();
    let heard = match driver {
        Driver::Blocking => {
            let mut link = HalfDuplex(Recorded(FromStd::new(client), Vec::new()));
            for task in tasks {
                session.begin(task).expect("it may");
                blocking::drive(&mut session, &mut link, &mut store).expect("it goes well");
            }
            link.0.1
        }
        Driver::Async => tokio().block_on(async {
            client.set_nonblocking(true).expect("it can");
            let stream = tokio::net::TcpStream::from_std(client).expect("it is nonblocking");
            let (reader, writer) = stream.into_split();
            let mut reader = Recorded(FromTokio::new(reader), Vec::new());
            let mut writer = FromTokio::new(writer);
            for task in tasks {
                session.begin(task).expect("it may");
                async_io::drive(&mut session, &mut reader, &mut writer, &mut NoClock, &mut store)
                    .await
                    .expect("it goes well");
            }
            reader.1
        }),
    };
    let (heard_there, there) = serving.join().expect("the server ends");
    assert!(store.files == there.files && store.files.len() == 3, "{driver:?}");
    [heard, heard_there]
}

#[test]
fn over_tokio_the_async_driver_sends_the_bytes_of_the_blocking_one() {
    let half_duplex = Config::RELIABLE.half_duplex(true);
    let blocking = over_tcp(Driver::Blocking, half_duplex);
    assert!(blocking.iter().all(|heard| heard.len() > 300_000));
    assert!(blocking == over_tcp(Driver::Async, half_duplex), "the transcripts differ");
}

/// Both ends have much to say and hardly any room: whoever only wrote would never end.
#[test]
fn the_async_driver_reads_while_it_cannot_write() {
    let files = 2000;
    let (mut here, mut there) = (Memory::default(), Memory::default());
    for number in 0..files {
        let path = format!("t/{number}");
        here.files.insert(path.clone(), File::new(content(number % 3, number as u64)));
        if number % 2 == 0 {
            there.refuse.insert(path, Reason::NoPermission);
        }
    }
    here.queue_tree("t");
    let outcome = tokio().block_on(async {
        let (client, server) = tokio::io::duplex(50);
        let serving = async {
            let mut session: Session = Session::server(Config::RELIABLE);
            let (reader, writer) = tokio::io::split(server);
            let (mut reader, mut writer) = (FromTokio::new(reader), FromTokio::new(writer));
            let mut clock = TokioClock(Instant::now());
            async_io::drive(&mut session, &mut reader, &mut writer, &mut clock, &mut there).await
        };
        let asking = async {
            let mut session: Session = Session::client(session_number(NUMBER), Config::RELIABLE);
            session.begin(Task::Put).expect("it may");
            let (reader, writer) = tokio::io::split(client);
            let (mut reader, mut writer) = (FromTokio::new(reader), FromTokio::new(writer));
            let mut clock = TokioClock(Instant::now());
            async_io::drive(&mut session, &mut reader, &mut writer, &mut clock, &mut here).await
        };
        let (mut serving, mut asking) = (pin!(serving), pin!(asking));
        let both = poll_fn(|context| {
            let served = serving.as_mut().poll(context);
            assert!(served.is_pending(), "the server ends early");
            asking.as_mut().poll(context)
        });
        tokio::time::timeout(Duration::from_secs(30), both).await
    });
    let outcome = outcome.expect("in time").expect("it goes well");
    assert_eq!((outcome.entries, outcome.refused), (files as u32, files as u32 / 2));
    assert_eq!(there.files.len(), files / 2);
}
