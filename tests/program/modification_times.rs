//! Times that the target cannot keep as they are.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::harness::{Place, Server, command, content};
use crate::mounts::Disk;

/// The inodes of the files of a directory: a file that was sent again has another one.
fn inodes(directory: &Path) -> BTreeMap<OsString, u64> {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    entries.map(|entry| (entry.file_name(), entry.metadata().expect("metadata").ino())).collect()
}

#[test]
fn unchanged_files_are_recognised_on_a_file_system_with_whole_seconds() {
    let place = Place::on_disk();
    let image = place.root.path().join("image");
    // Inodes of 128 bytes have room for seconds between 1901 and 2038.
    let options = ["-I", "128", "-F"];
    let Some(_disk) = Disk::ext4(&image, &place.served(""), &options) else { return };
    let mut server = Server::start(&place.served(""), &[]);
    fs::create_dir(place.here("tree")).expect("a directory");
    let bytes = content(3_000_000, 1);
    for (name, seconds) in
        [("now", 1_700_000_001), ("later", 4_102_444_800), ("latest", 10_413_792_000)]
    {
        let path = place.here(&format!("tree/{name}"));
        fs::write(&path, &bytes).expect("a file");
        let time = UNIX_EPOCH + Duration::new(seconds, 123_456_789);
        File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_modified(time))
            .expect("ok");
    }
    fs::write(place.here("tree/early"), &bytes).expect("a file");
    let mut touch = Command::new("touch");
    touch.args(["-d", "1880-01-01 00:00:00.5"]).arg(place.here("tree/early"));
    assert!(touch.status().expect("touch is there").success());
    let first = server.client(&place.here(""), &["put", "tree"]).well();
    let latest = place.here("tree/latest").metadata().and_then(|it| it.modified()).expect("a time");
    if latest > UNIX_EPOCH + Duration::from_secs(9_300_000_000) {
        assert!(first.stderr.contains("cannot be sent"), "{}", first.stderr);
    }
    let log = server.log();
    assert!(log.contains("cannot keep"), "{log}");
    let first = inodes(&place.served("tree"));
    for _ in 0..2 {
        server.client(&place.here(""), &["put", "tree"]).well();
        assert_eq!(inodes(&place.served("tree")), first);
    }
    // And as single files.
    for name in ["now", "later", "latest", "early"] {
        server.client(&place.here("tree"), &["put", name, "--to", "tree"]).well();
    }
    assert_eq!(inodes(&place.served("tree")), first);
    // Another file of the same length is sent.
    let mut other = bytes.clone();
    other[1_000_000] ^= 1;
    fs::write(place.here("tree/now"), &other).expect("a file");
    let path = place.here("tree/now");
    let time = UNIX_EPOCH + Duration::new(1_700_000_001, 987_654_321);
    File::options().write(true).open(&path).and_then(|file| file.set_modified(time)).expect("ok");
    server.client(&place.here("tree"), &["put", "now", "--to", "tree"]).well();
    assert!(fs::read(place.served("tree/now")).expect("it is there") == other);
}

/// File systems whose times have these units in ns; with one the times of all files are the same.
const UNITS: [(&str, &[&str]); 5] = [
    ("2 s, and no permission bits", &["unit=2000000000", "mode=755"]),
    ("1 s", &["unit=1000000000"]),
    ("10 ms, and no permission bits", &["unit=10000000", "mode=755"]),
    ("100 ns", &["unit=100"]),
    ("no times", &["unit=1000000000000000000", "mode=644"]),
];

#[test]
fn a_second_run_sends_no_content_for_any_unit_of_times() {
    for (name, options) in UNITS {
        let place = Place::on_disk();
        let Some(_disk) = Disk::folding_with(&place.served(""), options) else { return };
        let server = Server::start(&place.served(""), &[]);
        fs::create_dir_all(place.here("tree/sub")).expect("directories");
        for (path, time) in [
            ("now", "2023-11-14 22:13:21.123456789"),
            ("sub/odd", "2001-02-03 04:05:07.999999999"),
            ("sub/early", "1960-01-01 00:00:00.5"),
            ("late", "2200-01-01 00:00:01.5"),
        ] {
            let path = place.here(&format!("tree/{path}"));
            fs::write(&path, content(50_000, 1)).expect("a file");
            let mut touch = Command::new("touch");
            touch.args(["-d", time]).arg(&path);
            assert!(touch.status().expect("touch is there").success());
        }
        let run = |arguments: &[&str]| {
            let stdout = server.client(&place.here(""), arguments).well().stdout;
            stdout.lines().last().expect("a summary").to_owned()
        };
        let new = |summary: &str| assert!(summary.contains(": 4 files, "), "{name}: {summary}");
        let same = |summary: &str| assert!(summary.contains(": 0 files"), "{name}: {summary}");
        new(&run(&["put", "tree"]));
        let first = inodes(&place.served("tree/sub"));
        let has_times = name != "no times";
        let options: &[&str] = if has_times {
            &["--update", "--checksum", "--newer"]
        } else {
            &["--update", "--checksum"]
        };
        for option in options {
            same(&run(&["put", "tree", option]));
        }
        if !has_times {
            // No file is known to be newer than another.
            let ended = server.client(&place.here(""), &["put", "tree", "--newer"]);
            ended.with(3, &["does not tell which files it has"]);
        }
        same(&run(&["put", "tree"]));
        assert_eq!(inodes(&place.served("tree/sub")), first, "{name}");
        // A repeated get sends no content either.
        new(&run(&["get", "tree", "--into", "o"]));
        let first = inodes(&place.here("o/tree/sub"));
        for option in options {
            same(&run(&["get", "tree", "--into", "o", option]));
        }
        same(&run(&["get", "tree", "--into", "o"]));
        assert_eq!(inodes(&place.here("o/tree/sub")), first, "{name}");
        // A change of one byte is seen where times are kept, and by its content everywhere.
        let mut other = content(50_000, 1);
        other[30_000] ^= 1;
        fs::write(place.here("tree/now"), &other).expect("a file");
        let summary = run(&["put", "tree", "--checksum"]);
        assert!(summary.contains(": 1 file, 3 unchanged, "), "{name}: {summary}");
        assert!(fs::read(place.served("tree/now")).expect("it is there") == other);
    }
}

