//! Opens the entries that a request names, and those that are sent again.

use tinyferry_core::path::is_sound;

use super::*;
use crate::fs::names::partial_name;
use crate::fs::names::unfinished;
use crate::fs::send::total::total;
use crate::fs::send::walk::probe;
use crate::fs::source::SourceEntry;

impl SendQueue {
    /// Before the tree is offered: begins to read the directory that it is, if it is one.
    ///
    /// # Errors
    /// It cannot be read: there is no tree.
    pub(crate) fn begin(&mut self, observer: &mut impl Observer) -> Result<(), StoreError> {
        let Stage::New = self.stage else { return Ok(()) };
        let (mut size, mut root, mut next) = (None, None, 0);
        if let [origin] = self.origins.as_slice()
            && origin.remote.is_empty()
        {
            let (dir, attributes) = match origin.reach("")? {
                SourceEntry::Directory(dir, attributes) => (dir, attributes),
                SourceEntry::File(..) => return Err(Reason::NotDirectory.into()),
                SourceEntry::Link(_, _, error) => return Err(error),
            };
            probe(&dir)?;
            (root, next) = (Some(attributes), 1);
            self.begin_tree(observer);
            match &mut self.update {
                Some(update) => update.begin(0, "", Kind::Directory),
                None => {
                    if !self.names_only && !self.walk.is_filtered() {
                        size = total(&dir);
                    }
                    self.walk.begin(dir, observer)?;
                }
            }
        } else {
            self.begin_tree(observer);
        }
        self.stage = Stage::Tree { size, root, next };
        Ok(())
    }

    /// The next entry that is sent again.
    pub(super) fn again(&mut self) -> Option<Candidate> {
        let Again { origin, path, is_resumable, first_of } = self.again.pop_front()?;
        self.origin = origin;
        self.walk.go_to(&path);
        let item = match self.origins.get(origin)?.reach(&path) {
            Ok(SourceEntry::File(dir, name, metadata)) => Item::open(&dir, &name, &metadata),
            Ok(SourceEntry::Directory(_, attributes)) => {
                Item::Broken(Kind::File, Some(attributes), Reason::IsDirectory.into())
            }
            Ok(SourceEntry::Link(_, _, error)) | Err(error) => {
                Item::Broken(Kind::File, None, error)
            }
        };
        let attempt = Attempt::Again { first_of };
        Some(Candidate::Item { item, is_resumable, attempt })
    }

    fn begin_tree(&self, observer: &mut impl Observer) {
        observer.event(Event::Begin {
            path: self.tree_path(),
            kind: Kind::Tree,
            size: None,
            prefix: 0,
            direction: self.direction(),
        });
    }

    /// Opens an entry of the origin; the walk returns the content of a directory.
    pub(super) fn start(&mut self, path: &str, observer: &mut impl Observer) -> Option<Item> {
        let origin = self.origins.get(self.origin)?;
        self.walk.go_to(path);
        let reached = match origin.reach(path) {
            _ if !is_sound(path) || path.ends_with('/') => Err(Reason::BadPath.into()),
            _ if path.split('/').any(partial_name::is_name) => Err(unfinished()),
            Ok(SourceEntry::Directory(..)) if self.tree.is_none() => {
                Err(Reason::IsDirectory.into())
            }
            Ok(SourceEntry::File(..)) if path.is_empty() => Err(Reason::NotDirectory.into()),
            reached => reached,
        };
        match reached {
            Ok(SourceEntry::Directory(dir, attributes)) => match self.walk.begin(dir, observer) {
                Ok(()) => (!path.is_empty()).then_some(Item::Directory(attributes)),
                Err(error) => self.walk.broken(Kind::Directory, Some(attributes), error, observer),
            },
            Ok(SourceEntry::File(_, _, metadata)) if self.names_only => {
                Some(Item::Named(Some(FileMetadata::of(&metadata))))
            }
            Ok(SourceEntry::File(dir, name, metadata)) => Some(Item::open(&dir, &name, &metadata)),
            Ok(SourceEntry::Link(dir, name, error)) => {
                match self.walk.link(&dir, name.to_str().unwrap_or_default(), error) {
                    Ok(target) => Some(Item::Link(target)),
                    Err(error) => self.walk.broken(Kind::File, None, error, observer),
                }
            }
            Err(error) => self.walk.broken(Kind::File, None, error, observer),
        }
    }
}
