//! The metadata of an offer (section 5 of the protocol).

use crate::Reason;

/// The path in the metadata of an offer of a file.
///
/// # Errors
/// That of R14 for a tag that must not be ignored, as of an operation, or that is cut short; that of R15
/// for a path without names, and for a directory.
pub(crate) fn file_path(metadata: &[u8]) -> Result<&[u8], Reason> {
    let end = metadata.iter().position(|byte| *byte == 0).unwrap_or(metadata.len());
    let (path, tags) = metadata.split_at_checked(end).unwrap_or_default();
    let mut tags = tags.get(1..).unwrap_or_default();
    while let [tag, rest @ ..] = tags {
        if *tag >= 0x80 {
            return Err(Reason::Unsupported);
        }
        let Some((length, values)) = rest.split_first() else { return Err(Reason::BadPath) };
        tags = values.get(usize::from(*length)..).ok_or(Reason::BadPath)?;
    }
    match path.last() {
        None | Some(b'/') => Err(Reason::BadPath),
        Some(_) => Ok(path),
    }
}
