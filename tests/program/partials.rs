//! Partial files: whose are used, and when one stays.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use crate::harness::{Place, Server, content};

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// In a directory like /tmp nobody can remove what another user has put there.
#[test]
fn another_users_partial_neither_gets_the_content_nor_keeps_it_out() {
    let place = Place::new();
    allow(place.root.path(), 0o755);
    allow(&place.served(""), 0o1777);
    let Some(server) = Server::start_as_nobody(&place.served(""), &[]) else { return };
    let bytes = content(300_000, 1);
    fs::write(place.here("secret"), &bytes).expect("a file");
    allow(&place.here("secret"), 0o600);
    for planted in [".secret.tinyferry-part", ".secret~u65534.tinyferry-part"] {
        // The beginning is right: it could be resumed.
        fs::write(place.served(planted), &bytes[..100_000]).expect("a file");
        allow(&place.served(planted), 0o666);
        server.client(&place.here(""), &["put", "secret"]).well();
        let placed = place.served("secret").metadata().expect("it is there");
        assert_eq!((placed.uid(), placed.mode() & 0o777), (65_534, 0o600));
        assert_eq!(fs::read(place.served("secret")).expect("it is there"), bytes);
        assert_eq!(fs::read(place.served(planted)).expect("it stays"), bytes[..100_000]);
        fs::remove_file(place.served("secret")).expect("it is there");
    }
    assert_eq!(fs::read_dir(place.served("")).expect("a directory").count(), 2);
}

/// The file in place cannot be replaced, so its partial could never be of use.
#[test]
fn a_file_of_another_user_in_a_sticky_directory_stays_and_no_partial_does() {
    let place = Place::new();
    allow(place.root.path(), 0o755);
    allow(&place.served(""), 0o1777);
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
