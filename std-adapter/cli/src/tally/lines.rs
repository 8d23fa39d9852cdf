//! The failures and warnings of a transfer as lines of text.

use tinyferry::describe::{self, count};

use super::{Failed, LISTED, MAX_LISTED, Tally};

impl Tally {
    /// The time or the permission bits of an entry could not be set.
    pub(crate) fn unset(&mut self, name: &str, detail: &str) {
        let first = || (0, format!("{name}: {}", detail.escape_debug()));
        let (count, _) = self.unset.get_or_insert_with(first);
        *count += 1;
    }

    /// The file system of an entry cannot make files durable.
    pub(crate) fn not_durable(&mut self, name: &str, detail: &str) {
        let why = describe::refused_sync(detail);
        self.not_durable.push(format!("tinyferry: {name} {why}"));
    }

    /// A file is stored as `stored`, since another one has its name.
    pub(crate) fn kept_both(&mut self, name: &str, stored: &str) {
        let (count, lines) = self.kept_both.get_or_insert_default();
        *count += 1;
        if lines.len() < MAX_LISTED {
            lines.push(format!("  {name} is stored as \"{}\"", stored.escape_debug()));
        }
    }

    /// The failures and warnings, line by line; `all`: each failure in memory has a line.
    pub(crate) fn failure_lines(&self, in_tree: bool, all: bool) -> Vec<String> {
        let mut lines = self.not_durable.clone();
        if let Some((number, first)) = &self.unset {
            let entries = count(*number, "entry is", "entries are");
            lines.push(format!(
                "tinyferry: {entries} there, but the time or the permission bits could not be set; \
                 the first: {first}"
            ));
        }
        if let Some((number, files)) = &self.kept_both {
            let exist = count(*number, "file exists", "files exist");
            lines.push(format!("tinyferry: {exist}; both versions are kept:"));
            lines.extend(files.iter().cloned());
            let unlisted = number - files.len() as u64;
            if unlisted > 0 {
                lines.push(format!("  and {unlisted} more"));
            }
        }
        let kept = self.failures.len();
        let listed = if all || kept <= MAX_LISTED { kept } else { LISTED };
        let unlisted = (kept - listed) as u64 + self.unlisted;
        let failures = self.failed_entries();
        if in_tree && failures > 0 {
            let entries = count(failures, "entry was", "entries were");
            lines.push(format!("tinyferry: {entries} not transferred:"));
        }
        lines.extend(self.failures.iter().take(listed).map(Failed::line));
        if unlisted > 0 {
            let advice = match self.unlisted {
                _ if all => "",
                0 => "; -v lists them",
                _ => "; -v lists the first 1000",
            };
            lines.push(format!("  and {unlisted} more{advice}"));
        }
        if self.omitted > 0 {
            let more = count(self.omitted.into(), "more with a name", "more with names");
            lines.push(format!("  {more} that cannot be sent"));
        }
        lines
    }
}

impl Failed {
    fn line(&self) -> String {
        match self.below {
            0 => format!("  {}", self.sentence),
            below => {
                let entries = count(below, "entry", "entries");
                format!("  {} (and {entries} below it)", self.sentence)
            }
        }
    }
}
