//! `--watch`: changes of the sources arrive at the server while the command runs.

mod rounds;
mod sources;

mod watching;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use self::watching::Watching;
use crate::cut_proxy::Proxy;
use crate::files::make_tree;
use crate::harness::{Ended, Place, Server, client, command, content, ended_within, send_signal};

/// The paths below a directory, and the content of files. The times of directories differ: a transfer into a directory
/// changes its time.
fn entries(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut entries = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for path in fs::read_dir(&directory).into_iter().flatten().flatten().map(|it| it.path()) {
            entries
                .insert(path.strip_prefix(root).unwrap_or(&path).to_owned(), fs::read(&path).ok());
            if path.is_dir() {
                waiting.push(path);
            }
        }
    }
    entries
}

/// As an editor does it.
fn save(path: &Path, text: &str) {
    let new = path.with_extension("new~");
    fs::write(&new, text).expect("a file");
    fs::rename(new, path).expect("it can be renamed");
}

#[test]
fn changes_of_a_directory_arrive() {
    let place = Place::new();
    make_tree(&place, 6);
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    let arguments = ["mirror", "tree", "tree", "--exclude", "*.new~", "--exclude", "/cache/"];
    let mut watching = Watching::start(&server, &place, &arguments);
    watching.until_same("the first transfer", &place, "tree");

    fs::write(place.here("tree/new"), "1").expect("a file");
    watching.until_same("a new file", &place, "tree");
    save(&place.here("tree/new"), "another text");
    watching.until_same("a file that an editor has saved", &place, "tree");
    fs::create_dir_all(place.here("tree/a/b/c")).expect("directories");
    fs::write(place.here("tree/a/b/c/file"), "at once").expect("a file");
    watching.until_same("a file in new directories", &place, "tree");
    fs::write(place.here("tree/a/b/c/later"), "later").expect("a file");
    watching.until_same("a later file there", &place, "tree");
    fs::create_dir_all(place.here("outside/deep")).expect("directories");
    fs::write(place.here("outside/deep/file"), "moved").expect("a file");
    fs::rename(place.here("outside"), place.here("tree/inside")).expect("it can be moved");
    watching.until_same("a directory that was moved into it", &place, "tree");
    fs::write(place.here("tree/inside/deep/file"), "changed").expect("a file");
    watching.until_same("a change in that", &place, "tree");
    fs::rename(place.here("tree/inside"), place.here("tree/renamed")).expect("it can be renamed");
    watching.until_same("a renamed directory", &place, "tree");
    fs::write(place.here("tree/renamed/deep/more"), "more").expect("a file");
    watching.until_same("a file in that", &place, "tree");
    fs::remove_dir_all(place.here("tree/renamed")).expect("it is there");
    watching.until_same("a removed directory", &place, "tree");
    watching.until_said_often("removed ", 2);

    // An excluded entry is not sent, and is nothing to tell of.
    let lines = watching.count("");
    fs::create_dir(place.here("tree/cache")).expect("a directory");
    fs::write(place.here("tree/cache/file"), "1").expect("a file");
    // The transfer of a later change is the only one.
    let transfers = watching.count("sent ");
    fs::write(place.here("tree/other"), "1").expect("a file");
    watching.until_said_often("sent ", transfers + 1);
    assert_eq!(watching.count(""), lines + 1, "{:#?}", watching.said);
    assert!(!place.served("tree/cache").exists());
    fs::remove_dir_all(place.here("tree/cache")).expect("it is there");

    let said = watching.interrupt();
    let last = said.last().expect("a line");
    // A round for the removal of the excluded directory may run.
    assert!(last.starts_with("tinyferry: interrupted"), "{last}");
}

#[test]
fn files_that_are_replaced_or_vanish_are_watched() {
    let place = Place::new();
    for name in ["a", "b"] {
        fs::write(place.here(name), "first").expect("a file");
    }
    std::os::unix::fs::symlink("a", place.here("link")).expect("a link");
    let server = Server::start(&place.served(""), &[]);
    let mut watching = Watching::start(&server, &place, &["put", "link", "b", "--to", "in"]);
    let arrived = |name: &str, text: &str| {
        let path = place.served("in").join(name);
        let text = text.to_owned();
        move || fs::read_to_string(&path).is_ok_and(|found| found == text)
    };
    for text in ["second", "the third one"] {
        save(&place.here("a"), text);
        save(&place.here("b"), text);
        watching.until("a file behind a link", arrived("link", text));
        watching.until("a file", arrived("b", text));
    }
    fs::remove_file(place.here("b")).expect("it is there");
    watching.wait_for_line("no such file");
    // Nothing removes it from the server without --delete.
    assert!(arrived("b", "the third one")());
    fs::write(place.here("a"), "fourth").expect("a file");
    watching.until("the other file", arrived("link", "fourth"));
    assert_eq!(watching.count("no such file"), 1, "{:#?}", watching.said);
    fs::write(place.here("b"), "back").expect("a file");
    watching.until("a file that is back", arrived("b", "back"));
}

/// A source whose directory vanishes and comes back.
#[test]
fn a_directory_that_comes_back_is_watched_again() {
    let place = Place::new();
    fs::create_dir_all(place.here("up/tree/sub")).expect("directories");
    fs::write(place.here("up/tree/sub/file"), "1").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let mut watching = Watching::start(&server, &place, &["put", "up/tree"]);
    fs::rename(place.here("up"), place.here("away")).expect("it can be moved");
    watching.wait_for_line("no such file");
    fs::rename(place.here("away"), place.here("up")).expect("it can be moved");
    for text in ["changed", "once more"] {
        fs::write(place.here("up/tree/sub/file"), text).expect("a file");
        let path = place.served("tree/sub/file");
        watching.until("a change", || fs::read_to_string(&path).is_ok_and(|found| found == text));
    }
}

