//! Builds of the core that can do less, beside one that can do all.
#![cfg(unix)]

use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use embedded_io_adapters::std::FromStd;
use tinyferry_core::buffer::Buffer1024;
use tinyferry_core::checksum::{NoSha256, Small};
use tinyferry_core::driver::blocking::{Error, HalfDuplex, drive};
use tinyferry_core::store::{Entry, Kind, Store};
use tinyferry_core::wire::Signal;
use tinyferry_core::{Config, Failure, Outcome, Profile, Reason, Session, Standard, Step, Task};
use tinyferry_kit::{File, Memory, content, session_number};

mod duplex;
mod stalls;

macro_rules! profile {
    ($name:ident, $($constant:ident = $value:literal),*) => {
        #[derive(Debug, Clone)]
        struct $name;
        impl Profile for $name {
            type Checksums = Small;
            type Sha256 = NoSha256;
            type Buffer = Buffer1024;
            $(const $constant: bool = $value;)*
        }
    };
}

profile!(OnlyReceives, SENDS = false, CLIENT = false);
profile!(OnlySends, RECEIVES = false, CLIENT = false);
profile!(NoTrees, TREES = false);
profile!(NeverLossy, LOSSY = false);
profile!(AlwaysLossy, RELIABLE = false);
profile!(OnlyAsks, SERVER = false);
profile!(Reports, REPORTS = true);
profile!(NoDuplex, DUPLEX = false);
profile!(NoClock, CLOCK = false);
profile!(NoStalls, STALLS = false);
profile!(NoResumes, RESUMES = false);
profile!(
    Smallest,
    TREES = false,
    CLIENT = false,
    RELIABLE = false,
    PENDS = false,
    STEPS = false,
    DUPLEX = false,
    CLOCK = false,
    STALLS = false,
    RESUMES = false
);

const RELIABLE: Config = Config::RELIABLE.half_duplex(true);
const LOSSY: Config = Config::LOSSY.half_duplex(true);

/// The outcome of each task of a client, and the files of either end afterwards.
fn session<C: Profile, S: Profile + 'static>(
    config: [Config; 2],
    mut here: Memory,
    there: Memory,
    tasks: &[Task<'_>],
) -> (Vec<Result<Outcome, Failure>>, Memory, Memory)
where
    Session<S>: Send,
{
    let (ends, there) = serve::<C, S>(config, &mut here, there, tasks);
    (ends, here, there)
}

/// The same, with any store at the client.
fn serve<C: Profile, S: Profile + 'static>(
    config: [Config; 2],
    here: &mut impl Store,
    mut there: Memory,
    tasks: &[Task<'_>],
) -> (Vec<Result<Outcome, Failure>>, Memory)
where
    Session<S>: Send,
{
    let (client, server) = UnixStream::pair().expect("a pair");
    for stream in [&client, &server] {
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    }
    let [ours, theirs] = config;
    let served = thread::spawn(move || {
        let mut session = Session::<S>::server(theirs);
        let _ = drive(&mut session, &mut HalfDuplex(FromStd::new(server)), &mut there);
        there
    });
    let mut session = Session::<C>::client(session_number(7), ours);
    let mut link = HalfDuplex(FromStd::new(client));
    let ends = tasks.iter().map(|task| {
        session.begin(*task)?;
        drive(&mut session, &mut link, here).map_err(|error| match error {
            Error::Session(failure) => failure,
            Error::Link(error) => panic!("{error}"),
        })
    });
    let ends = ends.collect();
    drop(link);
    (ends, served.join().expect("no panic"))
}

/// Six files, to be put as a tree.
fn tree() -> Memory {
    let mut memory = Memory::default();
    for number in 0..6 {
        memory.files.insert(format!("t/{number}"), File::new(content(3000 * number, 1)));
    }
    memory.queue_tree("t");
    memory
}

