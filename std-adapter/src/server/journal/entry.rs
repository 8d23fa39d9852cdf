//! One entry of the journal.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const FILE: &str = "TINYFERRY_FILE";
/// The last record: an entry without it was not written as a whole.
const SIZE: &str = "TINYFERRY_SIZE";

/// The facts of a received file.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// Its path below the served directory.
    pub(super) path: &'a str,
    /// The client, as in the log.
    pub(super) client: &'a str,
    /// The name of the client's key.
    pub(super) key: Option<&'a str>,
    /// In bytes.
    pub(super) size: u64,
}

impl Entry<'_> {
    /// Writes it as a new file.
    pub(super) fn write(&self, to: &Path, served: &Path) -> io::Result<()> {
        let file = served.join(self.path);
        let size = self.size.to_string();
        let records: [(&str, Option<&[u8]>); 5] = [
            ("TINYFERRY_PATH", Some(self.path.as_bytes())),
            (FILE, Some(file.as_os_str().as_bytes())),
            ("TINYFERRY_CLIENT", Some(self.client.as_bytes())),
            ("TINYFERRY_KEY", self.key.map(str::as_bytes)),
            (SIZE, Some(size.as_bytes())),
        ];
        let mut text = Vec::new();
        for (name, value) in records {
            if let Some(value) = value {
                // Neither a path nor a name has a NUL; nothing of a record leaves it.
                let value = value.iter().copied().filter(|byte| *byte != 0);
                text.extend(name.bytes().chain([b'=']).chain(value).chain([0]));
            }
        }
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?.write_all(&text)
    }

    /// Whether the file of the entry at `path` was put in place after the entry was written.
    pub(super) fn is_in_place(path: &Path) -> io::Result<bool> {
        let text = fs::read(path)?;
        let Some(text) = text.strip_suffix(&[0]) else { return Ok(false) };
        let records = text.split(|byte| *byte == 0);
        let value = |name: &str| {
            records.clone().find_map(|record| {
                record.strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec)
            })
        };
        let (Some(file), Some(size)) = (value(FILE), value(SIZE)) else { return Ok(false) };
        let size = OsStr::from_bytes(&size).to_str().and_then(|size| size.parse::<u64>().ok());
        let written = fs::metadata(path)?;
        let file = PathBuf::from(std::ffi::OsString::from_vec(file));
        Ok(match fs::symlink_metadata(file) {
            Ok(found) => {
                let is_later =
                    (found.ctime(), found.ctime_nsec()) >= (written.mtime(), written.mtime_nsec());
                found.is_file() && Some(found.len()) == size && is_later
            }
            Err(_) => false,
        })
    }
}
