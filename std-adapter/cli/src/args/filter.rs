//! Options that leave out files by their names, and those of a mirror.

use std::fmt;
use std::path::PathBuf;

use tinyferry::describe;
use tinyferry::fs::Filter;

use crate::exit::{CliError, Exit};

#[derive(Debug, clap::Args)]
pub(crate) struct FilterArgs {
    /// Leave out entries that match PATTERN, as in a .gitignore file: "*.o", "/build", "cache/"
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Do not leave out entries that match PATTERN, although they match another pattern
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,
    /// Leave out entries that match a pattern in FILE, one on each line
    #[arg(long, value_name = "FILE")]
    exclude_from: Vec<PathBuf>,
    /// Leave out entries that the .gitignore files of the source exclude
    #[arg(long)]
    gitignore: bool,
}

impl FilterArgs {
    /// The filter of all options; those of `--include` decide last.
    pub(crate) fn filter(&self) -> Result<Filter, CliError> {
        // An empty variable must not mean that nothing is excluded.
        let options = [("--exclude", &self.exclude), ("--include", &self.include)];
        for (option, patterns) in options {
            for pattern in patterns {
                if let Some(why) = no_effect(pattern, option == "--exclude") {
                    let sentence = format!("{option} \"{}\": {why}", pattern.escape_debug());
                    return Err(CliError::new(Exit::Usage, sentence));
                }
            }
        }
        let mut patterns = self.exclude.clone();
        for file in &self.exclude_from {
            let text = std::fs::read_to_string(file).map_err(|error| {
                let (path, why) = (describe::path(file), describe::os_error(&error));
                let sentence = format!("cannot read the patterns in \"{path}\": {why}");
                CliError::new(Exit::Local, sentence)
            })?;
            patterns.extend(text.lines().map(str::to_owned));
        }
        patterns.extend(self.include.iter().map(|pattern| format!("!{pattern}")));
        let filter = Filter::new(patterns.iter().map(String::as_str))
            .map_err(|error| CliError::new(Exit::Usage, error.to_string()))?;
        Ok(if self.gitignore { filter.reading_ignore_files() } else { filter })
    }
}

/// Why a pattern matches nothing. `is_line`: it is a whole line of a .gitignore file, not the part behind a `!`.
fn no_effect(pattern: &str, is_line: bool) -> Option<&'static str> {
    // Spaces at the end are ignored unless the last one is escaped.
    let kept = match pattern.trim_end_matches(' ') {
        kept if kept.ends_with('\\') => pattern,
        kept => kept,
    };
    let rest = if is_line { kept.strip_prefix('!').unwrap_or(kept) } else { kept };
    if pattern.is_empty() {
        Some("the pattern is empty")
    } else if kept.is_empty() {
        Some("a pattern of spaces matches nothing; \"\\ \" is a name of one space")
    } else if is_line && kept.starts_with('#') {
        Some("it is a comment and matches nothing; a name that begins with # is \"\\#…\"")
    } else if rest.trim_matches('/').is_empty() {
        Some("it has no name and matches nothing; \"*\" matches all entries")
    } else if rest.split('/').any(|name| matches!(name, "." | "..")) {
        Some(
            "it matches nothing: a pattern is a path below the directory, without \".\" and \"..\"",
        )
    } else {
        None
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// Afterwards remove the entries of the target directory that are not in the source, but for excluded
    /// ones
    #[arg(long)]
    pub(crate) delete: bool,
    /// Remove nothing if more than N entries, or N% of those in the target after the transfer, would be removed
    #[arg(long, value_name = "N", default_value = "50%", value_parser = max_delete)]
    pub(crate) max_delete: MaxDelete,
    /// Print the entries that would be transferred and removed, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How many entries may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MaxDelete {
    Entries(u64),
    Percent(u64),
}

impl fmt::Display for MaxDelete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entries(most) => most.fmt(f),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
}

impl MaxDelete {
    /// Whether this number of entries of this total may be removed.
    pub(crate) fn allows(self, count: u64, of: u64) -> bool {
        match self {
            Self::Entries(most) => count <= most,
            Self::Percent(share) => u128::from(count) * 100 <= u128::from(of) * u128::from(share),
        }
    }
}

pub(super) fn max_delete(text: &str) -> Result<MaxDelete, String> {
    let wrong = || "a number of entries, or a share from 0% to 100%".to_owned();
    match text.strip_suffix('%') {
        Some(share) => match share.parse() {
            Ok(share @ 0..=100) => Ok(MaxDelete::Percent(share)),
            _ => Err(wrong()),
        },
        None => text.parse().map(MaxDelete::Entries).map_err(|_| wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_matches_nothing_is_refused_with_the_reason() {
        for (pattern, why) in [
            ("", "is empty"),
            (" ", "of spaces"),
            ("!", "no name"),
            ("/", "no name"),
            ("!/", "no name"),
            ("/ ", "no name"),
            ("#a", "comment"),
            ("./a", "without \".\""),
            ("a/../b", "without \".\""),
            (".", "without \".\""),
        ] {
            assert!(no_effect(pattern, true).is_some_and(|told| told.contains(why)), "{pattern}");
        }
        for pattern in ["a", "/a", "a/", "!a", "\\#a", "\\ ", "a ", "**", "*", ".a", "..."] {
            assert_eq!(no_effect(pattern, true), None, "{pattern}");
        }
        assert_eq!(no_effect("#a", false), None);
        assert!(no_effect("!", false).is_none() && no_effect("/", false).is_some());
    }

    #[test]
    fn a_limit_of_removals_is_a_number_or_a_share() {
        assert_eq!(max_delete("7"), Ok(MaxDelete::Entries(7)));
        assert_eq!(max_delete("100%"), Ok(MaxDelete::Percent(100)));
        for wrong in ["", "%", "-1", "101%", "1.5%", "x"] {
            assert!(max_delete(wrong).is_err(), "{wrong}");
        }
        assert!(MaxDelete::Entries(7).allows(7, 7) && !MaxDelete::Entries(7).allows(8, 100));
        assert!(MaxDelete::Percent(50).allows(5, 10) && !MaxDelete::Percent(50).allows(6, 10));
        assert!(MaxDelete::Percent(0).allows(0, 0) && !MaxDelete::Percent(0).allows(1, u64::MAX));
    }
}
