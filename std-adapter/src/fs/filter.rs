//! Patterns of paths that are left out, as in a `.gitignore` file.

use std::fmt;
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

mod exclusion;
mod ignore_files;

pub(crate) use self::exclusion::Exclusion;
pub(crate) use self::ignore_files::path_below;

/// Leaves out the entries of a tree that match a pattern, and all below them. The patterns are those of a
/// `.gitignore` file in the tree's root: of several that match, the last one decides.
#[derive(Clone, Default)]
pub struct Filter {
    patterns: Option<Arc<Patterns>>,
    /// Whether the `.gitignore` files in the tree count too.
    ignore_files: bool,
}

struct Patterns {
    texts: Vec<String>,
    compiled: Gitignore,
}

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
    /// Leaves out the entries that match these patterns. Each text is one pattern; `!PATTERN` keeps the entries that
    /// match `PATTERN`.
    ///
    /// # Errors
    /// [`InvalidPattern`].
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidPattern> {
        let mut builder = GitignoreBuilder::new("");
        builder.allow_unclosed_class(false);
        let mut texts = Vec::new();
        for pattern in patterns {
            builder.add_line(None, pattern).map_err(|cause| {
                let pattern = pattern.to_owned();
                InvalidPattern { pattern, cause }
            })?;
            texts.push(pattern.to_owned());
        }
        let compiled = builder.build().map_err(|cause| {
            let pattern = String::new();
            InvalidPattern { pattern, cause }
        })?;
        let patterns = (!texts.is_empty()).then(|| Arc::new(Patterns { texts, compiled }));
        Ok(Self { patterns, ignore_files: false })
    }

    /// Leaves out also the entries that the `.gitignore` files in the tree exclude. Of several files the nearest
    /// one decides first; the patterns of this filter decide before them. A directory whose `.gitignore` file
    /// cannot be read, has more than 1 MiB, or is too complex is not transferred, and its failure is reported.
    #[must_use]
    pub fn reading_ignore_files(mut self) -> Self {
        self.ignore_files = true;
        self
    }

    /// The same patterns without the `.gitignore` files.
    pub(crate) fn without_ignore_files(&self) -> Self {
        Self { ignore_files: false, ..self.clone() }
    }

    /// Whether the `.gitignore` files in the tree count.
    pub fn reads_ignore_files(&self) -> bool {
        self.ignore_files
    }

    /// The patterns in their order.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().flat_map(|patterns| patterns.texts.iter().map(String::as_str))
    }

    /// Whether it excludes no entry.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_none() && !self.ignore_files
    }

    /// Whether the patterns exclude an entry of this path below the tree's root, or a directory above it. The
    /// `.gitignore` files do not count.
    pub fn excludes(&self, path: &str, is_directory: bool) -> bool {
        let above =
            std::iter::successors(path.rsplit_once('/'), |(above, _)| above.rsplit_once('/'));
        let mut paths = above.map(|(above, _)| (above, true)).chain([(path, is_directory)]);
        self.patterns.is_some()
            && paths.any(|(path, is_directory)| self.verdict(path, is_directory) == Some(true))
    }

    /// Whether the patterns exclude an entry of this path; `None`: no pattern matches. The patterns that match
    /// the directories above do not count.
    fn verdict(&self, path: &str, is_directory: bool) -> Option<bool> {
        match self.patterns.as_ref()?.compiled.matched(path, is_directory) {
            Match::None => None,
            verdict => Some(verdict.is_ignore()),
        }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns: Vec<_> = self.patterns().collect();
        let files = self.ignore_files;
        f.debug_struct("Filter").field("patterns", &patterns).field("ignore_files", &files).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_a_gitignore_file() {
        let filter = Exclusion::of_patterns(
            &Filter::new(["*.o", "/build", "cache/", "!keep.o", "a/**/z"]).unwrap(),
        );
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
        assert!(!Exclusion::default().excludes("x.o", false));
    }

    #[test]
    fn a_pattern_that_has_no_meaning_is_named() {
        let error = Filter::new(["ok", "[z-a]"]).unwrap_err().to_string();
        assert!(error.starts_with("the pattern \"[z-a]\" is not valid: "), "{error}");
    }
}
