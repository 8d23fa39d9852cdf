//! Text that a command prints before the handshake: a message of the day, a warning of a shell.

use std::fs;
use std::time::{Duration, Instant};

use tinyferry::client::Client;

use crate::harness::{Ended, Place, assert_same, client, content, program};

/// A command that runs `before`, and then a server.
fn serving_after(place: &Place, before: &str, options: &str) -> String {
    let (program, root) = (env!("CARGO_BIN_EXE_tinyferry"), place.served(""));
    format!("exec:{before}; exec '{program}' serve --stdio {options} '{}'", root.display())
}

const HEADING: &str = "tinyferry: the command printed this before the handshake:\n";

/// The lines after the heading.
#[track_caller]
fn shown(ended: &Ended) -> Vec<&str> {
    let (_, lines) = ended.stderr.split_once(HEADING).expect(&ended.stderr);
    lines.lines().map_while(|line| line.strip_prefix("  ")).collect()
}

#[test]
fn text_before_the_handshake_is_shown_and_passed_over() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("f"), content(3_000_000, 1)).expect("a file");
    let banner = r#"printf 'Welcome to \033[1mbox\033[0m\r\n\nyou have "mail"\nPON ERR $ '"#;
    let endpoint = serving_after(&place, banner, "");
    let put = client(&endpoint, &here, &["put", "f"]).well();
    let lines = [r"Welcome to \u{1b}[1mbox\u{1b}[0m", "you have \"mail\"", "PON ERR $"];
    assert_eq!(shown(&put), lines, "{}", put.stderr);
    client(&endpoint, &here, &["get", "f", "--into", "back"]).well();
    assert_same(&place.here("back"), &place.served(""));
    let quiet = client(&endpoint, &here, &["ls", "-q"]).well();
    assert_eq!((quiet.stdout.trim(), quiet.stderr.as_str()), ("3000000  f", ""));
    // Text that comes in pieces, and after the hello of the client.
    let slow = "printf 'one '; sleep 0.2; echo two; sleep 0.2; printf P; sleep 0.2";
    let ping = client(&serving_after(&place, slow, ""), &here, &["ping"]).well();
    assert_eq!(shown(&ping), ["one two", "P"]);
}

#[test]
fn text_before_the_handshake_of_a_key_is_shown_and_passed_over() {
    let place = Place::new();
    let here = place.here("");
    program(&here, &["keygen", "key"]).well();
    fs::write(place.here("f"), content(70_000, 1)).expect("a file");
    let options = format!("--key '{}'", place.here("key").display());
    let endpoint = serving_after(&place, "echo motd TFS", &options);
    let put = client(&endpoint, &here, &["put", "f", "--key", "key"]).well();
    assert_eq!(shown(&put), ["motd TFS"]);
    assert_eq!(fs::read(place.served("f")).expect("it is there"), content(70_000, 1));
    let refused =
        client(&endpoint, &here, &["put", "f"]).with(7, &["accepts only clients with a key"]);
    assert_eq!(shown(&refused), ["motd TFS"]);
    let endpoint = serving_after(&place, "echo motd", "");
    let refused =
        client(&endpoint, &here, &["ping", "--key", "key"]).with(7, &["this server has none"]);
    assert_eq!(shown(&refused), ["motd"]);
}

#[test]
fn much_text_is_shown_in_part() {
    let place = Place::new();
    let here = place.here("");
    let endpoint = serving_after(&place, "seq 1000", "");
    let ping = client(&endpoint, &here, &["ping"]).well();
    let lines = shown(&ping);
    assert_eq!((lines.len(), lines[0], lines[19], lines[20]), (21, "1", "20", "(2862 more bytes)"));
    // Bytes that are no text are only counted.
    let endpoint = serving_after(&place, "head -c 5000 /dev/zero; echo; echo text", "");
    let ping = client(&endpoint, &here, &["ping"]).well();
    let lines = shown(&ping);
    assert_eq!(lines, ["text", "(5000 more bytes)"]);
}

#[test]
fn a_command_that_prints_text_and_ends_is_reported_with_its_text() {
    let place = Place::new();
    let here = place.here("");
    program(&here, &["keygen", "key"]).well();
    let endpoint = "exec:no-such-program-at-all 2>&1";
    for arguments in [&["ping"][..], &["ping", "--key", "key"]] {
        let ended = client(endpoint, &here, arguments).with(4, &["the command has ended", "127"]);
        assert!(shown(&ended)[0].contains("no-such-program-at-all"), "{}", ended.stderr);
    }
    // Without remarks the text is a part of the error.
    client(endpoint, &here, &["ping", "-q"]).with(4, &["127", "it printed \"sh: "]);
    // A program that uses the library gets it with the error.
    let client = Client::connect(endpoint.parse().expect("an endpoint"));
    let error = client.and_then(|mut client| client.ping()).expect_err("there is no server");
    let told = error.to_string();
    assert!(told.contains("127") && told.contains("it printed \"sh: "), "{told}");
}

#[test]
fn text_without_an_end_is_reported() {
    let place = Place::new();
    let here = place.here("");
    program(&here, &["keygen", "key"]).well();
    for (endpoint, begin) in
        [("exec:yes", r#"("y\ny\ny\n"#), ("exec:yes | tr -d '\\n'", r#"("yyyyyy"#)]
    {
        for arguments in [&["ping"][..], &["ls", "--key", "key"]] {
            let (begun, ended) = (Instant::now(), client(endpoint, &here, arguments));
            ended.with(5, &["does not speak Tinyferry", begin, "must run tinyferry serve --stdio"]);
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(10), "{endpoint}: {} ms", took.as_millis());
        }
    }
    // It ends by the time too.
    let endpoint = "exec:while sleep 0.1; do echo again; done";
    let ended = client(endpoint, &here, &["ping", "--timeout", "2"]);
    assert_eq!(shown(&ended)[0], "again");
    ended.with(4, &["the other end does not answer"]);
}

/// A shell asks for a password, and nobody answers.
#[test]
fn a_prompt_without_a_line_end_is_shown_when_the_handshake_times_out() {
    let place = Place::new();
    let here = place.here("");
    program(&here, &["keygen", "key"]).well();
    let endpoint = "exec:printf 'two\\nPassword: '; exec sleep 100";
    for key in [&[][..], &["--key", "key"]] {
        let ping = client(endpoint, &here, &[&["ping", "--timeout", "1"], key].concat());
        assert_eq!(shown(&ping), ["two", "Password:"], "{}", ping.stderr);
    }
}
