//! New keys, each in a file of its own. Only its owner may read a secret one.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tinyferry_secure::{PrivateKey, PublicKey};
use zeroize::Zeroizing;

use super::keys::KeyFileError;
use super::{hex, random_key};
use crate::describe;

/// The permission bits of a file with a secret key.
const SECRET: u32 = 0o600;
/// The permission bits of a file with a public key.
const PUBLIC: u32 = 0o644;

/// Makes a new file with these permission bits. Its name appears when its content is durable, and replaces
/// nothing; after an error nothing is left.
fn create(path: &Path, text: &str, mode: u32) -> Result<(), KeyFileError> {
    let created = unused_name(path).and_then(|beside| {
        let written = write(&beside, text, mode).and_then(|()| give_name(&beside, path));
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written
    });
    created.map_err(|error| {
        let path = describe::path(path);
        KeyFileError(match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("\"{path}\" is there already and is not replaced; choose another name")
            }
            _ => format!("cannot write the key file \"{path}\": {}", describe::os_error(&error)),
        })
    })
}

/// A name beside `path` that nothing has.
fn unused_name(path: &Path) -> io::Result<PathBuf> {
    if path.symlink_metadata().is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    let random = getrandom::u64().map_err(io::Error::other)?;
    let mut name = OsString::from(".");
    name.push(path.file_name().ok_or(ErrorKind::IsADirectory)?);
    name.push(format!(".{random:016x}"));
    Ok(path.with_file_name(name))
}

#[cfg_attr(not(unix), expect(unused_variables))]
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Renames a file to a name that nothing may have.
fn give_name(from: &Path, to: &Path) -> io::Result<()> {
    match rename_without_replacing(from, to) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)?;
        }
        result => result?,
    }
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    // Not every system opens directories, and not every file system synchronises them.
    if let Ok(directory) = File::open(parent.unwrap_or(Path::new("."))) {
        let _ = directory.sync_all();
    }
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_without_replacing(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

fn fresh() -> Result<PrivateKey, KeyFileError> {
    random_key().map_err(|error| {
        KeyFileError(format!("cannot generate a key: {}", describe::os_error(&error)))
    })
}

/// Makes a file with a new shared key.
///
/// # Errors
/// It is there already, or cannot be written.
pub fn generate_shared(path: &Path) -> Result<(), KeyFileError> {
    let key = fresh()?;
    let digits = Zeroizing::new(hex(key.expose()));
    create(path, &Zeroizing::new(format!("shared {}\n", *digits)), SECRET)
}

/// Makes a file with a new private key, and one beside it, called `.pub`, with its public half,
/// as a line for the other end. Returns that file's name and the public key.
///
/// # Errors
/// One of them is there already, or cannot be written.
pub fn generate_pair(path: &Path) -> Result<(PathBuf, PublicKey), KeyFileError> {
    let key = fresh()?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".pub");
    let beside = PathBuf::from(beside);
    let digits = Zeroizing::new(hex(key.expose()));
    create(&beside, &format!("public {}\n", hex(&key.public().0)), PUBLIC)?;
    let private = create(path, &Zeroizing::new(format!("private {}\n", *digits)), SECRET);
    if private.is_err() {
        // Half a pair is of no use.
        let _ = fs::remove_file(&beside);
    }
    private.map(|()| (beside, key.public()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keygen_replaces_no_file_and_leaves_no_temporary_file() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("key");
        generate_shared(&path).unwrap();
        let key = fs::read(&path).unwrap();
        for result in [generate_shared(&path), generate_pair(&path).map(drop)] {
            let told = result.unwrap_err().to_string();
            assert!(told.contains("key\" is there already"), "{told}");
        }
        assert!(generate_shared(&place.path().join("no such directory/key")).is_err());
        assert!(generate_shared(place.path()).is_err());
        assert_eq!(fs::read(&path).unwrap(), key);
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn keygen_keeps_a_file_that_was_created_meanwhile() {
        let place = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| place.path().join(name));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        assert_eq!(give_name(&from, &to).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&to).unwrap(), b"old");
        fs::remove_file(&to).unwrap();
        give_name(&from, &to).unwrap();
        assert!(!from.exists() && fs::read(&to).unwrap() == b"new");
    }
}
