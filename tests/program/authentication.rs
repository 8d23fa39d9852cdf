//! Keys: which clients a server accepts, with which permissions, and the answers that others get.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::files::make_tree;
use crate::harness::{
    Place, Server, assert_same, client, content, mode, program, set_mode, snapshot, write_private,
};

/// A server's private key, and a line that lets `public` in.
fn pairs(place: &Place, terms: &str) {
    let here = place.here("");
    program(&here, &["keygen", "--pair", "mine"]).well();
    program(&here, &["keygen", "--pair", "theirs"]).well();
    let private = fs::read_to_string(place.here("theirs")).expect("it is made");
    let public = fs::read_to_string(place.here("mine.pub")).expect("it is made");
    write_private(&place.here("keys"), &format!("{private}{} {terms}\n", public.trim()));
}

#[test]
fn a_shared_key_protects_all_that_goes_there_and_back() {
    let place = Place::new();
    make_tree(&place, 2000);
    let here = place.here("");
    program(&here, &["keygen", "key"]).well();
    fs::write(place.here("large"), content(10_000_000, 3)).expect("a file");
    let key = place.here("key").display().to_string();
    let mut server = Server::start(&place.served(""), &["--key", &key, "-vv"]);
    server.client(&here, &["put", "--key", "key", "tree", "--sha256", "-vv"]).well();
    assert_same(&place.here("tree"), &place.served("tree"));
    server.client(&here, &["get", "--key", "key", "tree", "--into", "back"]).well();
    assert_same(&place.here("tree"), &place.here("back/tree"));
    server.client(&here, &["put", "--key", "key", "large"]).well();
    server.client(&here, &["get", "--key", "key", "large", "--into", "back"]).well();
    assert_eq!(fs::read(place.here("large")).ok(), fs::read(place.here("back/large")).ok());
    let ended = server.client(&here, &["ping", "--key", "key", "-vv"]).well();
    let has_aes = cfg!(target_arch = "x86_64")
        && fs::read_to_string("/proc/cpuinfo").is_ok_and(|info| info.contains(" pclmulqdq"));
    if has_aes {
        let cipher = "the connection is encrypted by AES-256-GCM";
        assert!(server.log().contains(cipher) && ended.stderr.contains(cipher), "{}", ended.stderr);
    }
    let digits = fs::read_to_string(&key).expect("the key");
    let digits = digits.trim().strip_prefix("shared ").expect("a shared key");
    for said in [server.log(), ended.stdout, ended.stderr] {
        assert!(!said.contains(&digits[..16]) && !said.contains(&digits[48..]), "{said}");
    }
    server.client(&here, &["close", "--key", "key"]).with(6, &["not allowed"]);
    // A Unix socket is like any other.
    let listen = format!("unix://{}", place.root.path().join("socket").display());
    let server = Server::start_at(&listen, &place.served(""), &["--key", &key]);
    server.client(&here, &["get", "--key", "key", "large", "--into", "by unix"]).well();
    assert_eq!(fs::read(place.here("large")).ok(), fs::read(place.here("by unix/large")).ok());
}

#[test]
fn keygen_makes_private_files_and_replaces_none() {
    let place = Place::new();
    let here = place.here("");
    for arguments in [&["keygen", "key"][..], &["keygen", "--pair", "pair"]] {
        let said = program(&here, arguments).well();
        let file = arguments[arguments.len() - 1];
        let text = fs::read_to_string(place.here(file)).expect("it is made");
        assert!(!said.stdout.contains(&text[10..40]) && !said.stderr.contains(&text[10..40]));
        assert_eq!(mode(&place.here(file)), 0o600);
        program(&here, arguments).with(1, &["is there already"]);
        assert_eq!(fs::read_to_string(place.here(file)).ok(), Some(text));
    }
    // Half a pair is none.
    fs::write(place.here("half.pub"), "other").expect("a file");
    program(&here, &["keygen", "--pair", "half"]).with(1, &["half.pub", "is there already"]);
    assert!(!place.here("half").exists());
    fs::write(place.here("whole"), "other").expect("a file");
    program(&here, &["keygen", "--pair", "whole"]).with(1, &["whole", "is there already"]);
    assert!(!place.here("whole.pub").exists());
}

