//! Messages name the failed entry as the user wrote it, the end that failed, and a remedy.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{
    Ended, Place, Server, client, command, content, program, program_as_nobody, send_signal,
    set_mode, write_private,
};

/// Listens, and gives each connection to `answer`.
pub(crate) fn other_program(answer: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("tcp://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(answer));
    endpoint
}

/// Keeps a connection open without an answer.
pub(crate) fn stay_silent(stream: TcpStream) {
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(60));
        drop(stream);
    });
}

#[test]
fn a_message_says_which_end_has_failed() {
    let place = Place::new();
    set_mode(place.root.path(), 0o755);
    let here = place.here("");
    fs::create_dir_all(place.served("b/src")).expect("directories");
    fs::write(place.served("b/src/f"), "f").expect("a file");
    fs::write(place.served("photo"), "p").expect("a file");
    set_mode(&place.served("b/src/f"), 0o600);
    let Some(server) = Server::start_as_nobody(&place.served(""), &[]) else { return };
    let ended = server.client(&here, &["get", "b/src"]);
    ended.with(3, &["\"b/src/f\": the other end: permission is denied"]);
    let ended = server.client(&here, &["get", "b/src/f"]);
    ended.with(6, &["\"b/src/f\": the other end: permission is denied"]);
    set_mode(&place.served("b/src"), 0o700);
    for verb in ["get", "ls"] {
        let ended = server.client(&here, &[verb, "b/src"]);
        ended.with(6, &["\"b/src\": the other end: permission is denied"]);
        let ended = server.client(&here, &[verb, "nope"]);
        ended.with(6, &["\"nope\": the other end: there is no file of that name"]);
    }
    // This end may not write to its own directory.
    fs::create_dir(place.here("perm")).expect("a directory");
    let Some(mut get) = program_as_nobody() else { return };
    get.current_dir(&here).args(["get", "photo", "--into", "perm", "-e", &server.endpoint]);
    let ended = Ended::from(get.output().expect("the program starts"));
    let ended = ended.with(1, &["\"photo\": permission is denied (in \"perm\""]);
    assert!(!ended.stderr.contains("the other end"), "{}", ended.stderr);
}

#[test]
fn entries_have_the_names_that_the_user_wrote() {
    let place = Place::new();
    let here = place.here("");
    fs::create_dir_all(place.here("d/src")).expect("directories");
    for name in ["d/src/f", "d/g", "secret"] {
        fs::write(place.here(name), "x").expect("a file");
    }
    symlink("f", place.here("d/src/link")).expect("a link");
    let server = Server::start(&place.served(""), &[]);
    let sent = |arguments: &[&str], code, name: &str| {
        let ended = server.client(&here, arguments).with(code, &[]);
        assert!(ended.stdout.starts_with(&format!("sent {name}: ")), "{}", ended.stdout);
        ended.stderr
    };
    let stderr = sent(&["put", "d/src", "--to", "backup"], 3, "\"d/src\" to \"backup\"");
    assert!(stderr.contains("  \"d/src/link\": it is a symbolic link"), "{stderr}");
    let stderr = sent(&["put", "./d", "secret"], 3, "\"./d\", \"secret\"");
    assert!(stderr.contains("  \"./d/src/link\": it is a symbolic link"), "{stderr}");
    fs::create_dir_all(place.served("full/g")).expect("directories");
    let ended = server.client(&here, &["put", "d/g", "--to", "full"]);
    ended.with(6, &["tinyferry: \"d/g\" as \"full/g\": the other end: it is a directory"]);
    let ended = server.client(&here, &["get", "full/g/x"]);
    ended.with(6, &["tinyferry: \"full/g/x\": the other end: "]);
    // The failure is here: the local name.
    fs::create_dir_all(place.here("out/secret")).expect("directories");
    let ended = server.client(&here, &["get", "secret", "--into", "out"]);
    ended.with(1, &["tinyferry: \"secret\": it is a directory", "\"out\""]);
}

