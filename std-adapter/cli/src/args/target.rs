//! Paths that name the server too, as those of scp: `USER@HOST:PATH`, `@NAME:PATH`, and `repl:PATH` of the only board.

use std::path::Path;

use tinyferry::Endpoint;

use super::{Args, Command, GetArgs, PutArgs};
use crate::exit::{CliError, Exit};

/// The endpoint of the only board.
const BOARD: &str = "repl:";

/// A server and a path there.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    /// `USER@HOST`, `@NAME` or `repl:`.
    server: &'a str,
    path: &'a str,
}

impl<'a> Target<'a> {
    /// Parses a text; `None`: it names no server. A path that begins with `./` never does.
    fn parse(text: &'a str) -> Option<Self> {
        if let Some(path) = Self::on_board(text) {
            return Some(Self { server: BOARD, path });
        }
        let (server, path) = text.split_once(':')?;
        let is_name = server.strip_prefix('@').is_some_and(|name| !name.is_empty());
        let is_ssh = !is_name && matches!(server.parse(), Ok(Endpoint::Ssh(_)));
        (!server.contains('/') && (is_name || is_ssh)).then_some(Self { server, path })
    }

    /// The path on the only board, if the text names that: `repl:PATH`. A URL has settings or names a port.
    fn on_board(text: &'a str) -> Option<&'a str> {
        text.strip_prefix(BOARD).filter(|path| !path.starts_with(['?', '/']))
    }

    /// Whether it is reached by SSH, and is not a name of the configuration file.
    fn is_ssh(&self) -> bool {
        !self.server.starts_with('@') && self.server != BOARD
    }

    /// The value of `-e` for the directory `directory` of the server.
    fn endpoint(&self, directory: &str) -> String {
        match self.is_ssh() {
            true => format!("{}:{directory}", self.server),
            false => self.server.to_owned(),
        }
    }

    /// The directory that SSH serves, and the path below it.
    fn split(&self) -> (&'a str, &'a str) {
        let path = match self.path.trim_end_matches('/') {
            "" => self.path,
            path => path,
        };
        match path.rsplit_once('/') {
            _ if !self.is_ssh() => ("", path),
            Some(("", name)) => ("/", name),
            Some((directory, name)) => (directory, name),
            None => ("", path),
        }
    }
}

fn usage<T>(sentence: String) -> Result<T, CliError> {
    Err(CliError::new(Exit::Usage, sentence))
}

/// The endpoint of the only board and the path there, if a text names them.
pub(super) fn board(text: &str) -> Option<(String, &str)> {
    let path = Target::on_board(text)?;
    Some((BOARD.to_owned(), if path.is_empty() { "." } else { path }))
}

/// Refuses a path on the server that names a server.
pub(crate) fn check_no_server(text: &str) -> Result<(), CliError> {
    let shown = text.escape_debug();
    match Target::parse(text) {
        Some(target) => usage(format!(
            "\"{shown}\" names a server: say -e \"{}\" and the path there; a path of that name is \"./{shown}\"",
            target.endpoint(target.path).escape_debug(),
        )),
        None if Endpoint::has_scheme(text) => usage(format!(
            "\"{shown}\" names a server: say -e with the server, and the path there; \".\" is its whole directory"
        )),
        None if lacks_host(text) => usage(format!(
            "\"{shown}\" names a server without a valid host: say USER@HOST:DIR for SSH, or @NAME:DIR for a name of \
             the configuration file; a path of that name is \"./{shown}\""
        )),
        None => Ok(()),
    }
}

/// Whether a text is a server and a path but for its host: `USER@:DIR`, `@:DIR`.
fn lacks_host(text: &str) -> bool {
    let server = text.split_once(':').map(|(server, _)| server);
    server.is_some_and(|server| server.contains('@') && !server.contains('/'))
        && Target::parse(text).is_none()
}

/// Refuses a path on this end that names a server, unless there is a file of that name.
pub(crate) fn check_here(path: &Path) -> Result<(), CliError> {
    match path.to_str() {
        Some(text) if path.symlink_metadata().is_err() => check_no_server(text),
        _ => Ok(()),
    }
}

/// The same for a source, which must exist: a text that is nearly a server is refused too.
pub(crate) fn check_source(path: &Path) -> Result<(), CliError> {
    check_here(path)?;
    match path.to_str().and_then(similar) {
        Some(advice) if path.symlink_metadata().is_err() => usage(advice),
        _ => Ok(()),
    }
}

/// The advice about a text that lacks a part of a server: `HOST:DIR` has no user, `@NAME` no path.
fn similar(text: &str) -> Option<String> {
    let shown = text.escape_debug();
    let said = |advice: String| {
        Some(format!("\"{shown}\" does not exist here; if it names a server, say {advice}"))
    };
    if let Some(name) = text.strip_prefix('@') {
        let is_name = !name.is_empty() && !name.contains(['/', ':']);
        return is_name.then(|| said(format!("-e \"{shown}\""))).flatten();
    }
    let (host, _) = text.split_once(':')?;
    // C:\DIR is a path of Windows.
    let is_drive = cfg!(windows) && host.len() == 1;
    let is_host = !is_drive && Target::parse(&format!("USER@{text}")).is_some();
    is_host.then(|| said(format!("\"USER@{shown}\" for SSH, or -e with its endpoint"))).flatten()
}

impl Args {
    /// Takes the server from the paths, if they name one.
    pub(super) fn take_server(self) -> Result<Self, CliError> {
        let command = match self.command {
            Command::Put(args) => Command::Put(args.take_server()?),
            Command::Get(args) => Command::Get(args.take_server()?),
            Command::Mirror(args) => Command::Mirror(args.take_board()?),
            command => command,
        };
        Ok(Self { command, ..self })
    }
}

impl PutArgs {
    /// Takes the server from the last path, if that names one: then it is no source.
    fn take_server(mut self) -> Result<Self, CliError> {
        let last = self.paths.last().and_then(|path| path.to_str()).unwrap_or_default().to_owned();
        let (target, exists) = (Target::parse(&last), Path::new(&last).symlink_metadata().is_ok());
        let shown = last.escape_debug();
        let target = match target {
            None if Endpoint::has_scheme(&last) && !exists => {
                return usage(format!(
                    "\"{shown}\" names a server: say -e with the server, and --to with a directory there"
                ));
            }
            None => {
                if self.paths.len() > 1 && self.to.is_none() {
                    check_source(Path::new(&last))?;
                }
                return Ok(self);
            }
            Some(target) if exists => {
                return usage(format!(
                    "\"{shown}\" may be a file here or name a server: say \"./{shown}\" for the file, or -e \"{}\" \
                     for the server",
                    target.endpoint(target.path).escape_debug()
                ));
            }
            Some(target) => target,
        };
        if self.paths.len() < 2 {
            return usage(format!("\"{shown}\" names a server, and there is nothing to send"));
        }
        self.peer = self.peer.named(target.endpoint(target.path), &last)?;
        let directory = if target.is_ssh() { "" } else { target.path };
        if !directory.is_empty() {
            if self.to.is_some() {
                return usage(format!(
                    "--to and \"{shown}\" both name the directory on the server"
                ));
            }
            self.to = Some(directory.to_owned());
        }
        self.paths.pop();
        Ok(self)
    }
}

impl GetArgs {
    /// Takes the server from the paths, if they name one.
    fn take_server(mut self) -> Result<Self, CliError> {
        let Some(first) = self.paths.iter().find(|text| Target::parse(text).is_some()) else {
            return Ok(self);
        };
        let (mut endpoint, mut paths) = (None, Vec::new());
        for text in &self.paths {
            let shown = text.escape_debug();
            let Some(target) = Target::parse(text) else {
                return usage(format!(
                    "\"{}\" names a server, and \"{shown}\" does not; the directory to save files in is given by \
                     --into",
                    first.escape_debug(),
                ));
            };
            let (directory, path) = target.split();
            let its = target.endpoint(directory);
            if *endpoint.get_or_insert_with(|| its.clone()) != its {
                return usage(format!(
                    "\"{}\" and \"{shown}\" are in different places: say -e USER@HOST:DIR, and the paths below DIR, \
                     or get them one by one",
                    first.escape_debug(),
                ));
            }
            paths.push(if path.is_empty() { "." } else { path }.to_owned());
        }
        self.peer = self.peer.named(endpoint.unwrap_or_default(), first)?;
        self.paths = paths;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_a_server_if_it_has_a_user_or_is_a_name_of_the_configuration() {
        for (text, server, path, is_ssh) in [
            ("me@box:a/b", "me@box", "a/b", true),
            ("me@box:", "me@box", "", true),
            ("me@box:12:30", "me@box", "12:30", true),
            ("@board:a", "@board", "a", false),
            ("@board:", "@board", "", false),
            ("repl:", "repl:", "", false),
            ("repl:lib/a", "repl:", "lib/a", false),
        ] {
            let target = Target::parse(text);
            assert_eq!(target, Some(Target { server, path }), "{text}");
            assert_eq!(target.map(|target| target.is_ssh()), Some(is_ssh), "{text}");
        }
        for text in ["@:a", "@:", "me@:a", "me@:", "a@b@c:d", "me@-v:a"] {
            assert!(Target::parse(text).is_none() && lacks_host(text), "{text}");
        }
        for text in [
            "",
            "a",
            "a:b",
            "box:a/",
            "me@box",
            "@board",
            "./me@box:a",
            "d/me@box:a",
            "12:30",
            "repl",
            "repl:///dev/ttyACM0",
            "repl:?baud=9600",
            "./repl:a",
            "d/me@:a",
        ] {
            assert!(Target::parse(text).is_none() && !lacks_host(text), "{text}");
        }
    }

    #[test]
    fn a_path_of_the_only_board_names_the_root_if_it_is_empty() {
        assert_eq!(board("repl:"), Some(("repl:".to_owned(), ".")));
        assert_eq!(board("repl:lib"), Some(("repl:".to_owned(), "lib")));
        for text in ["repl:///dev/ttyACM0", "repl:?baud=9600", "lib", "./repl:"] {
            assert_eq!(board(text), None, "{text}");
        }
    }

    #[test]
    fn ssh_serves_the_directory_of_a_requested_path() {
        for (text, directory, path) in [
            ("me@box:a/b/c", "a/b", "c"),
            ("me@box:a/b/", "a", "b"),
            ("me@box:a", "", "a"),
            ("me@box:", "", ""),
            ("me@box:/a", "/", "a"),
            ("me@box:/", "/", ""),
            ("me@box:~/a", "~", "a"),
            ("@board:a/b", "", "a/b"),
        ] {
            let target = Target::parse(text).expect("it names a server");
            assert_eq!(target.split(), (directory, path), "{text}");
        }
    }
}