#[test]
fn a_client_without_the_key_is_rejected() {
    let place = Place::new();
    let here = place.here("");
    for key in ["key", "other"] {
        program(&here, &["keygen", key]).well();
    }
    program(&here, &["keygen", "--pair", "pair"]).well();
    let key = place.here("key").display().to_string();
    let mut server = Server::start(&place.served(""), &["--key", &key]);
    server.client(&here, &["ping"]).with(7, &["accepts only clients with a key"]);
    server.client(&here, &["ping", "--key", "other"]).with(7, &["does not know the key"]);
    server.client(&here, &["ping", "--key", "pair"]).with(7, &["no keys of that kind"]);
    server.client(&here, &["ping", "--key", "none"]).with(7, &["\"none\" cannot be read"]);
    server.client(&here, &["ping", "--key", "key"]).well();
    assert_eq!(server.log().matches("rejected:").count(), 3, "{}", server.log());
    let plain = Server::start(&place.served(""), &[]);
    plain.client(&here, &["ping", "--key", "key"]).with(7, &["it does not encrypt"]);
    set_mode(Path::new(&key), 0o644);
    plain.client(&here, &["ping", "--key", "key"]).with(7, &["chmod 600"]);
    let served = place.served("").display().to_string();
    let listen = ["serve", "--listen", "tcp://127.0.0.1:0", &served, "--key"];
    program(&here, &[&listen[..], &["key"]].concat()).with(7, &["chmod 600"]);
    program(&here, &[&listen[..], &["pair"]].concat()).with(7, &["no client could connect"]);
    write_private(&place.here("keys"), &format!("shared {} dir=missing\n", "ab".repeat(32)));
    program(&here, &[&listen[..], &["keys"]].concat()).with(7, &["\"missing\"", "no such file"]);
}

#[test]
fn a_server_on_the_network_demands_a_key_or_an_explicit_option() {
    let place = Place::new();
    let served = place.served("").display().to_string();
    for listen in ["tcp://0.0.0.0:0", "tcp://[::]:0"] {
        let ended = program(&place.here(""), &["serve", "--listen", listen, &served]);
        ended.with(1, &["will not listen", "--key", "--insecure"]);
    }
}

#[test]
fn a_client_without_a_key_connects_to_loopback_alone() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    // A client that connects to 0.0.0.0 reaches this listener, but it is no address of this machine alone.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("it can");
    let port = listener.local_addr().expect("an address").port();
    let before = snapshot(&here);
    for address in ["192.0.2.1:8080", "[2001:db8::1]:8080", &format!("0.0.0.0:{port}")] {
        let arguments = [&["put", "f"][..], &["get", "f", "--into", "new"], &["ping"], &["close"]];
        for arguments in arguments {
            let begin = Instant::now();
            let ended = client(&format!("tcp://{address}"), &here, arguments);
            ended.with(7, &["not on this machine", "--key", "--insecure"]);
            assert!(begin.elapsed() < Duration::from_secs(3), "{address} was waited for");
        }
    }
    assert!(listener.accept().is_err_and(|error| error.kind() == ErrorKind::WouldBlock));
    assert_eq!(snapshot(&here), before);
    drop(listener);
    let server = Server::start(&place.served(""), &[]);
    let elsewhere = server.endpoint.replace("127.0.0.1", "0.0.0.0");
    client(&elsewhere, &here, &["ping"]).with(7, &["not on this machine"]);
    client(&elsewhere, &here, &["put", "f", "--insecure"]).well();
    assert!(place.served("f").exists());
}

