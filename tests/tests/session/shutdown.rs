//! A server that shuts down says so to its client.

use tinyferry_core::Step;
use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::wire::{Code, Signal};
use tinyferry_core::{Config, Session};
use tinyferry_kit::{Endpoint, Frames, Memory};

const SESSION: u32 = 0x1234_5678;

/// A server that has received these bytes.
fn server(said: &[u8]) -> Endpoint<Memory> {
    let mut server = Endpoint::new(Session::server(Config::RELIABLE), Memory::default());
    server.receive(said);
    server
}

/// R30.
#[test]
fn a_server_without_a_request_sends_the_reason_of_its_shutdown() {
    let mut client = Frames::client(SESSION, Config::RELIABLE);
    let mut idle = server(&client.take());
    idle.session.shut_down();
    let said = idle.receive(&[]);
    let [told] = said.as_slice() else { panic!("one signal: {said:?}") };
    assert_eq!((told.code, told.transfer, told.session()), (Code::Err, 0, SESSION));
    assert_eq!(told.reason(), Reason::ShuttingDown);
    let refused = Failure::Refused(Reason::ShuttingDown);
    assert!(matches!(idle.session.poll(), Step::Over(Err(failure)) if failure == refused));
    // Nobody to tell.
    let mut alone = server(&[]);
    alone.session.shut_down();
    assert!(alone.receive(&[]).is_empty());
    // Its transfer goes on.
    let mut client = Frames::client(SESSION, Config::RELIABLE);
    client.described(Signal::offer(1, 0, 5, 7), b"f");
    let mut busy = server(&client.take());
    busy.session.shut_down();
    client.chunk(1, 0, b"hello");
    client.signal(Signal::done(1, 5, 3, 0x3377_8570_0652_4257));
    let said = busy.receive(&client.take());
    assert!(said.iter().any(|signal| signal.code == Code::Don), "{said:?}");
}

/// R29. The client may leave before the server has repeated its answer for long enough.
#[test]
fn a_closed_server_is_closed_also_if_its_client_has_left() {
    let config = Config::LOSSY.may_close(true);
    let (mut server, mut client) = Endpoint::server(SESSION, config, Memory::default());
    client.signal(Signal::new(Code::Cls, 1, 0));
    let said = server.receive(&client.take());
    assert!(said.iter().any(|signal| signal.code == Code::Don), "{said:?}");
    server.session.received(0, Some(server.now));
    assert!(matches!(server.session.poll(), Step::Over(Ok(outcome)) if outcome.closed));
}
