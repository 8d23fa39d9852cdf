//! Removes and renames entries, and describes files. One write of one block decides each change.

use tinyferry_core::store::{Operation, Stat, StatQuery};

use super::*;

/// The code of the unit of FAT's times: two seconds.
const TWO_SECONDS: u8 = 10;
/// The facts of a [`StatQuery`] that a card keeps.
const SIZE: u8 = 1;
const TIME: u8 = 2;
/// Where an entry has its attributes, and those of a file.
const ATTRIBUTES: usize = 11;
const FILE: u8 = 0x20;
/// The first byte of an entry that was deleted.
const DELETED: u8 = 0xE5;

impl<D: BlockDevice> Card<D> {
    pub(super) fn perform(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Result<Stat, Reason> {
        self.close();
        let in_tree = |path: &str| match join(&self.tree, path) {
            Some(path) => to_path(&path),
            None => Err(Reason::NameTooLong),
        };
        let whole = in_tree(path)?;
        match *operation {
            Operation::Stat(query) if kind == Kind::File => self.describe(&whole, &query),
            Operation::Remove => self.remove(&whole, kind).map(|()| Stat::default()),
            Operation::Rename { from } => {
                let from = in_tree(from)?;
                self.rename(&from, &whole).map(|()| Stat::default())
            }
            _ => Err(Reason::Unsupported),
        }
    }

    /// The entry at a path; `None`: there is none.
    fn entry(&mut self, path: &str) -> Result<Option<DirEntry>, Reason> {
        let (above, name) = split(path);
        let name = short(name)?;
        let (manager, volume) = self.volume()?;
        let found = within(manager, volume, (above, false), |directory| {
            manager.find_directory_entry(directory, name).map_err(reason)
        });
        match found {
            Ok(entry) => Ok(Some(entry)),
            Err(Reason::NotFound) => Ok(None),
            Err(reason) => Err(reason),
        }
    }

    fn describe(&mut self, path: &str, query: &StatQuery) -> Result<Stat, Reason> {
        let entry = self.entry(path)?.ok_or(Reason::NotFound)?;
        if entry.attributes.is_directory() {
            return Err(Reason::IsDirectory);
        }
        let modified = from_fat(Stamp(entry.mtime.serialize_to_fat()));
        let kept = if modified.is_some() { SIZE | TIME } else { SIZE };
        Ok(Stat {
            size: entry.size.into(),
            value: modified.unwrap_or(0).cast_unsigned(),
            facts: query.facts & kept,
            granularity: TWO_SECONDS,
        })
    }

    fn remove(&mut self, path: &str, kind: Kind) -> Result<(), Reason> {
        let Some(entry) = self.entry(path)? else { return Ok(()) };
        match (entry.attributes.is_directory(), kind) {
            (true, Kind::File) => return Err(Reason::IsDirectory),
            (false, Kind::Directory | Kind::Tree) => return Err(Reason::NotDirectory),
            _ if entry.attributes.is_read_only() => return Err(Reason::NoPermission),
            (true, _) => self.empty(path)?,
            (false, _) => {}
        }
        let (above, _) = split(path);
        self.discard_partial(above)?;
        self.drop_entry(above, &entry)
    }

    /// Removes an entry of a directory that has no partial.
    fn drop_entry(&mut self, above: &str, entry: &DirEntry) -> Result<(), Reason> {
        // This write removes the name: the entry becomes a partial, whose removal frees its clusters.
        let partial = ShortFileName::create_from_str(PARTIAL).map_err(|_| Reason::Storage)?;
        edit(self.device()?, entry, &[(0, &padded(&partial)), (ATTRIBUTES, &[FILE])])?;
        self.discard_partial(above)
    }

    /// Removes the partial in a directory that has no other entry.
    fn empty(&mut self, path: &str) -> Result<(), Reason> {
        let (manager, volume) = self.volume()?;
        within(manager, volume, (path, false), |directory| {
            let mut is_empty = true;
            let looked = manager.iterate_dir(directory, |entry| {
                is_empty = is_hidden(entry);
                if is_empty { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            looked.map_err(reason)?;
            if is_empty { Ok(()) } else { Err(Reason::NotEmpty) }
        })?;
        self.discard_partial(path)
    }

    /// Removes the partial in a directory, if there is one, and frees its clusters.
    fn discard_partial(&mut self, above: &str) -> Result<(), Reason> {
        let (manager, volume) = self.volume()?;
        let found = within(manager, volume, (above, false), |directory| {
            let entry = match manager.find_directory_entry(directory, PARTIAL) {
                Err(Error::NotFound) => return Ok(None),
                entry => entry.map_err(reason)?,
            };
            let file = manager.open_file_in_dir(directory, PARTIAL, Mode::ReadWriteTruncate);
            manager.close_file(file.map_err(reason)?).map_err(reason)?;
            Ok(Some(entry))
        })?;
        let Some(entry) = found else { return Ok(()) };
        let device = self.device()?;
        let first = cluster(device, &entry)?;
        edit(device, &entry, &[(0, &[DELETED])])?;
        clusters::free(device, first)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Reason> {
        let ((above, old), (new_above, new)) = (split(from), split(to));
        let name = short(new)?;
        let (source, target) = (self.entry(from)?, self.entry(to)?);
        let Some(source) = source else {
            // It was renamed before, and the answer was lost.
            return if target.is_some() { Ok(()) } else { Err(Reason::NotFound) };
        };
        let is_same = above.eq_ignore_ascii_case(new_above) && old.eq_ignore_ascii_case(new);
        let target = match target {
            _ if is_same => return Ok(()),
            Some(target) if target.attributes.is_directory() => return Err(Reason::IsDirectory),
            _ if !above.eq_ignore_ascii_case(new_above) => return Err(Reason::Unsupported),
            Some(_) if source.attributes.is_directory() => return Err(Reason::NotDirectory),
            Some(target) if target.attributes.is_read_only() => return Err(Reason::NoPermission),
            Some(target) => target,
            None => return edit(self.device()?, &source, &[(0, &padded(&name))]),
        };
        self.discard_partial(above)?;
        if source.entry_block == target.entry_block {
            self.replace_at_once(above, &source, &target, name)
        } else {
            if let Err(reason) = self.copy(above, old) {
                // The copy is of no use, and takes space.
                let _ = self.discard_partial(above);
                return Err(reason);
            }
            let modified = from_fat(Stamp(source.mtime.serialize_to_fat()));
            self.put_in_place(to, modified, source.size)?;
            self.discard_partial(above)?;
            self.drop_entry(above, &source)
        }
    }

    /// Gives the source the name of the target, which becomes the partial, by one write of their block.
    fn replace_at_once(
        &mut self,
        above: &str,
        source: &DirEntry,
        target: &DirEntry,
        name: ShortFileName,
    ) -> Result<(), Reason> {
        let partial = ShortFileName::create_from_str(PARTIAL).map_err(|_| Reason::Storage)?;
        let (name, partial) = (padded(&name), padded(&partial));
        let named: Changes<'_> = &[(0, &name)];
        let replaced: Changes<'_> = &[(0, &partial), (ATTRIBUTES, &[FILE])];
        let entries = [(source, named), (target, replaced)];
        edit_together(self.device()?, source.entry_block, &entries)?;
        self.discard_partial(above)
    }

    /// Copies a file to the partial of its directory. Two entries in different blocks cannot change in one write, and
    /// must not name the same clusters between two writes.
    fn copy(&mut self, above: &str, name: &str) -> Result<(), Reason> {
        let name = short(name)?;
        let (manager, volume) = self.volume()?;
        within(manager, volume, (above, false), |directory| {
            let from = manager.open_file_in_dir(directory, name, Mode::ReadOnly).map_err(reason)?;
            let mode = Mode::ReadWriteCreateOrTruncate;
            let copied = manager.open_file_in_dir(directory, PARTIAL, mode).and_then(|to| {
                let copied = copy_content(manager, from, to);
                manager.close_file(to).and(copied)
            });
            let _ = manager.close_file(from);
            copied.map_err(reason)
        })
    }
}

fn copy_content<D: BlockDevice>(
    manager: &Manager<D>,
    from: RawFile,
    to: RawFile,
) -> Result<(), Error<Fault<D::Error>>> {
    let mut bytes = [0; 512];
    loop {
        let count = manager.read(from, &mut bytes)?;
        match bytes.get(..count) {
            None | Some([]) => return Ok(()),
            Some(bytes) => manager.write(to, bytes)?,
        }
    }
}
