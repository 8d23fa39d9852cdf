//! The events for programs, `--json`: one object on each line of standard output, by the schema of the documentation.

mod objects;

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::cut_proxy::{Cut, Proxy};
use crate::harness::{Ended, Place, Server, client, content, program, write_many};
use crate::serial_machine::{CP2102, Machine};
use crate::slow_line::SlowLine;

const SCHEMA: &str = include_str!("../../docs/events.schema.json");

/// The schema, and the objects that were found to follow it.
struct Checked {
    schemas: Schemas,
    index: SchemaIndex,
    objects: Vec<Value>,
}

impl Checked {
    fn new() -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource("events.json", strict()).expect("a schema");
        let index = compiler.compile("events.json", &mut schemas).expect("a schema");
        Self { schemas, index, objects: Vec::new() }
    }

    fn follows(&self, object: &Value) -> bool {
        self.schemas.validate(object, self.index).is_ok()
    }

    /// The objects of a command that has ended with this code: all follow the schema, the first one is `started`, and
    /// the last one `finished` with the code.
    #[track_caller]
    fn of(&mut self, ended: &Ended, code: i32) -> Vec<Value> {
        assert_eq!(ended.code, Some(code), "{}\n{}", ended.stdout, ended.stderr);
        let objects: Vec<Value> = ended
            .stdout
            .lines()
            .map(|line| {
                let object = serde_json::from_str(line).expect("JSON");
                if let Err(error) = self.schemas.validate(&object, self.index) {
                    panic!("{line}\n{error:#}");
                }
                object
            })
            .collect();
        let (first, last) = (objects.first().expect("objects"), objects.last().expect("objects"));
        assert_eq!((&first["event"], &last["event"]), (&json!("started"), &json!("finished")));
        let count = |event: &str| objects.iter().filter(|object| object["event"] == event).count();
        assert_eq!((count("started"), count("finished")), (1, 1), "{}", ended.stdout);
        assert_eq!(last["exit"], json!(code), "{}", ended.stdout);
        self.objects.extend(objects.clone());
        objects
    }

    /// The values of a field in all objects of a kind.
    fn values(&self, event: &str, field: &str) -> BTreeSet<String> {
        let of_kind = self.objects.iter().filter(|object| object["event"] == event);
        of_kind.filter_map(|object| object[field].as_str().map(str::to_owned)).collect()
    }
}

/// The schema without the fields and events of later versions.
fn strict() -> Value {
    fn close(schema: &mut Value) {
        if let Some(object) = schema.as_object_mut() {
            if object.contains_key("required") && object.contains_key("properties") {
                object.insert("additionalProperties".to_owned(), json!(false));
            }
            object.values_mut().for_each(close);
        }
    }
    let mut schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    close(&mut schema);
    let events = schema["oneOf"].as_array_mut().expect("a list");
    assert_eq!(events.pop(), Some(json!({ "$ref": "#/$defs/later" })));
    schema
}

/// The strings at a place of the schema.
fn in_schema(pointer: &str) -> BTreeSet<String> {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let values = schema.pointer(pointer).and_then(Value::as_array).expect("a list");
    values.iter().map(|value| value.as_str().expect("a string").to_owned()).collect()
}

/// The status of the entry with this path.
fn status<'a>(objects: &'a [Value], path: &str) -> &'a str {
    let found = objects.iter().find(|object| object["event"] == "file" && object["path"] == path);
    found.unwrap_or_else(|| panic!("{path} is not in {objects:?}"))["status"]
        .as_str()
        .expect("text")
}

