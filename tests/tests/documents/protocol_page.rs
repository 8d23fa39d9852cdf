//! `PROTOCOL.md` itself: each rule is cited by a test that tries it, and its traces are those of the
//! implementation.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tinyferry_core::error::Reason;
use tinyferry_core::{Config, Session};
use tinyferry_kit::{Endpoint, File, Memory};

const PAGE: &str = include_str!("../../../core/PROTOCOL.md");

/// The numbers after each `R` that is a word by itself.
fn numbers(text: &str) -> impl Iterator<Item = u32> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter_map(|word| word.strip_prefix('R')?.parse().ok())
}

/// The rules that the comments of all sources below `dir` cite, of which `is_read` tells which are read.
fn cited(dir: &Path, is_read: fn(&Path) -> bool, found: &mut BTreeSet<u32>) {
    for entry in fs::read_dir(dir).expect("the sources are there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            cited(&path, is_read, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && is_read(&path) {
            let source = fs::read_to_string(&path).expect("a source file");
            let lines = source.lines().map(str::trim_start);
            lines
                .filter(|line| line.starts_with("//"))
                .for_each(|line| found.extend(numbers(line)));
        }
    }
}

/// Whether a source of the core has tests only: `tests.rs`, and all below `tests/`.
fn is_test(source: &Path) -> bool {
    source.file_name().is_some_and(|name| name == "tests.rs")
        || source.iter().rev().take(2).any(|name| name == "tests")
}

/// The rules of the page. A newer rule has a number past all others, and is in its section.
fn rules() -> BTreeSet<u32> {
    let (mut rules, mut last) = (BTreeSet::new(), 0);
    for line in PAGE.lines() {
        if line.starts_with("##") {
            last = 0;
        }
        let rule = line.strip_prefix("**R").and_then(|rest| rest.split_once(".**"));
        if let Some((number, _)) = rule {
            let number: u32 = number.parse().expect("a number");
            assert!(number > last, "R{number} is behind R{last} in its section");
            assert!(rules.insert(number), "two rules are R{number}");
            last = number;
        }
    }
    assert!(!rules.is_empty());
    let last = *rules.last().expect("a rule");
    let missing = (1..=last).find(|number| !rules.contains(number));
    assert_eq!(missing, None, "this number is missing");
    rules
}

#[test]
fn the_rules_ascend_in_their_sections_and_each_is_cited_by_a_test() {
    let rules = rules();
    let unknown: Vec<u32> = numbers(PAGE).filter(|number| !rules.contains(number)).collect();
    assert_eq!(unknown, [], "the page refers to rules that do not exist");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let core = tests.with_file_name("core");
    let mut found = BTreeSet::new();
    for dir in ["tests", "program"] {
        cited(&tests.join(dir), |_| true, &mut found);
    }
    cited(&core.join("src"), is_test, &mut found);
    cited(&core.join("tiny/tests"), |_| true, &mut found);
    let difference = |a: &BTreeSet<u32>, b: &BTreeSet<u32>| a.difference(b).copied().collect();
    let (untried, unknown): (Vec<u32>, Vec<u32>) =
        (difference(&rules, &found), difference(&found, &rules));
    assert_eq!((untried, unknown), (vec![], vec![]), "(not cited by a test, do not exist)");
    let mut found = BTreeSet::new();
    cited(&core, |_| true, &mut found);
    assert!(found.is_subset(&rules), "the core cites rules that do not exist: {found:?}");
}

/// The bytes of a line of a trace: hexadecimal digits, or `41*1024`, up to the `;`.
fn bytes(line: &str) -> Vec<u8> {
    let (tokens, _) = line.split_once(';').expect("a comment");
    let mut bytes = Vec::new();
    for token in tokens.split_whitespace() {
        let (digits, times) = token.split_once('*').unwrap_or((token, "1"));
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits");
        let decoded: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
        bytes.extend(decoded.repeat(times.parse().expect("a number")));
    }
    bytes
}

/// Sends the client's lines of a trace to a server. It must answer with the server's lines.
fn replay(title: &str, config: Config, store: Memory) -> Memory {
    let (_, section) = PAGE.split_once(&format!("### {title}\n")).expect(title);
    let (_, block) = section.split_once("```text\n").expect("a trace");
    let (block, _) = block.split_once("```").expect("its end");
    let mut server = Endpoint::new(Session::server(config), store);
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for line in block.lines() {
        match line.split_at(1) {
            ("C", line) => sent.extend(server.exchange(&bytes(line))),
            ("S", line) => expected.extend(bytes(line)),
            _ => panic!("{title}: {line}"),
        }
    }
    assert_eq!(hex(&sent), hex(&expected), "{title}");
    server.store
}

/// Frames in hexadecimal digits, one a line.
fn hex(mut frames: &[u8]) -> String {
    let mut text = String::new();
    while let [first, _, low, high, ..] = frames {
        let length = usize::from(u16::from_le_bytes([*low, *high]) & 0x7FF);
        let whole = if *first == 0xFA { 12 + length } else { 36 };
        let (frame, rest) = frames.split_at(whole.min(frames.len()));
        text.extend(frame.iter().map(|byte| format!("{byte:02x}")));
        text.push('\n');
        frames = rest;
    }
    text
}

fn new_content() -> Vec<u8> {
    [&[b'A'; 1024][..], b"tail"].concat()
}

#[test]
fn the_trace_of_a_resume_is_this_implementations() {
    let mut store = Memory::default();
    store.partials.insert("f".into(), vec![b'A'; 1024]);
    let store = replay("10.1 Resume", Config::LOSSY, store);
    assert_eq!(store.bytes("f"), Some(&*new_content()));
}

#[test]
fn the_trace_of_a_re_offer_is_this_implementations() {
    let mut store = Memory::default();
    store.partials.insert("f".into(), vec![b'B'; 1024]);
    let store = replay("10.2 Re-offer", Config::LOSSY, store);
    assert_eq!(store.bytes("f"), Some(&*new_content()));
}

#[test]
fn the_trace_of_a_refused_tree_is_this_implementations() {
    let mut store = Memory::default();
    store.refuse.insert("t".into(), Reason::NoPermission);
    let config = Config::RELIABLE.credit(8192);
    let store = replay("10.3 A refused tree", config, store);
    assert_eq!(store.files.keys().collect::<Vec<_>>(), ["hi.txt"]);
}

#[test]
fn the_trace_of_names_only_is_this_implementations() {
    let mut store = Memory::default();
    let mut file = File::new(b"hello".to_vec());
    (file.modified, file.mode) = (None, None);
    store.files.insert("t/a.txt".into(), file);
    store.directories.insert("t/empty".into());
    let config = Config::RELIABLE.credit(8192);
    replay("10.4 Names only", config, store);
}
