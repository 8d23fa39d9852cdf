//! The entries of one tree that are left out.

use super::Filter;
use super::ignore_files::IgnoreFiles;
use crate::fs::send::source::SourceRoot;

/// A filter, with the `.gitignore` files of the tree that it is applied to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exclusion {
    filter: Filter,
    ignore_files: Option<IgnoreFiles>,
}

impl Exclusion {
    /// Of a tree with these sources.
    pub(crate) fn of_sources(filter: &Filter, sources: &[SourceRoot]) -> Self {
        let ignore_files = filter.reads_ignore_files().then(|| IgnoreFiles::new(sources));
        Self { filter: filter.clone(), ignore_files }
    }

    /// Of a tree whose `.gitignore` files are not known: of the other end.
    pub(crate) fn of_patterns(filter: &Filter) -> Self {
        Self { filter: filter.clone(), ignore_files: None }
    }

    /// Whether an entry of this path below the tree's root is left out.
    pub(crate) fn excludes(&self, path: &str, is_directory: bool) -> bool {
        if self.is_empty() {
            return false;
        }
        let (mut above, mut is_directory) = (path, is_directory);
        loop {
            if self.decides(above, is_directory) {
                return true;
            }
            // Below a directory that is left out nothing is looked at.
            match above.rsplit_once('/') {
                Some((directory, _)) => (above, is_directory) = (directory, true),
                None => return false,
            }
        }
    }

    /// Whether it leaves out nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.filter.is_empty() && self.ignore_files.is_none()
    }

    /// The verdict on one path.
    fn decides(&self, path: &str, is_directory: bool) -> bool {
        self.filter.verdict(path, is_directory).unwrap_or_else(|| {
            let files = self.ignore_files.as_ref();
            files.is_some_and(|files| files.excludes(path, is_directory))
        })
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;
    use crate::fs::Source;

    #[test]
    fn the_nearest_ignore_file_decides_and_patterns_decide_before_it() {
        let place = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = place.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(".gitignore", "*.o\n/build\n# a comment\n[z-a]\nlog\r\n");
        write("a/.gitignore", "!keep.o\n/only\n");
        write("a/b/x", "");
        let source = Source { local: place.path().to_owned(), remote: String::new() };
        let sources = [SourceRoot::from(source)];
        let filter = Filter::new(["!special.o", "*.c"]).unwrap().reading_ignore_files();
        let exclusion = Exclusion::of_sources(&filter, &sources);
        for round in 0..2 {
            for (path, is_directory, expected) in [
                ("x.o", false, true),
                ("build", true, true),
                ("build/deep/x", false, true),
                ("a/build", true, false),
                ("a/b/x.o", false, true),
                ("a/b/keep.o", false, false),
                ("keep.o", false, true),
                ("a/only", false, true),
                ("a/b/only", false, false),
                ("c/only", false, false),
                ("gone/deep/log", false, true),
                ("special.o", false, false),
                ("x.c", false, true),
            ] {
                assert_eq!(exclusion.excludes(path, is_directory), expected, "{round}: {path}");
            }
        }
        assert!(!Exclusion::of_patterns(&filter).excludes("x.o", false));
    }
}
