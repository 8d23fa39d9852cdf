//! Requests without content over a connection that breaks: lists and changes are complete, and nothing comes twice.

use std::fs;
use std::iter::{once, repeat_n};
use std::thread;
use std::time::Duration;

use crate::cut_proxy::{Cut, Proxy};
use crate::harness::{Ended, Place, Server, assert_first_try, client, wait_until};
use crate::serial::{CLEAN, lay, urls};

/// The length of an answer, in bytes.
const SIGNAL: u64 = 36;

/// Runs a client whose connection breaks each time that the server has sent this number of bytes more. Returns the
/// number of cuts.
fn run(
    place: &Place,
    server: &Server,
    cuts: impl Iterator<Item = (u64, Cut)>,
    arguments: &[&str],
) -> (u64, Ended) {
    let proxy = Proxy::start();
    proxy.lead_to(server);
    proxy.cut_often(1, cuts);
    let ended = client(&proxy.endpoint, &place.here(""), arguments);
    (proxy.cuts(), ended)
}

/// Runs a command again and again, each time with other entries, and loses the first answer of the server, the second
/// one, and so on, up to the last one. `attempt` gets the number of the answer, and how to run the command without it.
/// Returns the number of answers.
fn lose_each_answer(
    place: &Place,
    server: &Server,
    mut attempt: impl FnMut(u64, &mut dyn FnMut(&[&str]) -> Ended),
) -> u64 {
    for number in 0..100 {
        let mut is_cut = false;
        attempt(number, &mut |arguments| {
            let cut = once((number * SIGNAL + 1, Cut::Loss));
            let (cuts, ended) = run(place, server, cut, arguments);
            is_cut = cuts > 0;
            let told = ended.stderr.matches("; trying again in ").count();
            assert_eq!(told, cuts as usize, "{}", ended.stderr);
            if is_cut {
                assert_first_try(&ended.stderr, "trying again", 3);
            }
            ended
        });
        if !is_cut {
            return number;
        }
    }
    panic!("the command does not end");
}

/// Files with these contents at these paths.
fn write(place: &Place, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = place.served(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, content).expect("a file");
    }
}

fn start() -> (Place, Server) {
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    (place, server)
}

#[test]
fn a_rename_whose_answer_is_lost_is_made_once() {
    thread::scope(|scope| {
        for (command, options) in [("mv", &[][..]), ("mv -f", &["-f"][..])] {
            scope.spawn(move || {
                let (place, mut server) = start();
                let answers = lose_each_answer(&place, &server, |number, run| {
                    let [from, to] = ["a", "b"].map(|name| format!("{name}{number}"));
                    write(&place, &[(&from, "content")]);
                    if command == "mv -f" {
                        write(&place, &[(&to, "old")]);
                    }
                    run(&[&["mv", &from, &to, "--retry", "3"], options].concat()).well();
                    let found = fs::read(place.served(&to)).ok();
                    assert_eq!(found.as_deref(), Some(b"content".as_slice()), "{number}");
                    assert!(!place.served(&from).exists(), "{number}");
                });
                assert!(answers > 3);
                assert_eq!(server.log().matches("renamed").count() as u64, answers + 1);
            });
        }
    });
}

/// While the answer to the rename is lost, another client makes the old path again: that entry stays.
#[test]
fn a_rename_whose_answer_is_lost_does_not_move_an_entry_that_was_made_since() {
    for (options, old, code, part) in
        [(&[][..], None, 0, ""), (&["-f"], Some("old"), 4, "the server may have renamed it")]
    {
        let (place, mut server) = start();
        let write_target = |path: &str| old.iter().for_each(|old| write(&place, &[(path, old)]));
        let answers = lose_each_answer(&place, &server, |number, run| {
            let [from, to] = ["a", "b"].map(|name| format!("{name}{number}"));
            write(&place, &[(&from, "content")]);
            write_target(&to);
            run(&[&["mv", &from, &to, "--retry", "3"], options].concat()).well();
        });
        write(&place, &[("a", "content")]);
        write_target("b");
        let proxy = Proxy::start();
        proxy.lead_to(&server);
        // The answer to the rename is the last one.
        proxy.cut_often(1, once(((answers - 1) * SIGNAL + 1, Cut::Loss)));
        let arguments = [&["mv", "a", "b", "--retry", "8"], options].concat();
        let ended = thread::scope(|scope| {
            let rename = scope.spawn(|| client(&proxy.endpoint, &place.here(""), &arguments));
            wait_until("the client is connected", || proxy.crossed(0) > 0);
            // No other connection reaches the server before the entry is made.
            proxy.lead_to_address("");
            wait_until("it is renamed", || !place.served("a").exists() && proxy.cuts() > 0);
            write(&place, &[("a", "new")]);
            proxy.lead_to(&server);
            rename.join().expect("it does not panic").with(code, &[part])
        });
        let read = |path| fs::read_to_string(place.served(path)).expect("a file");
        assert_eq!((read("a"), read("b")), ("new".into(), "content".into()), "{}", ended.stderr);
        assert!(ended.stderr.contains("(try 1 of 8)"), "{}", ended.stderr);
        assert_eq!(server.log().matches("renamed \"a\"").count(), 1);
    }
}

#[test]
fn a_directory_whose_rename_was_not_answered_does_not_move_into_itself() {
    let (place, server) = start();
    lose_each_answer(&place, &server, |number, run| {
        let [from, to] = ["a", "b"].map(|name| format!("{name}{number}"));
        write(&place, &[(&format!("{from}/f"), "content")]);
        run(&["mv", &from, &to, "--retry", "3"]).well();
        assert!(place.served(&to).join("f").is_file() && !place.served(&from).exists());
    });
}

