//! A client whose answer was lost asks for something itself, again and again: that must not keep
//! the server from asking for the answer.

use tinyferry_core::wire::{AckInfo, Code, SackMap, Signal};
use tinyferry_core::{Config, Session};
use tinyferry_kit::{Endpoint, Frames, Memory, content};

/// Less than the first wait of a sender, in ms.
const PAUSE: u32 = 900;

/// A server with a request for a file, the frames of its client, and the server's answers.
fn asked() -> (Endpoint<Memory>, Frames, Vec<Signal>) {
    let store = Memory::with([("f", content(300, 1))]);
    let mut server = Endpoint::new(Session::server(Config::LOSSY), store);
    let mut client = Frames::client(7, Config::LOSSY);
    client.described(Signal::request(1, false, false), b"f");
    let said = server.receive(&client.take());
    (server, client, said)
}

fn codes(said: &[Signal]) -> Vec<Code> {
    said.iter().map(|signal| signal.code).collect()
}

/// R73.
#[test]
fn an_offer_is_repeated_to_a_client_that_repeats_its_request() {
    let (mut server, mut client, said) = asked();
    assert_eq!(codes(&said), [Code::Pon, Code::Saf]);
    server.wait(PAUSE);
    client.described(Signal::request(1, false, false), b"f");
    assert_eq!(codes(&server.receive(&client.take())), [Code::Saf]);
}

#[test]
fn an_offer_is_repeated_to_a_client_that_lost_its_path_and_queries_the_position() {
    let (mut server, mut client, _) = asked();
    server.wait(PAUSE);
    client.signal(Signal::ask(1, 0, 0));
    assert_eq!(codes(&server.receive(&client.take())), [Code::Saf]);
}

/// R28.
#[test]
fn the_end_of_a_file_is_repeated_to_a_client_that_has_completed_it_and_sends_a_hello() {
    let (mut server, mut client, _) = asked();
    client.signal(Signal::ack(1, 0, 8, 0, AckInfo::Sack(SackMap::EMPTY)));
    assert_eq!(codes(&server.receive(&client.take())), [Code::Don]);
    server.wait(PAUSE);
    client.hello(Code::Pin, Config::LOSSY);
    assert_eq!(codes(&server.receive(&client.take())), [Code::Don]);
}
