//! A file system by reference, such as one in a `static`.

use tinyferry_core::Reason;

use super::{Files, Info, Mode, Space};

#[cfg(test)]
mod tests;

impl<F: Files> Files for &mut F {
    type File = F::File;
    const PARTIAL: &'static str = F::PARTIAL;
    const IN_ORDER: bool = F::IN_ORDER;
    const IGNORES_CASE: bool = F::IGNORES_CASE;
    const TIME_UNIT: u8 = F::TIME_UNIT;

    fn open(&mut self, path: &str, mode: Mode) -> Result<Self::File, Reason> {
        (**self).open(path, mode)
    }

    fn read(
        &mut self,
        file: &mut Self::File,
        position: u64,
        into: &mut [u8],
    ) -> Result<usize, Reason> {
        (**self).read(file, position, into)
    }

    fn write(&mut self, file: &mut Self::File, position: u64, bytes: &[u8]) -> Result<(), Reason> {
        (**self).write(file, position, bytes)
    }

    fn close(&mut self, file: Self::File) -> Result<(), Reason> {
        (**self).close(file)
    }

    fn stat(&mut self, path: &str) -> Result<Info, Reason> {
        (**self).stat(path)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), Reason> {
        (**self).rename(from, to)
    }

    fn remove(&mut self, path: &str) -> Result<(), Reason> {
        (**self).remove(path)
    }

    fn create_directory(&mut self, path: &str) -> Result<(), Reason> {
        (**self).create_directory(path)
    }

    fn list(
        &mut self,
        directory: &str,
        cursor: &mut u32,
        found: &mut dyn FnMut(&str),
    ) -> Result<Option<Info>, Reason> {
        (**self).list(directory, cursor, found)
    }

    fn space(&mut self) -> Result<Space, Reason> {
        (**self).space()
    }

    fn set_time(&mut self, path: &str, modified: i64) -> Result<(), Reason> {
        (**self).set_time(path, modified)
    }

    fn check_name(&self, name: &str) -> Result<(), Reason> {
        (**self).check_name(name)
    }
}
