//! Random pairs of trees and the real program: after cuts and losses, a mirror is equal to that of a model and to
//! that of `rsync`.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::Config as Cases;
use tinyferry_kit::{Faults, Line};

use crate::cut_proxy::Proxy;
use crate::harness::{Ended, Place, Server, client, command};
use crate::serial::urls;
use crate::trees::{
    Node, Pair, Rules, Skips, Tree, assert_trees, check_names, contents, expected, pairs,
};
use crate::trees::{partials, patterns, read, write};

/// An interruption after a number of bytes: a cut of the line, or the end of a program.
#[derive(Debug, Clone, Copy)]
enum Interruption {
    Line(u64),
    Client(u64),
    Server(u64),
}

#[derive(Debug, Clone)]
struct Case {
    trees: Pair,
    rules: Rules,
    /// Names that no path may have, and a link that cannot be sent: nothing is removed then.
    has_odd_entries: bool,
    interruptions: Vec<Interruption>,
}

fn interruptions() -> impl Strategy<Value = Vec<Interruption>> {
    let at = || prop_oneof![0..700_u64, 0..60_000_u64];
    let interruption = prop_oneof![
        at().prop_map(Interruption::Line),
        at().prop_map(Interruption::Client),
        at().prop_map(Interruption::Server)
    ];
    proptest::collection::vec(interruption, 0..4)
}

fn cases() -> impl Strategy<Value = Case> {
    let skips = proptest::sample::select(vec![Skips::SameTime, Skips::SameContent]);
    let is_odd = proptest::bool::weighted(0.15);
    (pairs(), skips, patterns(), is_odd, interruptions()).prop_map(
        |(trees, skips, patterns, has_odd_entries, interruptions)| {
            let rules = Rules { skips, patterns, removes: !has_odd_entries };
            Case { trees, rules, has_odd_entries, interruptions }
        },
    )
}

/// Places with both trees: the source is `s`, the target the served directory `m`.
fn places(case: &Case) -> Place {
    let place = Place::new();
    for (root, tree) in [
        (place.here("s"), &case.trees.source),
        (place.served("m"), &case.trees.target),
        (place.here("rsync"), &case.trees.target),
    ] {
        std::fs::create_dir(&root).expect("a directory");
        write(&root, tree);
    }
    if case.has_odd_entries {
        std::os::unix::fs::symlink("new\nline", place.here("s/odd link")).expect("a link");
        std::fs::write(place.here("s/new\nline"), "x").expect("a file");
        let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"\xFF");
        std::fs::write(place.here("s").join(name), "x").expect("a file");
    }
    place
}

fn arguments(rules: &Rules) -> Vec<String> {
    let mut arguments: Vec<_> =
        ["mirror", "s", "m", "--links", "--max-delete", "100%", "--retry", "0"]
            .map(str::to_owned)
            .into();
    if rules.skips == Skips::SameContent {
        arguments.push("--checksum".to_owned());
    }
    arguments.extend(rules.patterns.iter().map(|pattern| format!("--exclude={pattern}")));
    arguments
}

/// Checks that the mirror is equal to that of the model, and that the next one sends nothing: then `nothing` is in
/// the summary.
fn check_end(case: &Case, place: &Place, new: &Tree, nothing: &str, run: impl Fn() -> Ended) {
    let found = read(&place.served("m"), &contents(&case.trees));
    assert_trees(&found, new);
    assert_eq!(partials(&place.served("m")), BTreeSet::new());
    let ended = run();
    assert_eq!(ended.code, Some(if case.has_odd_entries { 3 } else { 0 }), "{ended:?}");
    assert!(ended.stdout.contains(nothing), "{}", ended.stdout);
    assert!(!ended.stdout.contains("removed"), "{}", ended.stdout);
    assert_trees(&read(&place.served("m"), &contents(&case.trees)), new);
}

fn serve(place: &Place) -> Server {
    Server::start(&place.served(""), &["--allow-remove", "--links", "--sync", "never"])
}

fn check_over_a_stream(case: &Case) {
    let Some(new) = expected(&case.trees.source, &case.trees.target, &case.rules) else { return };
    let place = places(case);
    let arguments = arguments(&case.rules);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let proxy = Proxy::start();
    let mut server = serve(&place);
    proxy.lead_to(&server);
    for interruption in &case.interruptions {
        let crossed = || proxy.crossed(0) + proxy.crossed(1);
        let begin = crossed();
        let (Interruption::Line(bytes) | Interruption::Client(bytes) | Interruption::Server(bytes)) =
            *interruption;
        proxy.cut_at(match interruption {
            Interruption::Line(_) => proxy.crossed(0) + bytes,
            _ => u64::MAX,
        });
        let mut child = command(&proxy.endpoint, &place.here(""), &arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        while child.try_wait().expect("it can be asked").is_none() && crossed() < begin + bytes {
            thread::sleep(Duration::from_micros(100));
        }
        match interruption {
            Interruption::Line(_) => {}
            Interruption::Client(_) => drop(child.kill()),
            Interruption::Server(_) => {
                server.signal("KILL");
                server.wait();
                server = serve(&place);
                proxy.lead_to(&server);
            }
        }
        child.wait().expect("it ends");
        check_names(&case.trees.target, &new, &read(&place.served("m"), &contents(&case.trees)));
    }
    proxy.cut_at(u64::MAX);
    let run = || {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let ended = client(&proxy.endpoint, &place.here(""), &arguments);
            // The server may still use the partial file of a client that was killed.
            if ended.code != Some(4) || Instant::now() > end {
                break ended;
            }
            thread::sleep(Duration::from_millis(10));
        }
    };
    let ended = run();
    assert_eq!(ended.code, Some(if case.has_odd_entries { 3 } else { 0 }), "{ended:?}");
    check_end(case, &place, &new, ": 0 files", run);
    if !case.has_odd_entries && has_rsync() {
        check_rsync(case, &place, &new);
    }
}

