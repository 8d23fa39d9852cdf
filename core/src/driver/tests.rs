use core::num::NonZeroU32;

use embedded_io::ErrorKind;

use self::script::{Script, close, hello, leak, number_of};
use super::blocking::{Buffered, HalfDuplex, Ready, drive, run};
use super::watch::Unwatched;
use super::*;
use crate::Reason;
use crate::config::Config;
use crate::device::{Device, Event};
use crate::session::{Step, Task};
use crate::store::{Accepted, Offer, Store};
use crate::wire::{FRAME_MAX, HEADER_LEN, Header, SIGNAL_LEN, Seeds, Signal};

mod script;
mod until_idle;

#[test]
fn a_half_duplex_link_tells_the_session() {
    let mut client: Session = Session::client(NonZeroU32::MIN, Config::RELIABLE);
    let mut link = HalfDuplex(Script::new(&[]));
    let _ = run(&mut client, Task::Ping, &mut link, &mut ());
    assert!(link.0.first().as_hello().half_duplex);

    let mut client: Session = Session::client(NonZeroU32::MIN, Config::RELIABLE);
    let mut link = Ready(Script::new(&[]));
    let _ = run(&mut client, Task::Ping, &mut link, &mut ());
    assert!(!link.0.first().as_hello().half_duplex);

    let mut server: Session = Session::server(Config::RELIABLE);
    let mut link = HalfDuplex(Script::new(leak([hello(5)])));
    let _ = drive(&mut server, &mut link, &mut ());
    assert!(link.0.first().as_hello().half_duplex);
}

#[test]
fn a_server_reports_its_clients_and_serves_until_the_stream_ends() {
    let mut server: Device = Device::new(Config::RELIABLE);
    let mut link = Buffered(Script::new(leak([hello(5), hello(6)])));
    let (mut numbers, mut ends) = (0, 0);
    let result = server.serve(&mut link, &mut (), |control, event| match event {
        Event::Connected => numbers = numbers * 10 + number_of(control.session()),
        Event::Closed(result) => {
            assert!(result.is_ok());
            ends += 1;
        }
        _ => {}
    });
    assert!(result.is_ok());
    assert_eq!((numbers, ends), (56, 1));
}

#[test]
fn a_server_goes_on_after_a_session_has_failed() {
    let mut server: Device = Device::new(Config::RELIABLE);
    // No hello: the first session fails. The stream goes on behind it.
    let mut link = Ready(Script::new(leak([[b'x'; SIGNAL_LEN], hello(6)])));
    let (mut connected, mut failures) = (0, 0);
    let result = server.serve(&mut link, &mut (), |_, event| match event {
        Event::Connected => connected += 1,
        Event::Closed(result) => failures += usize::from(result.is_err()),
        _ => {}
    });
    assert!(result.is_ok(), "{result:?}");
    assert_eq!((connected, failures), (1, 1));
}

/// Serves, and returns the result, the number of the last client, and how many sessions have ended.
fn serve_once(
    server: &mut Device,
    link: &mut Ready<Script>,
) -> (Result<Outcome, Error<ErrorKind>>, u32, u32) {
    let (mut number, mut ends) = (0, 0);
    let result = server.serve(link, &mut (), |control, event| match event {
        Event::Connected => number = number_of(control.session()),
        Event::Closed(_) => ends += 1,
        _ => {}
    });
    (result, number, ends)
}

#[test]
fn a_server_returns_where_a_client_closes_it_and_serves_the_next_call() {
    let mut server: Device = Device::new(Config::RELIABLE.may_close(true));
    let mut link = Ready(Script::new(leak([hello(5), close(5)])));
    let (result, number, ends) = serve_once(&mut server, &mut link);
    assert!(result.is_ok_and(|outcome| outcome.closed), "{result:?}");
    assert_eq!((number, ends), (5, 1));
    assert_eq!(link.0.written, 2 * SIGNAL_LEN);

    link.0.input = leak([hello(6)]);
    let (result, number, ends) = serve_once(&mut server, &mut link);
    assert!(result.is_ok_and(|outcome| !outcome.closed), "{result:?}");
    assert_eq!((number, ends), (6, 1));
}

#[test]
fn a_server_returns_the_error_of_a_failed_stream_and_serves_the_next_call() {
    let mut server: Device = Device::new(Config::RELIABLE);
    let mut link = Ready(Script::new(leak([hello(5)])));
    link.0.failure = Some(ErrorKind::ConnectionReset);
    let failed = Err(Error::Link(ErrorKind::ConnectionReset));
    assert_eq!(serve_once(&mut server, &mut link), (failed, 5, 1));
    // No client came before the stream failed again.
    assert_eq!(serve_once(&mut server, &mut link), (failed, 0, 1));

    (link.0.input, link.0.failure) = (leak([hello(6)]), None);
    let (result, number, ends) = serve_once(&mut server, &mut link);
    assert!(result.is_ok(), "{result:?}");
    assert_eq!((number, ends), (6, 1));
}

