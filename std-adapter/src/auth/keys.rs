//! Key files: one key a line. Keys are wiped from memory, and never quoted.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use tinyferry_secure::{Identity, KeyId, PrivateKey, PublicKey, SharedKey};
use zeroize::Zeroizing;

use super::{hex, unhex};
use crate::describe;
use crate::fs::Rights;

/// The maximum size of a key file, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A file with keys: `KIND HEX [name=NAME] [rights=read,write,remove,close] [quota=BYTES] [dir=PATH]` on each line.
///
/// `shared` is a key that both ends know, `private` this end's own half of a key pair, `public` the
/// public key of an accepted client. Only a server uses the settings after the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyFile(PathBuf);

/// The content of a key file.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    shared: Vec<(SharedKey, KeyEntry)>,
    private: Option<PrivateKey>,
    public: Vec<(PublicKey, KeyEntry)>,
}

/// The settings of a key: the name and the rights of its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyEntry {
    /// The number of its line in the key file.
    pub(crate) line: usize,
    /// The name of the owner in the log.
    pub(crate) name: String,
    /// Digits that identify the owner, and reveal nothing about the key.
    pub(crate) id: String,
    /// The directory that is served, below the server's root; empty: the root itself.
    pub(crate) directory: String,
    /// The rights there.
    pub(crate) rights: Rights,
    /// Whether the owner may close the server.
    pub(crate) may_close: bool,
    /// How many bytes the files of its directory may take.
    pub(crate) quota: Option<u64>,
}

/// The reason why a key file cannot be used: a sentence that quotes no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFileError(pub(crate) String);

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeyFileError {}

impl KeyFile {
    /// The file at `path`; it is read anew each time.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// An error of this file: its name, and the rest of the sentence.
    pub(crate) fn fault(&self, predicate: impl fmt::Display) -> KeyFileError {
        KeyFileError(format!("the key file \"{}\" {predicate}", describe::path(&self.0)))
    }

    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read, other users can read a secret key in it, or a line is invalid.
    pub(crate) fn read(&self) -> Result<Keys, KeyFileError> {
        let (text, is_open_to_others) = self.text()?;
        let keys = self.parse(&text);
        let is_public = keys.as_ref().is_ok_and(|keys| !keys.has_secret());
        if is_open_to_others && !is_public {
            return Err(self.fault("can be read by other users; run chmod 600 on it"));
        }
        keys
    }

    fn parse(&self, text: &str) -> Result<Keys, KeyFileError> {
        let mut keys = Keys::default();
        for (number, line) in text.lines().enumerate() {
            keys.take(number + 1, line.trim()).map_err(|why| {
                self.fault(format_args!("is wrong in line {}: {why}", number + 1))
            })?;
        }
        Ok(keys)
    }

    /// The key of a client: the first shared key, or else the private one.
    ///
    /// # Errors
    /// As [`KeyFile::read`], or there is no such key.
    pub(crate) fn identity(&self) -> Result<Identity, KeyFileError> {
        let mut keys = self.read()?;
        match (keys.shared.is_empty(), keys.private) {
            (false, _) => Ok(Identity::Shared(keys.shared.swap_remove(0).0)),
            (true, Some(private)) => Ok(Identity::Pair(private)),
            (true, None) if keys.public.is_empty() => {
                Err(self.fault("contains no shared key and no private key"))
            }
            (true, None) => Err(match self.private_path() {
                Some(path) => self.fault(format_args!(
                    "is that of a public key; a client needs that of its private key, \"{path}\""
                )),
                None => self.fault(
                    "contains public keys only; a client needs its private key or a shared key",
                ),
            }),
        }
    }

    /// The path of the private key, if this file has the name of its public key; escaped.
    pub(crate) fn private_path(&self) -> Option<String> {
        let is_public = self.0.extension().is_some_and(|extension| extension == "pub");
        is_public.then(|| describe::path(&self.0.with_extension("")))
    }

    /// The content, and whether other users can read it.
    fn text(&self) -> Result<(Zeroizing<String>, bool), KeyFileError> {
        let unreadable = |error: io::Error| {
            self.fault(format!("cannot be read: {}", describe::os_error(&error)))
        };
        // Another kind of file is not opened: a FIFO would wait for its writer.
        if !self.0.metadata().map_err(unreadable)?.is_file() {
            return Err(self.fault("is not a regular file of at most 1 MiB"));
        }
        let file = File::open(&self.0).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
            return Err(self.fault("is not a regular file of at most 1 MiB"));
        }
        #[cfg(unix)]
        let is_open_to_others =
            std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0;
        #[cfg(not(unix))]
        let is_open_to_others = false;
        // The full size at once: a string that grows leaves copies in memory.
        let mut text = Zeroizing::new(String::with_capacity(metadata.len() as usize + 1));
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(unreadable)?;
        Ok((text, is_open_to_others))
    }
}

