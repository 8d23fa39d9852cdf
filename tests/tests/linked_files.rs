//! Directories with symbolic links and hard links on the disk, two state machines, and links between them that lose
//! bytes or are cut, in virtual time.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use tempfile::TempDir;
use tinyferry::fs::{Directory, LinkKinds, Links, Policy, Rights, Root, Source, Sync};
use tinyferry_core::error::Reason;
use tinyferry_core::store::{Accepted, Kind, Offer, Operation, RequestOptions, Skip, Stat, Store};
use tinyferry_core::{Config, Failure, GetRequest, Outcome, Session, Task};
use tinyferry_kit::{End, Faults, Operates, Pair, content, session_number};

const ALL: LinkKinds = LinkKinds { symbolic: true, hard: true };
const RIGHTS: Rights = Rights { read: true, write: true, remove: false };
const SIZE: usize = 3_000;

fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}

/// Files with three names, with one, and links.
fn make(root: &Path) {
    fs::create_dir_all(root.join("d/e")).expect("directories");
    for (first, seed) in [("a", 1), ("z", 2)] {
        fs::write(root.join(first), content(SIZE, seed)).expect("a file");
        for name in ["d/1", "d/e/2"] {
            fs::hard_link(root.join(first), root.join(format!("{name}{first}"))).expect("a name");
        }
    }
    fs::write(root.join("d/only"), content(10, 3)).expect("a file");
    for (path, target) in [("l", "d/e"), ("d/e/up", "../../a"), ("d/none", "nowhere")] {
        symlink(target, root.join(path)).expect("a link");
    }
}

fn check(root: &Path, names: u64) {
    for (first, seed) in [("a", 1), ("z", 2)] {
        for path in [first.to_owned(), format!("d/1{first}"), format!("d/e/2{first}")] {
            let found = fs::symlink_metadata(root.join(&path)).expect("a file");
            assert_eq!(found.nlink(), names, "{path}");
            assert_eq!(fs::read(root.join(&path)).expect("a file"), content(SIZE, seed), "{path}");
        }
    }
    for (path, target) in [("l", "d/e"), ("d/e/up", "../../a"), ("d/none", "nowhere")] {
        assert_eq!(fs::read_link(root.join(path)).expect("a link"), Path::new(target), "{path}");
    }
    let count = |path| fs::read_dir(root.join(path)).expect("a directory").count();
    assert_eq!([count(""), count("d"), count("d/e")], [4, 5, 3]);
}

type Machines<C> = Pair<End<C, Operates>, End<Directory<()>, Operates>>;

fn pair<C: Store>(config: Config, seed: u64, client: C, server: Directory<()>) -> Machines<C> {
    let number = session_number(seed as u32 | 1);
    let client = End::of(Session::<Operates>::client(number, config), client);
    let pair = Pair::of(client, End::of(Session::<Operates>::server(config), server));
    if config.lossy { pair.serial(921_600, seed) } else { pair }
}

fn policy(hard_links: bool) -> Policy {
    Policy { links: Links::Inside, hard_links, ..Policy::default() }
}

/// Runs one attempt of a transfer; `cut`: the number of bytes after which both directions fail.
fn transfer(
    (source, target): (&Path, &Path),
    is_put: bool,
    config: Config,
    hard_links: bool,
    (seed, cut): (u64, Option<u64>),
) -> (Result<Outcome, Failure>, u64) {
    let root = |path: &Path| Root::open(path).expect("a directory");
    let server = |path| {
        let server = Directory::serving(root(path), RIGHTS, Sync::Never, ());
        server.lossy(config.lossy).governed(&policy(hard_links))
    };
    let (client, server, task) = if is_put {
        let sources = vec![Source { local: source.to_owned(), remote: String::new() }];
        let client = Directory::sending_tree(String::new(), sources, ()).lossy(config.lossy);
        (client.skipping(Skip::SameTime).linking(ALL), server(target), Task::Put)
    } else {
        let client = Directory::receiving(root(target), String::new(), Sync::Never, ());
        let client = client.lossy(config.lossy).answering().governed(&policy(hard_links));
        let options = RequestOptions {
            links: true,
            hard_links: true,
            ..RequestOptions::skipping(Skip::SameTime)
        };
        (client, server(source), Task::Get(GetRequest::tree("").with(options)))
    };
    let mut pair = pair(config, seed, client, server);
    if config.lossy {
        let faults = Faults { flip: 1e-6, drop: 1e-4, insert: 1e-5, double: 1e-5, burst: 0.0 };
        (pair.up.faults, pair.down.faults) = (faults, faults);
    }
    (pair.up.cut, pair.down.cut) = (cut, cut);
    let result = pair.run(task).expect("it ends");
    (result, pair.up.carried + pair.down.carried)
}