/// Puts and gets of trees with new, unchanged, resumed and failed entries.
fn transfers(checked: &mut Checked) {
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--links"]);
    let here = place.here("");
    fs::create_dir_all(place.here("t/d")).expect("directories");
    fs::write(place.here("t/a"), content(70_000, 1)).expect("a file");
    fs::write(place.here("t/d/b"), content(3 << 20, 2)).expect("a file");
    fs::write(place.here("t/empty"), "").expect("a file");
    symlink("a", place.here("t/link")).expect("a link");
    fs::create_dir_all(place.served("t/d")).expect("a directory");
    fs::write(place.served("t/d/.b.tinyferry-part"), &content(3 << 20, 2)[..2 << 20])
        .expect("a partial");
    let put = checked.of(&server.client(&here, &["put", "t", "--json"]), 3);
    let found = ["t/a", "t/d/b", "t/link"].map(|path| status(&put, path));
    assert_eq!(found, ["sent", "resumed", "failed"]);
    let totals = &put.last().expect("objects")["totals"];
    assert_eq!((&totals["sent"], &totals["resumed"]), (&json!(3), &json!(1)));
    assert_eq!((&totals["failed"], &totals["bytes_resumed"]), (&json!(1), &json!(2 << 20)));
    assert_eq!(totals["bytes"], json!((1 << 20) + 70_000));

    let arguments = ["put", "t", "--json", "--ignore-times", "--links", "--sha256"];
    let put = checked.of(&server.client(&here, &arguments), 0);
    assert_eq!(["t/a", "t/link"].map(|path| status(&put, path)), ["unchanged", "linked"]);
    let file = put.iter().find(|object| object["path"] == "t/a").expect("an object");
    assert_eq!(file["sha256"].as_str().map(str::len), Some(64));

    let get = |to: &str, more: &[&str]| {
        server.client(&here, &[&["get", "t", "--into", to, "--json", "-q"], more].concat())
    };
    let got = checked.of(&get("o", &["--links"]), 0);
    assert_eq!(status(&got, "t/d/b"), "sent");
    fs::write(place.here("o/t/a"), "another").expect("a file");
    let got = checked.of(&get("o", &["--keep-both", "--links"]), 0);
    let kept = got.iter().find(|object| object["status"] == "kept-both").expect("an object");
    assert_eq!((&kept["path"], &kept["to"]), (&json!("t/a"), &json!("t/a~1")));

    // Some of several paths.
    let got = checked.of(&server.client(&here, &["get", "no", "t/a", "--json"]), 3);
    assert_eq!(["no", "t/a"].map(|path| status(&got, path)), ["failed", "sent"]);
    let put = checked.of(&server.client(&here, &["put", "no", "t/a", "--json"]), 3);
    assert_eq!(["no", "t/a"].map(|path| status(&put, path)), ["failed", "sent"]);
}

/// A mirror with removals, and its plan.
fn mirrors(checked: &mut Checked) {
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--allow-remove"]);
    let here = place.here("");
    write_many(&place.here(""), "t", 3);
    write_many(&place.served(""), "t", 5);
    fs::write(place.here("t/new"), "new").expect("a file");
    let planned = server.client(&here, &["mirror", "t", "t", "--dry-run", "--json"]);
    let planned = checked.of(&planned, 0);
    let action =
        |path: &str| planned.iter().find(|object| object["path"] == path).expect("it is there");
    assert_eq!(action("t/new")["action"], json!("new"));
    let mirror = checked.of(&server.client(&here, &["mirror", "t", "t", "--json"]), 0);
    let [planned, done] =
        [&planned, &mirror].map(|objects| &objects.last().expect("objects")["totals"]);
    assert_eq!(done["removed"], json!(2));
    assert!(done["bytes"].as_u64() > Some(0), "{done}");
    for total in ["sent", "bytes", "removed"] {
        assert_eq!(planned[total], done[total], "{total}");
    }
    let strict = Server::start(&place.served(""), &[]);
    fs::write(place.served("t/old"), "old").expect("a file");
    let mirror = checked.of(&strict.client(&here, &["mirror", "t", "t", "--json"]), 3);
    assert_eq!(status(&mirror, "t/old"), "failed");
    let back = ["mirror", "--get", "t", "t", "--json"];
    fs::write(place.here("t/mine"), "mine").expect("a file");
    let mirror = checked.of(&server.client(&here, &back), 0);
    assert_eq!(status(&mirror, "mine"), "removed");
}

