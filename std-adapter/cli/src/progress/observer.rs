//! The events of a store as progress.

use tinyferry::core::store::Kind;
use tinyferry::describe;
use tinyferry::fs::{Event, Observer};

use super::Progress;
use super::measure::Phase;

impl Observer for Progress {
    fn event(&mut self, event: Event<'_>) {
        let mut view = self.0.borrow_mut();
        match event {
            Event::Moved { bytes } => view.moved(bytes),
            Event::Begin { path, kind: Kind::Tree, size, .. } => {
                view.begin(true, size);
                view.tree = Some(path.to_owned());
            }
            Event::Begin { path, kind, size, prefix, .. } => {
                if view.tree.is_none() {
                    view.begin(false, size);
                }
                view.start(path, kind, size, prefix);
            }
            Event::Resumed { prefix } => view.resume(prefix),
            Event::Hole { bytes } => view.hole(bytes),
            Event::Verified { .. } => view.tracker.enter(Phase::Verify),
            Event::Resent { bytes } => view.tracker.resent(bytes),
            Event::Again { path, size } => view.tracker.again(path, size),
            Event::Completing => {
                view.tracker.pass();
                view.tracker.enter(Phase::Sync);
            }
            Event::Unchanged { amount } => {
                view.tally.unchanged(amount);
                view.tracker.unchanged(amount);
            }
            Event::Compared { is_same } => view.tally.compared(is_same),
            Event::Done { path, kind: Kind::File, size, prefix, sha256 } => {
                view.done(path, size, prefix, sha256);
            }
            Event::Done { path, kind: Kind::Directory, .. } => view.directory(path),
            Event::Done { kind: Kind::Tree, .. } => view.tally.complete(),
            Event::Linked { path, target, is_hard } => view.linked(path, target, is_hard),
            Event::Failed { path, reason, detail, at_peer, .. } => {
                let why = describe::failure(reason, detail, at_peer);
                view.fail(path.as_bytes(), reason, (&why, detail), at_peer);
            }
            Event::NotUtf8 { path, reason, .. } => {
                view.fail(path, reason, (&describe::not_utf8(reason), ""), false);
            }
            Event::Unset { path, detail } => {
                let name = view.names.of(path);
                view.tally.unset(&name, detail);
            }
            Event::KeptBoth { path, stored } => {
                let name = view.names.of(path);
                view.tally.kept_both(&name, stored);
                view.kept = Some((path.to_owned(), stored.to_owned()));
            }
            Event::NotDurable { path, detail } => {
                let name = view.names.of(path);
                view.tally.not_durable(&name, detail);
            }
            _ => {}
        }
    }
}
