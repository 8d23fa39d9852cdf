//! Replies of a store, made of the script: of any kind, and hostile.

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Accepted, Entry, Kind, OperationEntry, Reply, Stat, StatQuery};

use crate::script::Script;

pub(super) fn any_reply(script: &mut Script<'_>) -> Reply {
    match script.decide() % 11 {
        0 => Reply::Moved(script.number() as usize),
        1 => Reply::Accepted(accepted(script)),
        2 => Reply::Entry(entry(script)),
        3 => Reply::End { omitted: script.number() as u32 },
        4 => Reply::NotCounted,
        5 => Reply::Done,
        6 => Reply::Pending,
        7 => Reply::Operated(stat(script)),
        8 => Reply::Hole(script.number()),
        9 => Reply::Digest(script.number()),
        _ => Reply::Refused(Reason::from_code(u16::from(script.decide()))),
    }
}

pub(super) fn accepted(script: &mut Script<'_>) -> Accepted {
    let flags = script.decide();
    let prefix = if flags & 2 != 0 { u64::from(script.decide()) * 1024 } else { script.number() };
    Accepted { prefix, in_order: flags & 1 != 0 }
}

pub(super) fn entry(script: &mut Script<'_>) -> Entry {
    let flags = script.decide();
    Entry {
        kind: match flags & 3 {
            0 | 1 => Kind::File,
            2 => Kind::Directory,
            _ => Kind::Tree,
        },
        path: if flags & 4 != 0 { script.number() as usize } else { 1 },
        size: (flags & 8 != 0).then(|| script.number()),
        modified: (flags & 16 != 0).then_some(1),
        mode: (flags & 32 != 0).then_some(0o644),
        content: (flags & 32 != 0).then_some(u64::MAX),
        resumable: flags & 64 != 0,
        broken: (flags & 128 != 0).then_some(Reason::NoPermission),
        operation: match script.decide() {
            0 => Some(OperationEntry::Remove),
            1 => Some(OperationEntry::Stat(StatQuery::default())),
            2 => Some(OperationEntry::Rename { from: script.number() as usize }),
            3 => Some(OperationEntry::Link { target: script.number() as usize }),
            4 => Some(OperationEntry::HardLink { from: script.number() as usize }),
            _ => None,
        },
    }
}

/// A hostile or an honest answer to an operation.
pub(super) fn stat(script: &mut Script<'_>) -> Stat {
    Stat {
        size: script.number(),
        value: script.number(),
        facts: script.decide(),
        granularity: script.decide(),
    }
}
