//! A device over async streams, and `run` of the async driver: tasks of several clients, a close, a stream that
//! ends, and one that fails.

use std::future::poll_fn;
use std::num::NonZeroU32;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use embedded_io::{ErrorKind, ErrorType};
use embedded_io_adapters::tokio_1::FromTokio;
use tinyferry_core::device::{Control, Device, Event};
use tinyferry_core::driver::async_io::{Error, NoClock, run};
use tinyferry_core::{Config, Failure, Outcome, Session, Standard, Task};
use tinyferry_kit::{Memory, content, session_number};
use tokio::io::{AsyncWriteExt, DuplexStream};

use super::async_tokio::{TokioClock, tokio};

const CONFIG: Config = Config::RELIABLE.may_close(true);
const GET: Task<'_> = Task::get_file("there");

/// The events of a server.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Connected(Option<NonZeroU32>),
    Stored(String),
    Sent(String),
    Idle,
    Closed(Result<Outcome, Failure>),
}

/// The event of a client in session `number`.
fn connected(number: u32) -> Told {
    Told::Connected(Some(session_number(number)))
}

/// Serves a stream with one call, and returns the result and the events.
async fn served(
    device: &mut Device,
    stream: &mut DuplexStream,
    store: &mut Memory,
) -> (Result<Outcome, Failure>, Vec<Told>) {
    let (reader, writer) = tokio::io::split(stream);
    let (mut reader, mut writer) = (FromTokio::new(reader), FromTokio::new(writer));
    let mut clock = TokioClock(Instant::now());
    let mut told = Vec::new();
    let ends = (&mut reader, &mut writer);
    let result = device.serve_async(ends.0, ends.1, &mut clock, store, |control, event| {
        told.push(match event {
            Event::Connected => Told::Connected(control.session().number()),
            Event::Stored { path, .. } => Told::Stored(path.to_owned()),
            Event::Sent { path, .. } => Told::Sent(path.to_owned()),
            Event::Idle => Told::Idle,
            Event::Closed(result) => Told::Closed(result.as_ref().copied().map_err(of_session)),
            _ => return,
        });
    });
    (result.await.map_err(|error| of_session(&error)), told)
}

/// Completes a server's call beside its clients.
async fn beside<T>(serving: impl Future<Output = T>, asking: impl Future<Output = ()>) -> T {
    let (mut serving, mut asking) = (pin!(serving), pin!(asking));
    let (mut served, mut is_asking) = (Poll::Pending, true);
    let both = poll_fn(|context| {
        is_asking = is_asking && asking.as_mut().poll(context).is_pending();
        if served.is_pending() {
            served = serving.as_mut().poll(context);
        }
        if is_asking { Poll::Pending } else { std::mem::replace(&mut served, Poll::Pending) }
    });
    tokio::time::timeout(Duration::from_secs(60), both).await.expect("in time")
}

