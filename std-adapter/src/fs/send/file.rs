//! The file that is being sent: reads its content, and checks that it has not changed. Knows nothing of
//! paths.

use std::fs::File;

use cap_std::fs::Metadata;
use tinyferry_core::error::Reason;

use crate::fs::error::StoreError;
use crate::fs::send::followed::{Followed, Growth};
use crate::fs::source::SourceRoot;
use crate::fs::sys::buffer::{Buffer, CAPACITY, read_at};
use crate::fs::sys::holes::Holes;
use crate::fs::sys::metadata::FileMetadata;

/// The maximum size of a file whose size is not known, in bytes: some have no end.
const UNSIZED_MAX: u64 = 64 << 20;

#[derive(Debug)]
pub(crate) struct SendFile {
    file: File,
    /// The metadata at the time of the offer.
    attributes: FileMetadata,
    /// The offered size in bytes; `None` if the metadata does not tell it.
    pub(crate) size: Option<u64>,
    /// Its holes, if it has any.
    pub(crate) holes: Option<Holes>,
    /// The end of the content that was loaded or need not be sent.
    pub(crate) loaded: u64,
    /// The length of the prefix that the receiver has, in bytes.
    pub(crate) prefix: u64,
    /// Its name, if it is followed.
    followed: Option<Followed>,
}

/// Content that was loaded, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loaded {
    pub(crate) count: usize,
    /// Those that were loaded for the first time.
    pub(crate) fresh: u64,
    /// Whether the others are of the prefix that the receiver has.
    pub(crate) is_prefix: bool,
}

impl SendFile {
    /// A file that was just opened.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn new(file: File, attributes: FileMetadata) -> Result<Self, StoreError> {
        let size = size_of(&file, &attributes)?;
        let holes = size.and_then(|size| Holes::of(&file, size, attributes.allocated));
        Ok(Self { file, attributes, size, holes, loaded: 0, prefix: 0, followed: None })
    }

    /// A file at `origin` that was just opened, and that is followed.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn followed(
        file: File,
        attributes: FileMetadata,
        origin: &SourceRoot,
    ) -> Result<Self, StoreError> {
        let followed = Some(Followed::new(origin.clone(), &file)?);
        let (size, holes) = (None, None);
        Ok(Self { file, attributes, size, holes, loaded: 0, prefix: 0, followed })
    }

    /// Whether content behind the loaded one can be loaded, or the file ends.
    pub(crate) fn has_more(&mut self) -> bool {
        !matches!(self.growth(), Growth::None)
    }

    /// The state of a followed file behind the loaded content.
    fn growth(&mut self) -> Growth {
        match &mut self.followed {
            Some(followed) => followed.growth(&self.file, self.loaded),
            None => Growth::Content,
        }
    }

    /// The number of zeros at `position`, if there is a hole.
    pub(crate) fn hole(&mut self, position: u64) -> Option<u64> {
        self.holes.as_mut()?.at(&self.file, position)
    }

    /// All before `end` was loaded, or is in a hole. Returns the number of bytes that are new.
    pub(crate) fn passed(&mut self, end: u64) -> u64 {
        let fresh = end.saturating_sub(self.loaded);
        self.loaded = self.loaded.max(end);
        fresh
    }

    /// Reads at least one byte at `position`; 0 at the end.
    pub(crate) fn load(
        &mut self,
        buffer: &mut Buffer,
        position: u64,
        into: &mut [u8],
    ) -> Result<Loaded, StoreError> {
        if self.size.is_none() && self.followed.is_none() && position >= UNSIZED_MAX {
            let detail = "its size is not known, and it has more than 64 MiB";
            return Err(StoreError::new(Reason::TooLarge, detail));
        }
        let count = buffer.load(&self.file, position, into)?;
        if count == 0
            && let Growth::Ended(error) = self.growth()
        {
            return Err(error);
        }
        if count == 0 && self.size.is_some_and(|size| position < size) {
            return Err(self.ended_early());
        }
        let fresh = self.passed(position.saturating_add(count as u64));
        Ok(Loaded { count, fresh, is_prefix: position < self.prefix })
    }

    /// Checks whether it has changed since the offer, after all of it was read.
    pub(crate) fn check(&mut self) -> Result<(), StoreError> {
        if self.followed.is_some() {
            // It does not end by itself.
            return Err(match self.growth() {
                Growth::Ended(error) => error,
                _ => StoreError::new(Reason::SourceChanged, "it was truncated"),
            });
        }
        let now = FileMetadata::of(&Metadata::from_file(&self.file)?);
        let changed = |detail: &str| Err(StoreError::new(Reason::SourceChanged, detail));
        if now.size > self.attributes.size {
            return changed("it became longer");
        }
        if now.size < self.attributes.size {
            return changed("it became shorter");
        }
        if now.modified != self.attributes.modified {
            return changed("its time of modification is another now");
        }
        self.check_content()
    }

    /// Checks that its content ends at its size. The size of a file with blocks is true.
    fn check_content(&self) -> Result<(), StoreError> {
        match self.size {
            Some(size)
                if size > 0
                    && !self.attributes.has_blocks
                    && read_at(&self.file, &mut [0], size)? > 0 =>
            {
                let detail = "it has more bytes than its size says";
                Err(StoreError::new(Reason::SourceChanged, detail))
            }
            _ => Ok(()),
        }
    }

    fn ended_early(&self) -> StoreError {
        let now = Metadata::from_file(&self.file).map(|now| now.len());
        let detail = match now {
            Ok(now) if now < self.attributes.size => "it became shorter",
            _ => "it has fewer bytes than its size says",
        };
        StoreError::new(Reason::SourceChanged, detail)
    }
}

