//! The format of the file of known servers.

use super::*;

const HOSTS: [&str; 9] = [
    "tcp://a:1",
    "unix:///a b/s",
    "exec:ssh box tinyferry serve --stdio \"in coming\"",
    "unix:///back\\slash",
    "#x",
    "\"",
    " a\t\n\u{85}b ",
    "tcp://[fe80::1%lo]:1",
    "\\u{20}",
];

#[test]
fn every_host_can_be_read_back() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("known");
    fs::write(&file, "# a comment\n\n").unwrap();
    let takes = KnownHosts { file: file.clone(), accept_new: true };
    for (number, host) in (0..).zip(HOSTS) {
        takes.check(host, &PublicKey([number; 32])).unwrap();
    }
    let asks = KnownHosts { accept_new: false, ..takes };
    for (number, host) in (0..).zip(HOSTS) {
        asks.check(host, &PublicKey([number; 32])).unwrap();
        let other = asks.check(host, &PublicKey([99; 32]));
        assert!(matches!(other, Err(AuthError::Changed { .. })), "{host}");
    }
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# a comment\n\ntcp://a:1 "), "{text}");
    assert_eq!(text.lines().count(), 2 + HOSTS.len());
}

#[test]
fn an_invalid_line_affects_only_its_own_host() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("known");
    let (one, two) = ("01".repeat(32), "02".repeat(32));
    let mut text = format!(
        "unix:///a b/s {one}\ntcp://a:1 nothing\n\"half\nalone\ntcp://b:1\t{two}\n\"tcp://q:1\" x\n"
    )
    .into_bytes();
    text.extend_from_slice(b"\xff\xfe not a text\n");
    text.extend_from_slice(format!("tcp://c:1 {two}").as_bytes());
    fs::write(&file, &text).unwrap();
    let takes = KnownHosts { file: file.clone(), accept_new: true };
    // Written by an older version.
    takes.check("unix:///a b/s", &PublicKey([1; 32])).unwrap();
    takes.check("tcp://b:1", &PublicKey([2; 32])).unwrap();
    takes.check("tcp://c:1", &PublicKey([2; 32])).unwrap();
    takes.check("tcp://new:1", &PublicKey([3; 32])).unwrap();
    takes.check("tcp://new:1", &PublicKey([3; 32])).unwrap();
    for (host, line) in [("tcp://a:1", "line 2"), ("alone", "line 4"), ("tcp://q:1", "line 6")] {
        let told = takes.check(host, &PublicKey([1; 32])).unwrap_err().to_string();
        assert!(told.contains(line) && told.contains("names this server"), "{told}");
    }
    let kept = fs::read(&file).unwrap();
    assert!(kept.starts_with(&text) && kept.ends_with(b"\n"));
    assert_eq!(kept.len(), text.len() + 1 + "tcp://new:1 ".len() + 64 + 1);
}

#[test]
fn concurrent_writers_keep_all_hosts() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("settings/known");
    let takes = KnownHosts { file: file.clone(), accept_new: true };
    std::thread::scope(|scope| {
        for number in 0..16u8 {
            let takes = takes.clone();
            scope.spawn(move || {
                for round in 0..8u8 {
                    let host = format!("exec:a {}", number % 8);
                    let _ = takes.check(&host, &PublicKey([number % 8; 32]));
                    let host = format!("tcp://h{number}:{round}");
                    takes.check(&host, &PublicKey([round; 32])).unwrap();
                }
            });
        }
    });
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 8 + 16 * 8);
    assert!(text.lines().all(|line| parse(line).is_some()), "{text}");
}

#[test]
fn a_path_that_is_not_a_regular_file_is_not_opened() {
    let directory = tempfile::tempdir().unwrap();
    let known = KnownHosts { file: directory.path().to_owned(), accept_new: true };
    let told = known.check("a", &PublicKey([1; 32])).unwrap_err().to_string();
    assert!(told.contains("not a regular file"), "{told}");
}
