//! The entries of one tree that are left out.

use super::Filter;
use super::ignore_files::IgnoreFiles;
use crate::fs::error::StoreError;
use crate::fs::source::SourceRoot;

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

    /// Whether an entry of this path below the tree's root is left out: it is excluded, or a directory above it is.
    /// So are all entries of a directory that [`Exclusion::check`] refuses.
    pub(crate) fn excludes(&self, path: &str, is_directory: bool) -> bool {
        match &self.ignore_files {
            Some(files) => files.excludes(&self.filter, path, is_directory),
            None => self.filter.excludes(path, is_directory),
        }
    }

    /// Reads the `.gitignore` file of a directory of the tree, before its entries.
    ///
    /// # Errors
    /// It cannot be read or used: it is not known which entries are excluded.
    pub(crate) fn check(&self, directory: &str) -> Result<(), StoreError> {
        self.ignore_files.as_ref().map_or(Ok(()), |files| files.check(&self.filter, directory))
    }

    /// Whether it excludes no entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.filter.is_empty() && self.ignore_files.is_none()
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

    #[test]
    fn an_ignore_file_is_read_once_for_the_entries_of_its_directory() {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("a/b")).unwrap();
        let write = |text: &str| fs::write(place.path().join("a/.gitignore"), text).unwrap();
        write("x");
        let exclusion = of_ignore_files(place.path());
        assert!(exclusion.excludes("a/b/x", false));
        write("");
        for path in ["a/x", "a/b/x", "a/b", "a/b/x/y"] {
            assert_eq!(exclusion.excludes(path, false), path != "a/b", "{path}");
        }
        // It is read again after another directory.
        assert!(!exclusion.excludes("c", false));
        assert!(!exclusion.excludes("a/x", false));
    }

    #[test]
    fn without_the_patterns_of_a_directory_its_entries_are_left_out() {
        let place = tempfile::tempdir().unwrap();
        let large = "x\n".repeat(1 << 19) + "y";
        let complex = (0..12_000).map(|number| format!("[a-z]*{number}?[!x]*\n")).collect();
        for (text, reason) in
            [(large, "is too large: it has more than 1"), (complex, "cannot be used")]
        {
            fs::create_dir_all(place.path().join("a/b")).unwrap();
            fs::write(place.path().join("a/.gitignore"), text).unwrap();
            let exclusion = of_ignore_files(place.path());
            for _ in 0..2 {
                assert!(exclusion.check("").is_ok());
                let error = exclusion.check("a").unwrap_err();
                assert!(error.detail.contains(reason), "{}", error.detail);
                assert!(exclusion.excludes("a/b", true) && exclusion.excludes("a/b/c", false));
                assert!(!exclusion.excludes("a", true) && !exclusion.excludes("c/b", true));
            }
        }
        fs::remove_file(place.path().join("a/.gitignore")).unwrap();
        std::os::unix::fs::symlink("b", place.path().join("a/.gitignore")).unwrap();
        let error = of_ignore_files(place.path()).check("a").unwrap_err();
        assert!(error.detail.contains("symbolic link"), "{}", error.detail);
        // A file in an excluded directory does not matter.
        fs::write(place.path().join(".gitignore"), "a/").unwrap();
        assert!(of_ignore_files(place.path()).check("a").is_ok());
    }

    fn of_ignore_files(place: &std::path::Path) -> Exclusion {
        let source = Source { local: place.to_owned(), remote: String::new() };
        let filter = Filter::default().reading_ignore_files();
        Exclusion::of_sources(&filter, &[SourceRoot::from(source)])
    }
}
