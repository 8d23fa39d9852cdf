//! The outline of a step, to compare two of them.

use std::hash::{DefaultHasher, Hash, Hasher};

use tinyferry_core::Step;
use tinyferry_core::store::Request;

/// A step as far as it may not change when it is asked for again.
pub(super) fn outline(step: &Step<'_>) -> (&'static str, usize, usize, u64) {
    let lent = |name, bytes: &[u8]| {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        (name, bytes.as_ptr() as usize, bytes.len(), hasher.finish())
    };
    let said = |name, said: String| {
        let mut hasher = DefaultHasher::new();
        said.hash(&mut hasher);
        (name, 0, 1, hasher.finish())
    };
    match step {
        Step::Receive(into) => lent("receive", into),
        Step::Transmit(out) => lent("transmit", out),
        Step::Exchange { out, into } => {
            let (_, at, length, hash) = lent("", into);
            let (name, _, _, more) = lent("exchange", out);
            (name, at, length, hash ^ more.rotate_left(7))
        }
        Step::Pause => said("pause", String::new()),
        Step::Text(text) => lent("text", text),
        Step::Storage(Request::Load { position, into, holes, .. }) => {
            let (name, at, length, hash) = lent("load", into);
            (name, at, length, hash ^ position ^ u64::from(*holes))
        }
        Step::Storage(Request::Store { position, bytes, .. }) => {
            let (name, at, length, hash) = lent("store", bytes);
            (name, at, length, hash ^ position)
        }
        Step::Storage(Request::Next { path }) => lent("next", path),
        Step::Storage(request) => said("storage", format!("{request:?}")),
        Step::Over(result) => said("over", format!("{result:?}")),
    }
}
