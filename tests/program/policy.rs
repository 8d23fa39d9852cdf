//! How a receiver stores files: permission bits, owners, existing names, free space.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::harness::{Place, Server, assert_same, content, mode, set_mode, snapshot};
use crate::mounts::Disk;

/// A tree with a file, a program and a directory.
fn tree(place: &Place) {
    fs::create_dir_all(place.here("t/d")).expect("a directory");
    for (path, bits) in [("t/file", 0o640), ("t/d/program", 0o775)] {
        fs::write(place.here(path), path).expect("a file");
        set_mode(&place.here(path), bits);
    }
    set_mode(&place.here("t/d"), 0o777);
    set_mode(&place.here("t"), 0o777);
}

#[test]
fn the_operator_of_a_receiver_chooses_the_permission_bits() {
    for (arguments, expected) in [
        (&["--chmod", "D750,F600"][..], [0o750, 0o600, 0o750, 0o600]),
        (&["--umask", "027"], [0o750, 0o640, 0o750, 0o750]),
        (&["--chmod", "go=rX"], [0o755, 0o644, 0o755, 0o755]),
    ] {
        let place = Place::new();
        tree(&place);
        let paths = ["t", "t/file", "t/d", "t/d/program"];
        let server = Server::start(&place.served(""), arguments);
        server.client(&place.here(""), &["put", "t"]).well();
        assert_eq!(paths.map(|path| mode(&place.served(path))), expected, "{arguments:?}");
        // The bits are no difference: nothing is sent again.
        let again = server.client(&place.here(""), &["put", "t", "--update"]).well();
        assert!(again.stdout.contains("0 files"), "{}", again.stdout);
        assert_eq!(paths.map(|path| mode(&place.served(path))), expected, "{arguments:?}");

        let other = Place::new();
        tree(&other);
        fs::rename(other.here("t"), other.served("t")).expect("a tree");
        let server = Server::start(&other.served(""), &[]);
        server.client(&other.here(""), &[&["get", "t"], arguments].concat()).well();
        assert_eq!(paths.map(|path| mode(&other.here(path))), expected, "get {arguments:?}");
    }
}

#[test]
fn new_directories_of_a_path_get_the_bits_too() {
    let place = Place::new();
    fs::write(place.here("f"), "1").expect("a file");
    let server = Server::start(&place.served(""), &["--chmod", "D2,F4"]);
    server.client(&place.here(""), &["put", "f", "--to", "a/b"]).well();
    // Their owner can store files in them.
    assert_eq!([mode(&place.served("a")), mode(&place.served("a/b"))], [0o702; 2]);
    assert_eq!(mode(&place.served("a/b/f")), 0o004);
}

#[test]
fn the_operator_of_a_receiver_chooses_the_owner() {
    let place = Place::new();
    tree(&place);
    fs::write(place.here("t/large"), content(200_000, 1)).expect("a file");
    let nobody = &["--chown", "65534:65533"];
    if !place.root.path().metadata().is_ok_and(|metadata| metadata.uid() == 0) {
        let ended = crate::harness::program(&place.here(""), &["serve", ".", "--chown", "0"]);
        ended.with(2, &["only root"]);
        return println!("skipped: only root can give files to others");
    }
    for sync in ["end", "each", "never"] {
        let place_of_sync = place.served(sync);
        fs::create_dir(&place_of_sync).expect("a directory");
        let server = Server::start(&place_of_sync, &[nobody, &["--sync", sync][..]].concat());
        server.client(&place.here(""), &["put", "t"]).well();
        server.client(&place.here(""), &["put", "t/large", "--to", "new/directory"]).well();
        for path in
            ["t", "t/file", "t/d", "t/d/program", "t/large", "new/directory", "new/directory/large"]
        {
            let metadata = place_of_sync.join(path).metadata().expect("it is there");
            assert_eq!((metadata.uid(), metadata.gid()), (65_534, 65_533), "{sync}: {path}");
        }
    }
    crate::harness::program(&place.here(""), &["serve", ".", "--chown", "no such user"])
        .with(2, &["no such user"]);
}

/// A server of root in a container may lack the capability to give files away.
#[test]
fn an_owner_that_cannot_be_set_is_no_failure() {
    let without_chown = ["--bounding-set", "-chown", "--inh-caps", "-chown"];
    let mut probe = Command::new("setpriv");
    let can_drop = probe.args(without_chown).arg("true").status().is_ok_and(|it| it.success());
    for sync in ["end", "each", "never"] {
        let place = Place::new();
        tree(&place);
        let is_root = place.root.path().metadata().is_ok_and(|metadata| metadata.uid() == 0);
        if !is_root || !can_drop {
            return println!("skipped: only root can drop a capability");
        }
        let mut command = Command::new("setpriv");
        command.args(without_chown).arg(env!("CARGO_BIN_EXE_tinyferry"));
        command.args(["serve", "--listen", "tcp://127.0.0.1:0", "--chown", "65534:65533"]);
        command.args(["--sync", sync]).arg(place.served(""));
        let mut server = Server::start_by(command);
        server.client(&place.here(""), &["put", "t/file", "--to", "new/directory"]).well();
        server.client(&place.here(""), &["put", "t", "--to", "other/directory"]).well();
        for path in ["new/directory/file", "other/directory/t/d/program"] {
            assert_eq!(place.served(path).metadata().expect("a file").uid(), 0, "{sync}: {path}");
        }
        let log = server.log();
        for path in ["new", "new/directory", "new/directory/file"] {
            let line = format!("the time or the permission bits of \"{path}\" could not be set");
            assert_eq!(log.matches(&line).count(), 1, "{sync}: {path}: {log}");
        }
        assert!(log.contains("6 entries are complete, but without their time"), "{sync}: {log}");
    }
}

