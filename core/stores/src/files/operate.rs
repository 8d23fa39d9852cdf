//! Removes and renames entries, describes files, and states the space.

use tinyferry_core::Reason;
use tinyferry_core::path::join;
use tinyferry_core::store::{Kind, Operation, Stat, StatQuery};

use super::file_store::{FileStore, split};
use super::{Files, Info};

/// The facts of a [`StatQuery`] that a file system keeps.
const SIZE: u8 = 1;
const TIME: u8 = 2;

impl<F: Files, const PATH: usize, const DEPTH: usize> FileStore<F, PATH, DEPTH> {
    pub(super) fn perform(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Result<Stat, Reason> {
        let whole = self.path_of(path)?;
        match *operation {
            Operation::Stat(query) if kind == Kind::File => self.describe(&whole, &query),
            Operation::Stat(query) if query.facts == StatQuery::SPACE => {
                match self.look_up(&whole)?.ok_or(Reason::NotFound)? {
                    Info::Directory => {}
                    Info::File { .. } => return Err(Reason::NotDirectory),
                }
                let space = self.files.space()?;
                let (facts, granularity) = (StatQuery::SPACE, F::TIME_UNIT);
                Ok(Stat { size: space.free, value: space.total, facts, granularity })
            }
            Operation::Remove => self.remove(&whole, kind).map(|()| Stat::default()),
            Operation::Rename { from } => {
                let from = self.path_of(from)?;
                self.rename(&from, &whole).map(|()| Stat::default())
            }
            _ => Err(Reason::Unsupported),
        }
    }

    fn describe(&mut self, path: &str, query: &StatQuery) -> Result<Stat, Reason> {
        match self.look_up(path)?.ok_or(Reason::NotFound)? {
            Info::Directory => Err(Reason::IsDirectory),
            Info::File { size, modified } => Ok(Stat {
                size,
                value: modified.unwrap_or(0).cast_unsigned(),
                facts: query.facts & if modified.is_some() { SIZE | TIME } else { SIZE },
                granularity: query.granularity.max(F::TIME_UNIT),
            }),
        }
    }

    fn remove(&mut self, path: &str, kind: Kind) -> Result<(), Reason> {
        let Some(info) = self.look_up(path)? else { return Ok(()) };
        match (info, kind) {
            (Info::Directory, Kind::File) => Err(Reason::IsDirectory),
            (Info::File { .. }, Kind::Directory | Kind::Tree) => Err(Reason::NotDirectory),
            (Info::Directory, _) if path.is_empty() => Err(Reason::NotAllowed),
            (Info::Directory, _) => {
                self.empty(path)?;
                self.files.remove(path)
            }
            (Info::File { .. }, _) => self.files.remove(path),
        }
    }

    /// Removes the partial in a directory that has no other entry.
    fn empty(&mut self, path: &str) -> Result<(), Reason> {
        let (mut cursor, mut partial) = (0, None);
        loop {
            let mut is_partial = false;
            let found = self.files.list(path, &mut cursor, &mut |name| {
                is_partial = name.eq_ignore_ascii_case(F::PARTIAL);
            })?;
            match found {
                None => break,
                Some(Info::File { .. }) if is_partial => {
                    let inside = join(path, F::PARTIAL);
                    partial = Some(inside.ok_or(Reason::NameTooLong)?);
                }
                Some(_) => return Err(Reason::NotEmpty),
            }
        }
        partial.map_or(Ok(()), |partial| self.files.remove(&partial))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Reason> {
        let (source, target) = (self.look_up(from)?, self.look_up(to)?);
        let Some(source) = source else {
            // It was renamed before, and the answer was lost.
            return if target.is_some() { Ok(()) } else { Err(Reason::NotFound) };
        };
        let is_same = if F::IGNORES_CASE { from.eq_ignore_ascii_case(to) } else { from == to };
        match (source, target) {
            _ if is_same => return Ok(()),
            _ if is_below::<F>(to, from) => return Err(Reason::BadPath),
            (_, None) | (Info::File { .. }, Some(Info::File { .. })) => {}
            (_, Some(Info::Directory)) => return Err(Reason::IsDirectory),
            (Info::Directory, Some(Info::File { .. })) => return Err(Reason::NotDirectory),
        }
        match self.look_up(split(to).0)? {
            Some(Info::Directory) => self.files.rename(from, to),
            Some(Info::File { .. }) => Err(Reason::NotDirectory),
            None => Err(Reason::NotFound),
        }
    }
}

/// Whether a path leads into a directory.
fn is_below<F: Files>(path: &str, directory: &str) -> bool {
    let Some((start, rest)) = path.split_at_checked(directory.len()) else { return false };
    let is_start =
        if F::IGNORES_CASE { start.eq_ignore_ascii_case(directory) } else { start == directory };
    is_start && rest.starts_with('/')
}
