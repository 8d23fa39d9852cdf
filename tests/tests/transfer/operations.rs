//! Operations: questions and changes that move no content (`PROTOCOL.md`, section 12).

use tinyferry_core::store::{Stat, StatQuery};
use tinyferry_core::{Config, Failure, Outcome, Reason, Session, Standard, Task};
use tinyferry_kit::{End, Memory, Operates, Pair, QueuedOperation, content, session_number};

mod faults;

const NUMBER: u32 = 0x1234_5678;
const CONFIGS: [Config; 4] = [
    Config::RELIABLE,
    Config::LOSSY,
    Config::RELIABLE.half_duplex(true),
    Config::LOSSY.half_duplex(true),
];

type Operating = Pair<End<Memory, Operates>, End<Memory, Operates>>;

fn pair(config: Config, client: Memory, server: Memory) -> Operating {
    let client = End::of(Session::<Operates>::client(session_number(NUMBER), config), client);
    Pair::of(client, End::of(Session::<Operates>::server(config), server))
}

fn stat() -> QueuedOperation {
    QueuedOperation::Stat(StatQuery {
        facts: 3,
        granularity: 9,
        salt: 7,
        digest: Some(1),
        ..StatQuery::default()
    })
}

fn target() -> Memory {
    let mut files = Memory::with([("t/a", content(1, 5)), ("t/d/b", content(2, 6)), ("z", vec![])]);
    files.directories.insert("t/empty".to_owned());
    files
}

fn done(entries: u32) -> Result<Outcome, Failure> {
    Ok(Outcome { entries, refused: 0, omitted: 0, closed: false })
}

/// R81, R84, R85.
#[test]
fn each_stat_in_a_tree_is_answered_on_each_kind_of_link() {
    for config in CONFIGS {
        let mut client = Memory::default();
        let paths = ["", "a", "d/", "missing", "empty/"];
        client.queue_operations(Some("t"), &paths.map(|path| (path, stat())));
        let mut pair = pair(config, client, target());
        assert_eq!(pair.run(Task::Put), Ok(done(5)), "{config:?}");
        let answers = &pair.client.store.answers;
        let sizes: Vec<_> =
            answers.iter().map(|(path, stat, _)| (path.as_str(), stat.size)).collect();
        assert_eq!(sizes, [("t", 2), ("t/a", 1), ("t/d", 1), ("t/empty", 0)], "{config:?}");
        assert_eq!(pair.client.store.refused, [("t/missing".to_owned(), Reason::NotFound)]);
        assert_eq!(answers[1].1.value, 1_700_000_000_000_000_000);
        assert_eq!([answers[0].1.facts, answers[0].1.granularity], [3, 9]);
        // An index comes along where nothing can be lost.
        let indexed: Vec<_> = answers.iter().map(|(.., index)| index.len()).collect();
        assert_eq!(indexed, if config.lossy { [0; 4] } else { [2, 0, 1, 0] }, "{config:?}");
    }
}

/// R85.
#[test]
fn an_index_of_240_entries_comes_whole_and_a_longer_one_is_cut() {
    for (files, indexed) in [(240, 240), (241, 240), (63, 63), (64, 64)] {
        let mut server = target();
        for number in 0..files {
            server.files.insert(format!("many/{number}"), server.files["z"].clone());
        }
        let mut client = Memory::default();
        client.queue_operations(Some("many"), &[("", stat())]);
        let mut pair = pair(Config::RELIABLE, client, server);
        assert_eq!(pair.run(Task::Put), Ok(done(1)));
        let (_, stat, index) = &pair.client.store.answers[0];
        assert_eq!((stat.size, index.len()), (files, indexed));
        assert!(index.is_sorted());
    }
}