/// The size of a file; `None` if the system generates its content on reading, so that the size in its
/// metadata is meaningless.
fn size_of(file: &File, attributes: &FileMetadata) -> Result<Option<u64>, StoreError> {
    let size = attributes.size;
    let is_true = match usize::try_from(size) {
        Ok(0) => read_at(file, &mut [0], 0)? == 0,
        // A file without blocks is generated, or one hole: a hole is read once more than needed.
        Ok(length) if length <= CAPACITY && !attributes.has_blocks => {
            let mut content = vec![0; length];
            read_at(file, &mut content, 0)? == length
        }
        _ => true,
    };
    Ok(is_true.then_some(size))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn open(file: &File) -> SendFile {
        let attributes = FileMetadata::of(&Metadata::from_file(file).unwrap());
        SendFile::new(file.try_clone().unwrap(), attributes).unwrap()
    }

    fn content(size: u64) -> File {
        let file = tempfile::tempfile().unwrap();
        file.set_len(size).unwrap();
        file
    }

    fn read_all(outgoing: &mut SendFile) -> Result<u64, StoreError> {
        let (mut buffer, mut position) = (Buffer::default(), 0);
        loop {
            match outgoing.load(&mut buffer, position, &mut [0; 1024])? {
                Loaded { count: 0, .. } => return outgoing.check().map(|()| position),
                Loaded { count, .. } => position += count as u64,
            }
        }
    }

    #[test]
    fn a_hole_is_sent_with_its_full_size() {
        for size in [0, 1, 5000, 200_000] {
            let mut outgoing = open(&content(size));
            assert_eq!(outgoing.size, Some(size));
            assert_eq!(read_all(&mut outgoing).unwrap(), size);
        }
    }

    #[test]
    fn a_file_that_changes_fails_with_the_kind_of_change() {
        type Change = fn(&File);
        let changes: [(Change, &str); 3] = [
            (|file| file.set_len(6000).unwrap(), "it became longer"),
            (|file| file.set_len(4000).unwrap(), "it became shorter"),
            (
                |file| file.set_modified(std::time::UNIX_EPOCH).unwrap(),
                "its time of modification is another now",
            ),
        ];
        for (change, words) in changes {
            let file = content(5000);
            let mut outgoing = open(&file);
            change(&file);
            let error = read_all(&mut outgoing).unwrap_err();
            assert_eq!((error.reason, error.detail.as_str()), (Reason::SourceChanged, words));
        }
    }

    #[test]
    fn a_wrong_size_in_the_metadata_is_an_error() {
        // More than it says, and less; as some file systems do.
        for (size, words) in [
            (4000, "it has more bytes than its size says"),
            (6000, "it has fewer bytes than its size says"),
        ] {
            let mut outgoing = open(&content(5000));
            outgoing.size = Some(size);
            let (mut buffer, mut position) = (Buffer::default(), 0);
            let error = loop {
                let left = (size - position).min(1024) as usize;
                match outgoing.load(&mut buffer, position, &mut vec![0; left]) {
                    Ok(Loaded { count: 0, .. }) => break outgoing.check_content().unwrap_err(),
                    Ok(Loaded { count, .. }) => position += count as u64,
                    Err(error) => break error,
                }
                if position == size {
                    break outgoing.check_content().unwrap_err();
                }
            };
            assert_eq!((error.reason, error.detail.as_str()), (Reason::SourceChanged, words));
        }
    }

    #[test]
    fn a_file_without_a_size_is_bounded() {
        let mut outgoing = open(&content(UNSIZED_MAX + 5000));
        outgoing.size = None;
        assert_eq!(read_all(&mut outgoing).unwrap_err().reason, Reason::TooLarge);
        let mut outgoing = open(&content(5000));
        outgoing.size = None;
        assert_eq!(read_all(&mut outgoing).unwrap(), 5000);
    }
}
