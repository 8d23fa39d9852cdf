//! The output of `get -o`: standard output, pipes and devices.

use std::fs;
use std::path::Path;

use super::{MIB, shell};
use crate::harness::{Place, Server, content};

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let place = Place::new();
    fs::write(place.served("x"), content(MIB, 1)).expect("a file");
    fs::create_dir(place.served("d")).expect("a directory");
    let server = Server::start(&place.served(""), &[]);
    let told = |line: &str, code, parts: &[&str]| {
        let told = shell(&server.endpoint, &place.here(""), line).with(code, parts);
        assert_eq!(told.stderr.lines().count(), 1, "{}", told.stderr);
    };
    let what = "standard output cannot be written";
    told("$T get x -o - >/dev/full", 1, &[what, "no space left on device"]);
    told("$T get x -o /dev/full", 1, &["\"/dev/full\" cannot be written", "no space left"]);
    told("$T get x -o - >&-", 1, &[what, "it is closed"]);
    told("$T get d -o -", 6, &["\"d\"", "it is a directory", "only the content of a file"]);
    told("$T get . -o -", 2, &["\".\" is the whole directory", "only the content of a file"]);
    told("$T get y -o -", 6, &["\"y\"", "there is no file of that name"]);
    told("$T get x -o - --max-file 1000", 1, &["\"x\"", "no file of more than 1000 bytes"]);
    told("$T get x d -o -", 2, &["the content of one file", "not of several"]);
    // Files that are open already are not replaced.
    shell(&server.endpoint, &place.here(""), "echo >>out; $T get x -o /dev/stdout -q >>out").well();
    assert_eq!(place.here("out").metadata().expect("it is there").len(), MIB as u64 + 1);
    told("$T get x -o /dev/fd/3 3>>out", 2, &["it is a file that is open already", "-o -"]);
    told("$T get x -o /proc/self/fd/3 3>>out", 2, &["it is a file that is open already"]);
    told(
        "ln -s /proc/self/fd/3 l; $T get x -o l 3>>out",
        2,
        &["it is a file that is open already"],
    );
    shell(&server.endpoint, &place.here(""), "$T get x -o /dev/stdout --json").with(2, &["--json"]);
    told("$T get x -o \"$(printf 'a\\nb')\"", 2, &["-o \"a\\nb\"", "control characters"]);
    // A device is written to, and not replaced.
    shell(&server.endpoint, &place.here(""), "$T get x -o /dev/null -q").well();
    assert!(!Path::new("/dev/null").is_file());
    shell(&server.endpoint, &place.here(""), "$T get x -o /dev/stdout -q | cmp - ../served/x")
        .well();
}

/// `/dev/fd/1` is standard output too.
#[test]
fn an_output_is_a_stream_by_its_kind_and_not_by_its_name() {
    let place = Place::new();
    fs::write(place.served("x"), content(70_000, 1)).expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let run = |line: &str| shell(&server.endpoint, &place.here(""), line);
    for output in ["/dev/fd/1", "/dev/stdout", "-"] {
        run(&format!("$T get x -o {output} | cmp - ../served/x")).well();
        // The shell has no exit codes of other commands than the last one.
        let line =
            format!("{{ $T get x -o {output} --json; echo $? >code; }} | cat; exit $(cat code)");
        let ended = run(&line).with(2, &["--json events"]);
        assert_eq!(ended.stdout, "");
    }
    // Nothing is written by a plan.
    run("mkfifo fifo").well();
    for output in ["fifo", "/dev/null", "/dev/fd/1 | cat"] {
        let ended = run(&format!("$T get x --dry-run -o {output}"));
        assert!(ended.stderr.contains("--dry-run is for files and directories"), "{ended:?}");
        assert_eq!(ended.stdout, "");
    }
    let ended =
        run("cat fifo >content & $T get x -o fifo --json && wait && cmp content ../served/x");
    let last = ended.well().stdout.lines().last().map(str::to_owned).expect("events");
    assert!(last.contains("\"exit\":0"), "{last}");
}

/// Not every link below `/dev` leads to a file that is open.
#[test]
fn a_link_on_a_file_system_in_memory_is_followed() {
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        println!("skipped: there is no /dev/shm");
        return;
    };
    let place = Place::new();
    fs::write(place.served("x"), "new").expect("a file");
    fs::write(place.here("old"), "old").expect("a file");
    let link = memory.path().join("link");
    std::os::unix::fs::symlink(place.here("old"), &link).expect("a link");
    let server = Server::start(&place.served(""), &[]);
    let link = link.to_str().expect("UTF-8");
    server.client(&place.here(""), &["get", "x", "-o", link]).well();
    assert_eq!(fs::read_to_string(place.here("old")).expect("a file"), "new");
}
