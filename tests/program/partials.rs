//! Partial files: whose are used, and when one stays.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Place, Server, command, content, set_mode};
use crate::mounts::Disk;

/// In a directory like /tmp nobody can remove the files of another user.
#[test]
fn the_partial_of_another_user_neither_gets_the_content_nor_blocks_it() {
    let place = Place::on_disk();
    set_mode(place.root.path(), 0o755);
    set_mode(&place.served(""), 0o1777);
    let Some(server) = Server::start_as_nobody(&place.served(""), &[]) else { return };
    let bytes = content(300_000, 1);
    fs::write(place.here("secret"), &bytes).expect("a file");
    set_mode(&place.here("secret"), 0o600);
    for planted in [".secret.tinyferry-part", ".secret~u65534.tinyferry-part"] {
        // The beginning is right: it could be resumed.
        fs::write(place.served(planted), &bytes[..100_000]).expect("a file");
        set_mode(&place.served(planted), 0o666);
        server.client(&place.here(""), &["put", "secret"]).well();
        let placed = place.served("secret").metadata().expect("it is there");
        assert_eq!((placed.uid(), placed.mode() & 0o777), (65_534, 0o600));
        assert_eq!(fs::read(place.served("secret")).expect("it is there"), bytes);
        assert_eq!(fs::read(place.served(planted)).expect("it stays"), bytes[..100_000]);
        fs::remove_file(place.served("secret")).expect("it is there");
    }
    assert_eq!(fs::read_dir(place.served("")).expect("a directory").count(), 2);
}

/// A process that opened it before would read, or change, the received content.
#[test]
fn a_partial_that_others_could_open_is_not_resumed() {
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &[]);
    let bytes = content(300_000, 1);
    fs::write(place.here("secret"), &bytes).expect("a file");
    set_mode(&place.here("secret"), 0o600);
    for (mode, is_resumed) in [(0o600, true), (0o644, false), (0o666, false)] {
        let partial = place.served(".secret.tinyferry-part");
        fs::write(&partial, &bytes[..100_000]).expect("a file");
        set_mode(&partial, mode);
        let said = server.client(&place.here(""), &["put", "secret"]).well().stdout;
        assert_eq!(said.contains("were there already"), is_resumed, "{mode:o}: {said}");
        let placed = place.served("secret").metadata().expect("it is there");
        assert_eq!(placed.mode() & 0o777, 0o600);
        assert_eq!(fs::read(place.served("secret")).expect("it is there"), bytes);
        fs::remove_file(place.served("secret")).expect("it is there");
    }
}

/// The file in place cannot be replaced, so its partial could never be of use.
#[test]
fn a_file_of_another_user_in_a_sticky_directory_stays_and_no_partial_does() {
    let place = Place::on_disk();
    set_mode(place.root.path(), 0o755);
    set_mode(&place.served(""), 0o1777);
    let Some(server) = Server::start_as_nobody(&place.served(""), &[]) else { return };
    // Another one than root, who would own the directory.
    fs::write(place.served("f"), "old").expect("a file");
    chown(place.served("f"), Some(1_234), None).expect("root may");
    fs::write(place.here("f"), content(300_000, 1)).expect("a file");
    for _ in 0..2 {
        server.client(&place.here(""), &["put", "f"]).with(6, &["\"f\"", "permission is denied"]);
        assert_eq!(fs::read(place.served("f")).expect("it is there"), b"old");
        assert_eq!(fs::read_dir(place.served("")).expect("a directory").count(), 1);
    }
}

