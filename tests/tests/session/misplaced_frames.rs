//! Ignored frames, refused frames, and failures: single rules, each with the frames it is about.

use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::wire::{Code, Signal};
use tinyferry_core::{Config, Session, Step, Task};
use tinyferry_kit::{Endpoint, Frames, Memory, content, session_number};

fn codes(said: &[Signal]) -> Vec<Code> {
    said.iter().map(|signal| signal.code).collect()
}

/// A client that has said this, and the frames of its server after the hello.
fn client(task: Task<'_>) -> (Endpoint<Memory>, Frames) {
    let mut session = Session::client(session_number(7), Config::RELIABLE);
    session.begin(task).expect("a client may begin");
    let mut client = Endpoint::new(session, Memory::default());
    client.receive(&[]);
    (client, Frames::server(7, Config::RELIABLE))
}

#[test]
fn a_server_whose_client_has_left_begins_no_task() {
    let mut server: Session = Session::server(Config::RELIABLE);
    server.received(0, None);
    assert!(matches!(server.poll(), Step::Over(Ok(_))));
    assert_eq!(server.begin(Task::Ping), Err(Failure::ApiMisuse));
}

/// R18.
#[test]
fn a_hello_of_session_0_is_not_answered() {
    let mut server = Endpoint::new(Session::server(Config::LOSSY), Memory::default());
    assert_eq!(codes(&server.receive(&Frames::client(0, Config::LOSSY).bytes)), []);
    assert_eq!(codes(&server.receive(&Frames::client(7, Config::LOSSY).bytes)), [Code::Pon]);
}

/// R34.
#[test]
fn an_end_before_all_chunks_is_refused_on_a_reliable_link() {
    let mut server = Endpoint::new(Session::server(Config::RELIABLE), Memory::default());
    let mut client = Frames::client(7, Config::RELIABLE);
    client.described(Signal::offer(1, 0, 2048, 0), b"f");
    client.chunk(1, 0, &content(1024, 1));
    client.signal(Signal::done(1, 2048, 3, 0));
    let said = server.receive(&client.bytes);
    assert_eq!(codes(&said), [Code::Pon, Code::Err]);
    assert_eq!(said[1].reason(), Reason::Incomplete);
}

/// R12.
#[test]
fn the_text_of_a_refusal_reaches_the_client() {
    let (mut client, mut server) = client(Task::get_file("f"));
    server.described(Signal::refuse(1, 0, Reason::NotFound, 0), b"look elsewhere");
    client.receive(&server.bytes);
    assert_eq!(client.session.message(), "look elsewhere");
}

/// R26.
#[test]
fn the_end_of_another_transfer_does_not_complete_a_close() {
    let (mut client, mut server) = client(Task::Close);
    server.signal(Signal::done(2, 0, 0, 0));
    client.receive(&server.take());
    assert!(!matches!(client.session.poll(), Step::Over(_)));
    server.signal(Signal::done(1, 0, 0, 0));
    client.receive(&server.take());
    assert!(matches!(client.session.poll(), Step::Over(Ok(outcome)) if outcome.closed));
}
