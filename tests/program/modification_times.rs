//! Times that the target cannot keep as they are.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use crate::harness::{Place, Server, content};
use crate::mounts::Disk;

/// Which files stand in a directory: one that was sent again is another one.
fn inodes(directory: &Path) -> BTreeMap<OsString, u64> {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    entries.map(|entry| (entry.file_name(), entry.metadata().expect("metadata").ino())).collect()
}

#[test]
fn unchanged_files_are_recognised_on_a_file_system_with_whole_seconds() {
    let place = Place::new();
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
    // What is another file of the same length is sent.
    let mut other = bytes.clone();
    other[1_000_000] ^= 1;
    fs::write(place.here("tree/now"), &other).expect("a file");
    let path = place.here("tree/now");
    let time = UNIX_EPOCH + Duration::new(1_700_000_001, 987_654_321);
    File::options().write(true).open(&path).and_then(|file| file.set_modified(time)).expect("ok");
    server.client(&place.here("tree"), &["put", "now", "--to", "tree"]).well();
    assert!(fs::read(place.served("tree/now")).expect("it is there") == other);
}
