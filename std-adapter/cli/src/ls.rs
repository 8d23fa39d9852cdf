//! `tinyferry ls`.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, IsTerminal};
use std::num::NonZeroU8;

use tinyferry::client::Selection;
use tinyferry::core::Reason;
use tinyferry::core::store::{Accepted, Kind, Offer, Operation, Stat, Store};
use tinyferry::describe;
use tinyferry::fs::LinkKinds;

use crate::args::LsArgs;
use crate::exit::{CliError, Exit};
use crate::human;
use crate::json::{self, Entry, Event, File};
use crate::output;
use crate::paths::{asked_path, is_missing, missing, quoted};
use crate::retry::Retrying;
use crate::time::{rfc3339, to_the_second};

/// The format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Size and name.
    Short,
    /// Permission bits, size, time and name.
    Long,
    Json,
}

pub(crate) fn ls(args: &LsArgs) -> Result<Exit, CliError> {
    let path = asked_path(&args.path)?;
    let mut retrying = Retrying::query(&args.peer, &args.retry)?;
    let depth = NonZeroU8::new(args.depth).filter(|_| !args.recursive);
    let mut listing = Listing {
        is_whole: true,
        depth,
        format: match (json::is_on(), args.long) {
            (true, _) => Format::Json,
            (false, true) => Format::Long,
            (false, false) => Format::Short,
        },
        has_units: args.human_readable,
        is_for_a_person: io::stdout().is_terminal(),
        directory: String::new(),
        has_lower_levels: false,
        rejected: 0,
        printed: None,
    };
    let links = LinkKinds { symbolic: true, hard: false };
    let selection = Selection::default().limited(depth).linking(links);
    let name = quoted(if path.is_empty() { "." } else { &path });
    let may_repeat = retrying.may_repeat();
    let outcome = retrying.run(&name, None, |client| {
        // In a new session of a lossy link the client requests the list again by itself.
        if may_repeat || client.is_lossy()? {
            listing.printed.get_or_insert_default();
        }
        client.list_store_selecting(&path, &selection, &mut listing)
    });
    let outcome = outcome.map_err(|error| {
        let advice = if is_missing(&error) { missing(&args.path) } else { "" };
        retrying.error(&error, &name).advise(advice)
    })?;
    let omitted = outcome.omitted;
    // An older server counts omitted entries of all levels: a list of the upper levels may be complete.
    let may_be_below = listing.has_lower_levels;
    if omitted > 0 {
        let entries = describe::count(omitted.into(), "entry is", "entries are");
        let below = if may_be_below { ", here or in subdirectories" } else { "" };
        print_error!(
            "tinyferry: {name}: {entries} not listed{below}: special or unfinished \
             files, invalid names, or the content of unreadable directories; a list only counts \
             them, get lists them by name where it can"
        );
    }
    let is_incomplete = listing.rejected > 0 || (omitted > 0 && !may_be_below);
    Ok(if is_incomplete { Exit::Partly } else { Exit::Done })
}

/// Writes a line for each offer as it arrives.
struct Listing {
    /// The request is for one file.
    is_whole: bool,
    /// The number of levels that are listed; `None`: all.
    depth: Option<NonZeroU8>,
    format: Format,
    /// Sizes have units.
    has_units: bool,
    /// Then control characters are escaped.
    is_for_a_person: bool,
    /// The directory that was listed last.
    directory: String,
    /// There are directories whose entries are too deep for the list.
    has_lower_levels: bool,
    /// Entries that were refused for their names.
    rejected: u64,
    /// `None`: the list is requested once.
    printed: Option<Printed>,
}

/// The entries that earlier attempts of a list have printed.
#[derive(Debug, Default)]
struct Printed {
    hasher: RandomState,
    /// The hashes of paths.
    paths: HashSet<u64>,
}

impl Printed {
    /// Whether this is printed for the first time.
    fn is_first(&mut self, path: &[u8], is_rejected: bool) -> bool {
        self.paths.insert(self.hasher.hash_one((path, is_rejected)))
    }
}

/// The facts of an entry, where the server states them.
#[derive(Debug, Clone, Copy, Default)]
struct Facts<'a> {
    size: Option<u64>,
    modified: Option<i64>,
    mode: Option<u32>,
    /// The target of a symbolic link.
    target: Option<&'a str>,
}

impl Facts<'_> {
    fn of(offer: &Offer<'_>) -> Self {
        Self { size: offer.size, modified: offer.modified, mode: offer.mode, target: None }
    }
}

impl Listing {
    /// Whether this is to be printed: no earlier attempt has printed it.
    fn is_first(&mut self, path: &[u8], is_rejected: bool) -> bool {
        self.printed.as_mut().is_none_or(|printed| printed.is_first(path, is_rejected))
    }

