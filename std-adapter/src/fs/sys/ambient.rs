//! Opens directories by their paths on this system.

use std::io::{self, ErrorKind};
use std::path::{Component, Path, Prefix};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

/// Opens a directory that files are stored in or served from, through links if the path has some.
///
/// # Errors
/// Those of the system; [`ErrorKind::Unsupported`] for a network share of Windows, where cap-std creates and renames
/// nothing: <https://github.com/bytecodealliance/cap-std/issues/348>.
pub(crate) fn open_dir(path: &Path) -> io::Result<Dir> {
    let dir = Dir::open_ambient_dir(path, ambient_authority())?;
    if cfg!(windows) && std::fs::canonicalize(path).is_ok_and(|path| is_on_share(&path)) {
        let sentence = "it is on a network share, where this program cannot store files";
        return Err(io::Error::new(ErrorKind::Unsupported, sentence));
    }
    Ok(dir)
}

/// Whether a canonical path is that of a network share. Other systems than Windows have no prefixes.
fn is_on_share(path: &Path) -> bool {
    let Some(Component::Prefix(prefix)) = path.components().next() else { return false };
    matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_share_is_known_by_its_prefix() {
        for path in [r"\\server\share\d", r"\\?\UNC\server\share\d"] {
            assert_eq!(is_on_share(Path::new(path)), cfg!(windows), "{path}");
        }
        for path in [r"\\?\C:\d", r"C:\d", "/d", "d"] {
            assert!(!is_on_share(Path::new(path)), "{path}");
        }
    }
}