/// Runs tasks of one client.
async fn ask(
    number: u32,
    stream: &mut DuplexStream,
    store: &mut Memory,
    tasks: &[Task<'_>],
) -> Vec<Outcome> {
    let (reader, writer) = tokio::io::split(stream);
    let (mut reader, mut writer) = (FromTokio::new(reader), FromTokio::new(writer));
    let mut session: Session = Session::client(session_number(number), CONFIG);
    let mut outcomes = Vec::new();
    for task in tasks {
        let done = run(&mut session, *task, &mut reader, &mut writer, &mut NoClock, store).await;
        outcomes.push(done.expect("it succeeds"));
    }
    outcomes
}

fn of_session<E: std::fmt::Debug>(error: &Error<E>) -> Failure {
    match error {
        Error::Session(failure) => *failure,
        Error::Link(error) => panic!("the stream fails: {error:?}"),
    }
}

#[test]
fn the_async_server_serves_clients_until_one_closes_it_and_then_again() {
    let mut here = Memory::with([("t/a", content(70_000, 5)), ("t/b", content(700, 6))]);
    here.queue_tree("t");
    let mut there = Memory::with([("there", content(40_000, 7))]);
    let closed = Outcome { closed: true, ..Outcome::default() };
    tokio().block_on(async {
        let (mut client, mut server) = tokio::io::duplex(500);
        let mut device: Device = Device::new(CONFIG);
        let asking = async {
            // The first session fails, and the server goes on.
            client.write_all(&[b'x'; 36]).await.expect("it is sent");
            let first = ask(5, &mut client, &mut here, &[Task::Put, GET]).await;
            assert_eq!((first[0].entries, first[0].refused), (2, 0));
            ask(6, &mut client, &mut Memory::default(), &[Task::Ping, Task::Close]).await;
        };
        let serving = served(&mut device, &mut server, &mut there);
        let (result, told) = beside(serving, asking).await;
        assert_eq!(result, Ok(closed));
        let expected = [
            Told::Closed(Err(Failure::NotTinyferry)),
            connected(5),
            Told::Stored("t/a".to_owned()),
            Told::Stored("t/b".to_owned()),
            Told::Stored("t".to_owned()),
            Told::Idle,
            Told::Sent("there".to_owned()),
            Told::Idle,
            connected(6),
            Told::Closed(Ok(closed)),
        ];
        assert_eq!(told, expected);

        // The same session serves the next call, until the stream ends.
        let asking = async {
            ask(7, &mut client, &mut Memory::default(), &[Task::Ping]).await;
            drop(client);
        };
        let serving = served(&mut device, &mut server, &mut there);
        let (result, told) = beside(serving, asking).await;
        assert_eq!(result, Ok(Outcome::default()));
        assert_eq!(told, [connected(7), Told::Closed(Ok(Outcome::default()))]);
    });
    assert!(here.files == there.files && there.files.len() == 3);
}

/// A stream whose reads fail, or whose writes do.
struct Broken {
    reads: bool,
}

impl ErrorType for Broken {
    type Error = ErrorKind;
}

impl embedded_io_async::Read for Broken {
    async fn read(&mut self, _: &mut [u8]) -> Result<usize, ErrorKind> {
        Err(ErrorKind::ConnectionReset)
    }
}

impl embedded_io_async::Write for Broken {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if self.reads { Ok(bytes.len()) } else { Err(ErrorKind::BrokenPipe) }
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

#[test]
fn the_async_driver_returns_the_error_of_the_stream() {
    tokio().block_on(async {
        let (mut store, mut clock) = (Memory::default(), NoClock);
        for (reads, expected) in
            [(true, ErrorKind::ConnectionReset), (false, ErrorKind::BrokenPipe)]
        {
            let (mut reader, mut writer) = (Broken { reads }, Broken { reads });
            let mut client: Session = Session::client(session_number(5), CONFIG);
            let done =
                run(&mut client, Task::Ping, &mut reader, &mut writer, &mut clock, &mut store);
            assert_eq!(done.await, Err(Error::Link(expected)));
        }
        let mut device: Device = Device::new(CONFIG);
        // Each call returns, and tells of one end.
        for _ in 0..2 {
            let (mut reader, mut writer) = (Broken { reads: true }, Broken { reads: true });
            let mut ends = Vec::new();
            let on_event = |_: &mut Control<'_, Standard>, event: Event<'_, ErrorKind>| {
                if let Event::Closed(result) = event {
                    ends.push(*result);
                }
            };
            let done =
                device.serve_async(&mut reader, &mut writer, &mut clock, &mut store, on_event);
            let failed = Err(Error::Link(ErrorKind::ConnectionReset));
            assert_eq!(done.await, failed);
            assert_eq!(ends, [failed]);
        }
    });
}

#[test]
fn a_task_that_may_not_begin_is_refused_by_the_async_driver() {
    tokio().block_on(async {
        let (mut reader, mut writer) = (Broken { reads: true }, Broken { reads: true });
        let mut server: Session = Session::server(CONFIG);
        let (mut store, mut clock) = (Memory::default(), NoClock);
        let done = run(&mut server, Task::Ping, &mut reader, &mut writer, &mut clock, &mut store);
        assert_eq!(done.await, Err(Error::Session(Failure::ApiMisuse)));
    });
}
