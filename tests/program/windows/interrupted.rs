//! Transfers whose client or server ends before them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::On;
use crate::cut_proxy::Proxy;
use crate::harness::{Place, content, ended_within, wait_until};
use crate::signals::on_terminal;

/// The client is killed, then the server.
#[test]
#[ignore = "needs Wine"]
fn a_transfer_that_was_killed_continues() {
    for (on, is_put) in
        [(On::Both, true), (On::Client, true), (On::Server, false), (On::Both, false)]
    {
        let place = Place::new();
        let bytes = content(24 << 20, 3);
        let (source, target) = (place.here("f"), place.served("f"));
        let (source, target) = if is_put { (source, target) } else { (target, source) };
        fs::write(&source, &bytes).expect("a file");
        let mut server = on.serve(&place.served(""), &[]);
        let arguments = [if is_put { "put" } else { "get" }, "f"];
        let direction = usize::from(!is_put);
        for is_server_killed in [false, true] {
            let proxy = Proxy::start();
            proxy.lead_to(&server);
            proxy.stop_at(8 << 20);
            let mut client = on.command(&proxy.endpoint, &place.here(""), &arguments);
            let mut client =
                client.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
            wait_until("content arrives", || proxy.crossed(direction) >= 8 << 20);
            if is_server_killed {
                server.child.kill().expect("it runs");
                proxy.cut_now();
                assert_eq!(
                    ended_within(&mut client, Duration::from_secs(60)).and_then(|it| it.code()),
                    Some(4)
                );
                server = on.serve(&place.served(""), &[]);
            } else {
                client.kill().expect("it runs");
                client.wait().expect("it ends");
                proxy.cut_now();
            }
            assert!(!target.exists());
        }
        let ended = on.client(&server, &place.here(""), &arguments).well();
        assert!(ended.stdout.contains("MiB were there already"), "{on:?}: {}", ended.stdout);
        assert!(fs::read(&target).expect("it is there") == bytes, "{on:?}");
    }
}

/// Runs a command on a terminal and types Ctrl-C when it has said `wait`. Returns its output and its exit code.
fn interrupted(command: &Command, directory: &Path, wait: &str) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_str().expect("UTF-8")).collect();
    on_terminal("/usr/bin/env", directory, &words, &[(wait, "\x03")]).expect("there is Python")
}

#[test]
#[ignore = "needs Wine"]
fn a_client_that_is_interrupted_says_how_to_continue() {
    let place = Place::new();
    let bytes = content(24 << 20, 5);
    fs::write(place.here("f"), &bytes).expect("a file");
    let server = On::Client.serve(&place.served(""), &[]);
    let proxy = Proxy::start();
    proxy.lead_to(&server);
    proxy.stop_at(8 << 20);
    let client = On::Client.command(&proxy.endpoint, &place.here(""), &["put", "f"]);
    let said = interrupted(&client, &place.here(""), "MiB/24.00 MiB");
    assert!(said.contains("interrupted; run the same command again"), "{said}");
    assert!(said.contains("exit 130"), "{said}");
    proxy.cut_now();
    let ended = On::Client.client(&server, &place.here(""), &["put", "f"]).well();
    assert!(ended.stdout.contains("were there already"), "{}", ended.stdout);
    assert!(fs::read(place.served("f")).expect("it is there") == bytes);
}

#[test]
#[ignore = "needs Wine"]
fn a_server_that_is_interrupted_shuts_down_in_good_order() {
    let place = Place::new();
    let mut server = super::windows();
    server.args(["serve", "--listen", "tcp://127.0.0.1:0", "."]);
    let said = interrupted(&server, &place.served(""), "serving");
    assert!(said.contains("the server has shut down") && said.contains("exit 0"), "{said}");
}
