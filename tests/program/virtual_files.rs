//! Files whose content the system makes up when it is read: their metadata is not true.

use std::fs;
use std::path::Path;

use crate::harness::{Place, Server, client};

/// Whether there is such a file here; if not, that is said.
fn is_here(path: &str) -> bool {
    let is_here = Path::new(path).is_file() && fs::read(path).is_ok();
    if !is_here {
        println!("skipped: there is no {path}");
    }
    is_here
}

/// Their size is 0, or a page's, and their content is another.
const STEADY: [&str; 5] = [
    "/proc/version",
    "/proc/filesystems",
    "/proc/sys/kernel/random/boot_id",
    "/sys/class/net/lo/mtu",
    "/sys/devices/system/cpu/possible",
];

#[test]
fn a_file_of_proc_or_sys_arrives_with_its_content() {
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &[]);
    for path in STEADY.into_iter().filter(|path| is_here(path)) {
        let expected = fs::read(path).expect("it can be read");
        server.client(&place.here(""), &["put", path]).well();
        let name = Path::new(path).file_name().expect("a name").to_str().expect("it is text");
        assert_eq!(fs::read(place.served(name)).expect("it is there"), expected, "{path}");
    }
    // More than one read, and other content each time.
    for path in ["/proc/kallsyms", "/proc/cpuinfo", "/proc/self/smaps"] {
        if is_here(path) {
            server.client(&place.here(""), &["put", path]).well();
            let name = Path::new(path).file_name().expect("a name").to_str().expect("it is text");
            assert!(place.served(name).metadata().expect("it is there").len() > 100, "{path}");
        }
    }
}

#[test]
fn a_server_of_proc_or_sys_sends_content() {
    let place = Place::on_disk();
    for path in STEADY.into_iter().filter(|path| is_here(path)) {
        let (directory, name) = path.rsplit_once('/').expect("a name");
        let server = Server::start(Path::new(directory), &["--read-only"]);
        server.client(&place.here(""), &["get", name]).well();
        let expected = fs::read(path).expect("it can be read");
        assert_eq!(fs::read(place.here(name)).expect("it is there"), expected, "{path}");
    }
}

#[test]
fn a_tree_of_virtual_files_arrives_and_unreadable_files_are_listed() {
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &[]);
    for root in ["/proc/sys/kernel/random", "/sys/class/net/lo/statistics", "/sys/class/net/lo"] {
        // The last one is a link of the user's.
        if !Path::new(root).is_dir() {
            println!("skipped: there is no {root}");
            continue;
        }
        let name = root.rsplit('/').next().expect("a name");
        let ended = server.client(&place.here(""), &["put", root]);
        let mut readable = 0;
        for entry in fs::read_dir(root).expect("a directory").map(|entry| entry.expect("an entry"))
        {
            if !entry.file_type().expect("a kind").is_file() {
                continue;
            }
            let file = entry.file_name().into_string().expect("it is text");
            let target = place.served(name).join(&file);
            match fs::read(entry.path()) {
                Ok(content) => {
                    readable += 1;
                    let found = fs::read(&target).expect("it is there");
                    assert_eq!(found.is_empty(), content.is_empty(), "{file}");
                }
                Err(_) => {
                    assert!(!target.exists(), "{file}");
                    assert!(ended.stderr.contains(&format!("{file}\"")), "{}", ended.stderr);
                }
            }
        }
        assert!(readable > 0, "{}", ended.stderr);
    }
}

#[test]
fn a_sparse_or_an_empty_file_has_its_stated_size() {
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &[]);
    fs::create_dir(place.here("t")).expect("a directory");
    for (name, size) in [("empty", 0), ("hole", 50_000), ("long hole", 300_000)] {
        let file = fs::File::create(place.here("t").join(name)).expect("a file");
        file.set_len(size).expect("a length");
    }
    server.client(&place.here(""), &["put", "t"]).well();
    client(&server.endpoint, &place.here(""), &["get", "t", "--into", "back"]).well();
    for (name, size) in [("empty", 0), ("hole", 50_000), ("long hole", 300_000)] {
        let found = place.here("back/t").join(name).metadata().expect("it is there");
        assert_eq!(found.len(), size, "{name}");
    }
}