/// A file, to be put.
fn file() -> Memory {
    let mut memory = Memory::with([("f", content(5000, 2))]);
    memory.queue_file("f");
    memory
}

const GET: Task<'_> = Task::get_file("f");
const GET_TREE: Task<'_> = Task::get_tree("t");

fn refused(reason: Reason) -> Result<Outcome, Failure> {
    Err(Failure::Refused(reason))
}

/// R23.
#[test]
fn a_feature_that_is_not_built_in_is_refused_and_the_others_work() {
    for config in [RELIABLE, LOSSY] {
        let (ends, _, there) =
            session::<Standard, OnlyReceives>([config; 2], file(), file(), &[Task::Put, GET]);
        assert!(ends[0].is_ok());
        assert_eq!(ends[1], refused(Reason::WriteOnly));
        assert_eq!(there.files["f"].bytes, content(5000, 2));

        let (ends, here, there) = session::<Standard, OnlySends>(
            [config; 2],
            Memory::default(),
            file(),
            &[GET, GET_TREE],
        );
        assert!(ends[0].is_ok());
        assert_eq!(ends[1], refused(Reason::NotFound));
        assert_eq!(here.files, there.files);
        let (ends, ..) =
            session::<Standard, OnlySends>([config; 2], file(), Memory::default(), &[Task::Put]);
        assert_eq!(ends, [refused(Reason::ReadOnly)]);
        let (ends, _, there) =
            session::<Standard, OnlySends>([config; 2], tree(), file(), &[Task::Put, GET]);
        assert_eq!(ends[0], refused(Reason::ReadOnly));
        assert!(ends[1].is_ok());
        assert_eq!(there.files.len(), 1);
    }
}

#[test]
fn a_tree_is_refused_as_a_whole_where_there_are_files_only() {
    for config in [RELIABLE, LOSSY] {
        // None of it is stored, and the next chunk is not taken for a part of it.
        let (ends, _, there) =
            session::<Standard, NoTrees>([config; 2], tree(), file(), &[Task::Put, GET_TREE, GET]);
        assert_eq!(ends[..2], [refused(Reason::Unsupported), refused(Reason::Unsupported)]);
        assert!(ends[2].is_ok());
        assert_eq!(there.files.into_keys().collect::<Vec<_>>(), ["f"]);
        // Nor can it be sent.
        let (ends, _, there) =
            session::<NoTrees, Standard>([config; 2], tree(), Memory::default(), &[Task::Put]);
        assert_eq!(ends, [refused(Reason::Unsupported)]);
        assert!(there.files.is_empty());
    }
}

#[test]
fn a_link_kind_that_is_not_built_in_is_refused() {
    let one =
        |config| session::<Standard, NeverLossy>(config, file(), Memory::default(), &[Task::Put]);
    assert!(one([RELIABLE; 2]).0[0].is_ok());
    assert_eq!(one([LOSSY, RELIABLE]).0, [refused(Reason::Unsupported)]);
    let one =
        |config| session::<OnlyAsks, AlwaysLossy>(config, file(), Memory::default(), &[Task::Put]);
    for config in [RELIABLE, LOSSY] {
        let (ends, _, there) = one([config; 2]);
        assert!(ends[0].is_ok());
        assert_eq!(there.files["f"].bytes, content(5000, 2));
    }
}

/// A partial of the file, or of a file of this byte alone. In a function of its own: the compiler may take two equal values
/// that are moved for one, and then both are dropped (rust-lang/rust#155241, Rust 1.77 to 1.96).
#[inline(never)]
fn with_partial(byte: Option<u8>) -> Memory {
    let mut prefix = content(5000, 2)[..2048].to_vec();
    if let Some(byte) = byte {
        prefix.fill(byte);
    }
    let mut memory = Memory::default();
    memory.partials.insert("f".into(), prefix);
    memory
}