#[test]
fn a_full_disk_gets_its_space_back() {
    let place = Place::on_disk();
    let Some(_disk) = Disk::in_memory(&place.served(""), 8 << 10) else { return };
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::create_dir(place.here("tree")).expect("a directory");
    for (name, size) in [("big", 20 << 20), ("small", 100_000), ("tree/1", 9 << 20)] {
        fs::write(place.here(name), vec![1; size]).expect("a file");
    }
    for (name, size) in [("tree/2", 2_000_000), ("tree/3", 9 << 20), ("tree/4", 0)] {
        fs::write(place.here(name), vec![2; size]).expect("a file");
    }
    server.client(&here, &["put", "big"]).with(6, &["\"big\"", "no space"]);
    assert_eq!(fs::read_dir(place.served("")).expect("a directory").count(), 0);
    server.client(&here, &["put", "small"]).well();
    // A new tree that does not fit is refused before anything is stored.
    server.client(&here, &["put", "tree"]).with(6, &["\"tree\"", "no space"]);
    assert!(!place.served("tree").exists());
    // One that exists is checked file by file.
    fs::create_dir(place.served("tree")).expect("a directory");
    let ended = server.client(&here, &["put", "tree"]);
    ended.with(3, &["2 entries were not transferred", "\"tree/1\"", "\"tree/3\"", "no space"]);
    let mut names: Vec<_> = fs::read_dir(place.served("tree"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    assert_eq!(names, ["2", "4"]);
}

/// Network and user-space file systems refuse locks in many ways.
#[test]
fn a_file_system_without_locks_accepts_files() {
    let place = Place::on_disk();
    let (source, library) = (place.root.path().join("flock.c"), place.root.path().join("flock.so"));
    let code = "#include <errno.h>\n#include <stdlib.h>\n\
                int flock(int f, int o) { errno = atoi(getenv(\"REFUSED\")); return -1; }\n";
    fs::write(&source, code).expect("a file");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
    if !cc.status().is_ok_and(|status| status.success()) {
        println!("skipped: there is no C compiler");
        return;
    }
    let bytes = content(3_000_000, 1);
    // ENOLCK, EINVAL, EBADF, ENOSYS, EOPNOTSUPP, EIO.
    for errno in ["37", "22", "9", "38", "95", "5"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
        command.args(["serve", "--listen", "tcp://127.0.0.1:0"]).arg(place.served(""));
        command.env("LD_PRELOAD", &library).env("REFUSED", errno);
        let server = Server::start_by(command);
        // It resumes the partial.
        fs::write(place.served(".f.tinyferry-part"), &bytes[..2_000_000]).expect("a file");
        fs::write(place.here("f"), &bytes).expect("a file");
        fs::write(place.here("g"), &bytes[..3_000]).expect("a file");
        for name in ["f", "g"] {
            server.client(&place.here(""), &["put", name]).well();
        }
        assert!(fs::read(place.served("f")).expect("it is there") == bytes, "{errno}");
        let names: Vec<_> = fs::read_dir(place.served("")).expect("a directory").collect();
        assert_eq!(names.len(), 2, "{errno}");
        fs::remove_file(place.served("f")).expect("it is there");
        fs::remove_file(place.served("g")).expect("it is there");
    }
}

/// Sets or takes an attribute of a directory; `false`, with a word about it, where that cannot be done.
fn change_attribute(directory: &Path, change: &str) -> bool {
    let mut chattr = Command::new("chattr");
    let is_done = chattr.arg(change).arg(directory).output().is_ok_and(|it| it.status.success());
    if !is_done {
        println!("skipped: no directory can be made append-only here");
    }
    is_done
}

/// Takes the attribute back, whatever happens: nobody could remove the directory.
struct AppendOnly<'a>(&'a Path);

impl Drop for AppendOnly<'_> {
    fn drop(&mut self) {
        change_attribute(self.0, "-a");
    }
}

/// The partials in a directory, and how long each is.
fn partials(directory: &Path) -> Vec<(String, u64)> {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    let entries = entries.map(|entry| {
        let length = entry.metadata().expect("it is there").len();
        (entry.file_name().to_string_lossy().into_owned(), length)
    });
    entries.filter(|(name, _)| name.ends_with(".tinyferry-part")).collect()
}

/// Files to be sent to a directory where nothing can be removed, and the files that it has already.
fn fill(place: &Place) {
    fs::create_dir_all(place.served("drop/t")).expect("directories");
    for name in ["small", "t/small"] {
        fs::write(place.served("drop").join(name), "old").expect("a file");
    }
    fs::create_dir(place.here("t")).expect("a directory");
    for number in 0..8 {
        fs::write(place.here(&format!("large{number}")), content(300_000, 1)).expect("a file");
    }
    for (name, size) in [("small", 1_000), ("t/small", 1_000), ("t/new", 9), ("t/large", 300_000)] {
        fs::write(place.here(name), content(size, 2)).expect("a file");
    }
}

/// Sends all files, more than once. All are refused, and the old files stay.
fn send_in_vain(server: &Server, place: &Place) {
    for number in 0..8 {
        let name = format!("large{number}");
        let ended = server.client(&place.here(""), &["put", &name, "--to", "drop"]);
        ended.with(6, &[&name, "permission is denied"]);
    }
    server.client(&place.here(""), &["put", "small", "--to", "drop"]).with(6, &["small"]);
    for _ in 0..3 {
        let ended = server.client(&place.here(""), &["put", "t", "--to", "drop"]);
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    }
    for name in ["drop/small", "drop/t/small"] {
        assert_eq!(fs::read(place.served(name)).expect("it is there"), b"old");
    }
}

