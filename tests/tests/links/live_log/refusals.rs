//! Requests to follow that an end cannot answer.

use tinyferry_core::Standard;
use tinyferry_core::error::Failure;
use tinyferry_kit::{Memory, Operates};

use super::*;

fn refused<C: tinyferry_core::Profile, S: tinyferry_core::Profile>(task: Task<'_>) -> Failure {
    let number = session_number(1);
    let client = End::of(Session::<C>::client(number, Config::RELIABLE), Memory::default());
    let mut log = Memory::with([("log", b"x".to_vec())]);
    log.directories.insert("t".into());
    let server = End::of(Session::<S>::server(Config::RELIABLE), log);
    Pair::of(client, server).run(task).expect("it ends").expect_err("it is refused")
}

/// R14, R88, R99.
#[test]
fn an_end_without_pipes_neither_follows_nor_is_followed() {
    assert_eq!(refused::<Pipes, Standard>(follow()), Failure::Refused(Reason::Unsupported));
    assert_eq!(refused::<Pipes, Operates>(follow()), Failure::Refused(Reason::Unsupported));
    assert_eq!(refused::<Operates, Pipes>(follow()), Failure::InvalidOptions);
    // The store knows no options.
    assert_eq!(refused::<Pipes, Pipes>(follow()), Failure::Refused(Reason::Unsupported));
}

/// R99.
#[test]
fn a_tree_cannot_be_followed() {
    let options = RequestOptions { follow: true, ..RequestOptions::default() };
    let task = Task::Get(GetRequest::tree("t").with(options));
    let number = session_number(1);
    let client = Session::<Pipes>::client(number, Config::RELIABLE);
    let server = Session::<Pipes>::server(Config::RELIABLE);
    let mut pair = Pair::of(End::of(client, Screen::default()), End::of(server, Log::of_lines(1)));
    let outcome = pair.run(task).expect("it ends");
    assert_eq!(outcome, Err(Failure::Refused(Reason::Unsupported)));
}
