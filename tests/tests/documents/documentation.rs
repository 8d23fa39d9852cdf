//! Statements of the documents about the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// All text below `dir`, without build results.
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
    // Constants of C have such names too: those of the header.
    let header = root.join("core/c/include/tinyferry.h");
    let header = fs::read_to_string(header).expect("it is there");
    let read: BTreeSet<_> = variables(&sources).difference(&variables(&header)).copied().collect();
    assert_eq!(variables(&page), read, "(listed, in the sources)");
}

/// The targets of a page's relative links, without their fragments.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    let files = targets.map(|target| target.split_once('#').map_or(target, |(file, _)| file));
    files.filter(|file| !file.is_empty() && !file.contains("://"))
}

#[test]
fn each_link_of_a_page_leads_to_a_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for page in [
        "README.md",
        "ARCHITECTURE.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "docs/manual.md",
        "core/README.md",
        "core/PROTOCOL.md",
        "core/STORES.md",
        "core/secure/PROTOCOL.md",
        "core/stores/README.md",
        "core/tiny/README.md",
        "tests/kit/README.md",
        "tests/bench/BENCHMARKS.md",
        "examples/firmware/README.md",
        "examples/python/README.md",
    ] {
        let page = root.join(page);
        let text = fs::read_to_string(&page).expect("the page is there");
        let directory = page.parent().unwrap_or(&root);
        let missing: Vec<_> = links(&text).filter(|link| !directory.join(link).exists()).collect();
        assert_eq!(missing, Vec::<&str>::new(), "{}", page.display());
    }
}

/// The pages in the root name files by their paths from there.
#[test]
fn each_source_file_that_a_page_names_by_its_path_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for page in ["README.md", "SECURITY.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root.join(page)).expect("the page is there");
        let quoted = text.split('`').skip(1).step_by(2);
        let begins = ["core/src/", "std-adapter/", "tests/", "examples/"];
        let named: Vec<_> = quoted
            .filter(|name| name.ends_with(".rs"))
            .filter(|name| begins.iter().any(|begin| name.starts_with(begin)))
            .filter(|name| !name.contains(['{', '*']))
            .collect();
        assert!(!named.is_empty(), "{page} names no file");
        let missing: Vec<_> = named.iter().filter(|name| !root.join(name).exists()).collect();
        assert_eq!(missing, Vec::<&&str>::new(), "{page}");
    }
}

#[test]
fn the_plots_are_those_of_the_results() {
    let plot = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/plot.py");
    match Command::new("python3").arg(plot).arg("--check").output() {
        Err(error) => println!("skipped: python3: {error}"),
        Ok(run) => assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr)),
    }
}
