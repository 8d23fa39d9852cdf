//! Compares the public API of each crate with the snapshot beside this file. With `--write` it
//! writes the snapshots instead.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

/// A crate: its name, and its manifest as seen from the repository's top.
const CRATES: [(&str, &str); 5] = [
    ("tinyferry-core", "core/Cargo.toml"),
    ("tinyferry-secure", "core/secure/Cargo.toml"),
    ("tinyferry-stores", "core/stores/Cargo.toml"),
    ("tinyferry-tiny", "core/tiny/Cargo.toml"),
    ("tinyferry", "std-adapter/Cargo.toml"),
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let is_writing = env::args().any(|argument| argument == "--write");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut are_same = true;
    for (name, manifest) in CRATES {
        let snapshot = here.join(format!("{name}.txt"));
        let found = public_api(&here.join("../..").join(manifest))?;
        if is_writing {
            fs::write(&snapshot, found)?;
            continue;
        }
        let expected = fs::read_to_string(&snapshot)?;
        for line in changed(&expected, &found) {
            println!("{name}: {line}");
            are_same = false;
        }
    }
    if are_same {
        return Ok(ExitCode::SUCCESS);
    }
    println!("The public API has changed. If that is meant, run `tests/api/run --write`.");
    Ok(ExitCode::FAILURE)
}

/// The public items of a crate, a line each; without the implementations that every type has.
fn public_api(manifest: &Path) -> Result<String, Box<dyn Error>> {
    let json = rustdoc_json::Builder::default()
        .toolchain("nightly")
        .manifest_path(manifest)
        .all_features(true)
        .quiet(true)
        .build()?;
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    Ok(api.items().map(|item| format!("{item}\n")).collect())
}

/// Lines that only one of both has.
fn changed<'a>(expected: &'a str, found: &'a str) -> impl Iterator<Item = String> + 'a {
    let lacks = |text: &'a str, line: &str| !text.lines().any(|other| other == line);
    let removed = expected.lines().filter(move |line| lacks(found, line));
    let added = found.lines().filter(move |line| lacks(expected, line));
    removed.map(|line| format!("- {line}")).chain(added.map(|line| format!("+ {line}")))
}
