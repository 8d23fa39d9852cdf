//! The async driver over `tokio`'s streams: it sends the bytes of the blocking one, and reads while it cannot write.

use std::future::poll_fn;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::thread;
use std::time::{Duration, Instant};

use embedded_io::ErrorType;
use embedded_io_adapters::std::FromStd;
use embedded_io_adapters::tokio_1::FromTokio;
use tinyferry_core::driver::async_io::{self, Clock, NoClock};
use tinyferry_core::driver::blocking::{self, HalfDuplex};
use tinyferry_core::error::Reason;
use tinyferry_core::{Config, Millis, Session, Task};
use tinyferry_kit::{File, Memory, content, session_number};

use super::async_driver::{Driver, NUMBER};

/// Records the bytes that were read.
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

/// The tasks of the client: put a tree, get a file.
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

/// The events of each end over TCP.
fn over_tcp(driver: Driver, config: Config) -> [Vec<u8>; 2] {
    let (client, server) = connected().expect("loopback");
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    }
    let serving = thread::spawn(move || {
        let mut session: Session = Session::server(config);
        let mut store = Memory::with([("there", content(400_000, 7))]);
        let received = match driver {
            Driver::Blocking => {
                let mut link = HalfDuplex(Recorded(FromStd::new(server), Vec::new()));
                blocking::drive(&mut session, &mut link, &mut store).expect("it succeeds");
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
                    .expect("it succeeds");
                reader.1
            }),
        };
        (received, store)
    });
    let mut session: Session = Session::client(session_number(NUMBER), config);
    let (mut store, tasks) = tasks();
    let received = match driver {
        Driver::Blocking => {
            let mut link = HalfDuplex(Recorded(FromStd::new(client), Vec::new()));
            for task in tasks {
                session.begin(task).expect("it may");
                blocking::drive(&mut session, &mut link, &mut store).expect("it succeeds");
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
                    .expect("it succeeds");
            }
            reader.1
        }),
    };
    let (received_there, there) = serving.join().expect("the server ends");
    assert!(store.files == there.files && store.files.len() == 3, "{driver:?}");
    [received, received_there]
}

#[test]
fn over_tokio_the_async_driver_sends_the_bytes_of_the_blocking_one() {
    let half_duplex = Config::RELIABLE.half_duplex(true);
    let blocking = over_tcp(Driver::Blocking, half_duplex);
    assert!(blocking.iter().all(|received| received.len() > 300_000));
    assert!(blocking == over_tcp(Driver::Async, half_duplex), "the transcripts differ");
}

/// Both ends have much to send and hardly any room: a driver that only writes would never end.
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
    let outcome = outcome.expect("in time").expect("it succeeds");
    assert_eq!((outcome.entries, outcome.refused), (files as u32, files as u32 / 2));
    assert_eq!(there.files.len(), files / 2);
}
