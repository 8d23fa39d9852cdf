//! One session of two ends: its configuration, files and faults, and its expected result.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::{Config, GetRequest, Session, Task};
use tinyferry_kit::{Faults, File, Line, Memory, Pair, content, session_number};

/// The capabilities and parameters of one end.
#[derive(Debug, Clone, Copy)]
struct Side {
    half_duplex: bool,
    block: u8,
    chunk: u16,
    credit: u16,
    sha256: bool,
    has_clock: bool,
    read: usize,
    write: usize,
    ahead: usize,
    step: usize,
    sums: bool,
    in_order: bool,
}

impl Side {
    fn config(&self, lossy: bool) -> Config {
        let Self { half_duplex, block, chunk, credit, sha256, .. } = *self;
        Config::RELIABLE
            .lossy(lossy)
            .half_duplex(half_duplex)
            .block(block)
            .chunk(chunk)
            .credit(credit)
            .sha256(sha256)
    }
}

fn grain() -> impl Strategy<Value = usize> {
    prop_oneof![Just(usize::MAX), 1..64usize, select(vec![11, 12, 13, 35, 36, 37, 1035, 1036])]
}

fn side() -> impl Strategy<Value = Side> {
    let credit = prop_oneof![1..40u16, select(vec![128, 8192, 32_767, 32_768, 65_535])];
    let terms = (any::<bool>(), 0..=2u8, prop_oneof![1024..1300u16, Just(u16::MAX)], credit);
    let small = prop_oneof![Just(u16::MAX), 256..1024u16];
    let flags = any::<[bool; 4]>();
    let ahead = prop_oneof![Just(0), 1000..5000usize, Just(usize::MAX)];
    (terms, small, flags, [grain(), grain(), grain()], ahead).prop_map(
        |((half_duplex, block, chunk, credit), small, flags, [read, write, step], ahead)| {
            let [has_clock, in_order, sha256, sums] = flags;
            // Each task must be possible with any setting of the other end.
            let chunk = if block == 0 { chunk.min(small) } else { chunk };
            Side {
                half_duplex,
                block,
                chunk,
                credit,
                sha256,
                has_clock,
                read,
                write,
                ahead,
                step,
                sums,
                in_order,
            }
        },
    )
}

/// The end of a transfer of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Plain,
    /// The receiver does not want it.
    Refused,
    /// The sender cannot read it.
    Broken,
    /// The receiver has a part of it, in eighths; right, or wrong at this eighth.
    Partial(usize, Option<usize>),
    /// The receiver has a file of that name: the same, or another one that looks the same.
    There {
        same: bool,
    },
    /// The receiver has a file of that name and quite another size.
    Old,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Plain),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Broken),
        2 => (1..=8usize, proptest::option::of(0..8usize))
            .prop_map(|(eighths, wrong)| Fate::Partial(eighths, wrong)),
        1 => any::<bool>().prop_map(|same| Fate::There { same }),
        1 => Just(Fate::Old),
    ]
}

fn size() -> impl Strategy<Value = usize> {
    let border = (0..7usize, 0..3usize).prop_map(|(k, more)| (k * 1024 + more).saturating_sub(1));
    prop_oneof![0..6000usize, border, Just(0)]
}

/// One session: the files of each end, the task, and the line.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    sides: [Side; 2],
    /// Which ends say that the link is lossy.
    lossy: [bool; 2],
    files: Vec<(usize, Fate)>,
    is_tree: bool,
    is_get: bool,
    names_only: bool,
    is_unsized: bool,
    pub(crate) twice: bool,
    /// Baud and delay in ms; `None`: no time at all.
    pub(crate) line: Option<(u64, u64)>,
    faults: Faults,
    seed: u64,
}

pub(crate) fn settings(
    faults: impl Strategy<Value = Option<Faults>>,
) -> impl Strategy<Value = Setting> {
    let files = vec((size(), fate()), 0..=4);
    let line = proptest::option::of((select(vec![115_200u64, 921_600, 10_000_000]), 0..20u64));
    let lossy = any::<[bool; 2]>();
    let tasks = (any::<bool>(), any::<bool>(), proptest::bool::weighted(0.1), any::<bool>());
    let sides = [side(), side()];
    (sides, lossy, files, tasks, proptest::bool::weighted(0.2), line, faults, any::<u64>())
        .prop_map(|(mut sides, mut lossy, mut files, tasks, is_unsized, line, faults, seed)| {
            let (is_tree, is_get, names_only, twice) = tasks;
            if !is_tree {
                files.truncate(1);
            }
            let is_tree = is_tree || files.is_empty();
            if let Some(faults) = faults {
                // Before the hello each end knows its own configuration only.
                lossy = [true; 2];
                // Loud noise leaves nothing of larger ones.
                let Faults { flip, drop, insert, double, burst } = faults;
                if flip * 8.0 + drop + insert + double + burst * 64.0 > 1e-3 {
                    sides[0].block = 0;
                    sides[1].block = 0;
                }
            }
            let widest = 256 << sides[0].block.max(sides[1].block);
            sides.iter_mut().for_each(|side| side.chunk = side.chunk.max(widest));
            Setting {
                sides,
                lossy,
                files,
                is_tree,
                is_get,
                names_only: names_only && is_get,
                is_unsized,
                twice,
                line: line.or(faults.map(|_| (921_600, 1))),
                faults: faults.unwrap_or_default(),
                seed,
            }
        })
}

impl Setting {
    fn bytes(&self, number: usize) -> Vec<u8> {
        content(self.files[number].0, self.seed ^ number as u64)
    }

    fn path(number: usize) -> String {
        let mut path = String::from("t/");
        if number % 2 == 1 {
            path.push_str("sub/");
        }
        let _ = write!(path, "{number}");
        path
    }

