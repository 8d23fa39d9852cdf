//! The transition table in the documentation is that of the code.

extern crate std;

use std::format;
use std::string::String;
use std::vec::Vec;

use super::table::{Name, Sources, TRANSITIONS, Transition};

/// The event's description in the source of the state machine.
fn description(event: &str) -> String {
    let source = include_str!("event.rs");
    let (_, events) = source.split_once("enum Event {").unwrap_or_default();
    let end = format!("    {event},");
    let lines: Vec<_> = events.lines().take_while(|line| *line != end).collect();
    let comment = lines.last().copied().unwrap_or_default().trim();
    comment.trim_start_matches("/// ").trim_end_matches('.').into()
}

fn render(row: &Transition) -> String {
    let from = match row.from {
        Sources::Any => String::from("any"),
        Sources::Each(names) => {
            let names: Vec<_> = names.iter().map(|name| format!("{name:?}")).collect();
            names.join(", ")
        }
    };
    let event = format!("{:?}", row.event);
    format!("| {from} | {event}: {} | {:?} | {} |", description(&event), row.to, row.output)
}

/// The table in Markdown.
fn table() -> String {
    let mut lines = Vec::from([
        String::from("| state | event | next state | output |"),
        String::from("|---|---|---|---|"),
    ]);
    lines.extend(TRANSITIONS.iter().map(render));
    lines.join("\n")
}

/// The lines of a page that belong to the table.
fn found(page: &str) -> String {
    let lines = page.lines().skip_while(|line| !line.starts_with("| state | event"));
    let lines: Vec<_> = lines.take_while(|line| line.starts_with('|')).collect();
    lines.join("\n")
}

#[test]
fn the_header_of_the_state_machine_shows_its_transition_table() {
    let header: Vec<_> = include_str!("../state.rs")
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .map(|line| line.trim_start_matches("//!").trim_start())
        .collect();
    let expected = table();
    assert!(found(&header.join("\n")) == expected, "put this into the header:\n{expected}");
}

#[test]
fn the_architecture_page_shows_the_transition_table_of_sessions() {
    // A packaged crate comes without the page.
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../ARCHITECTURE.md");
    let Ok(page) = std::fs::read_to_string(page) else { return };
    let expected = table();
    assert!(found(&page) == expected, "put this into ARCHITECTURE.md:\n{expected}");
}

#[test]
fn each_state_can_be_entered_and_left() {
    let left = |row: &Transition| match row.from {
        Sources::Any => &[],
        Sources::Each(names) => names,
    };
    let entered = TRANSITIONS.iter().map(|row| row.to);
    let mut names: Vec<_> = TRANSITIONS.iter().flat_map(left).copied().chain(entered).collect();
    names.sort_by_key(|name| *name as usize);
    names.dedup();
    assert_eq!(names.len(), Name::Closed as usize + 1, "a state is in no transition");
    for name in TRANSITIONS.iter().flat_map(left) {
        let is_entered = TRANSITIONS.iter().any(|row| row.to == *name);
        assert!(is_entered, "{name:?} is never entered");
    }
    for row in TRANSITIONS {
        let is_left = TRANSITIONS.iter().flat_map(left).any(|name| *name == row.to);
        assert!(is_left || row.to == Name::Closed, "{:?} is never left", row.to);
    }
}
