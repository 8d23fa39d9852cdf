//! A board whose log is followed.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{LIVE, exit_code, over_a_pty, over_noise, over_tcp, tinyferry, well};

/// The number of lines of the log in a file, which has nothing else, not even a part of a line.
fn lines(file: &Path) -> usize {
    let text = fs::read_to_string(file).unwrap_or_default();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        assert_eq!(line, format!("tick {number:05}: 21C\n"));
    }
    text.len() / 16
}

/// Follows the log into `file` until it has `more` further lines; returns the longest time for one.
fn follow(url: &str, here: &Path, into: &[&str], file: &Path, more: usize) -> Duration {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tinyferry"))
        .args(["get", "--follow", "log.txt", "-e", url])
        .args(into)
        .current_dir(here)
        .stdin(Stdio::null())
        .stdout(fs::File::create(here.join("output")).expect("a file"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let end = Instant::now() + Duration::from_secs(60);
    let (mut count, mut longest, mut line_at) = (lines(file), Duration::ZERO, Instant::now());
    let mut wanted = usize::MAX;
    while count < wanted {
        let before = std::mem::replace(&mut count, lines(file));
        if before < count {
            if wanted == usize::MAX {
                // The lines so far have begun to come.
                wanted = count + more;
            } else {
                longest = longest.max(line_at.elapsed());
            }
            line_at = Instant::now();
        }
        assert!(Instant::now() < end, "{url}: {count} lines of {wanted}");
        thread::sleep(Duration::from_millis(5));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    // It ends by the signal.
    assert_eq!(exit_code(&mut child), None, "{url}");
    let status = child.try_wait().expect("it can be waited for");
    assert_eq!(status.and_then(|status| status.signal()), Some(2), "{url}");
    longest
}

/// A line each half second; the log so far; and refusals.
fn a_log_is_followed(url: &str) {
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    let longest = follow(url, here, &[], &here.join("output"), 12);
    assert!(longest < Duration::from_secs(3), "{url}: {longest:?}");
    // A further run continues the file.
    for run in 0..3 {
        let before = lines(&here.join("copy"));
        follow(url, here, &["-o", "copy"], &here.join("copy"), 4);
        assert!(lines(&here.join("copy")) >= before + 4, "{url}: run {run}");
    }
    well(url, here, &["get", "log.txt"]);
    assert!(lines(&here.join("log.txt")) >= lines(&here.join("copy")), "{url}");
    let (code, said) = tinyferry(url, here, &["get", "--follow", "other"]);
    assert!(code == Some(6) && said.contains("no file of that name"), "{url}: {code:?} {said}");
}

#[test]
#[ignore = "needs qemu-system-arm and a compiler for Cortex-M"]
fn the_log_of_a_cortex_m0_is_followed() {
    let (_place, image) = LIVE.build();
    over_tcp(&LIVE, &image, a_log_is_followed);
    over_a_pty(&LIVE, &image, a_log_is_followed);
    over_noise(&LIVE, &image, a_log_is_followed);
}