/// R81.
#[test]
fn entries_that_follow_from_an_answer_are_sent_in_the_same_tree() {
    for config in CONFIGS {
        for path in ["", "missing"] {
            let mut client = Memory::with([("t/new", content(3, 3000))]);
            client.queue_operations(Some("t"), &[(path, stat())]);
            client.follow_up = vec!["t/new".to_owned()];
            let mut pair = pair(config, client, target());
            assert_eq!(pair.run(Task::Put), Ok(done(2)), "{config:?}");
            assert_eq!(pair.server.store.bytes("t/new"), Some(content(3, 3000).as_slice()));
        }
    }
}

/// R82, R87.
#[test]
fn files_are_removed_and_renamed_in_a_tree_and_by_themselves() {
    for config in CONFIGS {
        let mut client = Memory::default();
        let operations = [
            ("a", QueuedOperation::Remove),
            ("never", QueuedOperation::Remove),
            ("d/c", QueuedOperation::Rename("d/b".to_owned())),
            ("empty/", QueuedOperation::Remove),
            ("d/", QueuedOperation::Remove),
        ];
        client.queue_operations(Some("t"), &operations);
        let mut pair = pair(config, client, target());
        assert_eq!(pair.run(Task::Put), Ok(done(5)), "{config:?}");
        let server = &pair.server.store;
        assert_eq!(server.files.keys().collect::<Vec<_>>(), ["t/d/c", "z"], "{config:?}");
        assert!(server.directories.is_empty());
        assert_eq!(pair.client.store.refused, [("t/d".to_owned(), Reason::NotEmpty)]);

        pair.client.store.queue_operations(None, &[("z", QueuedOperation::Remove)]);
        assert_eq!(pair.run(Task::Put), Ok(done(1)), "{config:?}");
        assert!(!pair.server.store.files.contains_key("z"));
        let rename = QueuedOperation::Rename("t/d/c".to_owned());
        pair.client.store.queue_operations(None, &[("top", rename)]);
        assert_eq!(pair.run(Task::Put), Ok(done(1)), "{config:?}");
        assert_eq!(pair.server.store.bytes("top"), Some(content(2, 6).as_slice()));
    }
}

/// R82, R90, R91.
#[test]
fn links_and_hard_links_are_made_in_a_tree_and_by_themselves() {
    let link = |target: &str| QueuedOperation::Link(target.to_owned());
    let hard_link = |from: &str| QueuedOperation::HardLink(from.to_owned());
    for config in CONFIGS {
        let mut client = Memory::default();
        let longest = "../é".repeat(42) + "/x";
        assert_eq!(longest.len(), 212);
        let operations = [
            ("l", link("../d/b")),
            ("d/absolute", link("/etc")),
            ("d/long", link(&longest)),
            ("d/l", link(&"n".repeat(254))),
            ("c", hard_link("d/b")),
            ("d", link("x")),
            ("e", hard_link("missing")),
        ];
        client.queue_operations(Some("t"), &operations);
        let mut pair = pair(config, client, target());
        assert_eq!(pair.run(Task::Put), Ok(done(7)), "{config:?}");
        let server = &pair.server.store;
        let links = [
            ("t/d/absolute", "/etc"),
            ("t/d/l", &"n".repeat(254)),
            ("t/d/long", &longest),
            ("t/l", "../d/b"),
        ];
        let made: Vec<_> = server.links.iter().map(|(path, to)| (&**path, &**to)).collect();
        assert_eq!(made, links, "{config:?}");
        assert_eq!(server.bytes("t/c"), Some(content(2, 6).as_slice()));
        let refused = [("t/d", Reason::IsDirectory), ("t/e", Reason::NotFound)];
        let refused = refused.map(|(path, reason)| (path.to_owned(), reason));
        assert_eq!(pair.client.store.refused, refused);

        pair.client.store.queue_operations(None, &[("z", link("t"))]);
        assert_eq!(pair.run(Task::Put), Ok(done(1)), "{config:?}");
        assert_eq!(pair.server.store.links.get("z").map(String::as_str), Some("t"));
        pair.client.store.queue_operations(None, &[("y", hard_link("t/a"))]);
        assert_eq!(pair.run(Task::Put), Ok(done(1)), "{config:?}");
        assert!(pair.server.store.bytes("y").is_some());
    }
}

