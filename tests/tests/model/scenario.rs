//! The start of a search, its possible events, and the expected results.

use super::*;

/// Frames lost, doubled, cut short or late in one run: two, or as many as the environment says in a
/// campaign.
fn faults() -> u8 {
    std::env::var("TINYFERRY_FAULTS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// The task of the client.
#[derive(Debug, Clone, Copy)]
pub(super) enum Job {
    Put(&'static str),
    PutTree(&'static str),
    Get(&'static str),
    GetTree(&'static str),
    Names(&'static str),
    /// Operations in a tree of this path; `None`: one by itself.
    Operate(Option<&'static str>),
    /// A get of a tree with options.
    Options(&'static str),
    Close,
    Ping,
}

impl Job {
    pub(super) fn task(self) -> Task<'static> {
        match self {
            Self::Put(_) | Self::PutTree(_) | Self::Operate(_) => Task::Put,
            Self::Options(path) => {
                let options = RequestOptions::skipping(Skip::SameTime);
                Task::Get(GetRequest::tree(path).with(options))
            }
            Self::Get(path) => Task::get_file(path),
            Self::GetTree(path) => Task::get_tree(path),
            Self::Names(path) => Task::Get(GetRequest::tree(path).names()),
            Self::Close => Task::Close,
            Self::Ping => Task::Ping,
        }
    }

    /// The end that receives, and the paths that it is to have.
    pub(super) fn moves(self, worlds: &[Memory; 2]) -> Option<(usize, Vec<String>)> {
        let (to, path) = match self {
            Self::Put(path) | Self::PutTree(path) => (SERVER, path),
            Self::Operate(tree) => (SERVER, tree.unwrap_or("none")),
            Self::Get(path) | Self::GetTree(path) => (CLIENT, path),
            Self::Names(_) | Self::Options(_) | Self::Close | Self::Ping => return None,
        };
        let below = format!("{path}/");
        let wanted = |name: &&String| name.as_str() == path || name.starts_with(&below);
        Some((to, worlds[1 - to].files.keys().filter(wanted).cloned().collect()))
    }
}

/// The start of a search, its possible events, and the expected results.
#[derive(Clone)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) configs: [Config; 2],
    pub(super) stores: [Memory; 2],
    pub(super) jobs: Vec<Job>,
    /// Frames lost, doubled, cut short or late, in all.
    pub(super) faults: u8,
    /// Reboots of either end; on a reliable link, ends of the stream.
    pub(super) reboots: u8,
    /// Silences after which the server gives up and the client does not.
    pub(super) outages: u8,
    /// The result of the first job: entries and refusals, or a reason.
    pub(super) expected: Result<(u32, u32), Reason>,
    /// Paths that will not be in place.
    pub(super) refused: &'static [&'static str],
}

pub(super) const LOSSY: Config = Config::LOSSY.chunk(256).credit(3);
pub(super) const RELIABLE: Config = Config::RELIABLE.chunk(256).credit(3);

/// A tree of three entries: `t/a` is empty, `t/b` has some units, `t/c` is there to be refused.
pub(super) fn tree() -> Memory {
    Memory::with([("t/a", Vec::new()), ("t/b", content(600, 2)), ("t/c", content(300, 3))])
}

pub(super) fn base(name: &str, config: Config, client: Memory, server: Memory) -> Scenario {
    let link = if config.lossy { "lossy" } else { "reliable" };
    let half_duplex = if config.half_duplex { ", half-duplex" } else { "" };
    let credit = config.credit;
    Scenario {
        name: format!("{name} ({link}{half_duplex}, credit {credit})"),
        configs: [config; 2],
        stores: [client, server],
        jobs: Vec::new(),
        faults: if config.lossy { faults() } else { 0 },
        reboots: 0,
        outages: 0,
        expected: Ok((1, 0)),
        refused: &[],
    }
}

/// A file that takes the place of another.
pub(super) fn put(name: &str, config: Config, size: usize) -> Scenario {
    let client = Memory::with([("f", content(size, 1))]);
    let server = Memory::with([("f", content(100, 9))]);
    let name = format!("{name} of {size} bytes");
    Scenario { jobs: vec![Job::Put("f")], ..base(&name, config, client, server) }
}

/// A tree of which `t/c` is refused.
pub(super) fn put_tree(name: &str, config: Config) -> Scenario {
    let mut server = Memory::default();
    server.refuse.insert("t/c".into(), Reason::NoPermission);
    Scenario {
        jobs: vec![Job::PutTree("t")],
        expected: Ok((3, 1)),
        refused: &["t/c"],
        ..base(name, config, tree(), server)
    }
}

/// The same the other way: the client asks for it.
pub(super) fn turned(mut scenario: Scenario) -> Scenario {
    scenario.stores.reverse();
    for job in &mut scenario.jobs {
        *job = match *job {
            Job::Put(path) => Job::Get(path),
            Job::PutTree(path) => Job::GetTree(path),
            job => job,
        };
    }
    scenario.name.push_str(", asked for");
    scenario
}

pub(super) fn both_ways(scenario: Scenario) {
    scenario.search();
    turned(scenario).search();
}

/// The receiver's partial of a file of 1300 bytes at the start, or its file in place.
pub(super) fn resumed(config: Config) -> Vec<Scenario> {
    let start = |name: &str| put(name, config, 1300);
    let whole = content(1300, 1);
    let mut prefix = start("partial prefix");
    prefix.stores[SERVER].partials.insert("f".into(), whole[..1024].to_vec());
    let mut other = start("prefix of another file");
    other.stores[SERVER].partials.insert("f".into(), content(1024, 5));
    let mut same = start("same file");
    same.stores[SERVER].files.insert("f".into(), File::new(whole));
    let mut alike = start("file of the same size and time");
    alike.stores[SERVER].files.insert("f".into(), File::new(content(1300, 5)));
    (other.expected, alike.expected) = (Ok((2, 0)), Ok((2, 0)));
    vec![prefix, other, same, alike]
}

/// Stores that fail, and names that are not there.
pub(super) fn refused(config: Config) -> Vec<Scenario> {
    let mut offer = put("refused file", config, 300);
    offer.stores[SERVER].refuse.insert("f".into(), Reason::NoPermission);
    offer.expected = Err(Reason::NoPermission);
    let mut full = put("file without room", config, 600);
    full.stores[SERVER].room = 300;
    full.expected = Err(Reason::NoSpace);
    let mut changed = put("file that changes", config, 600);
    changed.stores[CLIENT].shrinks = true;
    changed.expected = Err(Reason::SourceChanged);
    let mut broken = put("file that cannot be read", config, 300);
    broken.stores[CLIENT].broken.insert("f".into(), Reason::Storage);
    broken.expected = Err(Reason::Storage);
    let mut tree = put_tree("refused tree", config);
    tree.stores[SERVER].refuse.insert("t".into(), Reason::NotDirectory);
    tree.expected = Err(Reason::NotDirectory);
    let mut entry = put_tree("tree with unreadable entries", config);
    entry.stores[CLIENT].broken.insert("t/b".into(), Reason::Storage);
    (entry.expected, entry.refused) = (Ok((3, 2)), &["t/b", "t/c"]);
    let mut again = put_tree("tree with a prefix of another file", config);
    again.stores[CLIENT].files.insert("t/b".into(), File::new(content(1300, 2)));
    again.stores[SERVER].partials.insert("t/b".into(), content(1024, 5));
    again.expected = Ok((4, 1));
    vec![offer, full, changed, broken, tree, entry, again]
}

/// Requests that only a client can make.
pub(super) fn asked(config: Config) -> Vec<Scenario> {
    let mut missing = base("missing file", config, Memory::default(), Memory::default());
    (missing.jobs, missing.expected) = (vec![Job::Get("f")], Err(Reason::NotFound));
    let mut names = base("names", config, Memory::default(), tree());
    (names.jobs, names.expected) = (vec![Job::Names("t")], Ok((3, 0)));
    let may_close = config.may_close(true);
    let mut close = base("close", may_close, Memory::default(), Memory::default());
    // The server stays for 3 s only: after more losses the client gets no answer.
    (close.jobs, close.faults) = (vec![Job::Close], close.faults.min(1));
    let mut refused = base("refused close", config, Memory::default(), Memory::default());
    (refused.jobs, refused.expected) = (vec![Job::Close], Err(Reason::NotAllowed));
    vec![missing, names, close, refused]
}

/// Queues operations of each kind and an entry that follows from an answer, or a removal by itself.
pub(super) fn queue_operations(store: &mut Memory, tree: Option<&str>) {
    let query = StatQuery { digest: Some(1), ..StatQuery::default() };
    let operations = [
        ("", QueuedOperation::Stat(query)),
        ("a", QueuedOperation::Remove),
        ("missing", QueuedOperation::Stat(query)),
        ("moved", QueuedOperation::Rename("b".to_owned())),
    ];
    match tree {
        Some(_) => store.queue_operations(tree, &operations),
        None => store.queue_operations(None, &[("t/a", QueuedOperation::Remove)]),
    }
    store.follow_up = tree.map(|tree| format!("{tree}/new")).into_iter().collect();
}

/// Operations in a tree and by themselves, and the options of a request, which a server here does not know.
pub(super) fn operations(config: Config) -> Vec<Scenario> {
    let client = || Memory::with([("t/new", content(300, 4)), ("t/moved", content(600, 2))]);
    let mut in_tree = base("operations", config, client(), tree());
    in_tree.jobs = vec![Job::Operate(Some("t"))];
    (in_tree.expected, in_tree.refused) = (Ok((5, 0)), &["t/missing"]);
    let mut alone = base("removal by itself", config, Memory::default(), tree());
    alone.jobs = vec![Job::Operate(None)];
    let mut options = base("request options", config, Memory::default(), tree());
    (options.jobs, options.expected) = (vec![Job::Options("t")], Err(Reason::Unsupported));
    vec![in_tree, alone, options]
}

/// Jobs one after another in one session.
pub(super) fn in_a_row(config: Config) -> Vec<Scenario> {
    let both = |first: Job, second: Job| {
        let client = Memory::with([("f", content(300, 1))]);
        let server = Memory::with([("g", content(300, 2))]);
        let name = format!("{first:?}, then {second:?}");
        Scenario { jobs: vec![first, second], ..base(&name, config, client, server) }
    };
    vec![
        both(Job::Put("f"), Job::Put("f")),
        both(Job::Put("f"), Job::Get("g")),
        both(Job::Get("g"), Job::Put("f")),
        both(Job::Get("g"), Job::Get("g")),
    ]
}

/// A file after a tree of which something was refused.
pub(super) fn after_a_tree(config: Config) -> Scenario {
    let mut scenario = put_tree("file after a tree", config);
    scenario.stores[CLIENT].files.insert("f".into(), File::new(content(300, 1)));
    scenario.jobs.push(Job::Put("f"));
    scenario
}

/// How many states each scenario has, with two faults and with three.
const STATES: &str = include_str!("states.txt");

impl Scenario {
    /// Compares the number of states that the search has found with the one in `states.txt`. Fewer mean that the search
    /// is blind for something. More are a change of the protocol, or of the identity of states, that nobody has looked
    /// at.
    pub(super) fn check_states(&self, found: usize) {
        let Some(recorded) = self.recorded_states() else { return };
        let change = if found < recorded * 9 / 10 {
            "fewer"
        } else if found > recorded * 11 / 10 {
            "more"
        } else {
            return;
        };
        panic!(
            "{}: the search has found {found} states, and {recorded} are in states.txt. If the change is \
             meant to have {change} states, run tests/tests/model/record, which writes that file",
            self.name
        );
    }

    /// `None`: it is not recorded for this number of faults, or the record is to be written.
    fn recorded_states(&self) -> Option<usize> {
        let column @ 0..2 = usize::from(faults()).checked_sub(2)? else { return None };
        if std::env::var_os("TINYFERRY_STATES").is_some() {
            return None;
        }
        let mut rows = STATES.lines().filter(|line| !line.starts_with('#'));
        let row = rows.find(|line| {
            let name = line.trim_start_matches(|letter: char| letter.is_numeric() || letter == ' ');
            name == self.name
        });
        let states: Option<usize> =
            row.and_then(|row| row.split_whitespace().nth(column)?.parse().ok());
        Some(states.unwrap_or_else(|| {
            panic!(
                "{} is not in states.txt: run tests/tests/model/record, which writes it",
                self.name
            )
        }))
    }
}