#[test]
fn an_error_of_the_connection_names_the_endpoint_and_a_remedy() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    for name in ["key", "other"] {
        program(&here, &["keygen", name]).well();
    }
    let key = place.here("key").display().to_string();
    let server = Server::start(&place.served(""), &["--key", &key]);
    let endpoint = server.endpoint.as_str();
    let put = ["put", "f", "--timeout", "1"];
    server.client(&here, &put).with(7, &[endpoint, "--key FILE"]);
    let ended = server.client(&here, &[&put[..], &["--key", "other"]].concat());
    ended.with(7, &[endpoint, "does not know the key", "to the key file of the server"]);
    let open = Server::start(&place.served(""), &[]);
    let ended = open.client(&here, &[&put[..], &["--key", "key"]].concat());
    ended.with(7, &[&open.endpoint, "start the server with --key FILE"]);

    let closes = other_program(drop);
    client(&closes, &here, &put).with(4, &[&closes, "closed before the server answered", "there?"]);
    let silent = other_program(stay_silent);
    for arguments in [&put[..], &["ping", "--timeout", "500ms"], &["ls", "--timeout", "0.5s"]] {
        let ended = client(&silent, &here, arguments);
        ended.with(4, &[&silent, "does not answer", "running there?"]);
    }
    let ended = client(&silent, &here, &[&put[..], &["--key", "key"]].concat());
    ended.with(4, &[&silent, "encrypted handshake", "?lossy=true", "--timeout"]);
    let talks = other_program(|mut stream| {
        let _ = stream.write_all(&b"220 another program is here\r\n".repeat(9));
        stay_silent(stream);
    });
    client(&talks, &here, &put)
        .with(5, &[&talks, "does not speak Tinyferry", "the port", "?lossy=true"]);
    program(&here, &["ping", "--timeout", "0"]).with(2, &["a timeout of 0"]);
}

#[test]
fn the_key_of_a_pair_that_a_server_does_not_know_is_reported_with_a_remedy() {
    let place = Place::new();
    let here = place.here("");
    for name in ["server", "known", "unknown"] {
        program(&here, &["keygen", "--pair", name]).well();
    }
    let line = |name: &str| fs::read_to_string(place.here(name)).expect("it is made");
    write_private(&place.here("keys"), &format!("{}{}", line("server"), line("known.pub")));
    let keys = place.here("keys").display().to_string();
    let server = Server::start(&place.served(""), &["--key", &keys]);
    let ping = ["ping", "--accept-new", "--key", "unknown", "--known-hosts", "hosts"];
    let ended = server.client(&here, &ping);
    ended.with(7, &[&server.endpoint, "does not know the key", "FILE.pub"]);
    // Without a home directory there is no file of known servers.
    let mut ping = command(&server.endpoint, &here, &["ping", "--accept-new", "--key", "known"]);
    ping.env_remove("HOME").env_remove("XDG_CONFIG_HOME").env_remove("APPDATA");
    let ended = Ended::from(ping.output().expect("the program starts"));
    let ended = ended.with(7, &["home directory", "--known-hosts FILE"]);
    assert!(!ended.stderr.contains("--accept-new"), "{}", ended.stderr);
}

#[test]
fn a_server_that_no_client_could_connect_to_is_refused_at_the_start() {
    let place = Place::new();
    let here = place.here("");
    program(&here, &["keygen", "--pair", "client"]).well();
    let public = fs::read_to_string(place.here("client.pub")).expect("it is made");
    assert_eq!(crate::harness::mode(&place.here("client.pub")), 0o644);
    assert_eq!(crate::harness::mode(&place.here("client")), 0o600);
    write_private(&place.here("keys"), &public);
    let serve = ["serve", "--listen", "tcp://127.0.0.1:0", "--key", "keys", "../served"];
    program(&here, &serve).with(7, &["\"keys\"", "no client could connect", "keygen --pair"]);
}

#[test]
fn an_interrupted_transfer_says_that_it_can_be_continued() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("large"), content(300 << 20, 1)).expect("a file");
    for (signal, ends) in [("TERM", "client"), ("KILL", "server")] {
        let server = Server::start(&place.served(""), &[]);
        let mut put = command(&server.endpoint, &here, &["put", "large"]);
        let mut put = put.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let partial = place.served(".large.tinyferry-part");
        let end = Instant::now() + Duration::from_secs(60);
        while !partial.metadata().is_ok_and(|partial| partial.len() > 0) {
            assert!(put.try_wait().expect("a status").is_none() && Instant::now() < end);
            thread::sleep(Duration::from_millis(1));
        }
        // The rest has no room in the buffers of the connection.
        server.signal("STOP");
        let id = if ends == "client" { put.id() } else { server.child.id() };
        send_signal(id, signal);
        let ended = Ended::from(put.wait_with_output().expect("it ends"));
        assert!(!place.served("large").exists(), "it was too fast");
        assert!(ended.stderr.contains("run the same command again"), "{}", ended.stderr);
        if ends == "server" {
            ended.with(4, &["\"large\": ", &server.endpoint]);
        }
        drop(server);
        fs::remove_file(partial).expect("a partial");
    }
}

