//! Transition tables, as data: debug builds check each transition of a state machine by its table, and
//! tests compare the tables with the documentation.

use core::fmt::Debug;

/// The states that a transition leaves.
pub(crate) enum Sources<S: 'static> {
    Any,
    Each(&'static [S]),
}

/// Transitions from some states by one event to one state.
pub(crate) struct Transition<S: 'static, E> {
    pub(crate) from: Sources<S>,
    pub(crate) event: E,
    pub(crate) to: S,
    /// The signal that is sent, or the call of the store.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the documentation"))]
    pub(crate) output: &'static str,
}

/// A row of a table.
pub(crate) const fn row<S: Copy, E: Copy>(
    from: &'static [S],
    event: E,
    to: S,
    output: &'static str,
) -> Transition<S, E> {
    Transition { from: Sources::Each(from), event, to, output }
}

/// A row that is valid for each state.
pub(crate) const fn from_any<S: Copy, E: Copy>(
    event: E,
    to: S,
    output: &'static str,
) -> Transition<S, E> {
    Transition { from: Sources::Any, event, to, output }
}

/// Checks that the table has a transition.
pub(crate) fn check<S: PartialEq + Debug, E: PartialEq + Debug>(
    table: &[Transition<S, E>],
    from: S,
    event: E,
    to: S,
) {
    let leaves = |sources: &Sources<S>| match sources {
        Sources::Any => true,
        Sources::Each(states) => states.contains(&from),
    };
    debug_assert!(
        table.iter().any(|row| row.event == event && row.to == to && leaves(&row.from)),
        "no transition from {from:?} by {event:?} to {to:?}"
    );
}

/// Compares tables with the documentation.
#[cfg(test)]
pub(crate) mod documentation {
    extern crate std;

    use std::format;
    use std::string::String;
    use std::vec::Vec;

    use super::*;

    /// The description of an event in the source that defines the events.
    fn description(events: &str, event: &str) -> String {
        let (_, events) = events.split_once("enum Event {").unwrap_or_default();
        let end = format!("    {event},");
        let lines: Vec<_> = events.lines().take_while(|line| *line != end).collect();
        let comment = lines.last().copied().unwrap_or_default().trim();
        comment.trim_start_matches("/// ").trim_end_matches('.').into()
    }

    /// A table in Markdown.
    fn render<S: Debug, E: Debug>(table: &[Transition<S, E>], events: &str) -> String {
        let mut lines = Vec::from([
            String::from("| state | event | next state | output |"),
            String::from("|---|---|---|---|"),
        ]);
        lines.extend(table.iter().map(|row| {
            let from = match row.from {
                Sources::Any => String::from("any"),
                Sources::Each(states) => {
                    let states: Vec<_> = states.iter().map(|state| format!("{state:?}")).collect();
                    states.join(", ")
                }
            };
            let event = format!("{:?}", row.event);
            let description = description(events, &event);
            format!("| {from} | {event}: {description} | {:?} | {} |", row.to, row.output)
        }));
        lines.join("\n")
    }

    /// The lines of the first table after a heading.
    fn found(page: &str, heading: &str) -> String {
        let lines = page.lines().skip_while(|line| !line.starts_with(heading));
        let lines = lines.skip_while(|line| !line.starts_with("| state | event"));
        let lines: Vec<_> = lines.take_while(|line| line.starts_with('|')).collect();
        lines.join("\n")
    }

    /// The header of the module whose source is `source` shows the table.
    pub(crate) fn is_in_header<S: Debug, E: Debug>(
        table: &[Transition<S, E>],
        events: &str,
        source: &str,
    ) {
        let header: Vec<_> = source
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .map(|line| line.trim_start_matches("//!").trim_start())
            .collect();
        let expected = render(table, events);
        assert!(found(&header.join("\n"), "") == expected, "put this into the header:\n{expected}");
    }

    /// The architecture page shows the table, below `heading`.
    pub(crate) fn is_in_architecture<S: Debug, E: Debug>(
        table: &[Transition<S, E>],
        events: &str,
        heading: &str,
    ) {
        // A packaged crate comes without the page.
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../ARCHITECTURE.md");
        let Ok(page) = std::fs::read_to_string(page) else { return };
        let expected = render(table, events);
        assert!(found(&page, heading) == expected, "put this below {heading}:\n{expected}");
    }

    /// The values of an enum in the source that defines it, as `Debug` writes them.
    fn values(source: &str, name: &str) -> Vec<String> {
        let (_, body) = source.split_once(&format!("enum {name} {{\n")).unwrap_or_default();
        let lines = body.lines().take_while(|line| *line != "}").map(str::trim);
        let variants = lines.filter(|line| line.starts_with(|first: char| first.is_uppercase()));
        let values = variants.flat_map(|variant| {
            let variant = variant.trim_end_matches(',');
            match variant.trim_end_matches(')').split_once('(') {
                Some((variant, data)) => {
                    let data = values(source, data).into_iter();
                    data.map(|value| format!("{variant}({value})")).collect()
                }
                None => Vec::from([String::from(variant)]),
            }
        });
        values.collect()
    }

    /// Of the states, which are the values of the enum `name` in `source`, each one but `first` is entered,
    /// and each one but `last` is left. The table has no others.
    pub(crate) fn is_connected<S: Debug, E>(
        table: &[Transition<S, E>],
        (source, name): (&str, &str),
        [first, last]: [S; 2],
    ) {
        let text = |state: &S| format!("{state:?}");
        let states = values(source, name);
        let entered: Vec<_> = table.iter().map(|row| text(&row.to)).collect();
        let sources = table.iter().map(|row| match row.from {
            Sources::Any => &[],
            Sources::Each(states) => states,
        });
        let left: Vec<_> = sources.flatten().map(text).collect();
        for state in &states {
            let is_first = *state == text(&first);
            assert!(is_first || entered.contains(state), "{state} is never entered");
            let is_last = *state == text(&last);
            assert!(is_last || left.contains(state), "{state} is never left");
        }
        for state in entered.iter().chain(&left) {
            assert!(states.contains(state), "{state} is no value of {name}");
        }
    }
}
