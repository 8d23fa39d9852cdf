//! Files after a loss of power, and the effect of a failed sync: on images of file systems. The content of a mounted
//! image at a moment is the content of the disk if the power failed then.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::harness::{Place, Server, command, content};
use crate::mounts::Disk;

const SMALL: usize = 400;

/// The old or the new content of a tree: small files, of which a third is in a directory that is new,
/// and two large ones.
fn tree(generation: u64) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for number in 0..SMALL {
        let kind = ["old", "mixed", "new"][number % 3];
        if generation == 1 && kind == "new" {
            continue;
        }
        let size = 1 + number * 7_919 % 5_000;
        let seed = generation * 10_000 + number as u64;
        files.insert(format!("{kind}/{}/{number}", number % 7), content(size, seed));
    }
    for name in ["large", "mixed/large"] {
        files.insert(name.to_owned(), content(700_000, generation));
    }
    files
}

fn write(at: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = at.join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        fs::write(path, bytes).expect("a file");
    }
}

fn synchronise() {
    assert!(Command::new("sync").status().expect("sync is there").success());
}

/// Under every name there is the old file or the new one; how many new ones there are.
#[track_caller]
fn check(found: &Path, old: &BTreeMap<String, Vec<u8>>, new: &BTreeMap<String, Vec<u8>>) -> usize {
    for name in old.keys() {
        assert!(found.join(name).exists(), "{name} is gone");
    }
    let mut count = 0;
    for (name, bytes) in new {
        match fs::read(found.join(name)) {
            Ok(found) if &found == bytes => count += 1,
            Ok(found) => {
                let length = found.len();
                assert!(old.get(name) == Some(&found), "{name}: {length} bytes of {}", bytes.len());
            }
            Err(_) => assert!(!old.contains_key(name), "{name} cannot be read"),
        }
    }
    count
}

/// A file system on which images are copied at one moment, all of their blocks at once.
fn copying_disk(room: &Path) -> Option<Disk> {
    let at = room.join("images");
    fs::create_dir(&at).expect("a directory");
    Disk::image(&room.join("outer"), &at, ("xfs", &["-m", "reflink=1"]), 2_048, "loop")
}

fn copy(image: &Path, to: &Path) {
    let status = Command::new("cp").arg("--reflink=always").args([image, to]).status();
    assert!(status.expect("cp is there").success());
}

/// Copies an image while a client works, and once more afterwards. Before each copy another program
/// makes a file of its own durable: with it the names that were given until then reach the disk.
fn copy_while(child: &mut Child, other: &Path, image: &Path) -> Vec<PathBuf> {
    let mut made = Vec::new();
    loop {
        let ended = child.try_wait().expect("it can be waited for");
        if ended.is_none() {
            let other = fs::File::create(other).expect("a file");
            other
                .set_len(made.len() as u64)
                .and_then(|()| other.sync_all())
                .expect("it is durable");
        }
        let path = image.with_extension(made.len().to_string());
        copy(image, &path);
        made.push(path);
        if let Some(status) = ended {
            assert!(status.success());
            return made;
        }
        thread::sleep(Duration::from_millis(3));
    }
}

fn loses_power(kind: &str, make: &[&str], options: &str) {
    let place = Place::on_disk();
    let Some(_outer) = copying_disk(place.root.path()) else { return };
    let image = place.root.path().join("images/image");
    let Some(disk) = Disk::image(&image, &place.served(""), (kind, make), 320, options) else {
        return;
    };
    let (old, new) = (tree(1), tree(2));
    write(&place.served("tree"), &old);
    write(&place.here("tree"), &new);
    synchronise();
    let server = Server::start(&place.served(""), &[]);
    let mut child = command(&server.endpoint, &place.here(""), &["put", "tree"]);
    let mut child = child.stderr(Stdio::null()).spawn().expect("the program starts");
    let made = copy_while(&mut child, &place.served("other"), &image);
    drop(server);
    drop(disk);
    let looked_at = place.root.path().join("mounted");
    fs::create_dir(&looked_at).expect("a directory");
    let last = made.len() - 1;
    for (number, made) in made.iter().enumerate() {
        let disk = Disk::existing(made, &looked_at, options).expect("a copy is mounted");
        let count = check(&looked_at.join("tree"), &old, &new);
        if number == last {
            assert_eq!(count, new.len(), "not all of it outlasts a loss of power");
        }
        drop(disk);
    }
}

