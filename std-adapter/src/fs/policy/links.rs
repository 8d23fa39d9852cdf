//! The symbolic links that a receiver makes, by their paths and targets alone.

use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;

/// The symbolic links that a receiver makes. No link is ever followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Links {
    /// None.
    #[default]
    Refuse,
    /// Those that lead to a place in their own tree, whether something is there or not. The target is relative,
    /// and all its `..` come first: behind a name, which may be another link, `..` can lead anywhere.
    Inside,
    /// All.
    Any,
}

const REFUSED: &str =
    "symbolic links are not accepted; a server that is started with --links accepts them";
const ABSOLUTE: &str = "its target is absolute; a receiver with --unsafe-links accepts it";
const OUTSIDE: &str = "its target is outside the tree; a receiver with --unsafe-links accepts it";
const BEHIND_A_NAME: &str = "its target has \"..\" behind a name and may lead out of the tree; a receiver with \
                             --unsafe-links accepts it";

impl Links {
    /// Whether the other end may replace and remove this entry, which is neither a file nor a directory: a symbolic
    /// link, if it may make links.
    pub(crate) fn may_replace(self, found: &StoreError) -> bool {
        found.reason == Reason::SymbolicLink && self != Self::Refuse
    }

    /// Checks a link at `path` of its tree.
    ///
    /// # Errors
    /// It is not accepted.
    pub(crate) fn check(self, path: &str, target: &str) -> Result<(), StoreError> {
        match self {
            Self::Refuse => Err(StoreError::new(Reason::NotAllowed, REFUSED)),
            Self::Any => Ok(()),
            Self::Inside if target.starts_with('/') => {
                Err(StoreError::new(Reason::BadPath, ABSOLUTE))
            }
            Self::Inside => check_relative(path, target),
        }
    }

    /// Checks a link that is moved to `path`. An absolute target is the same from there.
    ///
    /// # Errors
    /// It leads out, or may lead out.
    pub(crate) fn check_moved(self, path: &str, target: &str) -> Result<(), StoreError> {
        if target.starts_with('/') || !self.checks_moved() {
            return Ok(());
        }
        check_relative(path, target)
    }

    /// Whether links are checked when their directory is moved.
    pub(crate) fn checks_moved(self) -> bool {
        self != Self::Any
    }

    /// Whether the detail of an error is one of [`Links::check`], which contains no names.
    pub(crate) fn is_detail(detail: &str) -> bool {
        [REFUSED, ABSOLUTE, OUTSIDE, BEHIND_A_NAME].contains(&detail)
    }
}

fn check_relative(path: &str, target: &str) -> Result<(), StoreError> {
    let mut names = target.split('/').filter(|name| !matches!(*name, "" | "."));
    let above = names.by_ref().take_while(|name| *name == "..").count();
    // `take_while` has taken the first name.
    let why = if names.any(|name| name == "..") {
        BEHIND_A_NAME
    } else if above > path.matches('/').count() {
        OUTSIDE
    } else {
        return Ok(());
    };
    Err(StoreError::new(Reason::BadPath, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_may_lead_anywhere_in_the_tree_and_not_out_of_it() {
        for (path, target) in [
            ("a", "b"),
            ("a", "b/c/"),
            ("a", "."),
            ("a", "./b//c"),
            ("a", "..."),
            ("a", "b/..c"),
            ("d/a", ".."),
            ("d/a", "../a"),
            ("d/a", "./../"),
            ("d/e/a", "../../x/y"),
            ("a", "a"),
        ] {
            assert!(Links::Inside.check(path, target).is_ok(), "{path} -> {target}");
        }
        for (path, target, why) in [
            ("a", "/", ABSOLUTE),
            ("d/a", "/d/a", ABSOLUTE),
            ("a", "..", OUTSIDE),
            ("a", "./..", OUTSIDE),
            ("a", "..//b", OUTSIDE),
            ("d/a", "../..", OUTSIDE),
            ("d/e/a", "../../../d", OUTSIDE),
            // The name may be a link to a directory further up.
            ("d/e/a", "b/..", BEHIND_A_NAME),
            ("d/e/a", "../b/../c", BEHIND_A_NAME),
            ("a", "b/./../c", BEHIND_A_NAME),
        ] {
            let error = Links::Inside.check(path, target).unwrap_err();
            assert_eq!((error.reason, error.detail.as_str()), (Reason::BadPath, why));
            assert!(Links::is_detail(&error.detail) && Links::Any.check(path, target).is_ok());
            let error = Links::Refuse.check(path, target).unwrap_err();
            assert_eq!((error.reason, error.detail.as_str()), (Reason::NotAllowed, REFUSED));
            for links in [Links::Refuse, Links::Inside] {
                assert_eq!(links.check_moved(path, target).is_ok(), target.starts_with('/'));
            }
            assert!(Links::Any.check_moved(path, target).is_ok());
        }
    }
}
