//! Random pairs of trees: directories of files on the disk, two state machines and links that lose bytes or are
//! cut, in virtual time. The result of the transfers is equal to that of a model.

#![cfg(unix)]

#[path = "../trees/mod.rs"]
#[allow(dead_code, reason = "each test uses a part")]
mod trees;

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::Config as Cases;
use tempfile::TempDir;
use tinyferry::client::{Change, Client, Selection};
use tinyferry::fs::{Directory, Filter, LinkKinds, Links, Policy, Rights, Root, Source, Sync};
use tinyferry::server::Server;
use tinyferry_core::store::{RequestOptions, Skip};
use tinyferry_core::{Config, Failure, GetRequest, Outcome, Session, Task};
use tinyferry_kit::{End, Faults, Operates, Pair, session_number};

use trees::{
    Content, Node, Rules, Skips, Tree, assert_trees, check_names, contents, expected, pairs,
};
use trees::{partials, patterns, read, write};

/// How one attempt goes.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    seed: u64,
    /// A direction, and the number of bytes after which it is cut.
    cut: Option<(bool, u64)>,
}

#[derive(Debug, Clone)]
struct Case {
    trees: trees::Pair,
    rules: Rules,
    is_put: bool,
    is_lossy: bool,
    attempts: Vec<Attempt>,
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let attempt = (any::<u64>(), any::<bool>(), prop_oneof![0..600_u64, 0..60_000_u64])
        .prop_map(|(seed, up, bytes)| Attempt { seed, cut: Some((up, bytes)) });
    (proptest::collection::vec(attempt, 0..4), any::<u64>()).prop_map(|(mut attempts, seed)| {
        attempts.push(Attempt { seed, cut: None });
        attempts
    })
}

fn cases() -> impl Strategy<Value = Case> {
    let skips = proptest::sample::select(vec![
        Skips::SameTime,
        Skips::SameTime,
        Skips::SameContent,
        Skips::Existing,
        Skips::NotOlder,
        Skips::Missing,
    ]);
    (pairs(), skips, patterns(), any::<(bool, bool)>(), attempts()).prop_map(
        |(trees, skips, patterns, (is_put, is_lossy), attempts)| {
            // A get has no filter.
            let trees = if is_lossy { trees.without_hidden_changes() } else { trees };
            let patterns = if is_put { patterns } else { Vec::new() };
            let rules = Rules { skips, patterns, removes: false };
            Case { trees, rules, is_put, is_lossy, attempts }
        },
    )
}

fn skip_of(skips: Skips) -> Skip {
    match skips {
        Skips::SameTime => Skip::SameTime,
        Skips::SameContent => Skip::SameContent,
        Skips::Existing => Skip::Existing,
        Skips::NotOlder => Skip::NotOlder,
        Skips::Missing => Skip::Missing,
    }
}

fn transfer(
    case: &Case,
    source: &Path,
    target: &Path,
    attempt: Attempt,
) -> Result<Outcome, Failure> {
    let Case { rules, is_lossy, .. } = case;
    let skip = skip_of(rules.skips);
    let config = if *is_lossy { Config::LOSSY.timeout(2_000) } else { Config::RELIABLE };
    let root = |path: &Path| Root::open(path).expect("a directory");
    let rights = Rights { read: true, write: true, remove: true };
    let policy = Policy { links: Links::Inside, ..Policy::default() };
    let links = LinkKinds { symbolic: true, hard: false };
    let server = |path: &Path| {
        let server = Directory::serving(root(path), rights, Sync::Never, ()).lossy(*is_lossy);
        server.governed(&policy)
    };
    let filter = Filter::new(rules.patterns.iter().map(String::as_str)).expect("patterns");
    let options = RequestOptions { links: true, ..RequestOptions::skipping(skip) };
    let (client, server, task) = if case.is_put {
        let sources = vec![Source { local: source.to_owned(), remote: String::new() }];
        let client = Directory::sending_tree(String::new(), sources, ());
        let client = client.lossy(*is_lossy).skipping(skip).filtered(&filter).linking(links);
        (client, server(target), Task::Put)
    } else {
        let client = Directory::receiving(root(target), String::new(), Sync::Never, ());
        let task = Task::Get(GetRequest::tree("").with(options));
        (client.lossy(*is_lossy).answering().governed(&policy), server(source), task)
    };
    let number = session_number(attempt.seed as u32 | 1);
    let client = End::of(Session::<Operates>::client(number, config), client);
    let server = End::of(Session::<Operates>::server(config), server);
    let mut pair = Pair::of(client, server);
    if *is_lossy {
        pair = pair.serial(921_600, attempt.seed);
        let faults = Faults { flip: 1e-6, drop: 2e-5, insert: 1e-5, double: 1e-5, burst: 0.0 };
        (pair.up.faults, pair.down.faults) = (faults, faults);
    }
    if let Some((up, bytes)) = attempt.cut {
        let line = if up { &mut pair.up } else { &mut pair.down };
        line.cut = Some(bytes);
    }
    pair.run(task).expect("it ends")
}

fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}

fn check(case: &Case) {
    let [source, target] = [directory(), directory()];
    write(source.path(), &case.trees.source);
    write(target.path(), &case.trees.target);
    let contents = contents(&case.trees);
    let found = || read(target.path(), &contents);
    let new = expected(&case.trees.source, &case.trees.target, &case.rules);
    for attempt in &case.attempts {
        let result = transfer(case, source.path(), target.path(), *attempt);
        let is_cut = attempt.cut.is_some();
        if let Err(failure) = result {
            assert!(is_cut, "it failed: {failure:?}");
        }
        if let Some(new) = &new {
            check_names(&case.trees.target, new, &found());
            let outcome = result.ok();
            assert!(outcome.is_none_or(|outcome| outcome.refused == 0), "{outcome:?}");
        }
    }
    // Without removals, an entry of another kind blocks the entry.
    let Some(new) = new else { return };
    assert_trees(&found(), &new);
    assert_eq!(partials(target.path()), BTreeSet::new());
    // Another one finds nothing to do.
    let last = Attempt { seed: 7, cut: None };
    let outcome = transfer(case, source.path(), target.path(), last).expect("it ends well");
    assert_eq!(outcome.refused, 0);
    assert_trees(&found(), &new);
    if case.is_put {
        let rules = Rules { removes: true, ..case.rules.clone() };
        if let Some(new) = expected(&case.trees.source, &case.trees.target, &rules) {
            remove_extras(source.path(), target.path(), &rules);
            assert_trees(&found(), &new);
        }
    }
}

/// Removes the entries that the source lacks, by a client over loopback.
fn remove_extras(source: &Path, target: &Path, rules: &Rules) {
    let rights = Rights { read: true, write: true, remove: true };
    let server = Server::builder(target).listen("tcp://127.0.0.1:0".parse().expect("an endpoint"));
    let policy = Policy { links: Links::Inside, ..Policy::default() };
    let server = server.rights(rights).policy(policy).bind().expect("it can listen");
    let endpoint = server.endpoint().clone();
    let stop = server.stopper();
    let thread = std::thread::spawn(move || server.run());
    {
        let filter = Filter::new(rules.patterns.iter().map(String::as_str)).expect("patterns");
        let mut client = Client::connect(endpoint).expect("a server");
        let selection = Selection::default().filtered(&filter);
        let selection = selection.linking(LinkKinds { symbolic: true, hard: false });
        let extras = client.extras("", source, &selection).expect("a list");
        let files = extras.files.into_iter().map(Change::RemoveFile);
        let directories = extras.directories.into_iter().map(Change::RemoveDirectory);
        let refused = client.change(files.chain(directories).collect()).expect("it ends well");
        assert_eq!(refused, []);
    }
    stop.stop();
    thread.join().expect("it ends").expect("it ends well");
}

/// The cost of a mirror beyond the greeting: round trips, bytes on the wire, seconds.
fn cost(
    source: &Path,
    target: &Path,
    config: Config,
    make: impl Fn(Standing) -> Standing,
) -> [f64; 3] {
    let sources = vec![Source { local: source.to_owned(), remote: String::new() }];
    let client = Directory::sending_tree("m".to_owned(), sources, ()).lossy(config.lossy);
    let client = client.skipping(Skip::SameTime).checking();
    let root = Root::open(target).expect("a directory");
    let rights = Rights { read: true, write: true, remove: true };
    let server = Directory::serving(root, rights, Sync::Never, ()).lossy(config.lossy);
    let client = End::of(Session::<Operates>::client(session_number(7), config), client);
    let mut pair = make(Pair::of(client, End::of(Session::<Operates>::server(config), server)));
    pair.run(Task::Ping).expect("it ends").expect("it ends well");
    let (now, bytes) = (pair.now, pair.up.carried + pair.down.carried);
    let outcome = pair.run(Task::Put).expect("it ends").expect("it ends well");
    assert_eq!(outcome.refused, 0);
    let time = (pair.now - now) as f64;
    let trip = 2.0 * pair.up.delay.max(1) as f64;
    [time / trip, (pair.up.carried + pair.down.carried - bytes) as f64, time / 1e9]
}

