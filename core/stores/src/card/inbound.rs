//! A file that comes in: under its partial name, and then in its place.

use super::*;

impl<D: BlockDevice> Card<D> {
    pub(super) fn accept(&mut self, offer: &Offer<'_>, path: Path) -> Result<u32, Reason> {
        let (above, name) = split(&path);
        let name = short(name)?;
        let size = offer.size.map(u32::try_from).transpose().map_err(|_| Reason::TooLarge)?;
        let modified = offer.modified;
        let (manager, volume) = self.volume()?;
        let stamp = modified.and_then(to_fat);
        let (file, prefix, is_same) = within(manager, volume, (above, true), |directory| {
            match manager.find_directory_entry(directory, name) {
                Ok(entry) if entry.attributes.is_directory() => return Err(Reason::IsDirectory),
                Ok(entry) if entry.attributes.is_read_only() => return Err(Reason::NoPermission),
                Ok(entry)
                    if stamp
                        .is_some_and(|stamp| Stamp(entry.mtime.serialize_to_fat()) == stamp)
                        && Some(entry.size) == size
                        && entry.size > 0
                        && offer.resume >= entry.size.into() =>
                {
                    let file = manager.open_file_in_dir(directory, name, Mode::ReadOnly);
                    return Ok((file.map_err(reason)?, entry.size, true));
                }
                Ok(_) | Err(Error::NotFound) => {}
                Err(error) => return Err(reason(error)),
            }
            let there = manager.find_directory_entry(directory, PARTIAL).map_or(0, |it| it.size);
            let prefix = match size {
                Some(size) if there <= size => certain_prefix(there, offer.resume, ROUNDING),
                _ => 0,
            };
            let mode = match prefix {
                0 => Mode::ReadWriteCreateOrTruncate,
                _ => Mode::ReadWriteAppend,
            };
            let file = manager.open_file_in_dir(directory, PARTIAL, mode).map_err(reason)?;
            Ok((file, prefix, false))
        })?;
        let end = manager.file_length(file).unwrap_or(0);
        self.open = match is_same {
            true => Open::Reading(file),
            false => Open::Inbound { path, file, modified, end, unflushed: 0 },
        };
        Ok(prefix)
    }

    pub(super) fn write(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason> {
        let length = u32::try_from(bytes.len()).map_err(|_| Reason::TooLarge)?;
        let to = position.checked_add(length).ok_or(Reason::TooLarge)?;
        let Mount::Volume(manager, _) = &self.mount else { return Err(Reason::Storage) };
        let Open::Inbound { file, end, unflushed, .. } = &mut self.open else {
            return Err(Reason::Storage);
        };
        // The bytes before it come later; FAT has no holes.
        while *end < position {
            manager.file_seek_from_start(*file, *end).map_err(reason)?;
            let gap = usize::try_from(position.saturating_sub(*end)).unwrap_or(0).min(256);
            manager.write(*file, [0; 256].get(..gap).unwrap_or_default()).map_err(reason)?;
            *end = end.saturating_add(u32::try_from(gap).unwrap_or(0));
        }
        manager.file_seek_from_start(*file, position).map_err(reason)?;
        manager.write(*file, bytes).map_err(reason)?;
        *end = to.max(*end);
        *unflushed = unflushed.saturating_add(length);
        if *unflushed >= FLUSH {
            *unflushed = 0;
            manager.flush_file(*file).map_err(reason)?;
        }
        Ok(())
    }

    /// The file that came in gets its name.
    pub(super) fn put_in_place(
        &mut self,
        path: &str,
        modified: Option<i64>,
        end: u32,
    ) -> Result<(), Reason> {
        let (above, name) = split(path);
        let name = short(name)?;
        let (manager, volume) = self.volume()?;
        let (partial, target) = within(manager, volume, (above, false), |directory| {
            let partial = manager.find_directory_entry(directory, PARTIAL).map_err(reason)?;
            Ok((partial, manager.find_directory_entry(directory, name).ok()))
        })?;
        let stamp = modified.and_then(to_fat);
        let stamp = stamp.unwrap_or(Stamp(partial.mtime.serialize_to_fat()));
        let device = self.device()?;
        let Some(target) = target else {
            let size = end.to_le_bytes();
            return edit(device, &partial, &[(0, &padded(&name)), (22, &stamp.0), (28, &size)]);
        };
        // Never do two entries name the same clusters: the partial is gone before its clusters are
        // the target's, and comes back with those that were.
        let (first, other) = (padded(&partial.name), padded(&name));
        let ([first, ..], [other, ..]) = (first, other);
        let old = Stamp(target.mtime.serialize_to_fat());
        let (fresh, stale) = (cluster(device, &partial)?, cluster(device, &target)?);
        edit(device, &partial, &[(0, &[0xE5])])?;
        content(device, &target, other, (fresh, end, stamp))?;
        content(device, &partial, first, (stale, target.size, old))?;
        let (manager, volume) = self.volume()?;
        within(manager, volume, (above, false), |directory| {
            let file = manager.open_file_in_dir(directory, PARTIAL, Mode::ReadWriteTruncate);
            manager.close_file(file.map_err(reason)?).map_err(reason)
        })
    }
}
