//! Sentences that name the right thing, for mistakes of every kind on the command line.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::harness::{Ended, Place, Server, client, command, program, write_private};

#[test]
fn invalid_sources_are_named_with_their_kind() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    symlink("loop", place.here("loop")).expect("a link");
    symlink("nowhere", place.here("dangling")).expect("a link");
    let fifo = Command::new("mkfifo").arg(place.here("pipe")).status();
    assert!(fifo.expect("mkfifo is there").success());
    let _socket = std::os::unix::net::UnixListener::bind(place.here("socket")).expect("a socket");
    fs::write(place.here(".a.tinyferry-part"), "a").expect("a file");
    let long = "n".repeat(300);
    for (path, code, parts) in [
        ("/", 1, &["\"/\"", "no name", "put its entries"][..]),
        ("loop", 1, &["\"loop\"", "symbolic links"]),
        ("dangling", 1, &["\"dangling\"", "link leads to no such file"]),
        ("f/x", 1, &["\"f/x\"", "not a directory"]),
        (&long, 1, &["name too long"]),
        ("pipe", 1, &["\"pipe\"", "it is a pipe"]),
        ("socket", 1, &["\"socket\"", "it is a socket"]),
        ("/dev/null", 1, &["\"/dev/null\"", "it is a character device"]),
        (".a.tinyferry-part", 2, &["are reserved for unfinished files"]),
    ] {
        server.client(&here, &["put", path]).with(code, parts);
    }
    server.client(&here, &["put", "f", ".a.tinyferry-part"]).with(2, &["unfinished files"]);
    server.client(&here, &["get", "d/.a.tinyferry-part"]).with(2, &["unfinished files"]);
    server
        .client(&here, &["get", "a/../f"])
        .with(2, &["is not a valid path on the server", "cannot contain \"..\""]);
    // A pipe of the shell is a link, and its target's name is a number.
    let mut shell = Command::new("bash");
    shell.args(["-c", "exec \"$@\" <(echo hello)", "bash"]);
    let started = command(&server.endpoint, &here, &["put"]);
    let shell = shell.arg(started.get_program()).args(started.get_args()).current_dir(&here);
    if let Ok(output) = shell.output() {
        Ended::from(output).with(1, &["\"/dev/fd/", "it is a pipe"]);
    }
    // Names that are no text are shown as their bytes.
    let mut program = command(&server.endpoint, &here, &["put"]);
    let bad = OsStr::from_bytes(b"bad\xff\x1b");
    fs::write(place.here("").join(bad), "x").expect("a file");
    let ended = Ended::from(program.arg(bad).output().expect("the program starts"));
    ended.with(1, &["\"bad\\xff\\u{1b}\"", "not UTF-8"]);
    assert_eq!(fs::read_dir(place.served("")).expect("a directory").count(), 0);
}

#[test]
fn invalid_targets_are_named() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    server.client(&here, &["put", "f", "--to", "-d"]).well();
    assert!(place.served("-d/f").exists());
    server
        .client(&here, &["put", "f", "--to", "-d/f"])
        .with(6, &["\"f\" cannot be entered: it is a file"]);
    server.client(&here, &["get", "./-d/f/x", "--into", "o"]).with(6, &["\"f\" cannot be entered"]);
    server
        .client(&here, &["get", "./-d/f", "--into", "f"])
        .with(1, &["\"f\": it is not a directory"]);
    server.client(&here, &["close"]).with(6, &["tcp://", "was not closed", "not allowed"]);
}

