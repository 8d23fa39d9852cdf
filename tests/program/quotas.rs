//! The quota of a key and the reserve of free space: an offer beyond them is refused, and nothing of it is stored.

use std::fs;
use std::process::{Command, Stdio};

use crate::harness::{Place, Server, write_private};

/// A server with keys that have a quota of 100 KiB for the directory `box`, and one without.
fn start(place: &Place) -> Server {
    let digits = |byte: &str| byte.repeat(32);
    let lines = [("5a", "alice"), ("5b", "bob")].map(|(byte, name)| {
        format!(
            "shared {} name={name} rights=read,write,remove quota=100KiB dir=box\n",
            digits(byte)
        )
    });
    let other = format!("shared {} name=carol\n", digits("5c"));
    write_private(&place.here("keys"), &[lines.concat(), other].concat());
    for byte in ["5a", "5b", "5c"] {
        write_private(&place.here(byte), &format!("shared {}\n", digits(byte)));
    }
    fs::create_dir(place.served("box")).expect("a directory");
    let keys = place.here("keys").display().to_string();
    Server::start(&place.served(""), &["--key", &keys])
}

#[test]
fn a_file_beyond_the_quota_of_its_key_is_refused() {
    let place = Place::new();
    let here = place.here("");
    let server = start(&place);
    let put =
        |key: &str, words: &[&str]| server.client(&here, &[&["put", "--key", key], words].concat());
    for name in ["a", "b", "c"] {
        fs::write(here.join(name), vec![name.as_bytes()[0]; 60 * 1024]).expect("a file");
    }
    put("5a", &["a"]).well();
    let refused = "it needs 60.00 KiB more, and 40.00 KiB of the quota of 100.00 KiB are left";
    let ended = put("5a", &["b", "--json"]).with(6, &[]);
    assert!(
        ended.stdout.contains("\"no-space\"") && ended.stdout.contains(refused),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("\"bytes_done\":0") || !ended.stdout.contains("\"bytes_done\""));
    // Both keys have the same directory.
    put("5b", &["b"]).with(6, &["\"b\"", refused]);
    // The same file takes no more space, and a key without a quota has none.
    put("5b", &["a"]).well();
    put("5c", &["b"]).well();
    // Of a tree, the files that fit are stored.
    fs::create_dir(here.join("tree")).expect("a directory");
    for (name, size) in [("one", 10), ("two", 60), ("three", 20)] {
        fs::write(here.join("tree").join(name), vec![1; size * 1024]).expect("a file");
    }
    fs::create_dir(place.served("box/tree")).expect("a directory");
    put("5a", &["tree"]).with(3, &["tree/two", "of the quota of 100.00 KiB are left"]);
    let mut stored: Vec<_> = fs::read_dir(place.served("box/tree"))
        .expect("it is there")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    stored.sort();
    assert_eq!(stored, ["one", "three"]);
    // Of a new tree that does not fit as a whole, none is stored.
    fs::rename(here.join("tree"), here.join("other")).expect("a directory");
    put("5a", &["other"]).with(6, &["it needs 90.00 KiB more", "of the quota of 100.00 KiB"]);
    assert!(!place.served("box/other").exists());
    // Removed files make room.
    server.client(&here, &["rm", "a", "--key", "5a"]).well();
    std::thread::sleep(std::time::Duration::from_secs(1));
    put("5a", &["c"]).well();
    assert_eq!(fs::read(place.served("box/c")).ok(), fs::read(here.join("c")).ok());
}

#[test]
fn content_without_a_size_ends_at_the_quota() {
    let place = Place::new();
    let server = start(&place);
    let script = "head -c \"$1\" /dev/zero | \"$0\" put - --as \"$2\" --key 5a -e \"$3\"";
    let put = |size: &str, name: &str| {
        let program = env!("CARGO_BIN_EXE_tinyferry");
        let mut shell = Command::new("sh");
        shell.args(["-c", script, program, size, name, &server.endpoint]);
        shell.current_dir(place.here("")).env("TINYFERRY_CONFIG", "").stdin(Stdio::null());
        shell.output().expect("it runs")
    };
    let ended = put("20000", "small");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let ended = put("2000000", "large");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(
        !ended.status.success() && told.contains("of the quota of 100.00 KiB are left"),
        "{told}"
    );
    assert!(!place.served("box/large").exists());
    // So it is with the reserve.
    let reserving = Server::start(&place.served(""), &["--reserve", "8000T"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "echo x | \"$0\" put - --as piped -e \"$1\""]);
    shell.args([env!("CARGO_BIN_EXE_tinyferry"), &reserving.endpoint]).env("TINYFERRY_CONFIG", "");
    let ended = shell.output().expect("it runs");
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success() && told.contains("must stay free"), "{told}");
    assert!(!place.served("piped").exists());
}

#[test]
fn the_reserve_of_free_space_is_kept() {
    let place = Place::new();
    let here = place.here("");
    fs::write(here.join("file"), vec![1; 100_000]).expect("a file");
    let server = Server::start(&place.served(""), &["--reserve", "8000T"]);
    let refused = ["it needs 97.", "must stay free"];
    server.client(&here, &["put", "file"]).with(6, &refused);
    fs::create_dir(here.join("tree")).expect("a directory");
    fs::write(here.join("tree/small"), "x").expect("a file");
    server.client(&here, &["put", "tree"]).with(6, &["it needs 1 B more"]);
    assert_eq!(fs::read_dir(place.served("")).expect("it is there").count(), 0);
    let server = Server::start(&place.served(""), &["--reserve", "1K"]);
    server.client(&here, &["put", "file", "tree"]).well();
}

#[test]
fn a_wrong_quota_is_an_error_of_its_line() {
    let place = Place::new();
    write_private(&place.here("keys"), &format!("shared {} quota=much\n", "5a".repeat(32)));
    let arguments = ["serve", ".", "--listen", "tcp://127.0.0.1:0", "--key", "keys"];
    let ended = crate::harness::program(&place.here(""), &arguments);
    ended.with(7, &["line 1", "quota= is a size, as 500M or 10GiB"]);
}