    /// Writes a line, but not a second time. Returns false if it cannot be written.
    fn line(&mut self, path: &str, facts: Facts<'_>, is_directory: bool) -> bool {
        if !self.is_first(path.as_bytes(), false) {
            return true;
        }
        if self.format == Format::Json {
            return json::emit(&Event::Entry(Entry {
                path,
                kind: match (is_directory, facts.target) {
                    (true, _) => "directory",
                    (false, Some(_)) => "link",
                    (false, None) => "file",
                },
                size: facts.size.filter(|_| !is_directory),
                modified: facts.modified.map(rfc3339),
                mode: facts.mode.map(|mode| format!("{mode:04o}")),
                target: facts.target,
            }));
        }
        let size = match facts.size {
            Some(size) if !is_directory && self.has_units => human::bytes(size),
            Some(size) if !is_directory => size.to_string(),
            _ => "-".to_owned(),
        };
        let shown = |text: &str| match self.is_for_a_person {
            true => text.escape_debug().to_string(),
            false => text.to_owned(),
        };
        let path = shown(path);
        let end = match facts.target {
            Some(target) => format!(" -> {}", shown(target)),
            None if is_directory => "/".to_owned(),
            None => String::new(),
        };
        let line = format!("{size:>14}  {path}{end}\n");
        if self.format == Format::Short {
            return output::text(&line);
        }
        let kind = match facts.target {
            Some(_) => 'l',
            None if is_directory => 'd',
            None => '-',
        };
        let bits = facts.mode.map_or_else(|| " ".repeat(9), permission_bits);
        let time = facts.modified.map_or_else(|| "-".to_owned(), to_the_second);
        output::text(&format!("{kind}{bits} {size:>14}  {time:<19}  {path}{end}\n"))
    }

    /// Writes the line of an offer. Returns false if it cannot be written.
    fn show(&mut self, offer: &Offer<'_>) -> bool {
        let is_directory = offer.kind == Kind::Directory;
        if offer.kind == Kind::Tree {
            self.is_whole = false;
            return true;
        }
        // Of a file by itself, the whole path.
        if self.is_whole {
            let name = offer.path.rsplit('/').next().unwrap_or_default();
            return self.line(name, Facts::of(offer), is_directory);
        }
        // Not every server knows a depth.
        if let Some(above) = self.depth.and_then(|depth| cut(offer.path, depth)) {
            // Not every server offers a directory by itself.
            if self.directory == above {
                return true;
            }
            self.directory = above.to_owned();
            return self.line(above, Facts::default(), true);
        }
        if is_directory {
            if self.directory == offer.path {
                return true;
            }
            self.directory = offer.path.to_owned();
        }
        self.line(offer.path, Facts::of(offer), is_directory)
    }
}

/// The first `depth` names of a path that has more.
fn cut(path: &str, depth: NonZeroU8) -> Option<&str> {
    let (end, _) = path.match_indices('/').nth(usize::from(depth.get()) - 1)?;
    path.get(..end)
}

/// The nine permission bits: "rw-r--r--".
fn permission_bits(mode: u32) -> String {
    let bits = "rwxrwxrwx".chars().enumerate();
    bits.map(|(index, letter)| if mode & (0o400 >> index) != 0 { letter } else { '-' }).collect()
}

impl Store for Listing {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        let levels = offer.path.split('/').count();
        self.has_lower_levels |= self.depth.is_some_and(|depth| match offer.kind {
            Kind::Tree => false,
            Kind::Directory => levels >= usize::from(depth.get()),
            Kind::File => !self.is_whole && levels > usize::from(depth.get()),
        });
        if !self.show(offer) && !output::has_failed() {
            // The reader of standard output has closed it.
            output::exit_without_reader();
        }
        Ok(Accepted { prefix: 0, in_order: true })
    }

    fn operate(&mut self, path: &str, _: Kind, operation: &Operation<'_>) -> Result<Stat, Reason> {
        let Operation::Link { target } = *operation else { return Err(Reason::Unsupported) };
        let facts = Facts { target: Some(target), ..Facts::default() };
        if !self.line(path, facts, false) && !output::has_failed() {
            output::exit_without_reader();
        }
        Ok(Stat::default())
    }

    fn rejected(&mut self, path: &[u8], reason: Reason) {
        if !self.is_first(path, true) {
            return;
        }
        self.rejected += 1;
        let shown = describe::bytes(path);
        let message = format!("\"{shown}\" is not listed: {reason}");
        print_error!("tinyferry: {message}");
        json::change(File::failed(path, reason, "", false, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permission_bits_are_shown_as_letters() {
        assert_eq!(permission_bits(0o640), "rw-r-----");
        assert_eq!(permission_bits(0o751), "rwxr-x--x");
    }

    #[test]
    fn a_path_is_cut_at_the_depth() {
        let depth = |levels| NonZeroU8::new(levels).unwrap();
        assert_eq!(cut("a/b/c", depth(1)), Some("a"));
        assert_eq!(cut("a/b/c", depth(2)), Some("a/b"));
        assert_eq!(cut("a/b/c", depth(3)), None);
    }
}