#[test]
fn a_change_during_a_transfer_starts_another_round() {
    let place = Place::new();
    fs::create_dir(place.here("tree")).expect("a directory");
    fs::write(place.here("tree/a"), "first").expect("a file");
    fs::write(place.here("tree/z"), content(300_000, 1)).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let arguments = ["put", "tree", "--watch", "--limit", "200K", "-v"];
    let mut watching = Watching::start_by(command(&server.endpoint, &place.here(""), &arguments));
    // The first file is on its way or sent, the second one takes more than a second.
    watching.wait_for_line("a\": 5 B");
    fs::write(place.here("tree/a"), "the second").expect("a file");
    watching.until_same("the change", &place, "tree");
    let said = watching.interrupt();
    assert!(said.iter().filter(|line| line.starts_with("sent ")).count() >= 2, "{said:#?}");
}

#[test]
fn a_lost_server_is_waited_for_only_if_that_is_requested() {
    let place = Place::new();
    fs::create_dir(place.here("tree")).expect("a directory");
    fs::write(place.here("tree/a"), "1").expect("a file");
    let mut server = Server::start(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    let start = |options: &[&str]| {
        let arguments = [&["put", "tree", "--watch"], options].concat();
        let mut watching =
            Watching::start_by(command(&proxy.endpoint, &place.here(""), &arguments));
        watching.wait_for_line("sent ");
        watching
    };
    let mut watching = start(&["--retry", "100"]);
    let mut other = start(&[]);
    server.signal("KILL");
    server.wait();
    fs::write(place.here("tree/b"), "2").expect("a file");
    watching.wait_for_line("(try 2 of 100)");
    let status = ended_within(&mut other.child, Duration::from_secs(20)).expect("it ends");
    assert_eq!(status.code(), Some(4), "{:#?}", other.said);
    server = Server::start(&place.served(""), &[]);
    proxy.lead_to(&server);
    watching.until_same("the change", &place, "tree");
}

/// The events of the system are lost: also the watches of new directories.
#[test]
fn a_queue_that_overflows_loses_no_change() {
    if !cfg!(target_os = "linux") {
        return println!("skipped: the queue of inotify is filled");
    }
    let place = Place::new();
    fs::create_dir(place.here("tree")).expect("a directory");
    fs::write(place.here("tree/a"), "1").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let mut watching = Watching::start(&server, &place, &["put", "tree"]);
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap_or_default();
    let most = most.trim().parse().unwrap_or(16_384);
    if most > 100_000 {
        return println!("skipped: the queue is too long");
    }
    send_signal(watching.child.id(), "STOP");
    // Equal events in a row count once.
    let mut files =
        ["x", "y"].map(|name| File::create(place.here("tree").join(name)).expect("a file"));
    for number in 0..most {
        files[number % 2].write_all(b"1").expect("it can be written");
    }
    drop(files);
    fs::create_dir(place.here("tree/new")).expect("a directory");
    fs::write(place.here("tree/new/file"), "1").expect("a file");
    send_signal(watching.child.id(), "CONT");
    watching.until_same("the changes", &place, "tree");
    fs::write(place.here("tree/new/file"), "another one").expect("a file");
    watching.until_same("a change in a directory whose event was lost", &place, "tree");
}

/// The limit of watches, in a name space of its own.
#[test]
fn the_limit_of_watches_is_explained() {
    let place = Place::new();
    for number in 0..8 {
        fs::create_dir_all(place.here(&format!("tree/{number}"))).expect("a directory");
    }
    let run = |limit: &str, number: u32| {
        let script = format!(
            "echo {number} >/proc/sys/user/{limit} || {{ echo skipped; exit 9; }}; exec \"$@\" 2>&1"
        );
        let program = env!("CARGO_BIN_EXE_tinyferry");
        let arguments = ["-Ur", "sh", "-c", &script, "sh", program, "put", "tree", "--watch"];
        let unshare = Command::new("unshare").args(arguments).current_dir(place.here("")).output();
        unshare.ok().map(Ended::from).filter(|ended| ended.stdout.contains("tinyferry"))
    };
    let Some(ended) = run("max_inotify_watches", 4) else {
        return println!("skipped: there are no name spaces for users");
    };
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    for part in ["cannot watch \"", "raise the limit", "fs.inotify.max_user_watches=", "--exclude"]
    {
        assert!(ended.stdout.contains(part), "{}", ended.stdout);
    }
    let ended = run("max_inotify_instances", 0).expect("as before");
    assert!(ended.stdout.contains("fs.inotify.max_user_instances="), "{}", ended.stdout);
}

#[test]
fn a_path_that_cannot_be_watched_is_refused() {
    let place = Place::new();
    let nobody = "tcp://127.0.0.1:9";
    let here = place.here("");
    client(nobody, &here, &["put", "-", "--as", "a", "--watch"])
        .with(2, &["standard input cannot be watched"]);
    client(nobody, &here, &["put", "missing", "--watch"]).with(1, &["\"missing\": no such file"]);
    client(nobody, &here, &["put", "a", "--watch", "--dry-run"]).with(2, &["--watch", "--dry-run"]);
    client(nobody, &here, &["mirror", "a", "b", "--watch", "--get"]).with(2, &["--watch", "--get"]);
}
