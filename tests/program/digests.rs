//! The digests of `--sha256`: for `sha256sum`, with the names that the receiver has.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::files::make_tree;
use crate::harness::{Ended, Place, Server, content, snapshot};

#[test]
fn sha256_is_that_of_sha256sum() {
    let place = Place::on_disk();
    make_tree(&place, 30);
    let server = Server::start(&place.served(""), &[]);
    for arguments in [&["put", "tree", "--sha256"], &["get", "tree", "--sha256"]] {
        let ended = server.client(&place.here(""), arguments).well();
        let sums = ended.stdout.lines().filter(|line| !line.contains(" files, "));
        let sums = sums.map(|line| format!("{line}\n")).collect::<Vec<_>>();
        assert_eq!(sums.len(), 31);
        fs::write(place.here("sums"), sums.concat()).expect("a file");
        let check = Command::new("sha256sum")
            .args(["--check", "--strict", "--quiet", "sums"])
            .current_dir(place.here(""))
            .output()
            .expect("sha256sum is there");
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    }
}

#[test]
fn digests_are_listed_for_sha256sum() {
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &[]);
    for (number, name) in ["it's", "\"quoted\"", "back\\slash", "plain", "🛶 é"].iter().enumerate()
    {
        fs::write(place.here(name), content(number * 1000, 1)).expect("a file");
    }
    let names: Vec<_> = snapshot(&place.here("")).into_keys().collect();
    let mut arguments = vec!["put", "--sha256"];
    arguments.extend(names.iter().map(String::as_str));
    let ended = server.client(&place.here(""), &arguments).well();
    assert!(ended.stderr.contains("over the wire"), "{}", ended.stderr);
    fs::write(place.root.path().join("list"), &ended.stdout).expect("a file");
    let checked = Command::new("sha256sum")
        .args(["--check", "--strict", "../list"])
        .current_dir(place.served(""))
        .output()
        .expect("sha256sum is there");
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.lines().count() == names.len(), "{said}");
}

/// Digests are read by another program: nothing else is among them.
#[test]
fn digests_are_not_mixed_with_the_summary() {
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::create_dir(place.here("empty")).expect("a directory");
    fs::write(place.here("f"), "f").expect("a file");
    for (arguments, lines) in
        [(&["put", "--sha256", "empty"][..], 0), (&["put", "--sha256", "f"], 1)]
    {
        let ended = server.client(&here, arguments).well();
        assert_eq!(ended.stdout.lines().count(), lines, "{}", ended.stdout);
        assert!(ended.stderr.starts_with("sent \""), "{}", ended.stderr);
    }
}

/// `sha256sum --check` in the directory of the receiver finds each file.
#[test]
fn digests_have_the_names_that_the_receiver_has() {
    let place = Place::on_disk();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::create_dir(place.here("d")).expect("a directory");
    for name in ["d/f", "g"] {
        fs::write(place.here(name), name).expect("a file");
    }
    let is_checked = |directory: &Path, ended: Ended, names: &[&str]| {
        let list = ended.well().stdout;
        let listed: Vec<_> = list.lines().filter_map(|line| line.split_once("  ")).collect();
        assert_eq!(listed.iter().map(|(_, name)| *name).collect::<Vec<_>>(), names, "{list}");
        fs::write(directory.join("sums"), &list).expect("a file");
        let check = ["--check", "--strict", "--quiet", "sums"];
        let check = Command::new("sha256sum").args(check).current_dir(directory).output();
        let check = check.expect("sha256sum is there");
        assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    };
    let put = ["put", "--sha256", "d", "g", "--to", "backup"];
    is_checked(&place.served(""), server.client(&here, &put), &["backup/d/f", "backup/g"]);
    let get = ["get", "--sha256", "backup/d", "backup/g", "--into", "out"];
    let ended = server.client(&here, &get);
    is_checked(&place.here("out"), ended, &["d/f", "g"]);
}
