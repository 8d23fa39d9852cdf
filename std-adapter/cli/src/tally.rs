//! The numbers of a transfer. Knows no terminal.

use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};
use tinyferry::describe;

use crate::exit::Exit;

/// The maximum number of failures that are listed; the others are counted.
const MAX_LISTED: usize = 1000;

/// The results of one task. It counts entries that are in place at the receiver.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Files in place.
    files: u64,
    /// Of them, those that the receiver had before.
    same: u64,
    /// Of them, those without content: whether the receiver had one before is not known.
    empty: u64,
    /// The received content of the files in place, without prefixes that the receiver had, in bytes.
    bytes: u64,
    /// The prefixes that the receiver had of the other files in place, in bytes.
    held: u64,
    /// Directories in place.
    directories: u64,
    /// The content that was transferred in this attempt, in bytes.
    moved: u64,
    /// The content that was transferred in earlier attempts: the receiver has it from this task.
    earlier: u64,
    failures: Vec<String>,
    /// The number of failures beyond [`MAX_LISTED`].
    unlisted: u64,
    /// The number of entries that the other end left out because no path can name them.
    omitted: u32,
    /// The exit code of the first failure.
    failed: Option<Exit>,
    /// Entries whose time or permission bits could not be set, and the first of them.
    unset: Option<(u64, String)>,
    /// Entries on file systems that cannot make files durable, one for each file system.
    not_durable: Vec<String>,
}

impl Tally {
    /// Begins an attempt of the task.
    pub(crate) fn begin(&mut self) {
        let earlier = self.earlier.saturating_add(self.moved);
        *self = Self { earlier, ..Self::default() };
    }

    /// Counts transferred content.
    pub(crate) fn moved(&mut self, bytes: u64) {
        self.moved = self.moved.saturating_add(bytes);
    }

    /// Counts a file in place, of which the receiver had `held` bytes. Returns whether it had all.
    pub(crate) fn file(&mut self, size: u64, held: u64) -> bool {
        let held = held.min(size);
        let from_earlier = held.min(self.earlier);
        self.earlier -= from_earlier;
        let is_same = size > 0 && held == size && from_earlier == 0;
        self.files += 1;
        self.empty += u64::from(size == 0);
        self.bytes += size - held + from_earlier;
        if is_same {
            self.same += 1;
        } else {
            self.held += held - from_earlier;
        }
        is_same
    }

    /// Counts a directory in place.
    pub(crate) fn directory(&mut self) {
        self.directories += 1;
    }

    /// Counts a failed entry.
    pub(crate) fn fail(&mut self, sentence: String, exit: Exit) {
        self.failed.get_or_insert(exit);
        if self.failures.len() < MAX_LISTED {
            self.failures.push(sentence);
        } else {
            self.unlisted += 1;
        }
    }

    /// Counts entries that the other end left out.
    pub(crate) fn omit(&mut self, entries: u32) {
        self.omitted = entries;
    }

    /// The time or the permission bits of an entry could not be set.
    pub(crate) fn unset(&mut self, path: &str, detail: &str) {
        let (count, _) = self.unset.get_or_insert_with(|| {
            (0, format!("\"{}\": {}", path.escape_debug(), detail.escape_debug()))
        });
        *count += 1;
    }

    /// The file system of an entry cannot make files durable.
    pub(crate) fn not_durable(&mut self, path: &str, detail: &str) {
        let why = describe::refused_sync(detail);
        self.not_durable.push(format!("tinyferry: \"{}\" {why}", path.escape_debug()));
    }

    /// Takes the last failure from the list.
    pub(crate) fn take_last(&mut self) -> Option<String> {
        self.failures.pop()
    }

    /// The exit code of the first failure.
    pub(crate) fn failed(&self) -> Option<Exit> {
        self.failed
    }

    /// The exit code after this task; `itself`: the requested directory itself is in place.
    pub(crate) fn exit(&self, itself: bool) -> Exit {
        match self.failed {
            None if self.omitted > 0 => Exit::Partly,
            None => Exit::Done,
            Some(_) if itself || self.files + self.directories > 0 => Exit::Partly,
            Some(exit) => exit,
        }
    }

    /// The summary, as a clause: "20 files, 4.00 MiB in 0.10 s (40.00 MiB/s)".
    pub(crate) fn summary(&self, took: Duration) -> String {
        let files = if self.files == 1 { "file" } else { "files" };
        let held = match self.held {
            0 => String::new(),
            held => format!(" ({} were there already)", HumanBytes(held)),
        };
        let rate = match self.bytes {
            0 => String::new(),
            bytes => {
                let rate = bytes as f64 / took.as_secs_f64().max(1e-9);
                format!(" ({}/s)", HumanBytes(rate as u64))
            }
        };
        format!(
            "{} {files}{}, {}{held} in {}{rate}",
            self.files,
            self.unsent(),
            HumanBytes(self.bytes),
            duration(took),
        )
    }

