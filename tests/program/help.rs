//! The text of `--help`.

use crate::harness::{Place, program};

/// The help of a command, in one line.
fn help(command: &str) -> String {
    let place = Place::new();
    let help = program(&place.here(""), &[command, "--help"]).well().stdout;
    help.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_help_lists_all_exit_codes() {
    let place = Place::new();
    let help = program(&place.here(""), &["--help"]).well().stdout;
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["0 success", "3 partial success", "lacks SHA-256", "7 wrong or missing keys"] {
        assert!(words.contains(part), "{part} in {help}");
    }
}

/// The help of an option: up to the next option.
fn option(command: &str, name: &str) -> String {
    let help = help(command);
    let (_, from) = help.split_once(&format!("{name} <")).expect("it is an option");
    from.split(" --").next().unwrap_or_default().to_owned()
}

#[test]
fn each_option_with_a_quantity_has_its_units_in_the_help() {
    let (seconds, days) = ("without a unit: seconds", "without a unit: days");
    let bytes = "K, M, G, T, which are powers of 1024";
    let entries = "k, M, G, which are powers of 1000";
    for (command, options) in [
        ("serve", &[("--handshake-timeout", seconds), ("--idle", seconds)][..]),
        ("serve", &[("--grace", seconds), ("--keep-partials", days)]),
        ("serve", &[("--max-file", bytes), ("--max-partials", bytes), ("--max-entries", entries)]),
        ("get", &[("--max-file", bytes), ("--max-entries", entries), ("--timeout", seconds)]),
        ("put", &[("--timeout", seconds)]),
        ("ls", &[("--timeout", seconds)]),
        ("ping", &[("--timeout", seconds)]),
        ("close", &[("--timeout", seconds)]),
        ("partials", &[("--older-than", days)]),
    ] {
        for (name, units) in options {
            let help = option(command, name);
            assert!(help.contains(units), "{command} {name}: {help}");
        }
    }
}

#[test]
fn the_help_states_the_directories_of_paths_and_names() {
    for command in ["get", "ls", "put"] {
        let help = help(command);
        assert!(help.contains("also if it begins with \"/\""), "{command}: {help}");
    }
    assert!(help("put").contains("the names are those on the server"));
    assert!(help("get").contains("in the directory of --into: the names are those there"));
    assert!(help("put").contains("the server must allow it (--allow-remove)"));
    assert!(!help("get").contains("--allow-remove"));
    let ls = help("ls");
    for part in ["the names of its entries", "of a file its own last name", "are only counted"] {
        assert!(ls.contains(part), "{part} in {ls}");
    }
}
