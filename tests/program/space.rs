//! `df`: the space of the server's file system.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::console::board;
use crate::harness::{Place, Server, client};

/// The bytes of the file system of the served directory, and its free bytes, from the system.
fn of_system(place: &Place) -> (u64, u64) {
    let output = Command::new("stat")
        .args(["--file-system", "--format", "%S %b %a"])
        .arg(place.served(""))
        .output()
        .expect("stat is there");
    let text = String::from_utf8(output.stdout).expect("it is text");
    let numbers: Vec<u64> =
        text.split_whitespace().map(|number| number.parse().expect("a number")).collect();
    let [unit, all, for_users] = numbers[..] else { panic!("{text}") };
    (all * unit, for_users * unit)
}

#[test]
fn the_space_is_that_of_the_file_system_of_the_directory() {
    // Not in memory: there root has no reserve.
    let place = Place::on_disk();
    fs::create_dir(place.served("d")).expect("a directory");
    fs::write(place.served("f"), "f").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    for path in [&["df", "--json"][..], &["df", "d", "--json"]] {
        let stdout = server.client(&here, path).well().stdout;
        let line =
            stdout.lines().find(|line| line.contains(r#""event":"space""#)).expect("an answer");
        let space: Value = serde_json::from_str(line).expect("JSON");
        let (total, free) = of_system(&place);
        assert_eq!(space["total"].as_u64(), Some(total));
        // Other programs use the file system too.
        let found = space["free"].as_u64().expect("a number");
        assert!(found.abs_diff(free) < total / 10, "{found} {free}");
        assert_eq!(space["time_granularity_ns"].as_u64(), Some(1));
    }
    let stdout = server.client(&here, &["df"]).well().stdout;
    assert!(stdout.contains(" free of ") && stdout.lines().count() == 1, "{stdout}");
    server.client(&here, &["df", "missing"]).with(6, &["\"missing\"", "no file of that name"]);
    server.client(&here, &["df", "f"]).with(6, &["\"f\"", "is a file"]);
    let writer = Server::start(&place.served(""), &["--write-only"]);
    writer.client(&here, &["df"]).well();
    writer.client(&here, &["df", "d"]).with(6, &["permission is denied"]);
    let reader = Server::start(&place.served(""), &["--read-only"]);
    reader.client(&here, &["df"]).with(6, &["\".\"", "takes no files"]);
}

#[test]
fn the_error_about_a_board_that_does_not_know_its_space_says_so() {
    let place = Place::on_disk();
    client(&board(), &place.here(""), &["df"]).with(6, &["\".\"", "does not tell its free space"]);
}