fn has_rsync() -> bool {
    let output = Command::new("rsync").arg("--version").output();
    let is_there = output.is_ok_and(|output| output.status.success());
    if !is_there {
        println!("skipped: there is no rsync");
    }
    is_there
}

/// Checks that `rsync` makes the same tree, except for files whose time some file system cannot store.
fn check_rsync(case: &Case, place: &Place, new: &Tree) {
    let mut command = Command::new("rsync");
    command.args(["-a", "--delete", "--modify-window=-1"]).current_dir(place.here(""));
    if case.rules.skips == Skips::SameContent {
        command.arg("--checksum");
    }
    command.args(case.rules.patterns.iter().map(|pattern| format!("--exclude={pattern}")));
    let output = command.args(["s/", "rsync/"]).output().expect("rsync starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "rsync: {said}");
    let theirs = read(&place.here("rsync"), &contents(&case.trees));
    assert_eq!(theirs.keys().collect::<Vec<_>>(), new.keys().collect::<Vec<_>>(), "rsync");
    for (path, node) in &theirs {
        let is_rare = |tree: &Tree| match tree.get(path) {
            Some(Node::File { time, .. }) => {
                !(315_583_200_000_000_000..2_147_483_647_000_000_000).contains(time)
            }
            _ => false,
        };
        if is_rare(&case.trees.source) && is_rare(&case.trees.target) {
            continue;
        }
        match (node, &new[path], case.trees.target.get(path)) {
            // Of the same size and time but other permission bits, rsync sets these and leaves the content.
            (
                Node::File { content, time, mode },
                Node::File { content: ours, time: our_time, mode: our_mode },
                Some(Node::File { content: old, time: old_time, .. }),
            ) if content != ours => {
                assert_eq!((content, time, mode), (old, our_time, our_mode), "rsync: {path:?}");
                assert_eq!((ours.size, time), (old.size, old_time), "rsync: {path:?}");
            }
            (theirs, ours, _) => assert_eq!(theirs, ours, "rsync: {path:?}"),
        }
    }
}

/// A serial line with faults, and a client that is killed.
fn check_over_a_lossy_line(case: &Case, seed: u64) {
    let Some(new) = expected(&case.trees.source, &case.trees.target, &case.rules) else { return };
    let place = places(case);
    let arguments = arguments(&case.rules);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let faults = Faults { flip: 1e-6, drop: 5e-6, insert: 5e-6, double: 5e-6, burst: 0.0 };
    let [there, back] = [seed, !seed].map(|seed| {
        let mut line = Line::serial(921_600, seed);
        line.faults = faults;
        line
    });
    let cable = tinyferry_kit::Cable::lay(there, back).expect("pseudo-terminals");
    let [listen, url] = urls(&cable);
    let options = ["--allow-remove", "--links", "--sync", "never"];
    let _server = Server::start_at(&listen, &place.served(""), &options);
    let crossed = || cable.lines().iter().map(|line| line.carried).sum::<u64>();
    for interruption in &case.interruptions {
        let (Interruption::Line(bytes) | Interruption::Client(bytes) | Interruption::Server(bytes)) =
            *interruption;
        let begin = crossed();
        let mut child = command(&url, &place.here(""), &arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        while child.try_wait().expect("it can be asked").is_none() && crossed() < begin + bytes {
            thread::sleep(Duration::from_micros(200));
        }
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
        check_names(&case.trees.target, &new, &read(&place.served("m"), &contents(&case.trees)));
    }
    let run = || client(&url, &place.here(""), &arguments);
    let ended = run();
    assert_eq!(ended.code, Some(if case.has_odd_entries { 3 } else { 0 }), "{ended:?}");
    // Without an index, a file is offered beside another one that is not here.
    check_end(case, &place, &new, " 0 B in ", run);
}

/// The number of cases of `PROPTEST_CASES`, or `few`.
fn cases_or(few: u32) -> Cases {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    let cases = cases.unwrap_or(few);
    Cases { cases, failure_persistence: None, max_shrink_time: 60_000, ..Cases::default() }
}

proptest! {
    #![proptest_config(cases_or(12))]

    #[test]
    fn a_mirror_is_equal_to_that_of_the_model_and_of_rsync_after_interruptions(case in cases()) {
        check_over_a_stream(&case);
    }
}

proptest! {
    #![proptest_config(cases_or(4))]

    #[test]
    fn a_mirror_over_a_line_that_loses_bytes_is_equal_to_that_of_the_model(
        case in cases(), seed in any::<u64>(),
    ) {
        let case = Case { trees: case.trees.clone().without_hidden_changes(), ..case };
        check_over_a_lossy_line(&case, seed);
    }
}
