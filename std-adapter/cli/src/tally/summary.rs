//! The summary of a transfer.

use std::time::Duration;

use tinyferry::describe::count;

use super::Tally;
use crate::exit::Exit;
use crate::human;
use crate::json::Totals;

impl Tally {
    /// The numbers for a program.
    pub(crate) fn totals(&self) -> Totals {
        Totals {
            sent: self.files - self.same + self.settled.files,
            resumed: self.resumed,
            unchanged: (!self.leaves_out).then(|| self.same + self.left_out()),
            directories: self.directories + self.settled.directories,
            linked: self.links + self.settled.links,
            removed: 0,
            failed: self.failed_entries(),
            vanished: self.vanished,
            bytes: self.bytes + self.settled.bytes,
            bytes_resumed: self.bytes_resumed,
        }
    }

    /// The summary, as a clause: "20 files, 4.00 MiB in 0.10 s (40.00 MiB/s)".
    pub(crate) fn summary(&self, took: Duration) -> String {
        let resumed = match self.bytes_resumed {
            0 => String::new(),
            bytes => format!(" ({} were there already)", human::bytes(bytes)),
        };
        let links = match self.links + self.settled.links {
            0 => String::new(),
            links => format!(", {}", count(links, "link", "links")),
        };
        let bytes = self.bytes + self.settled.bytes;
        let zeros = self.holes.min(bytes);
        let holes = match zeros {
            0 => String::new(),
            zeros => format!(" ({} of it in holes)", human::bytes(zeros)),
        };
        // Holes are not transferred.
        let rate = match bytes - zeros {
            0 => String::new(),
            moved => {
                let rate = moved as f64 / took.as_secs_f64().max(1e-9);
                format!(" ({}/s)", human::bytes(rate as u64))
            }
        };
        format!(
            "{}{}{}{links}, {}{holes}{resumed} in {}{rate}",
            count(self.files + self.settled.files, "file", "files"),
            self.unsent(),
            self.unchanged_clause(),
            human::bytes(bytes),
            human::duration(took),
        )
    }

    /// The number of files without content to transfer, as a clause in parentheses.
    fn unsent(&self) -> String {
        let were = |number, result| {
            (number > 0).then(|| format!("{} {result}", count(number, "was", "were")))
        };
        let clauses = [were(self.same, "the same"), were(self.empty, "empty")];
        let clauses: Vec<_> = clauses.into_iter().flatten().collect();
        if clauses.is_empty() { String::new() } else { format!(" ({})", clauses.join(", ")) }
    }

    /// The number of files that were not offered, as a clause.
    fn unchanged_clause(&self) -> String {
        // An earlier attempt may have received the files that this one left out.
        let is_new = self.earlier == 0;
        let is_all = self.leaves_out && is_new && self.is_empty() && self.exit(false) == Exit::Done;
        match self.left_out() {
            0 if is_all => ", all unchanged".to_owned(),
            0 => String::new(),
            files => format!(", {files} unchanged"),
        }
    }

    /// The files that were not offered, without those that the receiver has from this task.
    fn left_out(&self) -> u64 {
        let settled = self.settled.files + self.settled.links;
        self.unchanged.files.saturating_sub(settled)
    }
}