#[test]
fn invalid_endpoints_are_refused_with_the_reason() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    for (endpoint, code, parts) in [
        ("tcp://[fe80::1]:1", 4, &["[fe80::1%eth0]"][..]),
        ("tcp://[fe80::1%no-such]:1", 4, &["there is no interface \"no-such\""]),
        ("tcp://no-such-host.invalid:1", 4, &["the host's address cannot be found"]),
        ("tcp://127.0.0.1:99999", 2, &["\"99999\" is no port"]),
        ("unix:///no/such/socket", 4, &["no such file", "is a server running there?"]),
    ] {
        let ended = client(endpoint, &here, &["ping", "--insecure"]).with(code, parts);
        let asks = ended.stderr.contains("is a server running there?");
        assert_eq!(asks, endpoint.starts_with("unix"), "{}", ended.stderr);
    }
    program(&place.here(""), &["serve", "f"]).with(1, &["\"f\"", "not a directory"]);
    program(&place.here(""), &["serve", ".", "--clients", "0"])
        .with(2, &["not a number greater than 0"]);
    program(&place.here(""), &["serve", ".", "--max-file", "ten"])
        .with(2, &["not a number of bytes"]);
    program(&place.here(""), &["serve", ".", "--idle", "-1"]).with(2, &["not a length of time"]);
}

#[test]
fn options_of_other_programs_are_explained() {
    let place = Place::new();
    fs::create_dir(place.here("d")).expect("a directory");
    for (words, part) in [
        (&["put", "-a", "d"][..], "leave it out"),
        (&["get", "-avz", "d"], "leave it out"),
        (&["put", "-n", "d"], "say --dry-run"),
        (&["mirror", "-n", "d", "d"], "say --dry-run"),
        (&["get", "-c", "d"], "say --checksum"),
        (&["put", "-z", "d"], "content is not compressed"),
        (&["put", "-P", "d"], "an interrupted transfer continues"),
        (&["put", "-L", "d"], "a link that is given as a PATH"),
        (&["get", "--copy-links", "d"], "--links transfers links"),
        (&["put", "--safe-links", "d"], "--links accepts only targets inside"),
        (&["put", "--unsafe-links", "d"], "start it with serve --unsafe-links"),
    ] {
        let ended = program(&place.here(""), words).with(2, &["is not an option here", part]);
        assert!(!ended.stderr.contains("tip:"), "{}", ended.stderr);
    }
    // `-n` of `ls` is explained by the parser.
    program(&place.here(""), &["ls", "-n"]).with(2, &["unexpected argument '-n'"]);
}

#[test]
fn limits_have_units() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--max-file", "1.5k", "--idle", "5m"]);
    fs::write(place.here("small"), [0; 1536]).expect("a file");
    fs::write(place.here("large"), [0; 1537]).expect("a file");
    server.client(&place.here(""), &["put", "small"]).well();
    server.client(&place.here(""), &["put", "large"]).with(6, &["larger than is allowed"]);
}

#[test]
fn known_servers_with_spaces_in_their_names_are_read() {
    let place = Place::new();
    let here = place.here("");
    for name in ["mine", "theirs"] {
        program(&here, &["keygen", "--pair", name]).well();
    }
    let line = |name: &str| fs::read_to_string(place.here(name)).expect("it is made");
    write_private(&place.here("keys"), &format!("{}{}", line("mine.pub"), line("theirs")));
    let keys = place.here("keys").display().to_string();
    let spaced = format!("unix://{}/a socket", place.root.path().display());
    let socket = Server::start_at(&spaced, &place.served(""), &["--key", &keys]);
    let tcp = Server::start(&place.served(""), &["--key", &keys]);
    fs::write(place.here("known"), "# mine\nno line\n").expect("a file");
    let known = ["ping", "--key", "mine", "--known-hosts", "known"];
    for endpoint in [&spaced, &tcp.endpoint] {
        let new = [&known[..], &["--accept-new"]].concat();
        client(endpoint, &here, &new).well();
    }
    for endpoint in [&spaced, &tcp.endpoint] {
        let ended = client(endpoint, &here, &known).well();
        assert!(ended.stderr.contains("line 2 is invalid"), "{}", ended.stderr);
    }
    assert!(line("known").starts_with("# mine\nno line\n"));
    drop(socket);
}

