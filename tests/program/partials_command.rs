//! The command `partials`: it lists and removes the partial files of interrupted transfers.

use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::harness::{Ended, Place, Server, program, program_as_nobody, set_mode};

#[test]
fn partials_are_listed_and_expire() {
    let place = Place::new();
    fs::create_dir(place.served("sub")).expect("a directory");
    let day = Duration::from_secs(86_400);
    for (name, days) in [(".new.tinyferry-part", 1), ("sub/.old.tinyferry-part", 9)] {
        let file = fs::File::create(place.served(name)).expect("a file");
        file.set_len(5 << 20).expect("a length");
        file.set_modified(SystemTime::now() - day * days).expect("a time");
    }
    let served = place.served("").display().to_string();
    let partials = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tinyferry"))
            .args(["partials", &served])
            .args(arguments)
            .output();
        Ended::from(output.expect("the program starts")).well().stdout
    };
    let listed = partials(&[]);
    assert!(listed.contains("5.00 MiB\t9 days ago\t\"sub/.old.tinyferry-part\""), "{listed}");
    assert!(listed.contains(".new.tinyferry-part"), "{listed}");
    assert_eq!(partials(&["--older-than", "30"]), "");
    let mut server = Server::start(&place.served(""), &[]);
    assert!(server.wait_for_line("the server has removed 1 old partial file").is_some());
    assert!(place.served(".new.tinyferry-part").exists());
    assert!(!place.served("sub/.old.tinyferry-part").exists());
    assert!(partials(&["--remove"]).contains("1 removed"));
    assert!(!place.served(".new.tinyferry-part").exists());
}

#[test]
fn partial_files_that_cannot_be_read_or_removed_are_reported() {
    let place = Place::new();
    set_mode(place.root.path(), 0o755);
    fs::write(place.here(".f.tinyferry-part"), "part").expect("a file");
    fs::create_dir(place.here("closed")).expect("a directory");
    set_mode(&place.here("closed"), 0o700);
    let partials = |arguments: &[&str]| {
        let mut program = program_as_nobody()?;
        program.current_dir(place.here("")).arg("partials").args(arguments);
        Some(Ended::from(program.output().expect("the program starts")))
    };
    let Some(ended) = partials(&["."]) else { return };
    ended.with(3, &["cannot read \"./closed\": permission is denied"]);
    let ended = partials(&[".", "--remove"]).expect("as before");
    ended.with(1, &["cannot remove \"./.f.tinyferry-part\": permission is denied"]);
    let ended = partials(&["closed"]).expect("as before");
    ended.with(1, &["\"closed\": permission denied"]);
    assert!(place.here(".f.tinyferry-part").exists());
}

/// A partial that a transfer is writing to is listed as such, and is not removed.
#[test]
fn a_partial_in_use_is_listed_and_is_not_removed() {
    let place = Place::new();
    let path = place.here(".f.tinyferry-part");
    fs::write(&path, "part").expect("a file");
    let file = fs::File::open(&path).expect("it is there");
    file.lock().expect("nobody else has it");
    let here = place.here("");
    let listed = program(&here, &["partials", "."]).well().stdout;
    assert!(listed.contains("\tin use\t\".f.tinyferry-part\""), "{listed}");
    let why = "cannot remove \"./.f.tinyferry-part\": a transfer is writing to it";
    program(&here, &["partials", ".", "--remove"]).with(1, &[why]);
    fs::write(place.here(".g.tinyferry-part"), "part").expect("a file");
    let ended = program(&here, &["partials", ".", "--remove"]).with(3, &[why]);
    assert!(ended.stdout.contains("1 removed"), "{}", ended.stdout);
    assert!(path.exists() && !place.here(".g.tinyferry-part").exists());
    drop(file);
    program(&here, &["partials", ".", "--remove"]).well();
    assert!(!path.exists());
}

#[test]
fn a_partial_that_cannot_be_read_is_reported() {
    let place = Place::new();
    set_mode(place.root.path(), 0o755);
    set_mode(&place.here(""), 0o777);
    for name in [".f.tinyferry-part", ".g.tinyferry-part"] {
        fs::write(place.here(name), "part").expect("a file");
    }
    set_mode(&place.here(".f.tinyferry-part"), 0o600);
    set_mode(&place.here(".g.tinyferry-part"), 0o644);
    let Some(mut program) = program_as_nobody() else { return };
    program.current_dir(place.here("")).args(["partials", "."]);
    let ended = Ended::from(program.output().expect("the program starts"));
    let ended = ended.with(3, &["cannot read \"./.f.tinyferry-part\": permission is denied"]);
    assert!(ended.stdout.contains("\".g.tinyferry-part\""), "{}", ended.stdout);
}