#[test]
fn a_restarted_session_is_a_new_server() {
    extern crate std;
    let mut session: Session = Session::client(NonZeroU32::MIN, Config::LOSSY);
    session.begin(Task::Ping).expect("it is idle");
    session.restart();
    let new: Session = Session::server(Config::LOSSY);
    assert_eq!(std::format!("{session:?}"), std::format!("{new:?}"));
}

#[test]
fn a_stream_with_a_buffer_or_without_tells_whether_input_is_ready_and_a_half_duplex_one_never() {
    use super::blocking::Link;
    for (input, is_ready) in [(&b"x"[..], true), (&b""[..], false)] {
        assert_eq!(Ready(Script::new(input)).is_ready(), Ok(is_ready));
        assert_eq!(Buffered(Script::new(input)).is_ready(), Ok(is_ready));
        assert_eq!(HalfDuplex(Script::new(input)).is_ready(), Ok(false));
    }
}

#[test]
fn a_stream_with_a_buffer_lends_it_and_drops_the_bytes_that_were_taken() {
    use super::blocking::Link;
    let mut link = Buffered(Script::new(b"abc"));
    link.take_buffered(|bytes| bytes.iter().position(|byte| *byte == b'b').unwrap_or(0));
    assert_eq!(link.0.input, b"bc");
}

#[test]
fn a_stream_of_embedded_io_has_no_clock() {
    use super::blocking::Link;
    assert_eq!(Ready(Script::new(b"")).now(), None);
    #[cfg(feature = "async")]
    {
        use super::async_io::{Clock, NoClock};
        assert_eq!(NoClock.now(), None);
    }
}

#[test]
fn a_read_that_times_out_or_is_interrupted_is_no_failure_of_the_stream() {
    let mut session: Session = Session::server(Config::RELIABLE.handshake_timeout(1_000));
    session.resume(Some(1));
    assert_eq!(
        receive(Err(ErrorKind::Interrupted), &mut session, Some(2_000), &mut Unwatched),
        Ok(())
    );
    assert!(matches!(session.poll(), Step::Receive(_)));
    assert_eq!(
        receive(Err(ErrorKind::TimedOut), &mut session, Some(2_000), &mut Unwatched),
        Ok(())
    );
    assert!(matches!(session.poll(), Step::Over(Err(Failure::IdleTimeout))));
    let failed = receive(Err(ErrorKind::BrokenPipe), &mut session, None, &mut Unwatched);
    assert_eq!(failed, Err(ErrorKind::BrokenPipe));
}

#[test]
fn an_error_of_a_driver_is_a_clause_for_a_person() {
    extern crate std;
    use std::string::ToString;
    let link = Error::Link(ErrorKind::BrokenPipe);
    assert_eq!(link.to_string(), ErrorKind::BrokenPipe.to_string());
    let session = Error::<ErrorKind>::Session(Failure::TimedOut);
    assert_eq!(session.to_string(), "the other end does not answer");
}

/// A store that has a part of each file.
struct Partial;

impl Store for Partial {
    fn offer(&mut self, _: &Offer<'_>) -> Result<Accepted, Reason> {
        Ok(Accepted { prefix: 1024, in_order: false })
    }

    fn load(&mut self, _: u64, into: &mut [u8]) -> Result<usize, Reason> {
        Ok(into.len())
    }
}

#[test]
fn between_two_parts_of_long_work_the_output_is_flushed_and_nothing_is_written() {
    extern crate std;
    let seed = Seeds::client(5).sending;
    let (mut offer, mut path) = ([0; SIGNAL_LEN], [b'f'; FRAME_MAX]);
    let signal = Signal { metadata: 1, ..Signal::offer(1, 2048, 2048, 0) };
    signal.emit::<crate::checksum::Small>(seed, &mut offer);
    let header = Header { transfer: 1, metadata: true, length: 1, position: 0 };
    header.emit::<crate::checksum::Small>(seed, &mut path);
    let mut input = std::vec::Vec::from(leak([hello(5), offer]));
    input.extend(path.iter().take(HEADER_LEN + 1));

    let mut server: Session = Session::server(Config::RELIABLE);
    let mut link = Ready(Script::new(input.leak()));
    let ended = drive(&mut server, &mut link, &mut Partial);
    assert_eq!(ended, Err(Error::Session(Failure::UnexpectedEof)));
    // The hello, and nothing else: the prefix is not asked for.
    assert_eq!(link.0.written, SIGNAL_LEN + SIGNAL_LEN);
}