#[test]
fn in_an_append_only_directory_no_partial_stays() {
    let place = Place::on_disk();
    let image = place.root.path().join("image");
    let Some(_disk) = Disk::ext4(&image, &place.served(""), &["-F"]) else { return };
    fill(&place);
    let mut server = Server::start(&place.served(""), &[]);
    let directories = [place.served("drop"), place.served("drop/t")];
    if !directories.iter().all(|directory| change_attribute(directory, "+a")) {
        return;
    }
    {
        let _guards = directories.each_ref().map(|directory| AppendOnly(directory));
        send_in_vain(&server, &place);
        for directory in &directories {
            assert_eq!(partials(directory), []);
        }
        assert!(server.log().contains("its directory is append-only"), "{}", server.log());
    }
    server.client(&place.here(""), &["put", "large0", "small", "--to", "drop"]).well();
    server.client(&place.here(""), &["put", "t", "--to", "drop"]).well();
}

/// The system lets nobody remove or rename a file, and does not say so before.
#[test]
fn where_no_file_can_be_removed_few_empty_partials_stay_and_are_named() {
    let place = Place::on_disk();
    let Some(_disk) = Disk::folding_with(&place.served(""), &["keep=locked"]) else { return };
    fill(&place);
    let mut server = Server::start(&place.served(""), &[]);
    fs::write(place.served("locked"), "").expect("a file");
    send_in_vain(&server, &place);
    for (directory, most) in [("drop", 1), ("drop/t", 3)] {
        let left = partials(&place.served(directory));
        assert!((1..=most).contains(&left.len()), "{left:?}");
        assert!(left.iter().all(|(_, length)| *length == 0), "{left:?}");
    }
    let log = server.log();
    assert!(log.contains("\".large0.tinyferry-part\" stays there, empty"), "{log}");
    // Nothing stays once files can be removed.
    fs::rename(place.served("locked"), place.served("open")).expect("it can be");
    server.client(&place.here(""), &["put", "large0", "small", "--to", "drop"]).well();
    server.client(&place.here(""), &["put", "t", "--to", "drop"]).well();
    for directory in ["drop", "drop/t"] {
        assert_eq!(partials(&place.served(directory)), []);
    }
}

#[test]
fn a_second_client_is_refused_while_another_writes_the_same_file_and_goes_on_after_it() {
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &[]);
    // The file has zeros but no holes, and is so large that the first client does not reach its end.
    fs::write(place.here("f"), vec![0; 512 << 20]).expect("a file");
    let large = fs::File::options().write(true).open(place.here("f")).expect("it is there");
    let mut first = command(&server.endpoint, &place.here(""), &["put", "f"]);
    let mut first = first.stderr(Stdio::null()).spawn().expect("the program starts");
    let partial = place.served(".f.tinyferry-part");
    let length = || partial.metadata().map_or(0, |found| found.len());
    let end = Instant::now() + Duration::from_secs(20);
    while length() < 100_000 && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
    let signal = |name: &str| {
        let status = Command::new("kill").args([name, &first.id().to_string()]).status();
        assert!(status.expect("kill is there").success());
    };
    signal("-STOP");
    fs::create_dir(place.here("second")).expect("a directory");
    let second = place.here("second");
    large.set_len(300_000).expect("a length");
    fs::copy(place.here("f"), second.join("f")).expect("a file");
    for _ in 0..2 {
        let ended = server.client(&second, &["put", "f"]);
        ended.with(4, &["\"f\"", "another transfer writes the same file"]);
    }
    assert!(length() >= 100_000 && !place.served("f").exists());
    signal("-KILL");
    let _ = first.wait();
    let end = Instant::now() + Duration::from_secs(20);
    // The server may notice only after a moment that the first one has left.
    let mut ended = server.client(&second, &["put", "f"]);
    while ended.code == Some(4) && Instant::now() < end {
        thread::sleep(Duration::from_millis(50));
        ended = server.client(&second, &["put", "f"]);
    }
    let said = ended.well().stdout;
    assert!(said.contains("already") || said.contains("the same"), "it goes on: {said}");
    assert_eq!(fs::read(place.served("f")).expect("it is there"), vec![0; 300_000]);
}