#[test]
fn a_power_loss_leaves_old_or_new_files_on_ext4() {
    loses_power("ext4", &[], "loop");
}

#[test]
fn a_power_loss_leaves_old_or_new_files_on_ext4_without_auto_da_alloc() {
    loses_power("ext4", &[], "loop,noauto_da_alloc");
}

#[test]
fn a_power_loss_leaves_old_or_new_files_on_xfs() {
    loses_power("xfs", &[], "loop,nouuid");
}

#[test]
fn every_file_system_that_a_tree_goes_to_is_made_durable() {
    let place = Place::on_disk();
    let Some(_outer) = copying_disk(place.root.path()) else { return };
    let image = place.root.path().join("images/image");
    fs::create_dir_all(place.served("tree/below")).expect("directories");
    let below = place.served("tree/below");
    let Some(disk) = Disk::image(&image, &below, ("ext4", &[]), 64, "loop") else { return };
    let files: BTreeMap<_, _> =
        (0..50).map(|number| (format!("{number}"), content(1_000 + number, 3))).collect();
    write(&place.here("tree/below"), &files);
    fs::write(place.here("tree/beside"), "beside").expect("a file");
    // One is there already, and nobody has written it to the disk.
    let same = place.here("tree/below/7");
    fs::copy(&same, below.join("7")).expect("a copy");
    let modified = same.metadata().and_then(|metadata| metadata.modified()).expect("a time");
    let copied = fs::File::options().write(true).open(below.join("7")).expect("a file");
    copied.set_modified(modified).expect("a time");
    let server = Server::start(&place.served(""), &[]);
    server.client(&place.here(""), &["put", "tree"]).well();
    let after = image.with_extension("after");
    copy(&image, &after);
    drop((server, disk));
    let looked_at = place.root.path().join("mounted");
    fs::create_dir(&looked_at).expect("a directory");
    let _disk = Disk::existing(&after, &looked_at, "loop").expect("a copy is mounted");
    assert_eq!(check(&looked_at, &BTreeMap::new(), &files), files.len());
}

/// Fills a file system but for this number of bytes.
fn leave_room(ballast: &Path, bytes: u64) {
    let mut file = fs::File::create(ballast).expect("a file");
    let block = content(1 << 20, 1);
    while file.write_all(&block).is_ok() {}
    let length = file.metadata().expect("metadata").len();
    file.set_len(length.saturating_sub(bytes)).expect("it becomes shorter");
}

/// A disk on which less is stored than it says: its image lies on a small file system in memory.
#[test]
fn files_that_a_failing_disk_has_lost_are_not_reported_as_sent() {
    for kind in ["ext4", "xfs"] {
        let place = Place::on_disk();
        let store = place.root.path().join("store");
        fs::create_dir(&store).expect("a directory");
        let Some(_memory) = Disk::in_memory(&store, 180 << 10) else { return };
        let image = store.join("image");
        let Some(disk) = Disk::image(&image, &place.served(""), (kind, &[]), 320, "loop") else {
            return;
        };
        synchronise();
        let ballast = store.join("ballast");
        leave_room(&ballast, 20 << 20);
        fs::write(place.here("f"), content(60 << 20, 2)).expect("a file");
        let mut server = Server::start(&place.served(""), &[]);
        let here = place.here("");
        assert_ne!(server.client(&here, &["put", "f"]).code, Some(0), "{kind}");
        // There is room again, but the lost file stays lost.
        fs::remove_file(&ballast).expect("it is there");
        let mut sent = Vec::new();
        if server.client(&here, &["put", "f"]).code == Some(0) {
            sent.push("f");
        }
        drop(server);
        server = Server::start(&place.served(""), &[]);
        if server.client(&here, &["put", "f", "--to", "g"]).code == Some(0) {
            sent.push("g/f");
        }
        drop(server);
        drop(disk);
        let Some(_disk) = Disk::existing(&image, &place.served(""), "loop") else { continue };
        for name in sent {
            let found = fs::read(place.served(name)).expect("the file that was sent");
            assert!(found == content(60 << 20, 2), "{kind}: {name} has other content");
        }
    }
}
