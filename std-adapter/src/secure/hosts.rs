//! Known servers: which public key each has shown.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use tinyferry_secure::PublicKey;

use super::keys::NoKeys;
use super::{Problem, hex, unhex};
use crate::words::of_system;

/// A file with `HOST PUBLIC_KEY` on each line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHosts {
    /// Where it is; it need not be there yet.
    pub file: PathBuf,
    /// Whether a server that is not in it is taken for what it says, once, and remembered.
    pub accept_new: bool,
}

impl KnownHosts {
    /// `known_hosts` in the user's directory of settings for Tinyferry.
    pub fn usual_file() -> Option<PathBuf> {
        let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let settings = from("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| from("HOME").map(|home| PathBuf::from(home).join(".config")))
            .or_else(|| from("APPDATA").map(PathBuf::from))?;
        Some(settings.join("tinyferry").join("known_hosts"))
    }

    fn fault(&self, what: impl std::fmt::Display) -> Problem {
        let file = self.file.display().to_string();
        Problem::Keys(NoKeys(format!("the known servers in \"{}\" {what}", file.escape_debug())))
    }

    /// Whether `host` may show `key`.
    ///
    /// # Errors
    /// It has shown another one before, it is not known, or the file makes no sense.
    pub fn check(&self, host: &str, key: &PublicKey) -> Result<(), Problem> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(self.fault(format!("cannot be read: {}", of_system(&error)))),
        };
        let mut is_known = false;
        for (number, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let known =
                line.split_once(' ').and_then(|(name, key)| Some((name, unhex(key.trim())?)));
            let Some((name, known)) = known else {
                return Err(self.fault(format!("make no sense in line {}", number + 1)));
            };
            if name == host {
                if known == key.0 {
                    return Ok(());
                }
                is_known = true;
            }
        }
        let host = host.to_owned();
        match (is_known, self.accept_new) {
            (true, _) => Err(Problem::Changed { host, file: self.file.display().to_string() }),
            (false, false) => Err(Problem::Unknown { host, shown: *key }),
            (false, true) => self.remember(&host, key, text.is_empty() || text.ends_with('\n')),
        }
    }

    fn remember(&self, host: &str, key: &PublicKey, is_whole: bool) -> Result<(), Problem> {
        let line = format!("{}{host} {}\n", if is_whole { "" } else { "\n" }, hex(&key.0));
        let directory = self.file.parent().map_or(Ok(()), fs::create_dir_all);
        directory
            .and_then(|()| OpenOptions::new().append(true).create(true).open(&self.file))
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(|error| self.fault(format!("cannot be written: {}", of_system(&error))))
    }
}