#[test]
fn each_key_has_its_directory_and_rights_and_is_revoked_with_its_line() {
    let place = Place::new();
    let here = place.here("");
    let mut lines = Vec::new();
    for (key, terms) in [
        ("reader", "name=reader rights=read dir=a"),
        ("writer", "name=writer rights=write dir=b c"),
        ("owner", "name=owner\u{202e} rights=read,write,close"),
    ] {
        program(&here, &["keygen", key]).well();
        let line = fs::read_to_string(place.here(key)).expect("it is made");
        lines.push(format!("{} {terms}\n", line.trim()));
    }
    write_private(&place.here("keys"), &lines.concat());
    for directory in ["a", "b c"] {
        fs::create_dir(place.served(directory)).expect("a directory");
    }
    for (path, text) in [("top", "t"), ("a/f", "a"), ("b c/f", "b")] {
        fs::write(place.served(path), text).expect("a file");
    }
    fs::write(place.here("new"), "n").expect("a file");
    let keys = place.here("keys").display().to_string();
    let mut server = Server::start(&place.served(""), &["--key", &keys]);
    let ask = |server: &Server, key: &str, arguments: &[&str]| {
        server.client(&here, &[&arguments[..1], &["--key", key], &arguments[1..]].concat())
    };
    ask(&server, "reader", &["get", "f", "--into", "out"]).well();
    assert_eq!(fs::read(place.here("out/f")).expect("it is there"), b"a");
    ask(&server, "reader", &["get", "top"]).with(6, &["no file of that name"]);
    ask(&server, "reader", &["get", "b c/f"]).with(6, &["no file of that name"]);
    ask(&server, "reader", &["put", "new"]).with(6, &["takes no files"]);
    ask(&server, "reader", &["close"]).with(6, &["not allowed"]);
    ask(&server, "writer", &["put", "new"]).well();
    assert_eq!(fs::read(place.served("b c/new")).expect("it is there"), b"n");
    ask(&server, "writer", &["get", "new"]).with(6, &["gives no files"]);
    ask(&server, "owner", &["get", ".", "--into", "all"]).well();
    assert_eq!(fs::read(place.here("all/b c/new")).expect("it is there"), b"n");
    // A name from a file is shown as it is written, not as it may look.
    assert!(server.log().contains("authenticated as owner\\u{202e}"), "{}", server.log());
    write_private(&place.here("keys"), &lines[1..].concat());
    ask(&server, "reader", &["ping"]).with(7, &["does not know the key"]);
    ask(&server, "writer", &["ping"]).well();
    write_private(&place.here("keys"), &lines.concat());
    ask(&server, "owner", &["close"]).well();
    assert_eq!(server.wait(), Some(0));
    // A server that only gives does so for all.
    let server = Server::start(&place.served(""), &["--key", &keys, "--read-only"]);
    ask(&server, "owner", &["put", "new"]).with(6, &["takes no files"]);
}

#[test]
fn a_client_accepts_the_known_key_of_a_server_alone() {
    let place = Place::new();
    let here = place.here("");
    pairs(&place, "name=me");
    fs::write(place.here("f"), "f").expect("a file");
    let keys = place.here("keys").display().to_string();
    let mut server = Server::start(&place.served(""), &["--key", &keys]);
    let known = ["--key", "mine", "--known-hosts", "known"];
    let ask = |server: &Server, arguments: &[&str]| {
        server.client(&here, &[&arguments[..1], &known, &arguments[1..]].concat())
    };
    let shown = fs::read_to_string(place.here("theirs.pub")).expect("it is made");
    let shown = shown.trim().strip_prefix("public ").expect("a public key").to_owned();
    ask(&server, &["put", "f"]).with(7, &["is not known", &shown, "--accept-new"]);
    assert!(!place.here("known").exists() && !place.served("f").exists());
    ask(&server, &["put", "f", "--accept-new"]).well();
    ask(&server, &["get", "f", "--into", "back"]).well();
    assert!(server.log().contains("authenticated as me"), "{}", server.log());
    // A pair that the server does not know.
    program(&here, &["keygen", "--pair", "stranger"]).well();
    let stranger = ["ping", "--key", "stranger", "--known-hosts", "known"];
    server.client(&here, &stranger).with(7, &["does not know the key"]);
    // Another server at the same place: a hard stop, whatever is said.
    let endpoint = server.endpoint.clone();
    drop(server);
    fs::remove_file(place.here("theirs")).expect("it is there");
    fs::remove_file(place.here("theirs.pub")).expect("it is there");
    fs::remove_file(place.here("mine.pub")).expect("it is there");
    fs::rename(place.here("mine"), place.here("first")).expect("it is there");
    pairs(&place, "name=me");
    fs::rename(place.here("first"), place.here("mine")).expect("it is there");
    let _other = Server::start_at(&endpoint, &place.served(""), &["--key", &keys]);
    for accept in [&[][..], &["--accept-new"]] {
        let arguments = [&["put"], &known[..], &["f"], accept].concat();
        client(&endpoint, &here, &arguments).with(7, &["not the one it had before", "known"]);
    }
}