    fn stores(&self) -> (Memory, Memory) {
        let (mut from, mut to) = (Memory::default(), Memory::default());
        from.directories.insert("t".into());
        from.directories.insert("t/empty".into());
        from.unsized_offers = self.is_unsized;
        for (number, (size, fate)) in self.files.iter().enumerate() {
            let (path, bytes) = (Self::path(number), self.bytes(number));
            match *fate {
                Fate::Plain => {}
                Fate::Refused => {
                    to.refuse.insert(path.clone(), Reason::NoSpace);
                }
                Fate::Broken => {
                    from.broken.insert(path.clone(), Reason::NoPermission);
                }
                Fate::Partial(eighths, wrong) => {
                    let mut partial = bytes[..size * eighths / 8].to_vec();
                    if let Some(byte) = wrong.and_then(|at| partial.get_mut(size * at / 8)) {
                        *byte ^= 0x10;
                    }
                    to.partials.insert(path.clone(), partial);
                }
                Fate::There { same } => {
                    let mut there = File::new(bytes.clone());
                    if let (false, Some(last)) = (same, there.bytes.last_mut()) {
                        *last ^= 1;
                    }
                    to.files.insert(path.clone(), there);
                }
                Fate::Old => {
                    to.files.insert(path.clone(), File::new(vec![b'o'; size + 7]));
                }
            }
            from.files.insert(path, File::new(bytes));
        }
        (from, to)
    }

    pub(crate) fn pair(&self) -> Pair {
        let (from, to) = self.stores();
        let (client, server) = if self.is_get { (to, from) } else { (from, to) };
        let mut pair = Pair::new(Config::RELIABLE, client, server);
        let [client, server] = self.sides;
        pair.client.session =
            Session::client(session_number(0x0BAD_CAFE), client.config(self.lossy[0]));
        pair.server.session = Session::server(server.config(self.lossy[1]));
        for (end, side) in [(&mut pair.client, client), (&mut pair.server, server)] {
            end.has_clock = side.has_clock;
            end.read = side.read;
            end.write = side.write;
            end.ahead = side.ahead;
            end.store.step = side.step;
            end.store.sums = side.sums;
            end.store.in_order = side.in_order;
        }
        if let Some((baud, delay)) = self.line {
            pair = pair.serial(baud, self.seed).delayed(delay);
        }
        let set = |line: &mut Line| line.faults = self.faults;
        set(&mut pair.up);
        set(&mut pair.down);
        pair
    }

    /// Runs the task once.
    pub(crate) fn run(&self, pair: &mut Pair) -> Result<(u32, u32), Failure> {
        let path = if self.is_tree { "t".to_owned() } else { Self::path(0) };
        let task = match (self.is_get, self.is_tree) {
            (true, tree) => Task::Get(GetRequest {
                tree,
                names_only: self.names_only,
                ..GetRequest::file(&path)
            }),
            (false, true) => {
                pair.client.store.queue_tree("t");
                Task::Put
            }
            (false, false) => {
                pair.client.store.queue_file(&path);
                Task::Put
            }
        };
        let result = pair.run(task).expect("it ends");
        result.map(|outcome| (outcome.entries, outcome.refused))
    }

    /// Compares the outcome with the expected one.
    pub(crate) fn check_result(
        &self,
        result: Result<(u32, u32), Failure>,
    ) -> Result<(), TestCaseError> {
        let reason = |fate: Fate| match fate {
            Fate::Refused => Some(Reason::NoSpace),
            Fate::Broken if !self.names_only => Some(Reason::NoPermission),
            _ => None,
        };
        let fresh =
            |fate: Fate| matches!(fate, Fate::There { same: false } | Fate::Partial(_, Some(_)));
        let fates = || self.files.iter().map(|(_, fate)| *fate);
        let refused: Vec<_> = fates().filter_map(reason).collect();
        match (self.is_tree, refused.first(), result) {
            (false, Some(reason), _) => prop_assert_eq!(result, Err(Failure::Refused(*reason))),
            (_, _, Ok((entries, refusals))) => {
                let least = self.files.len() as u32 + u32::from(self.is_tree);
                let most = least + fates().filter(|fate| fresh(*fate)).count() as u32;
                prop_assert!((least..=most).contains(&entries), "{} entries", entries);
                prop_assert_eq!(refusals, refused.len() as u32);
            }
            (_, _, Err(failure)) => prop_assert!(false, "{}", failure),
        }
        Ok(())
    }

    /// Compares the files in place with the offered ones.
    pub(crate) fn check(&self, pair: &Pair) -> Result<(), TestCaseError> {
        let to = if self.is_get { &pair.client.store } else { &pair.server.store };
        let (from, before) = self.stores();
        let mut expected = before.files.clone();
        for (number, (_, fate)) in self.files.iter().enumerate() {
            let path = Self::path(number);
            if !self.names_only && !matches!(fate, Fate::Refused | Fate::Broken) {
                expected.insert(path.clone(), from.files[&path].clone());
            }
        }
        prop_assert_eq!(&to.files, &expected);
        let is_whole_tree = self.is_tree && !self.names_only;
        prop_assert_eq!(to.directories.contains("t/empty"), is_whole_tree);
        Ok(())
    }

    /// Each file has its old or its new content, after a failure too.
    pub(crate) fn check_names(&self, pair: &Pair) -> Result<(), TestCaseError> {
        let to = if self.is_get { &pair.client.store } else { &pair.server.store };
        let (from, before) = self.stores();
        for (path, file) in &to.files {
            let is_one = [&from, &before].iter().any(|store| store.files.get(path) == Some(file));
            prop_assert!(is_one, "{}", path);
        }
        Ok(())
    }
}