/// Puts and gets a file of which the receiver has a part, good or bad.
fn puts_and_gets<C: Profile, S: Profile + 'static>(config: Config)
where
    Session<S>: Send,
{
    for byte in [None, Some(7)] {
        let there = with_partial(byte);
        let (ends, _, there) = session::<C, S>([config; 2], file(), there, &[Task::Put]);
        assert!(ends[0].is_ok(), "{ends:?}");
        assert_eq!(there.files["f"].bytes, content(5000, 2));

        let here = with_partial(byte);
        let (ends, here, _) = session::<C, S>([config; 2], here, file(), &[GET]);
        assert!(ends[0].is_ok(), "{ends:?}");
        assert_eq!(here.files["f"].bytes, content(5000, 2));
    }
}

#[test]
fn a_build_without_clock_duplex_stalls_or_resumes_moves_files_all_the_same() {
    for config in [RELIABLE, LOSSY] {
        puts_and_gets::<NoDuplex, Standard>(config);
        puts_and_gets::<Standard, NoDuplex>(config);
        puts_and_gets::<NoClock, Standard>(config);
        puts_and_gets::<Standard, NoClock>(config);
        puts_and_gets::<NoStalls, Standard>(config);
        puts_and_gets::<Standard, NoStalls>(config);
        puts_and_gets::<NoResumes, Standard>(config);
        puts_and_gets::<Standard, NoResumes>(config);
        puts_and_gets::<Standard, Smallest>(config);
    }
}

#[test]
fn a_build_that_is_never_duplex_says_so_in_the_handshake() {
    let full = LOSSY.half_duplex(false);
    let mut session = Session::<NoDuplex>::client(session_number(7), full);
    session.begin(Task::Ping).expect("a task");
    let Step::Transmit(bytes) = session.poll() else { panic!("no hello") };
    let bytes = bytes.try_into().expect("a signal");
    let hello = Signal::parse::<Small>(7, bytes).expect("a hello").as_hello();
    assert!(hello.half_duplex);
}

/// A store that gives one file, and is told the receiver's state of it.
#[derive(Debug, Default)]
struct Told {
    is_given: bool,
    resumed: Vec<(u32, u64)>,
    completed: u32,
}

impl Store for Told {
    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        if std::mem::replace(&mut self.is_given, true) {
            return Ok(None);
        }
        path[0] = b'f';
        let (size, modified, mode, broken) = (Some(5000), None, None, None);
        let kind = Kind::File;
        Ok(Some(Entry {
            kind,
            path: 1,
            size,
            modified,
            mode,
            resumable: true,
            broken,
            content: None,
            operation: None,
        }))
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let bytes = content(5000, 2);
        let rest = bytes.get(position as usize..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn resumed(&mut self, entry: u32, position: u64) {
        self.resumed.push((entry, position));
    }

    fn completed(&mut self) {
        self.completed += 1;
    }
}

#[test]
fn a_store_that_sends_is_told_of_the_prefix_and_of_the_end() {
    for config in [RELIABLE, LOSSY] {
        for (prefix, refusal) in [(2048, None), (0, None), (0, Some(Reason::NoSpace))] {
            let (mut here, mut there) = (Told::default(), Memory::default());
            if prefix > 0 {
                there.partials.insert("f".into(), content(5000, 2)[..prefix].to_vec());
            }
            there.refuse.extend(refusal.map(|reason| ("f".to_owned(), reason)));
            let (ends, there) =
                serve::<Reports, Standard>([config; 2], &mut here, there, &[Task::Put]);
            assert_eq!(ends[0].is_ok(), refusal.is_none());
            assert_eq!(there.files.len(), usize::from(refusal.is_none()));
            here.resumed.dedup();
            let expected = if prefix > 0 { vec![(0, prefix as u64)] } else { vec![] };
            assert_eq!(here.resumed, expected, "{config:?}");
            assert_eq!(here.completed, u32::from(refusal.is_none()));
        }
    }
}
