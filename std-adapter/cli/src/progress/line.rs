//! The state of a transfer in one line. Knows no terminal but for the number of its columns.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::measure::Phase;
use super::state::State;
use crate::human::{bytes, clock};

/// A phase without transferred content is named after these seconds.
const NAMED_AFTER: f64 = 1.0;
/// The columns of a path that is cut.
const PATH_MIN: usize = 8;
/// The columns of a path beside a bar.
const PATH_MAX: usize = 40;
/// The columns of a bar with its ends.
const BAR: (usize, usize) = (12, 32);

/// The line, in fewer than `columns` columns.
pub(super) fn line(state: &State, columns: usize) -> String {
    // In its last column a terminal may begin the next row.
    let width = columns.saturating_sub(1);
    let path = state.path.escape_debug().to_string();
    let path_min = PATH_MIN.min(path.width());
    let (facts, needed) = facts(state);
    // The last ones are left out first, the path before the needed ones.
    let fits = |count: &usize| joined(&facts, *count).width() + 1 + path_min <= width;
    let Some(count) = (needed..=facts.len()).rev().find(fits) else {
        let needed = (1..=needed).rev().map(|count| joined(&facts, count));
        let mut shorter = needed.chain([bytes(state.bytes)]);
        return shorter.find(|facts| facts.width() <= width).unwrap_or_default();
    };
    let facts = joined(&facts, count);
    let room = width.saturating_sub(facts.width() + 1);
    let bar_room = room.saturating_sub(PATH_MAX + 1).min(BAR.1);
    let (path_room, bar) = match state.share().filter(|_| bar_room >= BAR.0) {
        Some(share) => (room - bar_room - 1, format!("{} ", bar(share, bar_room))),
        None => (room, String::new()),
    };
    let path = cut_start(&path, path_room);
    let blanks = " ".repeat(path_room.saturating_sub(path.width()));
    format!("{path}{blanks} {bar}{facts}")
}

/// A part of the line: its place among the others, and its text.
type Fact = (u8, String);

/// The parts, the most important one first, and the number of those that are more important than the path.
fn facts(state: &State) -> (Vec<Fact>, usize) {
    let amount = |done: u64, total: Option<u64>, shown: &dyn Fn(u64) -> String| match total {
        Some(total) => format!("{}/{}", shown(done), shown(total.max(done))),
        None => shown(done),
    };
    let content = amount(state.bytes, state.bytes_total, &bytes);
    let phase = match state.phase {
        Phase::Wait => Some("waiting"),
        _ if state.phase_seconds < NAMED_AFTER => None,
        Phase::Transfer => None,
        Phase::Verify => Some("verify"),
        Phase::Sync => Some("sync"),
    };
    let share = state.share().map(|share| (0, format!("{:3.0}%", (share * 100.0).floor())));
    let mut facts: Vec<_> = share.into_iter().chain([(1, content)]).collect();
    match phase {
        Some(phase) => facts.push((3, phase.to_owned())),
        None => facts.push((3, format!("{}/s", bytes(state.bytes_per_second)))),
    }
    let needed = facts.len();
    if let Some(seconds) = state.seconds_left.filter(|_| phase.is_none()) {
        facts.push((4, format!("{} left", clock(seconds))));
    }
    if state.is_tree {
        let files = amount(state.files, state.files_total, &|number| number.to_string());
        facts.push((2, format!("{files} files")));
    }
    let notes = [
        (state.files_unchanged > 0, format!("{} unchanged", state.files_unchanged)),
        (state.bytes_resumed > 0, format!("{} resumed", bytes(state.bytes_resumed))),
        (state.bytes_resent > 0, format!("{} sent again", bytes(state.bytes_resent))),
    ];
    facts.extend(notes.into_iter().filter_map(|(is_there, note)| is_there.then_some((5, note))));
    (facts, needed)
}

/// The first `count` parts in their places.
fn joined(facts: &[Fact], count: usize) -> String {
    let mut facts: Vec<_> = facts.iter().take(count).collect();
    facts.sort_by_key(|(place, _)| *place);
    facts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("  ")
}

fn bar(share: f64, room: usize) -> String {
    let inside = room.saturating_sub(2);
    let full = ((share * inside as f64) as usize).min(inside);
    format!("[{}{}]", "=".repeat(full), " ".repeat(inside - full))
}

/// A path whose beginning is left out if it takes more columns: "..name.jpg".
fn cut_start(path: &str, width: usize) -> String {
    const DOTS: &str = "..";
    if path.width() <= width {
        return path.to_owned();
    }
    let Some(room) = width.checked_sub(DOTS.len()) else { return String::new() };
    let starts = path.char_indices().map(|(start, _)| path.get(start..).unwrap_or_default());
    // A mark belongs to the letter before it.
    let has_letter = |rest: &&str| rest.chars().next().and_then(char::width) > Some(0);
    let rest = starts.filter(has_letter).find(|rest| rest.width() <= room).unwrap_or_default();
    format!("{DOTS}{rest}")
}

#[cfg(test)]
mod tests;
