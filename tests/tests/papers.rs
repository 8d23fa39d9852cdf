//! What the papers say of the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// All text below `dir`, but what was built there.
fn read_all(dir: &Path, into: &mut String) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_source = [".rs", ".py", ".toml", ".sh"].iter().any(|end| name.ends_with(end));
        if path.is_dir() && !path.is_symlink() && !["target", ".git", "corpus"].contains(&&*name) {
            read_all(&path, into);
        } else if is_source || !name.contains('.') {
            into.push_str(&fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

/// The environment variables of ours that a text names.
fn variables(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| c != '_' && !c.is_ascii_uppercase());
    words
        .filter(|word| word.strip_prefix("TINYFERRY_").is_some_and(|name| !name.is_empty()))
        .collect()
}

#[test]
fn contributing_lists_each_environment_variable_that_the_sources_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sources = String::new();
    for part in ["core", "std-adapter", "tests", "examples", ".ci"] {
        read_all(&root.join(part), &mut sources);
    }
    let page = fs::read_to_string(root.join("CONTRIBUTING.md")).expect("it is there");
    assert_eq!(variables(&page), variables(&sources), "(listed, in the sources)");
}

#[test]
fn the_plots_are_those_of_the_results() {
    let plot = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/plot.py");
    match Command::new("python3").arg(plot).arg("--check").output() {
        Err(error) => println!("skipped: python3: {error}"),
        Ok(run) => assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr)),
    }
}
