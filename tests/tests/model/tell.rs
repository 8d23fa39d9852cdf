//! The way to a state, in words.

use super::*;

/// The meaning of a frame, for a person.
pub(super) fn label(frame: &[u8]) -> String {
    let number = |at: usize, length: usize| {
        let bytes = frame.get(at..at + length).unwrap_or_default();
        bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte))
    };
    if frame.first() == Some(&0xFA) {
        let described = if number(2, 2) >> 15 == 1 { " description" } else { "" };
        return format!("chunk{described} {} at {}", number(1, 1), number(4, 4));
    }
    let code = String::from_utf8_lossy(frame.get(..3).unwrap_or_default()).into_owned();
    format!("{code} {} {} {:x}", number(4, 2), number(8, 8), number(16, 4))
}

/// The way to a state, in words.
pub(super) fn tell(scenario: &Scenario, path: &[Event]) -> String {
    let mut told = String::new();
    let mut world = World::new(scenario);
    for event in path {
        let frame = match event {
            Event::Deliver(end) | Event::Double(end) | Event::Lose(end) | Event::CutShort(end) => {
                world.lines[*end].front().map_or(String::new(), |frame| label(frame))
            }
            _ => String::new(),
        };
        told.push_str(&format!("\n  {event:?} {frame}"));
        if world.apply(*event, scenario).is_err() {
            break;
        }
    }
    let lines: Vec<Vec<_>> =
        world.lines.iter().map(|line| line.iter().map(|frame| label(frame)).collect()).collect();
    told + &format!("\n  on their way: {lines:?}")
}

/// The origin of a state: the state before, by its number, and the event then.
pub(super) struct Found {
    pub(super) before: usize,
    pub(super) event: Event,
}

/// The way to a state.
pub(super) fn way(found: &[Found], mut at: usize) -> Vec<Event> {
    let mut path = Vec::new();
    while at > 0 {
        path.push(found[at].event);
        at = found[at].before;
    }
    path.reverse();
    path
}
