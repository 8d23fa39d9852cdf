//! `tinyferry ls`.

use std::io::{self, IsTerminal};

use tinyferry::core::Reason;
use tinyferry::core::store::{Accepted, Kind, Offer, Store};
use tinyferry::describe;

use crate::args::LsArgs;
use crate::exit::{CliError, Exit};
use crate::message::Task;
use crate::output;
use crate::paths::{asked_path, is_missing, missing};

pub(crate) fn ls(args: &LsArgs) -> Result<Exit, CliError> {
    let path = asked_path(&args.path)?;
    let mut client = args.peer.connect(Task::Query, false)?;
    let mut listing = Listing {
        is_whole: true,
        is_recursive: args.recursive,
        is_for_a_person: io::stdout().is_terminal(),
        directory: String::new(),
        has_directory: false,
        is_unread: false,
        rejected: 0,
    };
    let shown = if path.is_empty() { "." } else { &path }.escape_debug();
    let outcome = client.list_store(&path, &mut listing).map_err(|error| {
        let context = args.peer.context(Task::Query, &client, &format!("\"{shown}\""));
        let advice = if is_missing(&error) { missing(&args.path) } else { "" };
        context.error(&error).advise(advice)
    })?;
    let omitted = outcome.omitted;
    // The count is that of all levels: without the lower ones the list can be complete.
    let may_be_below = !args.recursive && listing.has_directory;
    if omitted > 0 {
        let entries = describe::count(omitted.into(), "entry is", "entries are");
        let below = if may_be_below { ", here or in subdirectories" } else { "" };
        print_error!(
            "tinyferry: \"{shown}\": {entries} not listed{below}: links, special or unfinished \
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
    is_recursive: bool,
    /// Then control characters are escaped.
    is_for_a_person: bool,
    /// The directory that was listed last.
    directory: String,
    /// A directory was offered, or an entry below one.
    has_directory: bool,
    /// The reader of the output has closed it, or it cannot be written.
    is_unread: bool,
    /// Entries that were refused for their names.
    rejected: u64,
}

impl Listing {
    /// Writes a line. Returns whether it was written.
    fn line(&mut self, path: &str, size: Option<u64>, is_directory: bool) -> bool {
        let size = match size {
            Some(size) if !is_directory => size.to_string(),
            _ => "-".to_owned(),
        };
        let end = if is_directory { "/" } else { "" };
        if self.is_for_a_person {
            output::text(&format!("{size:>14}  {}{end}\n", path.escape_debug()))
        } else {
            output::text(&format!("{size:>14}  {path}{end}\n"))
        }
    }

    /// Writes the line of an offer. Returns whether it was written.
    fn show(&mut self, offer: &Offer<'_>) -> bool {
        let is_directory = offer.kind == Kind::Directory;
        match offer.path.split_once('/') {
            _ if offer.kind == Kind::Tree => {
                self.is_whole = false;
                true
            }
            Some((first, _)) if !self.is_recursive && !self.is_whole => {
                // Not every server offers a directory by itself.
                if self.directory == first {
                    return true;
                }
                self.directory = first.to_owned();
                self.line(first, None, true)
            }
            None if is_directory && self.directory == offer.path => true,
            // Of a file by itself, the whole path.
            Some((_, name)) if self.is_whole => {
                let name = name.rsplit('/').next().unwrap_or_default();
                self.line(name, offer.size, is_directory)
            }
            _ => {
                if is_directory {
                    self.directory = offer.path.to_owned();
                }
                self.line(offer.path, offer.size, is_directory)
            }
        }
    }
}

impl Store for Listing {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.has_directory |= match offer.kind {
            Kind::Tree => false,
            Kind::Directory => true,
            Kind::File => offer.path.contains('/'),
        };
        if !self.is_unread && !self.show(offer) {
            self.is_unread = true;
        }
        Ok(Accepted { prefix: 0, in_order: true })
    }

    fn rejected(&mut self, path: &[u8], reason: Reason) {
        self.rejected += 1;
        let path = describe::bytes(path);
        print_error!("tinyferry: \"{path}\" is not listed: {reason}");
    }
}
