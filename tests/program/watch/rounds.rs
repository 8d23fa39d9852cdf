//! The text that a further round prints.

use std::fs;

use super::Watching;
use crate::harness::{Place, Server, command};

#[test]
fn a_new_failure_is_printed_with_its_heading() {
    let place = Place::new();
    fs::create_dir(place.here("tree")).expect("a directory");
    for name in ["a", "b"] {
        fs::create_dir_all(place.served("tree").join(name)).expect("directories");
    }
    // The server has directories of these names.
    fs::write(place.here("tree/a"), "1").expect("a file");
    fs::write(place.here("tree/other"), "1").expect("a file");
    let server = Server::start(&place.served(""), &[]);
    let mut watching = Watching::start(&server, &place, &["put", "tree"]);
    watching.until_said("tree/a\"");
    fs::rename(place.here("tree/a"), place.here("tree/b")).expect("it can be renamed");
    watching.until_said("tree/b\"");
    let heading = "tinyferry: 1 entry was not transferred:";
    assert_eq!(watching.count(heading), 2, "{:#?}", watching.said);
    // The same failure is not printed again.
    fs::write(place.here("tree/new"), "1").expect("a file");
    let path = place.served("tree/new");
    watching.until("another file", || path.exists());
    let said = watching.interrupt();
    let headings = said.iter().filter(|line| line.as_str() == heading);
    assert_eq!(headings.count(), 2, "{said:#?}");
}

#[test]
fn text_before_the_handshake_is_printed_again_only_where_it_differs() {
    let place = Place::new();
    fs::create_dir(place.here("tree")).expect("a directory");
    fs::write(place.here("tree/a"), "1").expect("a file");
    let (program, root) = (env!("CARGO_BIN_EXE_tinyferry"), place.served(""));
    let script = "echo Welcome; echo x >>count; echo \"Login $(wc -l <count)\"";
    let endpoint = format!("exec:{script}; exec '{program}' serve --stdio '{}'", root.display());
    let arguments = ["put", "tree", "--watch"];
    let mut watching = Watching::start_by(command(&endpoint, &place.here(""), &arguments));
    watching.wait_for_line("sent ");
    fs::write(place.here("tree/b"), "2").expect("a file");
    let path = place.served("tree/b");
    watching.until("a change", || path.exists());
    watching.until_said("  Login 2");
    assert_eq!(watching.count("  Welcome"), 1, "{:#?}", watching.said);
    let heading = "tinyferry: the command printed this before the handshake:";
    assert_eq!(watching.count(heading), watching.count("  Login"), "{:#?}", watching.said);
}