type Standing = Pair<End<Directory<()>, Operates>, End<Directory<()>, Operates>>;

/// This number of directories of this number of files each, in two places.
fn twins(directories: usize, files: usize, size: usize) -> [TempDir; 2] {
    let mut tree = Tree::new();
    for directory in 0..directories {
        tree.insert(format!("{directory:03}"), Node::Directory { mode: 0o755 });
        for file in 0..files {
            let content = Content { size, seed: (file % 250) as u8 };
            let time = 1_600_000_000_000_000_000 + file as i64 * 1_000_000_007;
            tree.insert(
                format!("{directory:03}/{file:05}"),
                Node::File { content, time, mode: 0o644 },
            );
        }
    }
    let [source, target] = [directory(), directory()];
    std::fs::create_dir(target.path().join("m")).expect("a directory");
    write(source.path(), &tree);
    write(&target.path().join("m"), &tree);
    [source, target]
}

fn far(pair: Standing) -> Standing {
    pair.delayed(1_000)
}

#[test]
fn an_unchanged_tree_of_10_000_files_takes_400_bytes_and_two_round_trips() {
    for (directories, files) in [(100, 100), (1, 10_000)] {
        let [source, target] = twins(directories, files, 20);
        let [trips, bytes, _] = cost(source.path(), target.path(), Config::RELIABLE, far);
        println!("{directories} directories: {trips} round trips, {bytes} bytes");
        assert!(trips <= 2.0 && bytes <= 400.0, "{trips} round trips, {bytes} bytes");
    }
}

#[test]
fn a_hundred_changed_files_of_10_000_take_their_content_and_six_round_trips() {
    // In one directory the questions about its parts cost some more.
    for (directories, files, each) in [(100, 100, 300), (1, 10_000, 400)] {
        let [source, target] = twins(directories, files, 20);
        let size = 2048;
        let (mut numbers, mut state) = (BTreeSet::new(), 1_u64);
        while numbers.len() < 100 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            numbers.insert((state >> 33) as usize % 10_000);
        }
        for (changed, number) in numbers.into_iter().enumerate() {
            let (directory, file) = (number / files, number % files);
            let path = source.path().join(format!("{directory:03}/{file:05}"));
            std::fs::write(path, Content { size, seed: changed as u8 }.bytes()).expect("a file");
        }
        let [trips, bytes, _] = cost(source.path(), target.path(), Config::RELIABLE, far);
        println!("{directories} directories: {trips} round trips, {bytes} bytes");
        let most = 1.1 * (100 * (size + each)) as f64;
        assert!(trips <= 6.0 && bytes <= most, "{trips} round trips, {bytes} bytes of {most}");
    }
}

/// At 115,200 baud, with a wrong bit in 100,000.
#[test]
fn an_unchanged_tree_of_1_000_files_takes_a_second_on_a_lossy_line() {
    let [source, target] = twins(10, 100, 20);
    let mut times: Vec<f64> = (0..20)
        .map(|seed| {
            let [.., seconds] = cost(source.path(), target.path(), Config::LOSSY, |pair| {
                let mut pair = pair.serial(115_200, seed);
                (pair.up.faults.flip, pair.down.faults.flip) = (1e-5, 1e-5);
                pair
            });
            seconds
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("median {} s, worst {} s", times[10], times[19]);
    assert!(times[19] <= 1.0, "{times:?}");
}

proptest! {
    #![proptest_config(Cases { failure_persistence: None, ..Cases::default() })]

    #[test]
    fn a_tree_is_equal_to_that_of_the_model_after_losses_and_cuts(case in cases()) {
        check(&case);
    }
}
