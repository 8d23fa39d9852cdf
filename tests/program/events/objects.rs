//! Objects of later versions, of paths that are not UTF-8, and of failed commands.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

use super::{Checked, SCHEMA};
use crate::harness::{Ended, Place, Server, client_by, command, write_many};

#[test]
fn the_schema_allows_the_fields_and_events_of_later_versions() {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let known = schema["oneOf"].as_array().expect("a list").len() - 1;
    let named = schema.pointer("/$defs/later/properties/event/not/enum").expect("a list");
    assert_eq!(named.as_array().map(Vec::len), Some(known), "a known event passes as a later one");
    compiler.add_resource("events.json", schema).expect("a schema");
    let index = compiler.compile("events.json", &mut schemas).expect("a schema");
    let is_valid = |object: Value| schemas.validate(&object, index).is_ok();
    let space =
        json!({ "v": 1, "event": "space", "free": 1, "total": 2, "time_granularity_ns": 1 });
    let mut more = space.clone();
    more["inodes"] = json!(7);
    assert!(is_valid(space) && is_valid(more));
    assert!(is_valid(json!({ "v": 1, "event": "checked", "path": "a" })));
    assert!(!is_valid(json!({ "v": 1, "event": "space", "free": 1 })));
    assert!(!is_valid(json!({ "v": 2, "event": "checked" })));
}

#[test]
fn a_path_that_is_not_utf8_has_its_bytes_in_an_object() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    let name = OsStr::from_bytes(b"bad\xff\n");
    fs::create_dir(place.here("t")).expect("a directory");
    if fs::write(place.here("t").join(name), "x").is_err() {
        println!("skipped: the file system has no such names");
        return;
    }
    fs::write(place.here("f"), "f").expect("a file");
    fs::write(place.root.path().join("here").join(name), "x").expect("a file");
    let mut checked = Checked::new();
    let path_of = |ended: &Ended, objects: Vec<Value>| {
        let failed = objects.into_iter().find(|object| object["status"] == "failed");
        let failed = failed.unwrap_or_else(|| panic!("{}", ended.stdout));
        [&failed["path"], &failed["path_hex"]].map(|field| field.as_str().expect("text").to_owned())
    };
    let ended = server.client(&place.here(""), &["put", "./t", "--json"]);
    let objects = checked.of(&ended, 3);
    assert_eq!(path_of(&ended, objects), ["./t/bad\\xff\\n", "2e2f742f626164ff0a"]);
    let mut put = command(&server.endpoint, &place.here(""), &["put", "f", "--json"]);
    let ended = client_by({
        put.arg(name);
        put
    });
    let objects = checked.of(&ended, 3);
    assert_eq!(path_of(&ended, objects), ["bad\\xff\\n", "626164ff0a"]);
}

#[test]
fn a_command_whose_removals_are_refused_has_the_reason_in_its_last_object() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    let here = place.here("");
    write_many(&here, "t", 1);
    write_many(&place.served(""), "t", 5);
    let mut checked = Checked::new();
    let mut error = |arguments: &[&str], code| {
        let ended = server.client(&here, arguments);
        let objects = checked.of(&ended, code);
        let error = objects.last().expect("objects")["error"].clone();
        assert!(ended.stderr.contains(error["message"].as_str().unwrap_or_default()));
        error
    };
    let refused = error(&["mirror", "t", "t", "--json"], 3);
    let message = refused["message"].as_str().expect("a reason");
    assert!(message.starts_with("nothing was removed: 4 of 5 entries"), "{message}");
    let planned = error(&["mirror", "t", "t", "--json", "--dry-run"], 3);
    let message = planned["message"].as_str().expect("a reason");
    assert!(message.starts_with("nothing would be removed: 4 of 5"), "{message}");
    symlink("a", place.here("t/link")).expect("a link");
    let refused = error(&["mirror", "t", "t", "--json"], 3);
    let message = refused["message"].as_str().expect("a reason");
    assert!(message.contains("since not everything was sent"), "{message}");
    // The only entry has failed, and so has the command.
    let missing = error(&["rm", "no", "--json"], 6);
    assert_eq!(missing["reason"], json!("not-found"));
    assert_eq!(error(&["get", "no", "--json"], 6)["reason"], json!("not-found"));
    assert_eq!(
        error(&["rm", "no", "t/link", "t", "-f", "--json"], 6)["reason"],
        json!("not-empty")
    );
}
