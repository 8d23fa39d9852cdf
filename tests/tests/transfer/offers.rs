//! Which entries are offered, which offers are answered, and the end of a tree that is refused.

use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::store::{Entry, Kind, Store};
use tinyferry_core::wire::{Code, Signal, UNKNOWN};
use tinyferry_core::{Config, Step, Task};
use tinyferry_kit::{Endpoint, Memory, outline};

const SESSION: u32 = 0x0102_0304;

/// A store that gives one entry, whose path may be anything.
#[derive(Debug)]
struct Gives(Option<(&'static [u8], Kind)>);

impl Store for Gives {
    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let Some((name, kind)) = self.0.take() else { return Ok(None) };
        path[..name.len()].copy_from_slice(name);
        Ok(Some(Entry { kind, ..Entry::file(name.len(), 0) }))
    }
}

/// R15. Only the root of a tree may have the empty path.
#[test]
fn an_entry_whose_path_is_not_allowed_is_not_offered() {
    let offers = [
        (&b""[..], Kind::File, None),
        (b"", Kind::Directory, None),
        (b"", Kind::Tree, Some(Code::Sar)),
        (b"a", Kind::File, Some(Code::Saf)),
        (b"a", Kind::Directory, Some(Code::Saf)),
        (b"a/", Kind::File, None),
        (b"a/", Kind::Tree, None),
        (b"../a", Kind::File, None),
        (b"\xFF", Kind::Directory, None),
    ];
    for (path, kind, expected) in offers {
        let store = Gives(Some((path, kind)));
        let (mut client, _, said) = Endpoint::client(SESSION, Config::RELIABLE, store, Task::Put);
        let first = outline(&said).first().copied();
        match expected {
            Some(code) => assert_eq!(first, Some((code, 1)), "{path:?} {kind:?}"),
            None => {
                assert_eq!(outline(&said), [(Code::Err, 1)], "{path:?} {kind:?}");
                assert_eq!(said[0].reason(), Reason::BadPath);
                let Step::Over(result) = client.session.poll() else { panic!("{path:?}") };
                assert_eq!(result.map(drop), Err(Failure::Refused(Reason::BadPath)));
            }
        }
    }
}

/// R62.
#[test]
fn an_offer_past_two_gibibytes_that_may_be_resumed_is_answered() {
    let most = (1 << 31) - 1;
    for (resume, size, is_answered) in [
        (most, most, false),
        (most + 1, most + 1, true),
        (0, most + 1, false),
        (1, UNKNOWN, true),
        (0, UNKNOWN, false),
    ] {
        let (mut server, mut client) =
            Endpoint::server(SESSION, Config::RELIABLE, Memory::default());
        client.described(Signal::offer(1, resume, size, 5), b"f");
        let expected = if is_answered { vec![(Code::Pon, 1)] } else { vec![] };
        assert_eq!(outline(&server.receive(&client.take())), expected, "{resume} {size}");
    }
}

/// A store that sends a tree of `left` files of one byte, and records that it was abandoned.
#[derive(Debug)]
struct Tree {
    left: u8,
    is_begun: bool,
    abandoned: Vec<(Reason, bool)>,
}

impl Store for Tree {
    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let is_begun = std::mem::replace(&mut self.is_begun, true);
        let kind = if is_begun { Kind::File } else { Kind::Tree };
        if is_begun && self.left == 0 {
            return Ok(None);
        }
        self.left -= u8::from(is_begun);
        path[0] = b'a' + self.left;
        Ok(Some(Entry { kind, ..Entry::file(1, 1) }))
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        into.fill(0);
        Ok(if position == 0 { into.len() } else { 0 })
    }

    fn abandon(&mut self, reason: Reason, all: bool) {
        self.abandoned.push((reason, all));
    }
}

/// R44.
#[test]
fn the_sender_of_a_refused_tree_sends_an_error_unless_it_has_sent_the_end_of_the_tree() {
    // The offer of the tree, three frames for each file and `DON`.
    for (credit, files, expected) in [(6, 9, vec![(Code::Err, 1)]), (6, 1, vec![])] {
        let config = Config::RELIABLE.credit(credit);
        let store = Tree { left: files, is_begun: false, abandoned: Vec::new() };
        let (mut client, mut server, said) = Endpoint::client(SESSION, config, store, Task::Put);
        assert_eq!(outline(&said)[0], (Code::Sar, 1));
        let is_through = outline(&said).contains(&(Code::Don, 1));
        assert_eq!(is_through, expected.is_empty(), "{said:?}");
        server.signal(Signal::refuse(1, 0, Reason::NoSpace, 0));
        assert_eq!(outline(&client.receive(&server.take())), expected);
        assert_eq!(client.store.abandoned, [(Reason::NoSpace, true)]);
        let Step::Over(result) = client.session.poll() else { panic!("it goes on") };
        assert_eq!(result.map(drop), Err(Failure::Refused(Reason::NoSpace)));
    }
}

#[test]
fn a_session_whose_stream_failed_closes_the_store_and_is_over() {
    let config = Config::RELIABLE.credit(6);
    let store = Tree { left: 9, is_begun: false, abandoned: Vec::new() };
    let (mut client, _, _) = Endpoint::client(SESSION, config, store, Task::Put);
    client.session.link_failed();
    assert_eq!(outline(&client.receive(&[])), []);
    assert_eq!(client.store.abandoned, [(Reason::Cancelled, true)]);
    let Step::Over(result) = client.session.poll() else { panic!("it goes on") };
    assert_eq!(result, Err(Failure::UnexpectedEof));
}

#[test]
fn a_session_that_is_refused_closes_the_store_for_that_reason() {
    let config = Config::RELIABLE.credit(6);
    let store = Tree { left: 9, is_begun: false, abandoned: Vec::new() };
    let (mut client, mut server, _) = Endpoint::client(SESSION, config, store, Task::Put);
    server.signal(Signal::refuse(0, 0, Reason::Busy, SESSION));
    client.receive(&server.take());
    assert_eq!(client.store.abandoned, [(Reason::Busy, true)]);
    let Step::Over(result) = client.session.poll() else { panic!("it goes on") };
    assert_eq!(result, Err(Failure::Refused(Reason::Busy)));
}
