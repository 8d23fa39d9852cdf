//! `serve --on-file`: a command for each received file, exactly once, however often the server is killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::harness::{Place, Server, client, wait_until, write_private};

/// Appends the path of each file to a list.
const LIST: &str = r#"sh -c 'printf "%s\n" "$TINYFERRY_PATH" >>"$0"' "#;

struct Hooked {
    place: Place,
    command: String,
    journal: PathBuf,
}

impl Hooked {
    /// `command` is followed by the path of the list.
    fn new(command: &str) -> Self {
        let place = Place::new();
        let list = place.here("list");
        let command = format!("{command}{}", list.display());
        let journal = place.root.path().join("journal");
        Self { place, command, journal }
    }

    fn start(&self, arguments: &[&str]) -> Server {
        let journal = self.journal.display().to_string();
        let own = ["--on-file", &self.command, "--on-file-journal", &journal];
        Server::start(&self.place.served(""), &[&own[..], arguments].concat())
    }

    /// The lines of the list, and how often each is in it.
    fn listed(&self) -> BTreeMap<String, usize> {
        let mut listed = BTreeMap::new();
        for line in fs::read_to_string(self.place.here("list")).unwrap_or_default().lines() {
            *listed.entry(line.to_owned()).or_default() += 1;
        }
        listed
    }

    /// Waits until no file waits for its command.
    fn wait(&self) {
        wait_until("all commands to end", || entries(&self.journal) == 0);
    }
}

fn entries(journal: &Path) -> usize {
    fs::read_dir(journal).map_or(0, |entries| entries.count().saturating_sub(1))
}

#[test]
fn a_command_runs_once_for_each_file_that_is_in_place() {
    let hooked = Hooked::new(LIST);
    let here = hooked.place.here("");
    fs::create_dir_all(here.join("tree/empty")).expect("a directory");
    let mut expected = BTreeMap::new();
    for number in 0..300 {
        fs::write(here.join(format!("tree/{number}")), vec![7; number]).expect("a file");
        expected.insert(format!("tree/{number}"), 1);
    }
    fs::write(here.join("large"), vec![1; 3_000_000]).expect("a file");
    expected.insert("large".to_owned(), 1);
    let server = hooked.start(&[]);
    // A file that is there already has no command.
    for _ in 0..2 {
        server.client(&here, &["put", "tree", "large"]).well();
    }
    hooked.wait();
    assert_eq!(hooked.listed(), expected);
    // A changed file has one again.
    fs::write(here.join("large"), "another content").expect("a file");
    server.client(&here, &["put", "large"]).well();
    hooked.wait();
    expected.insert("large".to_owned(), 2);
    assert_eq!(hooked.listed(), expected);
}

