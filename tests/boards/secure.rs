//! Boards whose line is encrypted.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tinyferry_kit::content;

use super::{tinyferry, wait_until_read, well};

/// `ping`, `put` and `get` with the key of the example, and who has another one or leaves in the
/// middle.
pub(super) fn holders_of_a_key_are_served(url: &str) {
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    let digits =
        |bytes: &[u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (name, key) in [("key", b"an example: never use it at home"), ("other", &[7; 32])] {
        fs::write(here.join(name), format!("shared {}\n", digits(key))).expect("a file");
        fs::set_permissions(here.join(name), PermissionsExt::from_mode(0o600)).expect("a mode");
    }
    well(url, here, &["ping", "--key", "key"]);
    // The handshake for a stream that loses nothing is another one.
    if let Some(plain) = url.strip_suffix("?lossy=true&gap=500ms") {
        let begin = Instant::now();
        let (code, said) = tinyferry(plain, here, &["ls", "--key", "key", "--timeout", "3"]);
        assert!(
            code == Some(4) && said.contains(&format!("{plain}?lossy=true")),
            "{code:?} {said}"
        );
        assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    }
    for (seed, size) in [(1, 60_000), (2, 20_001), (3, 0)] {
        let bytes = content(size, seed);
        fs::write(here.join("A.BIN"), &bytes).expect("a file");
        well(url, here, &["put", "A.BIN", "--key", "key"]);
        let (code, said) = tinyferry(url, here, &["get", "A.BIN", "--key", "other"]);
        assert!(code == Some(7) && said.contains("does not know the key"), "{code:?} {said}");
        well(url, here, &["get", "A.BIN", "--into", "back", "--key", "key"]);
        assert!(fs::read(here.join("back/A.BIN")).expect("it came back") == bytes);
        fs::remove_dir_all(here.join("back")).expect("it is there");
    }
    // A client that was killed is followed by another one.
    fs::write(here.join("B.BIN"), content(200_000, 4)).expect("a file");
    let mut killed = Command::new(env!("CARGO_BIN_EXE_tinyferry"))
        .args(["put", "-e", url, "B.BIN", "--key", "key", "--quiet"])
        .current_dir(here)
        .spawn()
        .expect("the program starts");
    wait_until_read(&mut killed, 50_000);
    let status = killed.kill().and_then(|()| killed.wait()).expect("it was there");
    assert!(!status.success(), "the client was too fast");
    let (code, said) = tinyferry(url, here, &["get", "B.BIN", "--key", "key"]);
    assert!(code == Some(6) && said.contains("no file of that name"), "{code:?} {said}");
    well(url, here, &["put", "B.BIN", "--key", "key"]);
    well(url, here, &["get", "B.BIN", "--into", "back", "--key", "key"]);
    assert!(fs::read(here.join("back/B.BIN")).expect("it came back") == content(200_000, 4));
}