impl Keys {
    /// Parses one line; the error quotes only names of settings.
    fn take(&mut self, number: usize, line: &str) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (key, rest) = rest.trim_start().split_once(' ').unwrap_or((rest.trim(), ""));
        let bytes = Zeroizing::new(unhex(key).ok_or("a key is 64 hexadecimal digits")?);
        let entry = |id: &[u8]| KeyEntry::parse(number, hex(id), rest.trim_start());
        match kind {
            "shared" => {
                let key = SharedKey::new(&bytes);
                let entry = entry(&key.id().0)?;
                self.shared.push((key, entry));
            }
            "public" => {
                let entry = entry(bytes.get(..16).unwrap_or_default())?;
                self.public.push((PublicKey(*bytes), entry));
            }
            "private" if self.private.is_none() => self.private = Some(PrivateKey::new(&bytes)),
            "private" => return Err("the file already has a private key".into()),
            _ => return Err("a line begins with shared, private or public".into()),
        }
        Ok(())
    }

    /// The shared key of that name.
    pub(crate) fn shared(&self, id: KeyId) -> Option<(&SharedKey, &KeyEntry)> {
        self.shared.iter().find(|(key, _)| key.id() == id).map(|(key, entry)| (key, entry))
    }

    /// The entry of the owner of `key`.
    pub(crate) fn public(&self, key: &PublicKey) -> Option<&KeyEntry> {
        self.public.iter().find(|(known, _)| known == key).map(|(_, entry)| entry)
    }

    /// Whether it has a key that other users must not read.
    fn has_secret(&self) -> bool {
        !self.shared.is_empty() || self.private.is_some()
    }

    /// This end's own private key.
    pub(crate) fn private(&self) -> Option<&PrivateKey> {
        self.private.as_ref()
    }

    /// Whether a client can prove one of the keys: a public one needs this end's own key pair.
    pub(crate) fn can_authenticate(&self) -> bool {
        !self.shared.is_empty() || (self.private.is_some() && !self.public.is_empty())
    }

    /// The entries of all keys that authenticate a client.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &KeyEntry> {
        self.shared.iter().map(|(_, entry)| entry).chain(self.public.iter().map(|(_, entry)| entry))
    }
}

impl KeyEntry {
    fn parse(line: usize, id: String, mut rest: &str) -> Result<Self, String> {
        let mut entry = Self {
            line,
            id,
            name: "a key without a name".to_owned(),
            directory: String::new(),
            rights: Rights { read: true, write: true, remove: false },
            may_close: false,
            quota: None,
        };
        while !rest.is_empty() {
            let (setting, value) = rest.split_once('=').unwrap_or((rest, ""));
            // A directory goes to the end of the line: it may have spaces.
            let (value, after) = match setting {
                "dir" => (value, ""),
                _ => value.split_once(' ').unwrap_or((value, "")),
            };
            match setting {
                "name" if !value.is_empty() => entry.name = value.to_owned(),
                "rights" => {
                    let rights: Vec<_> = value.split(',').collect();
                    if rights
                        .iter()
                        .any(|right| !["read", "write", "remove", "close"].contains(right))
                    {
                        return Err(
                            "rights= is a list of read, write, remove and close, separated by commas"
                                .into(),
                        );
                    }
                    let has = |right| rights.contains(&right);
                    entry.rights =
                        Rights { read: has("read"), write: has("write"), remove: has("remove") };
                    entry.may_close = has("close");
                }
                "quota" => {
                    let bytes = bytes(value).ok_or("quota= is a size, as 500M or 10GiB")?;
                    entry.quota = Some(bytes);
                }
                "dir" if tinyferry_core::path::is_sound(value.trim_end_matches('/')) => {
                    entry.directory = value.trim_end_matches('/').to_owned();
                }
                "dir" => return Err("dir= must be a path below the served directory".into()),
                _ => {
                    return Err(
                        "after the key, only name=, rights=, quota= and dir= are allowed, dir= last"
                            .into(),
                    );
                }
            }
            rest = after.trim_start();
        }
        Ok(entry)
    }
}

/// A number of bytes: `4096`, `500M`, `10GiB`. A unit is a power of 1024.
fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit = unit.to_ascii_lowercase();
    let power = match unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit) {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << power)
}