#[test]
fn a_file_is_named_by_variables_and_by_records_and_no_shell_reads_its_name() {
    let command = r#"sh -c 'cat >"$0"; printf "%s|" "$@" "$TINYFERRY_FILE" >>"$0"; exit 3' "#;
    let mut hooked = Hooked::new(command);
    hooked.command.push_str(r#" 'two words' $HOME "a;b""#);
    let place = &hooked.place;
    let name = "a \"b\" $(touch here) 'c'; d";
    fs::write(place.here(name), "content").expect("a file");
    write_private(&place.here("key"), &format!("shared {} name=alice dir=box\n", "5e".repeat(32)));
    fs::create_dir(place.served("box")).expect("a directory");
    let key = place.here("key").display().to_string();
    let mut server = hooked.start(&["--key", &key]);
    server.client(&place.here(""), &["put", name, "--key", "key"]).well();
    hooked.wait();
    let served = place.served("").canonicalize().expect("it is there");
    let file = format!("{}/box/{name}", served.display());
    let told = fs::read_to_string(place.here("list")).expect("it ran");
    let (records, words) = told.rsplit_once('\0').expect("a record");
    assert_eq!(words, format!("two words|$HOME|a;b|{file}|"));
    let records: Vec<_> = records.split('\0').collect();
    let [path, of_file, client, of_key, size] = records[..] else { panic!("{records:?}") };
    assert_eq!(path, format!("TINYFERRY_PATH=box/{name}"));
    assert_eq!(of_file, format!("TINYFERRY_FILE={file}"));
    assert!(client.starts_with("TINYFERRY_CLIENT=127.0.0.1:"), "{client}");
    assert_eq!((of_key, size), ("TINYFERRY_KEY=alice", "TINYFERRY_SIZE=7"));
    let line = server.wait_for_line("--on-file").expect("the failure is logged");
    assert!(line.contains("has failed with exit code 3: \"box/a \\\"b\\\""), "{line}");
}

#[test]
fn at_most_so_many_commands_run_at_the_same_time() {
    let script = r#"sh -c 'd="$0.running"; mkdir -p "$d"; : >"$d/$$"; ls "$d" | wc -l >>"$0"; sleep 0.1; rm "$d/$$"' "#;
    let hooked = Hooked::new(script);
    let here = hooked.place.here("");
    fs::create_dir(here.join("tree")).expect("a directory");
    for number in 0..12 {
        fs::write(here.join(format!("tree/{number}")), "x").expect("a file");
    }
    let mut server = hooked.start(&["--on-file-jobs", "2"]);
    server.client(&here, &["put", "tree"]).well();
    // A server that shuts down waits for them.
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let running = hooked.listed();
    assert_eq!(running.values().sum::<usize>(), 12, "{running:?}");
    assert!(running.keys().all(|count| ["1", "2"].contains(&count.trim())), "{running:?}");
}

#[test]
fn a_command_goes_on_when_the_server_is_killed_and_does_not_run_again() {
    let script = r#"sh -c ': >"$0.begun"; while [ ! -e "$0.go" ]; do sleep 0.02; done; echo "$TINYFERRY_PATH" >>"$0"' "#;
    let hooked = Hooked::new(script);
    let here = hooked.place.here("");
    fs::write(here.join("file"), "content").expect("a file");
    let mut server = hooked.start(&[]);
    server.client(&here, &["put", "file"]).well();
    wait_until("the command to begin", || here.join("list.begun").exists());
    server.signal("KILL");
    server.wait();
    let server = hooked.start(&[]);
    server.client(&here, &["put", "file"]).well();
    assert_eq!(entries(&hooked.journal), 1);
    fs::write(here.join("list.go"), "").expect("a file");
    hooked.wait();
    assert_eq!(hooked.listed(), BTreeMap::from([("file".to_owned(), 1)]));
}

#[test]
fn two_servers_do_not_share_a_journal() {
    let hooked = Hooked::new(LIST);
    let _server = hooked.start(&[]);
    let journal = hooked.journal.display().to_string();
    let served = hooked.place.served("").display().to_string();
    let arguments = ["serve", &served, "--on-file", "true", "--on-file-journal", &journal];
    let ended = crate::harness::program(&hooked.place.here(""), &arguments);
    ended.with(1, &["for --on-file: another server uses it"]);
}

#[test]
fn a_journal_where_clients_can_write_is_refused() {
    let hooked = Hooked::new(LIST);
    let served = hooked.place.served("").display().to_string();
    let here = hooked.place.here("");
    std::os::unix::fs::symlink(&served, hooked.place.here("link")).expect("a link");
    let inside = ["", "new", "new/deeper", "../served/new"].map(|path| hooked.place.served(path));
    for journal in inside.into_iter().chain([hooked.place.here("link/new")]) {
        let journal = journal.display().to_string();
        let arguments = ["serve", &served, "--on-file", "true", "--on-file-journal", &journal];
        let ended = crate::harness::program(&here, &arguments);
        ended.with(1, &["it is in the served directory", "--on-file-journal DIR"]);
    }
    assert_eq!(fs::read_dir(served).expect("it is there").count(), 0);
}

#[test]
fn the_log_says_why_a_command_cannot_be_started() {
    let hooked = Hooked::new("/nonexistent/program ");
    let mut server = hooked.start(&[]);
    fs::write(hooked.place.here("file"), "content").expect("a file");
    server.client(&hooked.place.here(""), &["put", "file"]).well();
    let line = "the command \"/nonexistent/program\" of --on-file cannot be started: no such file";
    server.wait_for_line(line).expect("it is logged");
    server.wait_for_line("has failed with exit code 127: \"file\"").expect("it is logged");
}

/// With `TINYFERRY_KILLS=1000`, the campaign of a release.
#[test]
fn a_command_runs_exactly_once_however_often_the_server_is_killed() {
    let kills =
        std::env::var("TINYFERRY_KILLS").map_or(8, |count| count.parse().expect("a number"));
    let hooked = Hooked::new(LIST);
    let here = hooked.place.here("");
    let mut expected = BTreeMap::new();
    let mut random = 12_345u32;
    for round in 0..kills {
        random = random.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let tree = format!("tree{round}");
        fs::create_dir(here.join(&tree)).expect("a directory");
        let mut sent = vec![tree.clone()];
        for number in 0..5 {
            let path = format!("{tree}/{number}");
            fs::write(here.join(&path), format!("{round} {number}")).expect("a file");
            expected.insert(path, 1);
        }
        let lone = format!("lone{round}");
        fs::write(here.join(&lone), vec![round as u8; 100_000]).expect("a file");
        expected.insert(lone.clone(), 1);
        sent.insert((random >> 20) as usize % 2, lone);
        let mut server = hooked.start(&[]);
        let (endpoint, directory) = (server.endpoint.clone(), here.clone());
        let words: Vec<String> =
            ["put"].map(String::from).into_iter().chain(sent.clone()).collect();
        let putting = thread::spawn(move || {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            client(&endpoint, &directory, &words)
        });
        // This test varies the time of the kill.
        thread::sleep(Duration::from_micros(u64::from(random >> 8) % 80_000));
        server.signal("KILL");
        server.wait();
        let cut = putting.join().expect("it runs").code != Some(0);
        if cut {
            let server = hooked.start(&[]);
            let words: Vec<&str> =
                ["put"].into_iter().chain(sent.iter().map(String::as_str)).collect();
            server.client(&here, &words).well();
        }
        fs::remove_dir_all(here.join(&tree)).expect("it is there");
    }
    let _server = hooked.start(&[]);
    hooked.wait();
    let listed = hooked.listed();
    let wrong: Vec<_> = expected
        .keys()
        .chain(listed.keys())
        .filter(|path| listed.get(*path) != expected.get(*path))
        .map(|path| (path, listed.get(path)))
        .collect();
    assert!(wrong.is_empty(), "after {kills} kills: {wrong:?}");
}
