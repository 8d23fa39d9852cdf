//! The message of a store's refusal comes to the other end, where the profile asks for it.
#![cfg(unix)]

use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use embedded_io_adapters::std::FromStd;
use tinyferry_core::buffer::Buffer1024;
use tinyferry_core::checksum::{NoSha256, Tables};
use tinyferry_core::driver::blocking::{HalfDuplex, drive};
use tinyferry_core::store::{Accepted, Entry, Kind, Offer, Store};
use tinyferry_core::{Config, Profile, Reason, Session, Standard, Task};
use tinyferry_kit::session_number;

mod calls;

#[derive(Debug, Clone)]
struct Explains;

impl Profile for Explains {
    type Checksums = Tables;
    type Sha256 = NoSha256;
    type Buffer = Buffer1024;
    const MESSAGES: bool = true;
}

const RELIABLE: Config = Config::RELIABLE.half_duplex(true);
const LOSSY: Config = Config::LOSSY.half_duplex(true);

/// Refuses each file at the call that its name tells.
#[derive(Debug, Default)]
struct Refuses {
    name: String,
    message: String,
}

impl Refuses {
    fn check(&mut self, call: &str, reason: Reason) -> Result<(), Reason> {
        if self.name != call {
            return Ok(());
        }
        // The message is cut within a letter of two bytes.
        self.message = format!("{call} é{}", "é".repeat(if call == "offer" { 200 } else { 0 }));
        Err(reason)
    }
}

impl Store for Refuses {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        offer.path.clone_into(&mut self.name);
        self.check("offer", Reason::TooLarge)?;
        Ok(Accepted { prefix: 0, in_order: false })
    }

    fn store(&mut self, _: u64, bytes: &[u8]) -> Result<usize, Reason> {
        self.check("store", Reason::NoSpace).map(|()| bytes.len())
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.check("commit", Reason::Storage)
    }

    fn open(&mut self, path: &str, _: bool) -> Result<(), Reason> {
        path.clone_into(&mut self.name);
        self.check("open", Reason::NotFound)
    }

    fn refusal_message(&mut self) -> &str {
        &self.message
    }
}

/// Gives files of 2,000 bytes, alone or in a tree, and remembers their refusals.
#[derive(Debug, Default)]
struct Gives {
    entries: Vec<(Kind, &'static str)>,
    refused: Vec<(u32, Reason, String)>,
}

impl Store for Gives {
    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        let Some((kind, name)) = self.entries.pop() else { return Ok(None) };
        path[..name.len()].copy_from_slice(name.as_bytes());
        let size = (kind == Kind::File).then_some(2000);
        let (path, resumable) = (name.len(), kind == Kind::File);
        Ok(Some(Entry { kind, size, resumable, ..Entry::file(path, 0) }))
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        Ok(into.len().min(2000_usize.saturating_sub(position as usize)))
    }

    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool {
        self.refused.push((entry, reason, message.to_owned()));
        false
    }
}

/// Runs the tasks; returns the message of the last one.
fn session<S: Profile + Send + 'static>(
    config: Config,
    here: &mut Gives,
    tasks: &[Task<'_>],
) -> String
where
    Session<S>: Send,
{
    serve::<S>([config; 2], Refuses::default(), here, tasks)
}

/// The same, with a server of another configuration.
fn serve<S: Profile + Send + 'static>(
    [ours, theirs]: [Config; 2],
    mut there: Refuses,
    here: &mut Gives,
    tasks: &[Task<'_>],
) -> String
where
    Session<S>: Send,
{
    let (client, server) = UnixStream::pair().unwrap();
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    }
    let served = thread::spawn(move || {
        let mut session = Session::<S>::server(theirs);
        let _ = drive(&mut session, &mut HalfDuplex(FromStd::new(server)), &mut there);
    });
    let mut session = Session::<S>::client(session_number(7), ours);
    let mut link = HalfDuplex(FromStd::new(client));
    for task in tasks {
        session.begin(*task).unwrap();
        let _ = drive(&mut session, &mut link, here);
    }
    drop(link);
    served.join().unwrap();
    session.message().to_owned()
}

/// The message about an offer, cut after a whole letter.
fn of_offer() -> String {
    let whole = format!("offer é{}", "é".repeat(200));
    whole
        .chars()
        .scan(0, |bytes, letter| {
            *bytes += letter.len_utf8();
            (*bytes <= 240).then_some(letter)
        })
        .collect()
}

/// R12.
#[test]
fn a_refused_file_comes_with_the_message_of_the_store() {
    for config in [RELIABLE, LOSSY] {
        for (name, reason, message) in [
            ("offer", Reason::TooLarge, of_offer()),
            ("store", Reason::NoSpace, "store é".to_owned()),
            ("commit", Reason::Storage, "commit é".to_owned()),
        ] {
            let mut here = Gives { entries: vec![(Kind::File, name)], ..Gives::default() };
            session::<Explains>(config, &mut here, &[Task::Put]);
            assert_eq!(here.refused, [(0, reason, message)], "{config:?}");
        }
    }
}

#[test]
fn each_refused_entry_of_a_tree_has_its_own_message() {
    for config in [RELIABLE, LOSSY] {
        let names = ["commit", "one", "offer", "two"];
        let mut entries: Vec<_> = names.map(|name| (Kind::File, name)).into();
        entries.push((Kind::Tree, "t"));
        let mut here = Gives { entries, ..Gives::default() };
        session::<Explains>(config, &mut here, &[Task::Put]);
        let refused =
            [(1, Reason::TooLarge, of_offer()), (3, Reason::Storage, "commit é".to_owned())];
        assert_eq!(here.refused, refused, "{config:?}");
    }
}

#[test]
fn a_refused_request_comes_with_the_message_of_the_store() {
    for config in [RELIABLE, LOSSY] {
        let get = Task::get_file("open");
        assert_eq!(session::<Explains>(config, &mut Gives::default(), &[get]), "open é");
    }
}

#[test]
fn a_refused_hello_comes_with_the_message_of_the_store() {
    for config in [RELIABLE, LOSSY] {
        let refuses = config.refuse(Reason::RootGone);
        let store = Refuses { message: "why".to_owned(), ..Refuses::default() };
        let message =
            serve::<Explains>([config, refuses], store, &mut Gives::default(), &[Task::Ping]);
        assert_eq!(message, "why");
    }
}

#[test]
fn a_message_is_not_sent_with_a_later_refusal() {
    for config in [RELIABLE, LOSSY] {
        let mut here = Gives { entries: vec![(Kind::File, "commit")], ..Gives::default() };
        // The session refuses to close, and the store is not asked.
        assert_eq!(session::<Explains>(config, &mut here, &[Task::Put, Task::Close]), "");
    }
}

#[test]
fn a_profile_without_messages_sends_the_reason_alone() {
    let mut here = Gives { entries: vec![(Kind::File, "offer")], ..Gives::default() };
    session::<Standard>(RELIABLE, &mut here, &[Task::Put]);
    assert_eq!(here.refused, [(0, Reason::TooLarge, String::new())]);
}