#[test]
fn a_file_that_exists_is_not_replaced_where_the_receiver_says_so() {
    for sync in ["end", "never"] {
        let place = Place::new();
        tree(&place);
        let here = place.here("");
        let mut server =
            Server::start(&place.served(""), &["--no-replace", "--allow-remove", "--sync", sync]);
        server.client(&here, &["put", "t"]).well();
        // The same files are no failure.
        server.client(&here, &["put", "t"]).well();
        let before = snapshot(&place.served(""));
        for path in ["t/file", "t/d/program"] {
            fs::write(place.here(path), "another content").expect("a file");
        }
        fs::write(place.here("t/new"), "new").expect("a file");
        let ended = server.client(&here, &["put", "t"]);
        ended.with(
            3,
            &["2 entries were not transferred", "\"t/file\"", "exists", "\"t/d/program\""],
        );
        server.client(&here, &["put", "t/file", "--to", "t"]).with(6, &["exists"]);
        server.client(&here, &["mv", "t/new", "t/file"]).with(6, &["exists"]);
        let mut after = snapshot(&place.served(""));
        assert!(after.remove("t/new").is_some());
        assert!(
            after
                .into_iter()
                .filter(|(name, _)| name != "t")
                .eq(before.into_iter().filter(|(name, _)| name != "t"))
        );
        assert!(server.log().contains("exists"), "{}", server.log());

        // At a client.
        fs::write(place.served("f"), "there").expect("a file");
        fs::write(place.here("f"), "here").expect("a file");
        server.client(&here, &["get", "f", "--no-replace"]).with(1, &["exists"]);
        assert_eq!(fs::read(place.here("f")).expect("a file"), b"here");
    }
}

#[test]
fn both_files_of_a_name_are_kept_where_the_receiver_says_so() {
    for sync in ["end", "each", "never"] {
        let place = Place::new();
        tree(&place);
        let here = place.here("");
        let mut server = Server::start(&place.served(""), &["--keep-both", "--sync", sync]);
        for (minute, round) in [(1, "first"), (2, "second"), (3, "third"), (3, "third")] {
            for path in ["t/file", "t/d/program"] {
                fs::write(place.here(path), format!("{round} of {path}")).expect("a file");
                let time = std::time::UNIX_EPOCH
                    + std::time::Duration::from_secs(1_700_000_000 + minute * 60);
                let file = fs::File::options().write(true).open(place.here(path)).expect("a file");
                file.set_modified(time).expect("a time");
            }
            server.client(&here, &["put", "t"]).well();
        }
        for path in ["t/file", "t/d/program"] {
            for (end, round) in [("", "first"), ("~1", "second"), ("~2", "third")] {
                let stored = fs::read_to_string(place.served(&format!("{path}{end}")));
                assert_eq!(stored.expect("a file"), format!("{round} of {path}"), "{sync}");
            }
            assert!(!place.served(&format!("{path}~3")).exists());
        }
        let log = server.log();
        assert!(log.contains("\"t/file\" exists; the new file is \"t/file~1\""), "{log}");

        // At a client, and for one file.
        fs::write(place.served("f"), "there").expect("a file");
        fs::write(place.here("f"), "here").expect("a file");
        let ended = server.client(&here, &["get", "f", "--keep-both", "--sha256"]).well();
        assert!(ended.stderr.contains("\"f\" is stored as \"f~1\""), "{}", ended.stderr);
        assert!(ended.stdout.ends_with("  f~1\n"), "{}", ended.stdout);
        assert_eq!(fs::read(place.here("f~1")).expect("a file"), b"there");
        assert_eq!(fs::read(place.here("f")).expect("a file"), b"here");
    }
}