/// R81, R90 to R92.
#[test]
fn links_cross_lines_that_lose_bytes_and_the_content_crosses_once() {
    let source = directory();
    make(source.path());
    for (config, seeds) in [(Config::RELIABLE, 1), (Config::LOSSY.timeout(2_000), 40)] {
        for is_put in [true, false] {
            for seed in 0..seeds {
                let target = directory();
                let paths = (source.path(), target.path());
                let (first, carried) = transfer(paths, is_put, config, true, (seed, None));
                assert!(first.is_ok_and(|it| it.refused == 0), "{seed}: {first:?}");
                check(target.path(), 3);
                assert!(config.lossy || carried < 2 * SIZE as u64 + 3_000, "{carried}");
                let (second, carried) = transfer(paths, is_put, config, true, (seed, None));
                assert!(second.is_ok_and(|it| it.refused == 0), "{seed}: {second:?}");
                check(target.path(), 3);
                assert!(config.lossy || carried < 1_000, "{carried}");
            }
        }
    }
}

/// R91.
#[test]
fn the_content_of_each_name_crosses_where_the_receiver_makes_no_hard_links() {
    let source = directory();
    make(source.path());
    for config in [Config::RELIABLE, Config::LOSSY.timeout(2_000)] {
        for is_put in [true, false] {
            let target = directory();
            let paths = (source.path(), target.path());
            let (first, _) = transfer(paths, is_put, config, false, (1, None));
            assert!(first.is_ok_and(|it| it.refused == 0), "{first:?}");
            check(target.path(), 1);
        }
    }
}

/// After a cut at any place, the next attempt completes the tree.
#[test]
fn a_transfer_with_links_that_was_cut_is_completed() {
    let source = directory();
    make(source.path());
    for is_put in [true, false] {
        let config = Config::RELIABLE;
        let target = directory();
        let paths = (source.path(), target.path());
        let (_, whole) = transfer(paths, is_put, config, true, (1, None));
        for cut in (0..whole).step_by(97) {
            let target = directory();
            let paths = (source.path(), target.path());
            let _ = transfer(paths, is_put, config, true, (1, Some(cut)));
            let (result, _) = transfer(paths, is_put, config, true, (2, None));
            assert!(result.is_ok_and(|it| it.refused == 0), "{cut}: {result:?}");
            // The missing names become links to the file that exists.
            check(target.path(), 3);
        }
    }
}

/// The entries of a list.
#[derive(Debug, Default)]
struct Listed(Vec<String>);

impl Store for Listed {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        if offer.kind != Kind::Tree {
            self.0.push(offer.path.to_owned());
        }
        Ok(Accepted { prefix: 0, in_order: true })
    }

    fn operate(&mut self, path: &str, _: Kind, operation: &Operation<'_>) -> Result<Stat, Reason> {
        match operation {
            Operation::Link { target } => self.0.push(format!("{path} -> {target}")),
            other => panic!("{other:?}"),
        }
        // The test does not check the answer.
        Err(Reason::Unsupported)
    }
}

/// R46, R92.
#[test]
fn a_list_has_links_on_each_kind_of_line() {
    let source = directory();
    make(source.path());
    let expected = [
        "a",
        "d",
        "d/1a",
        "d/1z",
        "d/e",
        "d/e/2a",
        "d/e/2z",
        "d/e/up -> ../../a",
        "d/none -> nowhere",
        "d/only",
        "l -> d/e",
        "z",
    ];
    for config in [
        Config::RELIABLE,
        Config::LOSSY,
        Config::RELIABLE.half_duplex(true),
        Config::LOSSY.half_duplex(true),
    ] {
        for links in [true, false] {
            let root = Root::open(source.path()).expect("a directory");
            let server = Directory::serving(root, RIGHTS, Sync::Never, ()).lossy(config.lossy);
            let options = RequestOptions { links, ..RequestOptions::skipping(Skip::SameTime) };
            let mut pair = pair(config, 1, Listed::default(), server);
            let task = Task::Get(GetRequest::tree("").names().with(options));
            let outcome = pair.run(task).expect("it ends").expect("it ends well");
            let listed = &pair.client.store.0;
            if links {
                assert_eq!(*listed, expected, "{config:?}");
                assert_eq!(outcome.omitted, 0);
            } else {
                assert!(listed.iter().all(|path| !path.contains("->")), "{listed:?}");
                assert_eq!(outcome.omitted, 3);
            }
        }
    }
}
