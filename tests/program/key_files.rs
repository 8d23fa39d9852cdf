//! Key files that change while a server runs.

use std::fs;
use std::path::Path;

use crate::harness::{Place, Server, client, program, write_private};

/// A line with the shared key in the file `name`, and the options after it.
fn make_key(place: &Place, name: &str, digits: &str, terms: &str) -> String {
    let line = format!("shared {}", digits.repeat(32));
    write_private(&place.here(name), &format!("{line}\n"));
    format!("{line} {terms}\n")
}

fn warnings(server: &mut Server, path: &Path) -> usize {
    let named = format!("the key file \"{}\"", path.display());
    server.log().lines().filter(|line| line.contains(&named)).count()
}

#[test]
fn a_broken_or_missing_key_file_leaves_the_last_keys_valid() {
    let place = Place::new();
    let here = place.here("");
    let lines = [make_key(&place, "one", "1a", "name=one"), make_key(&place, "two", "2b", "")];
    let keys = place.here("keys");
    write_private(&keys, &lines[0]);
    let path = keys.display().to_string();
    let mut server = Server::start(&place.served(""), &["--key", &path]);
    let ping = |server: &Server, key: &str| server.client(&here, &["ping", "--key", key]);
    ping(&server, "one").well();
    ping(&server, "two").with(7, &["does not know the key"]);
    let broken = [
        (format!("{}\nnonsense\n", lines[0]), "line 3"),
        (format!("{}{}", lines[0], &lines[1][..30]), "line 2"),
        (format!("{} rihgts=read\n", lines[0].trim()), "line 1"),
    ];
    for (number, (text, part)) in broken.iter().enumerate() {
        write_private(&keys, text);
        for _ in 0..3 {
            ping(&server, "one").well();
        }
        assert!(server.log().contains(part), "{part} in {}", server.log());
        assert_eq!(warnings(&mut server, &keys), number + 1, "{}", server.log());
    }
    fs::remove_file(&keys).expect("it is there");
    for _ in 0..3 {
        ping(&server, "one").well();
    }
    assert!(server.log().contains("cannot be read: no such file"), "{}", server.log());
    assert_eq!(warnings(&mut server, &keys), broken.len() + 1, "{}", server.log());
    // A valid file takes effect at once, and a key that is missing in it is revoked.
    write_private(&keys, &lines[1]);
    ping(&server, "two").well();
    ping(&server, "one").with(7, &["does not know the key"]);
    assert!(server.wait_for_line("valid again").is_some());
    write_private(&keys, "");
    ping(&server, "two").with(7, &["does not know the key"]);
}

#[test]
fn a_client_learns_that_the_directory_of_its_key_is_missing() {
    let place = Place::new();
    let here = place.here("");
    let lines = [
        make_key(&place, "one", "1a", "name=one dir=a"),
        make_key(&place, "two", "2b", "name=two dir=b/c"),
    ];
    let keys = place.here("keys");
    write_private(&keys, &lines.concat());
    for path in ["a", "b/c"] {
        fs::create_dir_all(place.served(path)).expect("directories");
    }
    let path = keys.display().to_string();
    let mut server = Server::start(&place.served(""), &["--key", &path]);
    let list = |server: &Server, key: &str| server.client(&here, &["ls", "--key", key]);
    list(&server, "two").well();
    fs::remove_dir(place.served("b/c")).expect("it is there");
    let ended = list(&server, "two")
        .with(6, &["cannot reach the directory", "the directory of this key is missing"]);
    assert!(!ended.stderr.contains("b/c"), "{}", ended.stderr);
    assert!(server.wait_for_line("\"b/c\"").is_some_and(|line| line.contains("two")));
    list(&server, "one").well();
    fs::write(place.served("b/c"), "a file").expect("a file");
    list(&server, "two").with(6, &["the directory of this key cannot be opened"]);
    fs::remove_file(place.served("b/c")).expect("it is there");
    fs::create_dir(place.served("b/c")).expect("a directory");
    list(&server, "two").well();
    // The directory that is served itself.
    fs::rename(place.served(""), place.root.path().join("elsewhere")).expect("it can be");
    list(&server, "one").with(6, &["cannot reach the directory"]);
}

#[test]
fn the_file_of_a_public_key_is_refused_with_the_name_of_the_private_one() {
    let place = Place::new();
    let here = place.here("");
    program(&here, &["keygen", "--pair", "kp"]).well();
    let private = "private key, \"kp\"";
    let ping = ["ping", "--key", "kp.pub"];
    let ended = client("tcp://127.0.0.1:1", &here, &ping);
    let ended = ended.with(7, &["\"kp.pub\" is that of a public key", private]);
    assert!(!ended.stderr.contains("chmod"), "{}", ended.stderr);
    let serve = ["serve", "--listen", "tcp://127.0.0.1:0", "--key", "kp.pub", "../served"];
    program(&here, &serve).with(7, &["\"kp.pub\"", "no client could connect", private]);
    fs::rename(place.here("kp.pub"), place.here("others")).expect("it can be");
    let ended = client("tcp://127.0.0.1:1", &here, &["ping", "--key", "others"]);
    ended.with(7, &["\"others\" contains public keys only", "its private key or a shared key"]);
}

#[test]
fn a_file_of_keys_or_of_known_servers_that_cannot_be_used_has_the_exit_code_of_keys() {
    let place = Place::new();
    let here = place.here("");
    program(&here, &["keygen", "--pair", "kp"]).well();
    let line = |name: &str| fs::read_to_string(place.here(name)).expect("it is made");
    write_private(&place.here("server"), &format!("{}{}", line("kp"), line("kp.pub")));
    write_private(&place.here("nonsense"), "nonsense\n");
    let path = place.here("server").display().to_string();
    let server = Server::start(&place.served(""), &["--key", &path]);
    for (key, why) in [("missing", "cannot be read"), ("nonsense", "is wrong in line 1")] {
        let named = format!("the key file \"{key}\" {why}");
        server.client(&here, &["ping", "--key", key]).with(7, &[&named]);
        let serve = ["serve", "--listen", "tcp://127.0.0.1:0", "--key", key, "../served"];
        program(&here, &serve).with(7, &[&named]);
    }
    let hosts = ["ping", "--key", "kp", "--known-hosts", "../here"];
    server.client(&here, &hosts).with(7, &["\"../here\" is not a regular file"]);
}