#[test]
fn a_named_link_is_followed_and_a_link_in_a_directory_is_not() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::create_dir(place.here("d")).expect("a directory");
    fs::write(place.here("d/f"), "x").expect("a file");
    symlink("f", place.here("d/inner")).expect("a link");
    symlink("d/f", place.here("file")).expect("a link");
    symlink("d", place.here("tree")).expect("a link");
    server.client(&here, &["put", "file"]).well();
    let ended = server.client(&here, &["put", "tree"]);
    ended.with(3, &["\"tree/inner\"", "it is a symbolic link"]);
    assert_eq!(fs::read(place.served("file")).expect("it was sent"), b"x");
    assert_eq!(fs::read(place.served("tree/f")).expect("it was sent"), b"x");
    let metadata = place.served("file").symlink_metadata().expect("it is there");
    assert!(metadata.is_file() && !place.served("tree/inner").exists());
}

#[test]
fn a_quiet_program_prints_errors_and_lists_only() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--allow-close"]);
    let here = place.here("");
    fs::write(place.here("f"), "x").expect("a file");
    for arguments in [&["ping", "-q"][..], &["put", "-q", "f"], &["get", "-q", "f", "--into", "o"]]
    {
        let ended = server.client(&here, arguments).well();
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""), "{arguments:?}");
    }
    assert!(server.client(&here, &["ls", "-q"]).well().stdout.contains("  f\n"));
    for arguments in [
        &["keygen", "-q", "key"][..],
        &["keygen", "-q", "--pair", "pair"],
        &["partials", "-q", "."],
        &["partials", "-q", "--remove", "."],
    ] {
        let ended = program(&place.here(""), arguments).well();
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""), "{arguments:?}");
    }
    assert!(
        program(&place.here(""), &["partials", "."])
            .well()
            .stderr
            .contains("no partial files in \".\"")
    );
    let arguments = ["partials", "--older-than", "1", "."];
    assert!(
        program(&place.here(""), &arguments).well().stderr.contains("no partial files of that age")
    );
    let ended = server.client(&here, &["close", "-q"]).well();
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}

#[test]
fn a_missing_directory_of_a_key_is_reported_with_its_line() {
    let place = Place::new();
    let key = |digit: &str| digit.repeat(64);
    let text = format!(
        "# keys\nshared {} name=all\nshared {} name=camera dir=cam/era\n",
        key("1"),
        key("2")
    );
    write_private(&place.here("keys"), &text);
    let arguments = ["serve", "--listen", "tcp://127.0.0.1:0", "--key", "keys", "../served"];
    program(&place.here(""), &arguments).with(
        7,
        &["the key file \"keys\"", "line 3", "\"cam/era\" of camera", "no such file", "dir="],
    );
}

/// A key file has all of the key, or it is not there.
#[test]
fn a_full_disk_gets_no_empty_key_file() {
    let place = Place::new();
    let Some(_disk) = crate::mounts::Disk::in_memory(&place.served(""), 64) else { return };
    let served = place.served("");
    let mut filler = fs::File::create(served.join("filler")).expect("a file");
    while std::io::Write::write_all(&mut filler, &[0; 1024]).is_ok() {}
    for arguments in [&["keygen", "key"][..], &["keygen", "--pair", "key"]] {
        let mut program = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
        let output = program.args(arguments).current_dir(&served).output();
        let ended = Ended::from(output.expect("the program starts"));
        ended.with(1, &["cannot write the key file", "no space left"]);
        assert_eq!(fs::read_dir(&served).expect("a directory").count(), 1, "{arguments:?}");
    }
    drop(filler);
    fs::remove_file(served.join("filler")).expect("it is there");
    for name in ["key", "other"] {
        let path = served.join(name).display().to_string();
        program(&place.here(""), &["keygen", &path]).well();
        program(&place.here(""), &["keygen", &path]).with(1, &["is there already"]);
        let key = fs::read_to_string(&path).expect("it is there");
        assert!(key.starts_with("shared ") && key.len() == 72, "{key}");
    }
    assert_eq!(fs::read_dir(&served).expect("a directory").count(), 2);
}
