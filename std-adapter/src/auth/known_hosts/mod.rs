//! Known servers: which public key each has shown.

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;

use tinyferry_secure::PublicKey;
use tracing::warn;

use super::{AuthError, hex, unhex};
use crate::auth::keys::KeyFileError;
use crate::{describe, settings_directory};

/// A file of known servers is not larger than this, in bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// A file with `HOST PUBLIC_KEY` on each line. A host with spaces, quotes or control characters
/// is in double quotes, in which `\` escapes `"` and `\`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownHosts {
    /// Its path; it need not exist yet.
    pub(crate) file: PathBuf,
    /// Whether the key of a server that is not in it is accepted and added.
    pub(crate) accept_new: bool,
}

/// The status of a host in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HostStatus {
    Unknown,
    /// It has this key.
    Known,
    /// It has other keys.
    Changed,
}

impl KnownHosts {
    /// `known_hosts` in the [`settings_directory`].
    pub(crate) fn usual_file() -> Option<PathBuf> {
        settings_directory().map(|directory| directory.join("known_hosts"))
    }

    fn fault(&self, what: impl std::fmt::Display) -> AuthError {
        let file = describe::path(&self.file);
        AuthError::Keys(KeyFileError(format!("the file of known servers \"{file}\" {what}")))
    }

    fn unreadable(&self, error: &io::Error) -> AuthError {
        self.fault(format!("cannot be read: {}", describe::os_error(error)))
    }

    /// Checks that `key` is the key of `host`. An invalid line is reported and skipped.
    ///
    /// # Errors
    /// It has shown another one before, it is not known, its own line is invalid, or the file
    /// cannot be read or written.
    pub(crate) fn check(&self, host: &str, key: &PublicKey) -> Result<(), AuthError> {
        let status = match self.file.metadata() {
            // Another kind of file is not opened: a FIFO would wait for its writer.
            Ok(metadata) if !metadata.is_file() => return Err(self.fault("is not a regular file")),
            Ok(_) => {
                let mut file = File::open(&self.file).map_err(|error| self.unreadable(&error))?;
                self.status(&self.read(&mut file)?, host, key)?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => HostStatus::Unknown,
            Err(error) => return Err(self.unreadable(&error)),
        };
        match status {
            HostStatus::Known => Ok(()),
            HostStatus::Changed => Err(self.changed(host)),
            HostStatus::Unknown if self.accept_new => self.remember(host, key),
            HostStatus::Unknown => Err(AuthError::Unknown { host: host.to_owned(), shown: *key }),
        }
    }

    fn changed(&self, host: &str) -> AuthError {
        AuthError::Changed { host: host.to_owned(), file: self.file.display().to_string() }
    }

    fn read(&self, file: &mut File) -> Result<Vec<u8>, AuthError> {
        let mut bytes = Vec::new();
        let read = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| self.unreadable(&error))?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(self.fault("is too large"));
        }
        Ok(bytes)
    }

    fn status(&self, bytes: &[u8], host: &str, key: &PublicKey) -> Result<HostStatus, AuthError> {
        let mut status = HostStatus::Unknown;
        for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let line = String::from_utf8_lossy(line);
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match parse(line) {
                Some((name, known)) if name == host && known == key.0 => {
                    return Ok(HostStatus::Known);
                }
                Some((name, _)) if name == host => status = HostStatus::Changed,
                Some(_) => {}
                None if names(line, host) => {
                    let what = format!(
                        "is invalid in line {number}, which names this server; correct or remove the line"
                    );
                    return Err(self.fault(what));
                }
                None => {
                    let file = describe::path(&self.file);
                    warn!("\"{file}\": line {number} is invalid and is skipped");
                }
            }
        }
        Ok(status)
    }

    /// Appends a line, unless another process has done so meanwhile.
    fn remember(&self, host: &str, key: &PublicKey) -> Result<(), AuthError> {
        let unwritable = |error: io::Error| {
            self.fault(format!("cannot be written: {}", describe::os_error(&error)))
        };
        self.file.parent().map_or(Ok(()), fs::create_dir_all).map_err(unwritable)?;
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).append(true).create(true).open(&self.file).map_err(unwritable)?;
        // Where a file cannot be locked, one append is still one line.
        let _ = file.lock();
        let bytes = self.read(&mut file)?;
        match self.status(&bytes, host, key)? {
            HostStatus::Known => return Ok(()),
            HostStatus::Changed => return Err(self.changed(host)),
            HostStatus::Unknown => {}
        }
        let end = if bytes.last().is_none_or(|last| *last == b'\n') { "" } else { "\n" };
        let line = format!("{end}{} {}\n", quoted(host), hex(&key.0));
        let written = file.write_all(line.as_bytes()).and_then(|()| file.sync_data());
        written.map_err(|error| {
            // Half a line would spoil the next one.
            let _ = file.set_len(bytes.len() as u64);
            unwritable(error)
        })
    }
}

/// A line's host and key.
fn parse(line: &str) -> Option<(String, [u8; 32])> {
    let (host, key) = line.rsplit_once(char::is_whitespace)?;
    let host = host.trim_end();
    let host = match host.strip_prefix('"') {
        Some(rest) => unquoted(rest).filter(|(_, after)| after.is_empty())?.0,
        None => host.to_owned(),
    };
    Some((host, unhex(key)?))
}

/// Whether an invalid line begins with `host`.
fn names(line: &str, host: &str) -> bool {
    match line.strip_prefix('"') {
        Some(rest) => unquoted(rest).is_some_and(|(name, _)| name == host),
        None => line
            .strip_prefix(host)
            .is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace)),
    }
}

/// A host in the format of the file.
fn quoted(host: &str) -> String {
    let is_plain = !host.is_empty()
        && !host.starts_with('#')
        && !host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"');
    if is_plain {
        return host.to_owned();
    }
    let mut text = String::from("\"");
    for character in host.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            c if c.is_control() || (c.is_whitespace() && c != ' ') => {
                text.extend(c.escape_unicode());
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// The text up to the closing quote, and the rest.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut host = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((host, characters.as_str())),
            '\\' => match characters.next()? {
                'u' => {
                    let rest = characters.as_str().strip_prefix('{')?;
                    let (digits, rest) = rest.split_once('}')?;
                    host.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
                    characters = rest.chars();
                }
                character => host.push(character),
            },
            character => host.push(character),
        }
    }
}