#[test]
fn a_missing_destination_is_explained() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    server.client(&here, &["put", "f", "copy"]).with(3, &["\"copy\": no such file", "--to"]);
    server.client(&here, &["get", "f", "copy"]).with(3, &["\"copy\": the other end: ", "--into"]);
    for (arguments, hint) in [
        (&["put", "no"][..], "--to"),
        (&["get", "no"], "--into"),
        (&["put", "f", "no", "--to", "out"], "--to"),
        (&["get", "f", "no", "--into", "out"], "--into"),
        (&["get", "f", "no", "--into", "."], "--into"),
    ] {
        let ended = server.client(&here, arguments);
        assert!(!ended.stderr.contains(hint), "{}", ended.stderr);
    }
    server.client(&here, &["close"]).with(6, &["--allow-close", "rights="]);
    for option in ["-r", "-R", "--recursive"] {
        let ended = server.client(&here, &["put", option, "f"]);
        ended.with(2, &[option, "transfer directories", "Usage: tinyferry "]);
    }
}

#[test]
fn a_refusal_names_the_limit() {
    let place = Place::new();
    let limits = ["--max-file", "1M", "--max-depth", "2", "--max-entries", "1k"];
    let server = Server::start(&place.served(""), &limits);
    let here = place.here("");
    fs::write(place.here("large"), content((1 << 20) + 1, 1)).expect("a file");
    fs::write(place.served("large"), content((1 << 20) + 1, 1)).expect("a file");
    let ended = server.client(&here, &["put", "large"]);
    ended.with(6, &["\"large\": the other end: it is larger than is allowed", "1 MiB"]);
    let get = ["get", "large", "--max-file", "1M", "--into", "out"];
    let ended = server.client(&here, &get).with(1, &["\"large\": it is larger", "1 MiB"]);
    assert!(!ended.stderr.contains("there"), "{}", ended.stderr);
    // One line for a directory that is too deep, and not one for each entry below.
    fs::create_dir_all(place.here("t/a/b/c")).expect("directories");
    fs::write(place.here("t/a/b/c/f"), "f").expect("a file");
    let ended = server.client(&here, &["put", "t"]);
    let ended = ended.with(3, &["3 entries were not", "\"t/a/b\"", "2 names", "2 entries below"]);
    assert_eq!(ended.stderr.lines().count(), 2, "{}", ended.stderr);
    let serve = ["serve", "..", "--max-entries", "many"];
    program(&here, &serve).with(2, &["not a number; examples: 5000, 10k"]);
}

#[test]
fn many_failures_are_listed_in_a_few_lines() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let here = place.here("");
    fs::create_dir(place.here("t")).expect("a directory");
    for number in 0..50 {
        symlink("x", place.here(&format!("t/{number}"))).expect("a link");
    }
    let ended = server.client(&here, &["put", "t"]);
    let ended = ended.with(3, &["50 entries were not transferred:", "and 40 more"]);
    assert_eq!(ended.stderr.lines().count(), 12, "{}", ended.stderr);
    let ended = server.client(&here, &["put", "t", "-v"]).with(3, &["\"t/49\""]);
    assert_eq!(ended.stderr.matches("  \"t/").count(), 50, "{}", ended.stderr);
}

#[test]
fn a_name_that_cannot_be_sent_is_reported_with_its_fault() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    fs::create_dir(place.here("t")).expect("a directory");
    fs::write(place.here("t/new\nline"), "x").expect("a file");
    fs::write(place.here("t").join(OsString::from_vec(b"bad\xff".to_vec())), "x").expect("a file");
    let ended = server.client(&place.here(""), &["put", "t"]);
    ended.with(3, &["\"t/new\\nline\": its name contains control characters", "not UTF-8"]);
}

#[test]
fn a_server_of_a_missing_directory_says_so() {
    let place = Place::new();
    let ended = program(&place.here(""), &["serve", "--stdio", "nothing"]);
    ended.with(1, &["\"nothing\"", "no such file"]);
}