/// R90, R91.
#[test]
fn a_target_or_a_path_that_is_not_allowed_is_refused_without_the_store() {
    for config in CONFIGS {
        for operation in [
            QueuedOperation::Link(String::new()),
            QueuedOperation::Link("a\nb".to_owned()),
            QueuedOperation::Link("\u{85}".to_owned()),
            QueuedOperation::HardLink(String::new()),
            QueuedOperation::HardLink("../a".to_owned()),
            QueuedOperation::HardLink("d/".to_owned()),
        ] {
            let mut client = Memory::default();
            client.queue_operations(Some("t"), &[("new", operation.clone())]);
            let mut pair = pair(config, client, target());
            assert_eq!(pair.run(Task::Put), Ok(done(1)), "{config:?}");
            let refused = [("t/new".to_owned(), Reason::BadPath)];
            assert_eq!(pair.client.store.refused, refused, "{operation:?}");
            assert_eq!(pair.server.store.operations, 0);
        }
    }
}

/// R81, R87.
#[test]
fn a_refused_operation_by_itself_fails_the_task_with_its_reason() {
    for config in CONFIGS {
        let mut client = Memory::default();
        client.queue_operations(None, &[("t/d/", QueuedOperation::Remove)]);
        let mut pair = pair(config, client, target());
        assert_eq!(pair.run(Task::Put), Ok(Err(Failure::Refused(Reason::NotEmpty))), "{config:?}");
    }
}

/// R14, R82.
#[test]
fn an_end_without_operations_refuses_each_of_them_and_takes_the_files() {
    for config in CONFIGS {
        let mut client = Memory::with([("t/new", content(3, 3000))]);
        client.queue_operations(Some("t"), &[("a", stat()), ("a", QueuedOperation::Remove)]);
        client.follow_up = vec!["t/new".to_owned()];
        let client = End::of(Session::<Operates>::client(session_number(NUMBER), config), client);
        let server = End::of(Session::<Standard>::server(config), target());
        let mut pair = Pair::of(client, server);
        assert_eq!(pair.run(Task::Put), Ok(done(3)), "{config:?}");
        let refused = ("t/a".to_owned(), Reason::Unsupported);
        assert_eq!(pair.client.store.refused, [refused.clone(), refused], "{config:?}");
        assert_eq!(pair.server.store.rejected.len(), 2);
        assert!(
            pair.server.store.bytes("t/new").is_some() && pair.server.store.bytes("t/a").is_some()
        );
    }
}

/// R78.
#[test]
fn a_store_that_is_busy_for_minutes_still_answers() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut client = Memory::default();
        client.queue_operations(Some("t"), &[("", stat()), ("a", stat())]);
        let mut server = target();
        server.busy = 6_000;
        let mut pair = pair(config, client, server).serial(115_200, 1);
        pair.server.wait = 100_000_000;
        pair.limit = u64::MAX;
        assert_eq!(pair.run(Task::Put), Ok(done(2)), "{config:?}");
        assert_eq!(pair.client.store.answers.len(), 2);
        assert!(pair.now > 600_000_000_000, "the store was busy for {} ns", pair.now);
    }
}

/// R83.
#[test]
fn a_stat_of_each_kind_keeps_all_its_arguments() {
    for digest in [None, Some(0), Some(u64::MAX)] {
        let query = StatQuery {
            facts: 0xFF,
            granularity: 10,
            bits: 32,
            prefix: u32::MAX,
            salt: 0x0102_0304,
            digest,
        };
        let mut client = Memory::default();
        client.queue_operations(Some("t"), &[("", QueuedOperation::Stat(query))]);
        let mut pair = pair(Config::RELIABLE, client, target());
        assert_eq!(pair.run(Task::Put), Ok(done(1)));
        // No entry has that prefix: the digest of none is 0.
        let expected = Stat { size: 0, value: 0, facts: 0xFF, granularity: 10 };
        assert_eq!(pair.client.store.answers[0].1, expected);
    }
}