/// Commands that change or list the files of a server.
fn others(checked: &mut Checked) {
    let place = Place::new();
    let server = Server::start(&place.served(""), &["--allow-remove", "--links"]);
    let here = place.here("");
    fs::write(place.served("f"), "f").expect("a file");
    symlink("f", place.served("l")).expect("a link");
    let made = checked.of(&server.client(&here, &["mkdir", "d", "--json"]), 0);
    assert_eq!(status(&made, "d"), "made");
    let moved = checked.of(&server.client(&here, &["mv", "f", "d", "--json"]), 0);
    let renamed = moved.iter().find(|object| object["status"] == "renamed").expect("an object");
    assert_eq!((&renamed["path"], &renamed["to"]), (&json!("f"), &json!("d/f")));
    let listed = checked.of(&server.client(&here, &["ls", "-R", "--json"]), 0);
    let paths: Vec<_> = listed.iter().filter_map(|object| object["path"].as_str()).collect();
    assert_eq!(paths, ["d", "d/f", "l"]);
    checked.of(&server.client(&here, &["df", "--json"]), 0);
    let answered = checked.of(&server.client(&here, &["ping", "--json", "--count", "3"]), 0);
    let pong = answered.iter().find(|object| object["event"] == "ping").expect("an answer");
    assert_eq!((&pong["sends"], &pong["receives"]), (&json!(true), &json!(true)));
    assert_eq!((&pong["round_trips"], &pong["sha256"]), (&json!(3), &json!(true)));
    let times = ["min_ms", "median_ms", "max_ms"].map(|name| pong[name].as_f64());
    assert!(times.is_sorted() && pong["free"].is_u64(), "{pong}");
    let removed = checked.of(&server.client(&here, &["rm", "d", "no", "--json"]), 6);
    let reasons: Vec<_> = removed.iter().filter_map(|object| object["reason"].as_str()).collect();
    assert_eq!(reasons, ["not-empty", "not-found"]);
    let removed = checked.of(&server.client(&here, &["rm", "-r", "d", "--json"]), 0);
    assert_eq!(status(&removed, "d"), "removed");
    fs::write(place.here(".f.tinyferry-part"), "f").expect("a file");
    let listed = checked.of(&program(&here, &["partials", ".", "--remove", "--json"]), 0);
    assert_eq!(listed.last().expect("objects")["totals"]["removed"], json!(1));
}

/// The list of serial ports. Returns whether a machine here can have one.
fn ports(checked: &mut Checked) -> bool {
    let place = Place::new();
    checked.of(&program(&place.here(""), &["ports", "--json"]), 0);
    Machine::new(&place).is_some_and(|machine| {
        machine.plug("ttyUSB0", Some(&CP2102), "/dev/null".as_ref());
        let listed = checked.of(&machine.ended(&place.here(""), &["ports", "--json"]), 0);
        assert_eq!(listed[1]["serial_number"], json!("0001"));
        true
    })
}

