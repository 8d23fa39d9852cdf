//! The events of a store as progress.

use tinyferry::core::store::Kind;
use tinyferry::describe;
use tinyferry::fs::{Event, Observer};

use super::{Progress, Verbosity};

impl Observer for Progress {
    fn event(&mut self, event: Event<'_>) {
        let mut view = self.0.borrow_mut();
        match event {
            Event::Begin { path, kind: Kind::Tree, .. } => {
                view.begin();
                view.tree = Some(path.to_owned());
            }
            Event::Begin { path, kind, size, held, .. } => {
                if view.tree.is_none() {
                    view.begin();
                }
                if let Some(reached) = &mut view.reached {
                    reached.begin(path, held);
                }
                if view.verbosity == Verbosity::Steps {
                    let size = size.map_or_else(String::new, |size| format!(", {size} bytes"));
                    let line = format!("{} starts at {held}{size}", view.names.of(path));
                    view.bar.suspend(|| print_error!("{line}"));
                }
                if view.is_seen {
                    view.show(path, size.filter(|_| kind == Kind::File), held);
                }
            }
            Event::Resumed { held } => view.resume(held),
            Event::Unchanged { entries, is_same } => view.tally.unchanged(entries, is_same),
            Event::Moved { bytes } => view.moved(bytes),
            Event::Done { path, kind: Kind::File, size, held, sha256 } => {
                view.done(path, size, held, sha256);
            }
            Event::Done { kind: Kind::Directory, .. } => view.tally.directory(),
            Event::Linked { path, target, is_hard } => view.linked(path, target, is_hard),
            Event::Done { .. } => {}
            Event::Failed { path, reason, detail, at_peer, .. } => {
                let why = describe::failure(reason, detail, at_peer);
                view.fail(path.as_bytes(), reason, &why, at_peer);
            }
            Event::NotUtf8 { path, reason, .. } => {
                view.fail(path, reason, &describe::not_utf8(reason), false);
            }
            Event::Unset { path, detail } => {
                let name = view.names.of(path);
                view.tally.unset(&name, detail);
            }
            Event::KeptBoth { path, stored } => {
                let name = view.names.of(path);
                view.tally.kept_both(&name, stored);
            }
            Event::NotDurable { path, detail } => {
                let name = view.names.of(path);
                view.tally.not_durable(&name, detail);
            }
            _ => {}
        }
    }
}
