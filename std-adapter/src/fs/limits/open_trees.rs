//! The trees that the stores of one server receive. A client that connects again may send the same tree before the
//! server has noticed the end of its first connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fs::names::below;

/// The paths of the trees.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenTrees(Arc<Mutex<Vec<Arc<str>>>>);

/// A tree that is being received, until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenTree {
    all: OpenTrees,
    path: Arc<str>,
}

impl OpenTrees {
    /// Adds the tree at `path`.
    pub(crate) fn enter(&self, path: String) -> OpenTree {
        let path: Arc<str> = path.into();
        self.lock().push(Arc::clone(&path));
        OpenTree { all: self.clone(), path }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenTree {
    /// Whether another store receives a tree that the entry at `path` may belong to.
    pub(crate) fn is_shared_at(&self, path: &str) -> bool {
        let all = self.all.lock();
        let mut others = all.iter().filter(|other| !Arc::ptr_eq(other, &self.path));
        others.any(|other| other.is_empty() || below(path, other).is_some())
    }
}

impl Drop for OpenTree {
    fn drop(&mut self) {
        self.all.lock().retain(|other| !Arc::ptr_eq(other, &self.path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shared_while_another_tree_above_it_is_open() {
        let all = OpenTrees::default();
        let own = all.enter("t".to_owned());
        assert!(!own.is_shared_at("t/f"));
        for (other, is_shared) in [("t", true), ("", true), ("t/a", false), ("tt", false)] {
            let _other = all.enter(other.to_owned());
            assert_eq!(own.is_shared_at("t/f"), is_shared, "{other}");
        }
        assert!(!own.is_shared_at("t/f"));
    }
}
