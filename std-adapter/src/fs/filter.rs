//! Patterns of paths that are left out, as in a `.gitignore` file. Knows no file system.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Leaves out the entries of a tree that match a pattern, and all below them. The patterns are those of a
/// `.gitignore` file in the tree's root: of several that match, the last one decides.
#[derive(Clone, Default)]
pub struct Filter(Option<Arc<Gitignore>>);

/// A pattern that has no meaning.
#[derive(Debug)]
pub struct InvalidPattern {
    pattern: String,
    cause: ignore::Error,
}

impl fmt::Display for InvalidPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the pattern \"{}\" is not valid: {}", self.pattern.escape_debug(), self.cause)
    }
}

impl std::error::Error for InvalidPattern {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl Filter {
    /// Leaves out the entries that match these patterns, one in each text. `!PATTERN` does not leave it out.
    ///
    /// # Errors
    /// [`InvalidPattern`].
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidPattern> {
        let mut builder = GitignoreBuilder::new("");
        let mut is_empty = true;
        for pattern in patterns {
            is_empty = false;
            builder.add_line(None, pattern).map_err(|cause| {
                let pattern = pattern.to_owned();
                InvalidPattern { pattern, cause }
            })?;
        }
        let built = builder.build().map_err(|cause| {
            let pattern = String::new();
            InvalidPattern { pattern, cause }
        })?;
        Ok(Self((!is_empty).then(|| Arc::new(built))))
    }

    /// Whether an entry of this path below the tree's root is left out.
    pub fn excludes(&self, path: &str, is_directory: bool) -> bool {
        let Some(patterns) = &self.0 else { return false };
        let mut above = Path::new(path);
        if patterns.matched(above, is_directory).is_ignore() {
            return true;
        }
        // Below a directory that is left out nothing is looked at.
        while let Some(parent) = above.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            if patterns.matched(parent, true).is_ignore() {
                return true;
            }
            above = parent;
        }
        false
    }

    /// Whether it leaves out nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self.0.as_ref().map_or(0, |patterns| patterns.len());
        f.debug_struct("Filter").field("patterns", &patterns).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_a_gitignore_file() {
        let filter = Filter::new(["*.o", "/build", "cache/", "!keep.o", "a/**/z"]).unwrap();
        for (path, is_directory) in [
            ("x.o", false),
            ("d/x.o", false),
            ("build", true),
            ("build/deep/file", false),
            ("d/cache", true),
            ("d/cache/f", false),
            ("a/b/c/z", false),
        ] {
            assert!(filter.excludes(path, is_directory), "{path}");
        }
        for (path, is_directory) in
            [("keep.o", false), ("d/build", true), ("cache", false), ("x.c", false), ("a", true)]
        {
            assert!(!filter.excludes(path, is_directory), "{path}");
        }
        assert!(!Filter::default().excludes("x.o", false));
    }

    #[test]
    fn a_pattern_that_has_no_meaning_is_named() {
        let error = Filter::new(["ok", "[z-a]"]).unwrap_err().to_string();
        assert!(error.starts_with("the pattern \"[z-a]\" is not valid: "), "{error}");
    }
}
