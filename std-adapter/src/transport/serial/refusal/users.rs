//! The processes that have a port open, as far as Linux shows them to this user.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// The most processes in one message.
const LISTED: usize = 3;

/// A process that uses a port. Its name is hostile: escape it before showing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    id: u32,
    name: String,
}

impl Process {
    fn new(id: u32) -> Option<Self> {
        let name = fs::read(format!("/proc/{id}/comm")).ok()?;
        Some(Self { id, name: String::from_utf8_lossy(&name).trim_end().to_owned() })
    }

    pub(super) fn is_this(&self) -> bool {
        self.id == std::process::id()
    }
}

/// The processes that use the port at `path`: those that have it open, or, if this user may not see them, those
/// that have locked it. This process is one of them only if it has the lock.
pub(super) fn holders(path: &str) -> Vec<Process> {
    match openers(path) {
        openers if openers.is_empty() => lockers(path),
        openers => openers,
    }
}

/// The other processes that have the port at `path` open. The program at the other side of a pseudo-terminal
/// may keep this side open too, and is none of them.
pub(super) fn openers(path: &str) -> Vec<Process> {
    let Ok(device) = fs::canonicalize(path) else { return Vec::new() };
    let is_pseudo = device.starts_with("/dev/pts");
    let numbers = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    numbers
        .filter(|id| *id != std::process::id())
        .filter(|id| {
            let links = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten();
            let (mut is_open, mut is_other_side) = (false, false);
            for file in links.filter_map(|link| fs::read_link(link.ok()?.path()).ok()) {
                is_open |= file == device;
                is_other_side |= is_pseudo && file.ends_with("ptmx");
            }
            is_open && !is_other_side
        })
        .filter_map(Process::new)
        .collect()
}

/// The processes that have a lock on the port at `path`. Each user may see them.
fn lockers(path: &str) -> Vec<Process> {
    let (Ok(found), Ok(locks)) = (fs::metadata(path), fs::read_to_string("/proc/locks")) else {
        return Vec::new();
    };
    lock_owners(&locks, found.dev(), found.ino()).into_iter().filter_map(Process::new).collect()
}

/// The owners of locks on a file, by the table of the system: `1: FLOCK ADVISORY WRITE 812 00:05:1234 0 EOF`.
fn lock_owners(locks: &str, device: u64, inode: u64) -> Vec<u32> {
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    let owner = |line: &str| {
        // A process that waits for the lock has an arrow before the kind.
        let fields: Vec<_> = line.split_whitespace().collect();
        match fields[..] {
            [_, kind, _, _, owner, of, ..] if kind != "->" && of == file => owner.parse().ok(),
            _ => None,
        }
    };
    locks.lines().filter_map(owner).collect()
}

/// Processes in words: `minicom (process 812)`.
pub(super) fn list(processes: &[Process]) -> String {
    let name =
        |process: &Process| format!("{} (process {})", process.name.escape_debug(), process.id);
    let mut text = processes.iter().take(LISTED).map(name).collect::<Vec<_>>().join(", ");
    let more = processes.len().saturating_sub(LISTED);
    if more > 0 {
        text.push_str(&format!(", and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_of_the_system_has_an_owner() {
        let locks = "1: POSIX  ADVISORY  READ 512 fd:01:1234 0 EOF\n\
                     2: FLOCK  ADVISORY  WRITE 812 00:05:1234 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 813 00:05:1234 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 814 00:05:12345 0 EOF\n\
                     4:\n";
        let device = rustix::fs::makedev(0, 5);
        assert_eq!(lock_owners(locks, device, 1234), [812]);
        assert_eq!(lock_owners(locks, device, 1), []);
        assert_eq!(lock_owners(locks, rustix::fs::makedev(0xfd, 1), 1234), [512]);
    }

    #[test]
    fn processes_are_named_in_words() {
        let process = |id, name: &str| Process { id, name: name.to_owned() };
        let all: Vec<_> =
            (1_000_000_001..=1_000_000_004).map(|id| process(id, "a\u{1b}b")).collect();
        assert_eq!(list(&all[..1]), "a\\u{1b}b (process 1000000001)");
        assert!(list(&all).ends_with("(process 1000000003), and 1 more"), "{}", list(&all));
    }

    #[test]
    fn the_locker_of_a_file_is_found() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path().to_str().expect("UTF-8");
        let own = |processes: Vec<Process>| processes.iter().any(Process::is_this);
        assert!(!own(holders(path)));
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).expect("a lock");
        assert!(own(holders(path)), "{}", fs::read_to_string("/proc/locks").expect("locks"));
    }
}
