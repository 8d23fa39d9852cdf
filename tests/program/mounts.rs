//! File systems of their own for a test: mounted where that is allowed, and always unmounted.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A mounted file system.
pub(crate) struct Disk {
    at: PathBuf,
    /// The process that serves it.
    process: Option<Child>,
}

impl Disk {
    /// A file system in memory, of this size in KiB. `None`, with a message, where the test may not
    /// mount.
    pub(crate) fn in_memory(at: &Path, kibibytes: u32) -> Option<Self> {
        let options = format!("size={kibibytes}k");
        Self::mount(at, &["-t", "tmpfs", "-o", &options, "tmpfs"])
    }

    /// An ext4 image of 32 MiB, made with these options of `mkfs`.
    pub(crate) fn ext4(image: &Path, at: &Path, options: &[&str]) -> Option<Self> {
        Self::image(image, at, ("ext4", options), 32, "loop")
    }

    /// An image of this size in MiB, of this kind and made with these options of `mkfs`, mounted
    /// with others.
    pub(crate) fn image(
        image: &Path,
        at: &Path,
        (kind, make): (&str, &[&str]),
        mebibytes: u64,
        options: &str,
    ) -> Option<Self> {
        let made = fs::File::create(image).and_then(|file| file.set_len(mebibytes << 20));
        made.expect("an image");
        let mut mkfs = Command::new(format!("mkfs.{kind}"));
        mkfs.arg("-q").args(make).arg(image).stdout(Stdio::null()).stderr(Stdio::null());
        if !mkfs.status().is_ok_and(|status| status.success()) {
            println!("skipped: no {kind} with {} can be made here", make.join(" "));
            return None;
        }
        Self::existing(image, at, options)
    }

    /// An image that is there already.
    pub(crate) fn existing(image: &Path, at: &Path, options: &str) -> Option<Self> {
        Self::mount(at, &["-o", options, image.to_str().expect("a path in UTF-8")])
    }

    /// A file system in memory that takes two names for one where they differ in case, or in how a
    /// letter with an accent is written.
    pub(crate) fn folding(at: &Path) -> Option<Self> {
        Self::folding_with(at, &[])
    }

    /// The same with options of `folding.py`.
    pub(crate) fn folding_with(at: &Path, options: &[&str]) -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/program/folding.py");
        let mut python = Command::new("python3");
        python.arg(script).arg(at).args(options).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = python.spawn().ok()?;
        let mut line = String::new();
        let out = process.stdout.take().expect("it is piped");
        if BufReader::new(out).read_line(&mut line).is_ok() && line.trim() == "ready" {
            return Some(Self { at: at.to_owned(), process: Some(process) });
        }
        let _ = process.wait();
        println!("skipped: no file system that folds names can be mounted here");
        None
    }

    fn mount(at: &Path, arguments: &[&str]) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(arguments).arg(at).stderr(Stdio::null());
        if !mount.status().is_ok_and(|status| status.success()) {
            println!("skipped: no file system can be mounted here");
            return None;
        }
        Some(Self { at: at.to_owned(), process: None })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