/// Requests that are refused, and servers that do not answer.
fn errors(checked: &mut Checked) {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    let server = Server::start(&place.served(""), &["--read-only"]);
    let refused = checked.of(&server.client(&here, &["put", "f", "--json"]), 6);
    let error = &refused.last().expect("objects")["error"];
    assert_eq!((&error["reason"], &error["reason_code"]), (&json!("read-only"), &json!(17)));
    let missing = checked.of(&server.client(&here, &["ls", "no", "--json"]), 6);
    assert_eq!(missing.last().expect("objects")["error"]["reason"], json!("not-found"));
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("tcp://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let ended = client(&endpoint, &here, &["put", "f", "--json", "--retry", "1"]);
    let failed = checked.of(&ended, 4);
    let retry = failed.iter().find(|object| object["event"] == "retry").expect("a retry");
    assert_eq!((&retry["try"], &retry["tries"]), (&json!(1), &json!(1)));
    let error = &failed.last().expect("objects")["error"];
    assert!(error["message"].as_str().is_some_and(|told| told.contains("cannot connect")));
    checked.of(&server.client(&here, &["put", "no", "--json"]), 1);
    checked.of(&server.client(&here, &["get", "../x", "--json"]), 2);
}

/// A transfer that takes a while, and is cut.
fn long(checked: &mut Checked) {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.served("f"), content(2 << 20, 3)).expect("a file");
    let line = SlowLine::start(&server, 2 << 20);
    let got = checked.of(&client(&line.endpoint, &place.here(""), &["get", "f", "--json"]), 0);
    let progress: Vec<_> = got.iter().filter(|object| object["event"] == "progress").collect();
    let seconds = got.last().expect("objects")["seconds"].as_f64().expect("a number");
    assert!((2.0..=5.0 * seconds + 1.0).contains(&(progress.len() as f64)), "{progress:?}");
    assert!(progress.iter().all(|object| object["path"] == "f"), "{progress:?}");
    let done = |object: &Value| object["bytes_done"].as_u64().expect("a number");
    assert!(progress.is_sorted_by_key(|object| done(object)), "{progress:?}");

    let proxy = Proxy::start();
    proxy.lead_to(&server);
    proxy.cut_often(1, [(1 << 20, Cut::Close)].into_iter());
    let arguments = ["get", "f", "--json", "--retry", "8", "--into", "again"];
    let ended = client(&proxy.endpoint, &place.here(""), &arguments);
    let got = checked.of(&ended, 0);
    let kinds: Vec<_> = got.iter().filter_map(|object| object["event"].as_str()).collect();
    assert!(kinds.contains(&"retry"), "{got:?}");
    // The interruption is no result.
    assert_eq!(kinds.iter().filter(|kind| **kind == "file").count(), 1, "{got:?}");
}

#[test]
fn each_object_follows_the_schema_and_each_of_its_kinds_occurs() {
    let mut checked = Checked::new();
    for part in [transfers, mirrors, others, errors, long] {
        part(&mut checked);
    }
    let has_port = ports(&mut checked);
    let schema = strict();
    let kinds = schema["oneOf"].as_array().expect("a list").iter();
    let kinds =
        kinds.map(|kind| kind["$ref"].as_str().expect("text").rsplit('/').next().expect("a name"));
    let found = checked.objects.iter().filter_map(|object| object["event"].as_str());
    let found: BTreeSet<_> = found.chain((!has_port).then_some("port")).collect();
    assert_eq!(found, kinds.collect(), "not each kind of event occurs");
    let statuses = in_schema("/$defs/file/properties/status/enum");
    assert_eq!(checked.values("file", "status"), statuses);
    let commands = in_schema("/$defs/started/properties/command/enum");
    assert_eq!(checked.values("started", "command"), commands);
    // No field is unknown, and none is of another type.
    for object in &checked.objects {
        let mut more = object.clone();
        more["another"] = json!(1);
        assert!(!checked.follows(&more), "{more}");
        for field in object.as_object().expect("an object").keys() {
            let mut wrong = object.clone();
            wrong[field] = json!([[]]);
            assert!(!checked.follows(&wrong), "{wrong}");
        }
    }
}

#[test]
fn nothing_but_objects_is_on_standard_output() {
    let place = Place::new();
    let server = Server::start(&place.served(""), &[]);
    fs::write(place.here("f"), "f").expect("a file");
    let mut checked = Checked::new();
    for arguments in [
        &["put", "f", "--json", "-v"][..],
        &["put", "f", "--json", "-q"],
        &["put", "f", "--json", "--sha256"],
        &["put", "f", "--json", "--dry-run"],
        &["get", "f", "--json", "-vv"],
    ] {
        let ended = server.client(&place.here(""), arguments);
        checked.of(&ended, 0);
        assert_eq!(ended.stderr.is_empty(), arguments.contains(&"-q"), "{}", ended.stderr);
    }
    let both = server.client(&place.here(""), &["get", "f", "-o", "-", "--json"]);
    both.with(2, &["standard output", "--json"]);
}