/// The directories below `root` with their times in seconds.
fn directories(root: &Path) -> BTreeMap<OsString, i64> {
    let found = ["", "d", "d/below"].map(|path| (path, root.join(path).metadata()));
    let times =
        found.into_iter().filter_map(|(path, found)| Some((path.into(), found.ok()?.mtime())));
    times.collect()
}

/// Each option finds the entries that the receiver lacks in another way.
#[test]
fn a_directory_that_gets_an_entry_has_the_time_of_the_source_then() {
    let options: [&[&str]; 6] = [
        &[],
        &["--update"],
        &["--delete"],
        &["--ignore-existing"],
        &["--newer"],
        &["--checksum", "--delete"],
    ];
    for options in options {
        let place = Place::on_disk();
        let here = place.here("");
        let server = Server::start(&place.served(""), &["--allow-remove"]);
        fs::create_dir_all(place.here("t/d/below")).expect("directories");
        fs::write(place.here("t/d/below/old"), "old").expect("a file");
        let touch = |path: &str, seconds| {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            File::open(place.here(path)).and_then(|dir| dir.set_modified(time)).expect("a time");
        };
        ["t/d/below", "t/d", "t"].iter().for_each(|path| touch(path, 1_600_000_000));
        server.client(&here, &["put", "t"]).well();
        server.client(&here, &["get", "t", "--into", "copy"]).well();
        fs::write(place.here("t/d/below/new"), "new").expect("a file");
        fs::create_dir(place.here("t/d/empty")).expect("a directory");
        touch("t/d/below", 1_700_000_000);
        touch("t/d", 1_500_000_000);
        server.client(&here, &[&["put", "t"], options].concat()).well();
        assert_eq!(directories(&place.served("t")), directories(&place.here("t")), "{options:?}");
        assert!(place.served("t/d/below/new").exists() && place.served("t/d/empty").exists());
        server.client(&here, &[&["get", "t", "--into", "copy"], options].concat()).well();
        assert!(place.here("copy/t/d/below/new").exists());
        assert_eq!(
            directories(&place.here("copy/t")),
            directories(&place.here("t")),
            "{options:?}"
        );
    }
}

/// The first run places the entries of one directory completely, and is cut in the next one.
#[test]
fn a_run_after_a_cut_one_sets_the_times_of_all_directories() {
    let place = Place::on_disk();
    let here = place.here("");
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    for path in ["t/d", "t/e"] {
        fs::create_dir_all(place.here(path)).expect("directories");
        fs::write(place.here(path).join("old"), "old").expect("a file");
    }
    server.client(&here, &["put", "t"]).well();
    for (path, size) in [("t/d", 10), ("t/e", 100_000)] {
        fs::write(place.here(path).join("new"), content(size, 1)).expect("a file");
        let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        File::open(place.here(path)).and_then(|dir| dir.set_modified(time)).expect("a time");
    }
    let put = ["put", "t", "--delete"];
    let mut cut = command(&server.endpoint, &here, &[&put[..], &["--limit", "20K"]].concat());
    let mut cut = cut.spawn().expect("it starts");
    let appears = |path: &str| {
        let end = Instant::now() + Duration::from_secs(20);
        while !place.served(path).exists() {
            assert!(Instant::now() < end, "no {path}");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    appears("t/e/.new.tinyferry-part");
    cut.kill().expect("it is ours");
    cut.wait().expect("it ends");
    // The session at the server ends a little later.
    appears("t/d/new");
    assert!(!place.served("t/e/new").exists());
    server.client(&here, &put).well();
    assert!(place.served("t/e/new").exists());
    for path in ["t", "t/d", "t/e"] {
        let times =
            [place.here(path), place.served(path)].map(|path| path.metadata().map(|it| it.mtime()));
        let [source, target] = times.map(|time| time.expect("a time"));
        assert_eq!(source, target, "{path}");
    }
}
