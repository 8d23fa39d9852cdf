//! Our own program, both ends.

use std::path::Path;
use std::process::Command;

use crate::Done;
use crate::process::{Job, free_port, quiet, start};

/// A server that runs.
pub(crate) struct Server {
    pub(crate) job: Job,
    pub(crate) port: u16,
}

impl Server {
    /// Serves `dir`; `sync` is `end`, `each` or `never`.
    pub(crate) fn start(program: &Path, dir: &Path, sync: &str) -> Done<Self> {
        Self::start_with(program, dir, sync, None)
    }

    /// The same, to clients that may remove files.
    pub(crate) fn mirrored(program: &Path, dir: &Path) -> Done<Self> {
        Self::start_by(program, dir, &["--sync", "end", "--allow-remove"])
    }

    /// The same, to those alone who have the key.
    pub(crate) fn start_with(
        program: &Path,
        dir: &Path,
        sync: &str,
        key: Option<&Path>,
    ) -> Done<Self> {
        let key = key.map(|key| key.display().to_string());
        let mut options =
            vec!["--clients", "1100", "--clients-per-address", "1100", "--sync", sync];
        if let Some(key) = &key {
            options.extend(["--key", key]);
        }
        Self::start_by(program, dir, &options)
    }

    /// Serves `dir` to at most this number of clients, which have the key if there is one.
    pub(crate) fn start_for(
        program: &Path,
        dir: &Path,
        clients: usize,
        key: Option<&Path>,
    ) -> Done<Self> {
        let (clients, key) = (clients.to_string(), key.map(|key| key.display().to_string()));
        let mut options =
            vec!["--clients", &clients, "--clients-per-address", &clients, "--sync", "never"];
        if let Some(key) = &key {
            options.extend(["--key", key]);
        }
        Self::start_by(program, dir, &options)
    }

    fn start_by(program: &Path, dir: &Path, options: &[&str]) -> Done<Self> {
        let port = free_port()?;
        let listen = format!("tcp://127.0.0.1:{port}");
        let mut command = quiet(program);
        command.args(["serve", "-q", "--listen", &listen]).args(options);
        let mut job = start(command.arg(dir))?;
        job.await_port(port)?;
        Ok(Self { job, port })
    }
}

/// Sends a file or a tree to the root of the server.
pub(crate) fn put(program: &Path, port: u16, path: &Path) -> Command {
    let mut command = quiet(program);
    command.args(["put", "-q", "-e", &format!("tcp://127.0.0.1:{port}")]).arg(path);
    command
}

/// Gets a file or a tree.
pub(crate) fn get(program: &Path, port: u16, name: &str, into: &Path) -> Command {
    let mut command = quiet(program);
    command.args(["get", "-q", "--sync", "never", "-e", &format!("tcp://127.0.0.1:{port}"), name]);
    command.arg("--into").arg(into);
    command
}

/// Makes a key that both ends share.
pub(crate) fn make_key(program: &Path, path: &Path) -> Done {
    start(quiet(program).arg("keygen").arg(path))?.wait().map(drop)
}
