//! Rules of the hello and its reply.

use super::*;

/// R19.
#[test]
fn no_frame_is_accepted_before_the_hello() {
    let mut seedless = Frames::client(0, Config::RELIABLE);
    seedless.take();
    let mut firsts: Vec<Vec<u8>> = Vec::new();
    let mut add = |fill: &dyn Fn(&mut Frames)| {
        fill(&mut seedless);
        firsts.push(seedless.take());
    };
    add(&|frames| frames.signal(Signal::refuse(0, 0, Reason::Busy, SESSION)));
    add(&|frames| frames.hello(Code::Pon, Config::RELIABLE));
    add(&|frames| frames.hello(Code::Pin, Config::RELIABLE));
    add(&|frames| frames.signal(Signal::new(Code::Cls, 1, 0)));
    add(&|frames| frames.signal(Signal::ask(1, 0, 0)));
    add(&|frames| frames.chunk(1, 0, b"content"));
    add(&|frames| frames.bytes.extend(b"SSH-2.0-OpenSSH_9.6\r\n and so forth, for 36 bytes"));
    for (number, first) in firsts.into_iter().enumerate() {
        let hello = Frames::client(SESSION, Config::RELIABLE).take();
        let said = [&first[..], &hello].concat();
        let mut server = Endpoint::new(Session::server(Config::RELIABLE), Memory::default());
        assert_eq!(outline(&server.receive(&said)), [], "{number}");
        assert_eq!(result(&mut server), Some(Err(Failure::NotTinyferry)), "{number}");
        // On a lossy link it may be the rest of another session.
        let mut server = Endpoint::new(Session::server(Config::LOSSY), Memory::default());
        server.receive(&first);
        server.wait(100);
        assert_eq!(outline(&server.receive(&hello)), [(Code::Pon, 0)], "{number}");
    }
}

/// R19.
#[test]
fn no_frame_is_accepted_before_the_reply_to_the_hello() {
    let begun = || {
        let mut session = Session::client(session_number(SESSION), Config::RELIABLE);
        session.begin(Task::Ping).expect("it may");
        let mut client = Endpoint::new(session, Memory::default());
        client.receive(&[]);
        client
    };
    // Of another session, and a hello: ignored.
    let mut other = Frames::server(9, Config::RELIABLE);
    other.hello(Code::Pin, Config::RELIABLE);
    other.signal(Signal::refuse(0, 0, Reason::Busy, 9));
    let mut client = begun();
    client.receive(&other.take());
    assert_eq!(result(&mut client), None);
    client.receive(&Frames::server(SESSION, Config::RELIABLE).take());
    assert_eq!(result(&mut client), Some(Ok(())));
    // Of this one, but before the answer: an error.
    let mut early = Frames::server(SESSION, Config::RELIABLE);
    early.take();
    early.signal(Signal::refuse(1, 0, Reason::NotFound, 0));
    let mut client = begun();
    client.receive(&early.take());
    assert_eq!(result(&mut client), Some(Err(Failure::NotTinyferry)));
    early.chunk(1, 0, b"content");
    let mut client = begun();
    client.receive(&early.take());
    assert_eq!(result(&mut client), Some(Err(Failure::NotTinyferry)));
}

/// R21.
#[test]
fn the_client_checks_the_reply_to_its_hello() {
    let own = Config::LOSSY.half_duplex(true).block(1).chunk(512);
    let answer = |change: &dyn Fn(&mut Config)| {
        let mut session = Session::client(session_number(SESSION), own);
        session.begin(Task::Ping).expect("it may");
        let mut client = Endpoint::new(session, Memory::default());
        client.receive(&[]);
        let mut chosen = own;
        change(&mut chosen);
        client.receive(&Frames::server(SESSION, chosen).take());
        result(&mut client)
    };
    let sound: [&dyn Fn(&mut Config); 3] =
        [&|_| {}, &|chosen| chosen.credit = 1, &|chosen| (chosen.block, chosen.chunk) = (1, 512)];
    for change in sound {
        assert_eq!(answer(change), Some(Ok(())));
    }
    let unsound: [&dyn Fn(&mut Config); 9] = [
        &|chosen| chosen.lossy = false,
        &|chosen| chosen.half_duplex = false,
        &|chosen| chosen.sha256 = true,
        &|chosen| chosen.chunk = 1024,
        &|chosen| chosen.chunk = 511,
        &|chosen| chosen.block = 0,
        // No whole block fits; and there is no such block.
        &|chosen| chosen.block = 2,
        &|chosen| chosen.block = 3,
        &|chosen| chosen.credit = 0,
    ];
    for (number, change) in unsound.into_iter().enumerate() {
        assert_eq!(answer(change), Some(Err(Failure::ProtocolViolation)), "{number}");
    }
    let (mut session, hello) =
        (Session::client(session_number(SESSION), own), Frames::server(SESSION, own));
    session.begin(Task::Ping).expect("it may");
    let mut client = Endpoint::new(session, Memory::default());
    client.receive(&[]);
    let mut bytes = hello.bytes;
    bytes[20] = VERSION + 1;
    let check = Tables::crc32(0, &bytes[..32]);
    bytes[32..].copy_from_slice(&check.to_le_bytes());
    client.receive(&bytes);
    assert_eq!(result(&mut client), Some(Err(Failure::Refused(Reason::Version))));
}

/// R30.
#[test]
fn a_server_that_shuts_down_refuses_with_that_reason() {
    let refused = Some(Err(Failure::Refused(Reason::ShuttingDown)));
    // In answer to a hello.
    let config = Config::RELIABLE.refuse(Reason::ShuttingDown);
    let mut server = Endpoint::new(Session::server(config), Memory::default());
    let said = server.receive(&Frames::client(SESSION, Config::RELIABLE).take());
    assert_eq!((outline(&said), said[0].session()), (vec![(Code::Err, 0)], SESSION));
    assert_eq!((said[0].reason(), result(&mut server)), (Reason::ShuttingDown, refused));
    // In answer to a request.
    let get = Task::get_file("f");
    let (mut asking, mut server, _) = client(Config::RELIABLE, Memory::default(), get);
    server.signal(Signal::refuse(1, 0, Reason::ShuttingDown, 0));
    asking.receive(&server.take());
    assert_eq!(result(&mut asking), refused);
    // Between two requests: it is read with the next one.
    let (mut idle, mut server, _) = client(Config::RELIABLE, Memory::default(), Task::Ping);
    assert_eq!(result(&mut idle), Some(Ok(())));
    server.signal(Signal::refuse(0, 0, Reason::ShuttingDown, SESSION));
    idle.session.begin(get).expect("it may");
    idle.receive(&server.take());
    assert_eq!(result(&mut idle), refused);
    assert_eq!(idle.session.begin(get), Err(Failure::Refused(Reason::ShuttingDown)));
}