    /// The number of files without content to send, as a clause in parentheses.
    fn unsent(&self) -> String {
        let were = |count, what| match count {
            1 => format!("1 was {what}"),
            count => format!("{count} were {what}"),
        };
        match (self.same, self.empty) {
            (0, _) => String::new(),
            (same, 0) => format!(" ({})", were(same, "the same")),
            (same, empty) => format!(" ({}, {})", were(same, "the same"), were(empty, "empty")),
        }
    }

    /// The failures and warnings, line by line.
    pub(crate) fn failure_lines(&self, in_tree: bool) -> Vec<String> {
        let mut lines = self.not_durable.clone();
        if let Some((count, first)) = &self.unset {
            let entries = if *count == 1 { "entry is" } else { "entries are" };
            lines.push(format!(
                "tinyferry: {count} {entries} there, but the time or the permission bits could not be set; \
                 the first: {first}"
            ));
        }
        let failures = self.failures.len() as u64 + self.unlisted;
        let failures = failures.saturating_add(self.omitted.into());
        if in_tree && failures > 0 {
            lines.push(format!("tinyferry: {failures} did not go through:"));
        }
        lines.extend(self.failures.iter().map(|failure| format!("  {failure}")));
        if self.unlisted > 0 {
            lines.push(format!("  and {} more", self.unlisted));
        }
        if self.omitted > 0 {
            lines.push(format!("  {} more that cannot be named", self.omitted));
        }
        lines
    }
}

fn duration(took: Duration) -> String {
    if took < Duration::from_secs(60) {
        format!("{:.2} s", took.as_secs_f64())
    } else {
        HumanDuration(took).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MIB: u64 = 1 << 20;

    #[test]
    fn new_resumed_and_unchanged_files_are_counted_separately() {
        let mut tally = Tally::default();
        tally.begin();
        assert!(!tally.file(MIB, 0));
        assert!(!tally.file(3 * MIB, 2 * MIB));
        assert!(tally.file(7 * MIB, 7 * MIB));
        // An empty file has no content that could be the same.
        assert!(!tally.file(0, 0));
        assert_eq!(
            tally.summary(SECOND),
            "4 files (1 was the same, 1 was empty), 2.00 MiB (2.00 MiB were there already) in 1.00 s \
             (2.00 MiB/s)"
        );
        assert_eq!(tally.exit(false), Exit::Done);
    }

    #[test]
    fn a_summary_without_content_has_no_rate() {
        let mut tally = Tally::default();
        tally.begin();
        tally.file(MIB, MIB);
        assert_eq!(tally.summary(SECOND), "1 file (1 was the same), 0 B in 1.00 s");
        tally.file(0, 0);
        tally.file(0, 0);
        let counted = "3 files (1 was the same, 2 were empty), 0 B in 1.00 s";
        assert_eq!(tally.summary(SECOND), counted);
    }

    #[test]
    fn a_second_attempt_does_not_count_content_of_the_first_again() {
        let mut tally = Tally::default();
        tally.begin();
        tally.moved(3 * MIB);
        tally.fail("lost".to_owned(), Exit::Local);
        tally.begin();
        tally.moved(2 * MIB);
        assert!(!tally.file(5 * MIB, 3 * MIB));
        assert_eq!(tally.summary(SECOND), "1 file, 5.00 MiB in 1.00 s (5.00 MiB/s)");
        assert_eq!(tally.exit(false), Exit::Done);

        // The receiver may have stored less of it than was sent.
        let mut tally = Tally::default();
        tally.begin();
        tally.moved(4 * MIB);
        tally.begin();
        assert!(!tally.file(5 * MIB, 3 * MIB));
        assert_eq!(tally.summary(SECOND), "1 file, 5.00 MiB in 1.00 s (5.00 MiB/s)");
    }

    #[test]
    fn a_failure_is_partial_only_if_an_entry_is_in_place() {
        let mut tally = Tally::default();
        tally.fail("one".to_owned(), Exit::Refused);
        tally.fail("two".to_owned(), Exit::Local);
        assert_eq!((tally.exit(false), tally.exit(true)), (Exit::Refused, Exit::Partly));
        tally.directory();
        assert_eq!(tally.exit(false), Exit::Partly);
    }

    #[test]
    fn times_that_cannot_be_set_are_reported_once() {
        let mut tally = Tally::default();
        for number in 0..2001 {
            tally.unset(&format!("t/\u{7}{number}"), "operation not permitted");
        }
        let lines = tally.failure_lines(true);
        assert_eq!(lines.len(), 1);
        assert!(
            lines[0].contains("2001 entries") && lines[0].contains("\"t/\\u{7}0\""),
            "{lines:?}"
        );
        assert_eq!(tally.exit(false), Exit::Done);
    }
}
