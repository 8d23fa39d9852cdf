//! How many directories a server keeps open for a tree.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::harness::{Place, Server, assert_same, command};

/// Directories that a process has open.
fn open_directories(process: u32) -> usize {
    let Ok(entries) = fs::read_dir(format!("/proc/{process}/fd")) else { return 0 };
    entries.flatten().filter(|entry| fs::metadata(entry.path()).is_ok_and(|it| it.is_dir())).count()
}

fn plant(top: &Path) {
    let mut path = top.to_owned();
    for depth in 0..60 {
        path.push(format!("d{depth}"));
        fs::create_dir_all(path.join("beside")).expect("directories");
        for name in ["0", "beside/1", "z"] {
            fs::write(path.join(name), name.repeat(500)).expect("a file");
        }
    }
}

#[test]
fn a_deep_tree_takes_few_open_directories() {
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &["--sync", "never"]);
    plant(&place.here("t"));
    let before = open_directories(server.child.id());
    let mut most = 0;
    for _ in 0..5 {
        let mut put = command(&server.endpoint, &place.here(""), &["put", "t"])
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        while put.try_wait().expect("it can be waited for").is_none() {
            most = most.max(open_directories(server.child.id()));
        }
        assert!(put.wait().expect("it has ended").success());
        assert_same(&place.here("t"), &place.served("t"));
        fs::remove_dir_all(place.served("t")).expect("it is there");
    }
    assert!(most > before, "it was never seen at work");
    assert!(most <= before + 16, "{most} directories are open, and {before} before");
}
