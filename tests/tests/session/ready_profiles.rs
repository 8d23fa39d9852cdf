//! The profiles that are ready to use: servers of a client that can do everything.

use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::{
    Config, Outcome, Profile, SerialDevice, SerialReceiver, Session, Task, UsbConsole, UsbDevice,
};
use tinyferry_kit::{
    End, Faults, File, Memory, Operates, Pair, QueuedOperation, content, session_number,
};

type Ends<S> = Pair<End<Memory, Operates>, End<Memory, S>>;

/// A client with a file, a tree and a reliable link, and a device with a file on a line that damages bytes.
fn ends<S: Profile>(config: Config, seed: u64) -> Ends<S> {
    let mut client = Memory::with([("f", content(20_000, 1))]);
    for number in 0..4 {
        client.files.insert(format!("t/{number}"), File::new(content(900 * number, 2)));
    }
    let session = Session::client(session_number(0xC0FF_EE01), Config::RELIABLE);
    let server = Memory::with([("log", content(5000, 3))]);
    let mut pair = Pair::of(End::of(session, client), End::of(Session::server(config), server))
        .serial(115_200, seed);
    let faults = Faults { flip: 1e-5, drop: 1e-4, insert: 1e-4, ..Faults::default() };
    (pair.up.faults, pair.down.faults) = (faults, faults);
    pair
}

fn put_file<S: Profile>(pair: &mut Ends<S>) -> Result<Outcome, Failure> {
    pair.client.store.queue_file("f");
    pair.run(Task::Put).expect("it ends")
}

fn put_tree<S: Profile>(pair: &mut Ends<S>) -> Result<Outcome, Failure> {
    pair.client.store.queue_tree("t");
    pair.run(Task::Put).expect("it ends")
}

#[test]
fn a_serial_device_receives_and_sends_files_and_refuses_trees() {
    for seed in 0..10 {
        let mut pair = ends::<SerialDevice>(Config::UART, seed);
        pair.server.store.partials.insert("f".into(), content(20_000, 1)[..10_240].to_vec());
        assert!(put_file(&mut pair).is_ok());
        assert!(pair.up.carried < 15_000, "it is resumed");
        assert_eq!(pair.server.store.bytes("f"), pair.client.store.bytes("f"));
        let link = pair.client.session.negotiated().expect("a handshake");
        assert!(link.lossy && (link.chunk, link.send_credit) == (256, 4));
        assert!(pair.run(Task::get_file("log")).expect("it ends").is_ok());
        assert_eq!(pair.client.store.bytes("log"), pair.server.store.bytes("log"));
        assert_eq!(put_tree(&mut pair), Err(Failure::Refused(Reason::Unsupported)));
    }
}

#[test]
fn a_serial_receiver_receives_files_and_sends_none() {
    for seed in 0..10 {
        let mut pair = ends::<SerialReceiver>(Config::UART, seed);
        assert!(put_file(&mut pair).is_ok());
        assert_eq!(pair.server.store.bytes("f"), pair.client.store.bytes("f"));
        let refused = pair.run(Task::get_file("log")).expect("it ends");
        assert_eq!(refused, Err(Failure::Refused(Reason::WriteOnly)));
        assert_eq!(put_tree(&mut pair), Err(Failure::Refused(Reason::Unsupported)));
    }
}

#[test]
fn a_usb_device_receives_and_sends_trees_and_removes_files() {
    for seed in 0..10 {
        works_behind_usb(ends::<UsbDevice>(Config::USB, seed));
        works_behind_usb(ends::<UsbConsole>(Config::USB, seed));
    }
}

fn works_behind_usb<S: Profile>(mut pair: Ends<S>) {
    assert!(put_tree(&mut pair).is_ok_and(|outcome| outcome.refused == 0));
    let link = pair.client.session.negotiated().expect("a handshake");
    assert!(link.lossy && (link.chunk, link.send_credit) == (1024, 128));
    let files = std::mem::take(&mut pair.client.store.files);
    assert!(pair.run(Task::get_tree("t")).expect("it ends").is_ok());
    assert!(
        files
            .iter()
            .all(|(path, file)| { path == "f" || pair.client.store.files.get(path) == Some(file) })
    );
    pair.client.store.queue_operations(None, &[("log", QueuedOperation::Remove)]);
    assert!(pair.run(Task::Put).expect("it ends").is_ok());
    assert_eq!(pair.server.store.bytes("log"), None);
}
