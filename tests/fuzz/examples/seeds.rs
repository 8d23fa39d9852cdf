//! Makes the kept corpus from real sessions: `cargo run --example seeds`.

use std::fs;
use std::path::{Path, PathBuf};

use tinyferry_core::store::{RequestOptions, Skip, StatQuery, answer};
use tinyferry_core::{Config, GetRequest, Session, Step, Task};
use tinyferry_fuzz::Weak;
use tinyferry_kit::{Memory, QueuedOperation, content, session_number};

/// The bytes of a session: the client's, the server's.
fn record(config: Config, mut here: Memory, mut there: Memory, task: Task<'_>) -> [Vec<u8>; 2] {
    let mut client = Session::<Weak>::client(session_number(0x1234_5678), config);
    let mut server = Session::<Weak>::server(config);
    client.begin(task).expect("it may");
    let mut said = [Vec::new(), Vec::new()];
    let mut received = [0, 0];
    loop {
        let mut moved = false;
        for (end, session, store) in [(0, &mut client, &mut here), (1, &mut server, &mut there)] {
            match session.poll() {
                Step::Receive(into) => {
                    let rest = &said[1 - end][received[end]..];
                    let count = rest.len().min(into.len());
                    into[..count].copy_from_slice(&rest[..count]);
                    received[end] += count;
                    if count > 0 {
                        session.received(count, Some(0));
                        moved = true;
                    }
                }
                Step::Transmit(out) | Step::Exchange { out, .. } => {
                    said[end].extend_from_slice(out);
                    let count = out.len();
                    session.transmitted(count, Some(0));
                    moved = true;
                }
                Step::Pause => session.transmitted(0, Some(0)),
                Step::Text(_) => session.text_taken(),
                Step::Storage(request) => {
                    let reply = answer(store, request);
                    session.answered(reply, Some(0));
                    moved = true;
                }
                Step::Over(_) => {}
            }
        }
        if !moved {
            return said;
        }
    }
}

fn keep(target: &str, name: &str, parts: &[&[u8]]) {
    let directory: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(directory.join(name), parts.concat()).expect("a file");
}

/// Honest decisions for a session's steps.
const HONEST: [u8; 64] = [0; 64];

fn main() {
    let mut sessions = Vec::new();
    for (name, config) in [("reliable", Config::RELIABLE), ("lossy", Config::LOSSY)] {
        let config = config.sha256(true).may_close(true);
        let mut small = Memory::with([("f", content(700, 1)), ("t/a", vec![1; 20])]);
        small.directories.insert("t/d".into());
        let mut putting = small.clone();
        putting.queue_file("f");
        let mut tree = small.clone();
        tree.queue_tree("t");
        let mut resuming = Memory::default();
        resuming.partials.insert("f".into(), content(700, 1));
        let get = Task::get_tree("t");
        let names = Task::Get(GetRequest::tree("t").names());
        let mut operating = Memory::with([("t/new", content(300, 2))]);
        let query = StatQuery { digest: Some(1), ..StatQuery::default() };
        let operations = [
            ("", QueuedOperation::Stat(query)),
            ("a", QueuedOperation::Stat(query)),
            ("b", QueuedOperation::Rename("a".to_owned())),
            ("l", QueuedOperation::Link("../b".to_owned())),
            ("h", QueuedOperation::HardLink("b".to_owned())),
            ("d/", QueuedOperation::Remove),
            ("missing", QueuedOperation::Remove),
        ];
        operating.queue_operations(Some("t"), &operations);
        operating.follow_up = vec!["t/new".to_owned()];
        let options = RequestOptions::skipping(Skip::SameTime);
        let asking = Task::Get(GetRequest::tree("t").with(options));
        let jobs = [
            ("operations", operating, small.clone(), Task::Put),
            ("options", Memory::default(), small.clone(), asking),
            ("put", putting.clone(), Memory::default(), Task::Put),
            ("put-tree", tree, Memory::default(), Task::Put),
            ("get-tree", Memory::default(), small.clone(), get),
            ("names", Memory::default(), small, names),
            ("close", Memory::default(), Memory::default(), Task::Close),
        ];
        for (job, here, there, task) in jobs {
            sessions.push((format!("{job}-{name}"), record(config, here, there, task)));
        }
    }
    for (name, [client, server]) in &sessions {
        let lossy = u8::from(name.ends_with("lossy"));
        let flags = lossy | 4 | 8;
        let task = match name.split('-').collect::<Vec<_>>()[..] {
            ["put", "tree", ..] | ["operations", ..] => 1,
            ["put", ..] => 0,
            ["get", ..] | ["options", ..] => 2 | 8,
            ["names", ..] => 2 | 8 | 16,
            _ => 5,
        };
        keep("server", name, &[&[flags, 0, 0, 0, 0, 0, 0, 0], client, &HONEST]);
        keep("client", name, &[&[flags, 0, 0, 0, 0, task, 0, 0], server, &HONEST]);
        let last = server.len().saturating_sub(36);
        keep("reader", name, &[&server[last..]]);
    }
    keep("reader", "chunk", &[&[0xFA, 1, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0], b"a\0\x01\x04"]);
    keep("reader", "path", &[b"a/b c/.d/\xC3\xA9/"]);
    keep("reader", "extras", &[b"a/b\0\x01\x04\xA4\x81\0\0\x10\x02hi\x82\0"]);
    for (name, flags, partials) in [
        ("put", 0, 0),
        ("put-lossy", 1, 0),
        ("tree-resumed", 2, 1 | 2 << 2),
        ("tree-lossy", 3, 1 | 3 << 2),
        ("get-lossy", 5, 2),
        ("get-tree-sha256", 22, 0),
        ("unknown-lossy", 9, 0),
    ] {
        let setup = [flags, 0, 0, 0, 0, 0, 0, partials, 0xB8, 0x0B, 30, 41, 7, 0, 0, 0];
        // A flip, a loss and a doubled frame somewhere.
        let damage = [0x11, 9, 9, 0, 0x50, 0, 0, 0x40, 0, 0, 0x22, 3, 3, 0, 0];
        let is_damaged = flags & 1 != 0;
        keep("pair", name, &[&setup, if is_damaged { &damage } else { &[] }]);
    }
}