#[test]
fn a_missing_entry_stays_an_error_after_a_cut() {
    let (place, server) = start();
    write(&place, &[("x", "x")]);
    let missing = "there is no file of that name";
    for arguments in [&["mv", "-f", "gone", "x"][..], &["rm", "gone"], &["rm", "-r", "gone"]] {
        let arguments = [arguments, &["--retry", "3"]].concat();
        lose_each_answer(&place, &server, |_, run| {
            run(&arguments).with(6, &["\"gone\"", missing]);
        });
    }
    assert_eq!(fs::read(place.served("x")).ok().as_deref(), Some(b"x".as_slice()));
}

#[test]
fn an_entry_whose_removal_was_not_answered_counts_as_removed() {
    thread::scope(|scope| {
        for option in ["-v", "-r"] {
            scope.spawn(move || {
                let (place, server) = start();
                lose_each_answer(&place, &server, |number, run| {
                    let path = format!("a{number}");
                    match option {
                        "-r" => write(
                            &place,
                            &[(&format!("{path}/b/f"), ""), (&format!("{path}/g"), "")],
                        ),
                        _ => write(&place, &[(&path, "")]),
                    }
                    let ended = run(&["rm", option, &path, "--json", "--retry", "3"]).well();
                    let removed = ended.stdout.matches("\"status\":\"removed\"").count();
                    assert_eq!(
                        (removed, place.served(&path).exists()),
                        (1, false),
                        "{}",
                        ended.stdout
                    );
                });
            });
        }
    });
}

#[test]
fn a_directory_is_made_and_the_space_is_asked_for_after_a_lost_answer() {
    let (place, server) = start();
    lose_each_answer(&place, &server, |number, run| {
        let path = format!("a{number}/b");
        run(&["mkdir", &path, "--retry", "3"]).well();
        assert!(place.served(&path).is_dir());
    });
    lose_each_answer(&place, &server, |_, run| {
        let ended = run(&["df", "--retry", "3"]).well();
        assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    });
}

#[test]
fn a_list_after_cuts_has_each_entry_once() {
    let (place, server) = start();
    for number in 0..5000 {
        write(&place, &[(&format!("d{}/f{number}", number % 3), "")]);
    }
    let here = place.here("");
    for arguments in [&["ls", "-R"][..], &["ls", "-l", "d2"]] {
        let whole = server.client(&here, arguments).well().stdout;
        for cut in [Cut::Close, Cut::Reset, Cut::Loss] {
            let arguments = [arguments, &["--retry", "3"]].concat();
            let cuts = [30_000, 20_000, 25_000].map(|distance| (distance, cut)).into_iter();
            let (cuts, ended) = run(&place, &server, cuts, &arguments);
            let ended = ended.well();
            assert_eq!((cuts, ended.stderr.lines().count()), (3, 3), "{}", ended.stderr);
            assert_eq!(ended.stdout, whole);
        }
    }
}

#[test]
fn a_list_has_each_entry_once_where_a_lossy_line_was_silent() {
    let place = Place::new();
    (0..300).for_each(|number| write(&place, &[(&format!("f{number}"), "")]));
    let cable = lay(CLEAN);
    let [listen, url] = urls(&cable);
    let mut server = Server::start_at(&listen, &place.served(""), &[]);
    // The client gives the session up after four seconds, and waits two seconds for the answer in another one.
    cable.lines()[1].cut = Some(12_000);
    let arguments = ["ls", "--timeout", "2", "--retry", "0"];
    let ended = thread::scope(|scope| {
        let list = scope.spawn(|| client(&url, &place.here(""), &arguments));
        wait_until("the line is cut", || cable.lines()[1].is_cut());
        thread::sleep(Duration::from_millis(4600));
        cable.lines()[1].cut = None;
        list.join().expect("it does not panic").well()
    });
    let log = server.log();
    assert_eq!(log.matches("ls of the tree \".\" has begun").count(), 2, "one session: {log}");
    let mut names: Vec<_> = ended.stdout.lines().collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), ended.stdout.lines().count()), (300, 300), "{}", ended.stderr);
}

#[test]
fn a_request_fails_when_its_tries_are_used_up() {
    let (place, server) = start();
    write(&place, &[("a", "content")]);
    let always = || repeat_n((1, Cut::Loss), 9);
    for arguments in [&["ls"][..], &["df"], &["mkdir", "d"], &["rm", "a"], &["mv", "a", "b"]] {
        let with_tries = [arguments, &["--retry", "2"]].concat();
        let (cuts, ended) = run(&place, &server, always(), &with_tries);
        let ended = ended.with(4, &["(try 1 of 2)", "(try 2 of 2)"]);
        assert_eq!((cuts, ended.stderr.lines().count()), (3, 3), "{}", ended.stderr);
        for options in [&["--retry", "0"][..], &[]] {
            let (cuts, ended) = run(&place, &server, always(), &[arguments, options].concat());
            let ended = ended.with(4, &[]);
            assert_eq!((cuts, ended.stderr.lines().count()), (1, 1), "{}", ended.stderr);
        }
    }
    // The answer to the rename is the last one.
    let answers = lose_each_answer(&place, &server, |number, run| {
        write(&place, &[("a", "content")]);
        run(&["mv", "a", &format!("b{number}"), "--retry", "3"]).well();
    });
    write(&place, &[("a", "content")]);
    let cuts = once(((answers - 1) * SIGNAL + 1, Cut::Loss)).chain(always());
    let (_, ended) = run(&place, &server, cuts, &["mv", "a", "c", "--retry", "1"]);
    ended.with(4, &["the server may have renamed it", "\"a\" or \"c\""]);
    assert!(place.served("c").exists());
}
