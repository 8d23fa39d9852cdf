//! Opens the file or the tree that a client requests.

use std::num::NonZeroU8;
use std::sync::Arc;

use cap_std::fs::Dir;
use tinyferry_core::error::Reason;
use tinyferry_core::store::{RequestOptions, Skip};

use super::SendStore;
use crate::fs::error::StoreError;
use crate::fs::event::Observer;
use crate::fs::filter::Filter;
use crate::fs::names;
use crate::fs::send::links::LinkKinds;
use crate::fs::send::queue::{SendQueue, direction};
use crate::fs::source::{SourceEntry, SourceRoot, explain};

/// The options of a request, read.
#[derive(Debug, Default)]
pub(super) struct Options {
    skip: Skip,
    depth: Option<NonZeroU8>,
    filter: Filter,
    links: LinkKinds,
    follow: bool,
}

impl SendStore {
    /// The next request has these options.
    ///
    /// # Errors
    /// A pattern has no meaning.
    pub(crate) fn options(&mut self, options: &RequestOptions<'_>) -> Result<(), Reason> {
        let RequestOptions { skip, depth, ignore_files, links, hard_links, follow, patterns } =
            *options;
        let filter = Filter::new(patterns.iter()).map_err(|_| Reason::Unsupported)?;
        let filter = if ignore_files { filter.reading_ignore_files() } else { filter };
        let links = LinkKinds { symbolic: links, hard: hard_links };
        self.options = Options { skip, depth, filter, links, follow };
        Ok(())
    }

    pub(crate) fn expect_names_only(&mut self, names_only: bool) {
        self.names_only = names_only;
    }

    pub(crate) fn open(
        &mut self,
        path: &str,
        tree: bool,
        observer: &mut impl Observer,
    ) -> Result<(), StoreError> {
        let root = Arc::clone(self.root.as_ref().ok_or(Reason::WriteOnly)?);
        self.close();
        let path = path.strip_suffix('/').unwrap_or(path);
        let Options { skip, depth, filter, links, follow } = std::mem::take(&mut self.options);
        let found = find(&root, path, tree, self.names_only).and_then(|queue| {
            let mut queue =
                queue.updating(skip, self.loss.is_lossy()).limited(depth).linking(links);
            queue.filter(&filter);
            queue.begin(observer)?;
            Ok(queue)
        });
        match found {
            Ok(queue) => {
                self.queue = Some(queue);
                self.is_followed = follow;
                Ok(())
            }
            // A client that does not know the kind asks for a file first, and then for the tree: no failure.
            Err(error) if error.reason == Reason::IsDirectory => Err(error),
            Err(error) => {
                let direction = direction(self.names_only);
                Err(explain(error, Some(&root)).report(path, direction, observer))
            }
        }
    }
}

/// Finds the requested file or tree.
fn find(
    root: &Arc<Dir>,
    path: &str,
    tree: bool,
    names_only: bool,
) -> Result<SendQueue, StoreError> {
    names::check(path)?;
    let origin = |remote: &str| SourceRoot::below(Arc::clone(root), path, remote);
    if tree {
        return Ok(SendQueue::new(Some(path.to_owned()), vec![origin("")], names_only).serving());
    }
    match origin("").reach("")? {
        SourceEntry::File(..) => Ok(SendQueue::new(None, vec![origin(path)], names_only)),
        SourceEntry::Directory(..) => Err(Reason::IsDirectory.into()),
        SourceEntry::Link(_, _, error) => Err(error),
    }
}
