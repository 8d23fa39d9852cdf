//! The handshake and the requests after it.

use tinyferry_core::checksum::{Checksums as _, Tables};
use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::wire::{AckInfo, Code, SackMap, Signal, UNKNOWN};
use tinyferry_core::{Config, Negotiated, Session, Step, Task};
use tinyferry_kit::{Endpoint, Frames, Memory, outline, session_number};

const SESSION: u32 = 0x0102_0304;

/// R20.
#[test]
fn a_hello_that_leads_to_impossible_terms_is_refused() {
    let sound = Config::LOSSY;
    for (own, other) in [
        (sound, sound.chunk(255)),
        (sound, sound.block(2).chunk(1023)),
        (sound, sound.block(3)),
        (sound, sound.credit(0)),
        (sound.credit(0), sound),
    ] {
        let mut server = Endpoint::new(Session::server(own), Memory::default());
        let said = server.receive(&Frames::client(SESSION, other).take());
        assert_eq!(outline(&said), [(Code::Err, 0)], "{own:?} {other:?}");
        assert_eq!((said[0].reason(), said[0].session()), (Reason::Unsupported, SESSION));
        assert_eq!(server.session.negotiated(), None);
        assert!(!server.session.has_sha256());
    }
}

/// R20.
#[test]
fn a_server_knows_the_negotiated_terms() {
    let config = Config::LOSSY.half_duplex(true).chunk(700).credit(9).sha256(true);
    let own = config.credit(5);
    let mut server = Endpoint::new(Session::server(own), Memory::default());
    let said = server.receive(&Frames::client(SESSION, config).take());
    assert_eq!(outline(&said), [(Code::Pon, 0)]);
    let agreed = server.session.negotiated().expect("it has met a client");
    let Negotiated { lossy, half_duplex, chunk, send_credit, recv_credit, .. } = agreed;
    let sha256 = agreed.sha256();
    assert_eq!((lossy, half_duplex, sha256, chunk), (true, true, true, 512));
    assert_eq!((send_credit, recv_credit), (9, 5));
    assert!(server.session.has_sha256());
    // Another client does not want it.
    server.wait(1_000);
    server.receive(&Frames::client(77, config.sha256(false)).take());
    assert_eq!(server.session.number(), Some(session_number(77)));
    assert!(!server.session.has_sha256());
}

/// R15.
#[test]
fn a_client_requests_only_a_path_that_is_sound() {
    let refused = Err(Failure::Refused(Reason::BadPath));
    for (path, expected) in [("a", Ok(())), ("", Ok(())), ("a/", refused), ("../a", refused)] {
        let mut session =
            Session::<tinyferry_core::Standard>::client(session_number(SESSION), Config::RELIABLE);
        assert_eq!(session.begin(Task::get_tree(path)), expected);
    }
}

/// R23.
#[test]
fn a_request_that_comes_again_on_a_reliable_link_is_ignored() {
    let store = Memory::with([("f", b"content".to_vec())]);
    let (mut server, mut client) = Endpoint::server(SESSION, Config::RELIABLE, store);
    client.described(Signal::request(1, false, false), b"f");
    let request = client.bytes.clone();
    let said = server.receive(&client.take());
    assert_eq!(outline(&said), [(Code::Saf, 1), (Code::Don, 1)]);
    assert_eq!(outline(&server.receive(&request)), []);
}

/// R20.
#[test]
fn a_hello_of_a_version_before_the_first_is_refused() {
    let mut bytes = Frames::client(SESSION, Config::RELIABLE).take();
    bytes[20] = 0;
    let check = Tables::crc32(0, &bytes[..32]);
    bytes[32..].copy_from_slice(&check.to_le_bytes());
    let mut server = Endpoint::new(Session::server(Config::RELIABLE), Memory::default());
    let said = server.receive(&bytes);
    assert_eq!(outline(&said), [(Code::Err, 0)]);
    assert_eq!(said[0].reason(), Reason::Version);
}

/// R29. On a reliable link the answer cannot be lost.
#[test]
fn a_closed_server_repeats_its_answer_for_three_seconds_on_a_lossy_link() {
    let closed = |server: &mut Endpoint<Memory>| match server.session.poll() {
        Step::Over(result) => Some(result.map(|outcome| outcome.closed)),
        _ => None,
    };
    for config in [Config::RELIABLE, Config::LOSSY] {
        let config = config.may_close(true);
        let (mut server, mut client) = Endpoint::server(SESSION, config, Memory::default());
        client.signal(Signal::new(Code::Cls, 1, 0));
        let close = client.take();
        assert_eq!(outline(&server.receive(&close)), [(Code::Don, 1)]);
        if config.lossy {
            assert_eq!(outline(&server.wait(2_000)), []);
            assert_eq!(outline(&server.receive(&close)), [(Code::Don, 1)]);
            // Nobody else is served.
            let other = Frames::client(77, config).take();
            assert_eq!(outline(&server.receive(&other)), []);
            server.wait(999);
            assert_eq!(closed(&mut server), None);
            server.wait(1);
        }
        assert_eq!(closed(&mut server), Some(Ok(true)));
    }
}

/// R26.
#[test]
fn the_end_of_a_transfer_is_repeated_to_questions_and_not_to_answers() {
    let (mut server, mut client) = Endpoint::server(SESSION, Config::LOSSY, Memory::default());
    client.described(Signal::offer(1, 0, 0, 5), b"f");
    client.signal(Signal::done(1, 0, 2, 0));
    let said = server.receive(&client.take());
    assert_eq!(outline(&said).last(), Some(&(Code::Don, 1)));
    for (signal, expected) in [
        (Signal::ask(1, 0, 2), vec![(Code::Don, 1)]),
        (Signal::done(1, 0, 2, 0), vec![(Code::Don, 1)]),
        (Signal::ack(1, 0, 9, 2, AckInfo::Sack(SackMap::EMPTY)), vec![]),
        (Signal::ask(2, 0, 2), vec![]),
    ] {
        client.signal(signal);
        assert_eq!(outline(&server.receive(&client.take())), expected, "{signal:?}");
    }
}

/// R38.
#[test]
fn a_tree_inside_a_tree_ends_the_session() {
    let (mut server, mut client) = Endpoint::server(SESSION, Config::RELIABLE, Memory::default());
    client.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t");
    client.described(Signal::offer_tree(2, UNKNOWN, UNKNOWN), b"u");
    server.receive(&client.take());
    let Step::Over(result) = server.session.poll() else { panic!("it goes on") };
    assert_eq!(result, Err(Failure::ProtocolViolation));
}

#[test]
fn a_server_waits_for_a_hello_and_for_a_request_as_configured() {
    let is_idle = |server: &mut Endpoint<Memory>| {
        matches!(server.session.poll(), Step::Over(Err(Failure::IdleTimeout)))
    };
    let config = Config::RELIABLE.handshake_timeout(3_000).idle_timeout(5_000);
    let mut fresh = Endpoint::new(Session::server(config), Memory::default());
    fresh.session.resume(Some(0));
    let (met, _) = Endpoint::server(SESSION, config, Memory::default());
    for (mut server, wait) in [(fresh, 3_000), (met, 5_000)] {
        server.wait(wait - 1);
        assert!(!is_idle(&mut server));
        server.wait(1);
        assert!(is_idle(&mut server));
    }
}