#[test]
fn a_file_that_was_kept_is_not_removed_by_a_mirror() {
    let place = Place::new();
    tree(&place);
    let here = place.here("");
    let server = Server::start(&place.served(""), &["--keep-both", "--allow-remove"]);
    let run = |arguments: &[&str]| server.client(&here, arguments);
    run(&["put", "t"]).well();
    fs::write(place.here("t/file"), "another content").expect("a file");
    fs::write(place.served("t/gone"), "x").expect("a file");
    let ended = run(&["mirror", "t", "t", "--max-delete", "100%"]);
    ended.with(3, &["\"t/file~1\"", "it is kept beside \"file\""]);
    assert!(!place.served("t/gone").exists());
    let read = |path: &str| fs::read_to_string(place.served(path)).expect("a file");
    assert_eq!((read("t/file"), read("t/file~1")), ("t/file".into(), "another content".into()));
    run(&["rm", "t/file~1"]).with(6, &["it is kept beside \"file\""]);
    // A name with a number may be one of the source's own.
    run(&["rm", "t/file", "t/file~1"]).well();
    run(&["put", "t/file", "--to", "t"]).well();
    run(&["mv", "t/file", "t/other~1"]).well();
    run(&["rm", "t/other~1"]).well();
    assert!(!place.served("t/other~1").exists() && !place.served("t/file").exists());
}

#[test]
fn options_of_the_receiver_that_would_have_no_effect_or_lose_files_are_refused() {
    let place = Place::new();
    tree(&place);
    let here = place.here("");
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    let run = |arguments: &[&str]| server.client(&here, arguments);
    run(&["get", "t", "--keep-both", "--delete"]).with(2, &["'--keep-both'", "'--delete'"]);
    run(&["mirror", "--get", "t", "u", "--keep-both"]).with(2, &["removes files", "NAME~1"]);
    for option in ["--chmod=640", "--umask=027", "--chown=0", "--no-replace", "--max-file=1"] {
        let name = option.split('=').next().expect("a name");
        let remedy = format!("serve {name}, or mirror from the server with --get");
        run(&["mirror", "t", "m", option]).with(2, &[&remedy]);
    }
    assert!(!place.served("m").exists());
    run(&["mirror", "t", "m"]).well();
    run(&["mirror", "--get", "m", "u", "--chmod=D700,F600"]).well();
    assert!(place.here("u").is_dir());
}

#[test]
fn a_file_that_does_not_fit_is_refused_before_it_is_stored() {
    let place = Place::new();
    let served = place.served("");
    let Some(_disk) = Disk::in_memory(&served, 4096) else { return };
    let here = place.here("");
    let mut server = Server::start(&served, &[]);
    fs::write(place.here("large"), content(6 << 20, 1)).expect("a file");
    fs::write(place.here("fits"), content(3 << 20, 2)).expect("a file");
    let ended = server.client(&here, &["put", "large"]);
    ended.with(6, &["\"large\"", "no space", "it needs 6.00 MiB more, and 4.00 MiB are free"]);
    assert!(snapshot(&served).is_empty());

    // A tree of files each of which fits.
    fs::create_dir(place.here("t")).expect("a directory");
    for number in 0..6 {
        let path = place.here(&format!("t/{number}"));
        fs::write(path, content(1 << 20, number)).expect("a file");
    }
    let ended = server.client(&here, &["put", "t"]);
    ended.with(6, &["\"t\"", "no space"]);
    assert!(server.log().contains("put of \"t\" failed"), "{}", server.log());
    assert!(server.log().contains("it needs 6.00 MiB more, and 4.00 MiB are free"));
    assert!(snapshot(&served).is_empty());
    // If the directory exists, the files that fit are stored.
    fs::create_dir(place.served("t")).expect("a directory");
    let ended = server.client(&here, &["put", "t"]);
    ended.with(3, &["2 entries were not transferred", "more, and"]);
    fs::remove_dir_all(place.served("t")).expect("a tree");

    // The existing file counts as used until it is replaced.
    server.client(&here, &["put", "fits"]).well();
    fs::write(place.here("fits"), content(3 << 20, 3)).expect("a file");
    server.client(&here, &["put", "fits"]).with(6, &["it needs 3.00 MiB more"]);
    assert_eq!(fs::read(place.served("fits")).expect("a file"), content(3 << 20, 2));

    // The disk of a client.
    let other = Place::new();
    fs::write(other.served("large"), content(6 << 20, 1)).expect("a file");
    let roomy = Server::start(&other.served(""), &[]);
    let into = served.display().to_string();
    let ended = roomy.client(&other.here(""), &["get", "large", "--into", &into]);
    ended.with(1, &["\"large\"", "it needs 6.00 MiB more"]);
}

#[test]
fn a_partial_reduces_the_space_that_its_file_needs() {
    let place = Place::new();
    let served = place.served("");
    let Some(_disk) = Disk::in_memory(&served, 4096) else { return };
    let here = place.here("");
    let whole = content(3 << 20, 1);
    fs::write(place.here("f"), &whole).expect("a file");
    fs::write(place.served(".f.tinyferry-part"), &whole[..2 << 20]).expect("a partial");
    set_mode(&place.served(".f.tinyferry-part"), 0o600);
    fs::write(place.served("other"), content(900 << 10, 2)).expect("a file");
    let server = Server::start(&served, &[]);
    server.client(&here, &["put", "f"]).well();
    fs::remove_file(place.served("other")).expect("a file");
    assert_eq!(assert_same(&served, &here), 1);
}
