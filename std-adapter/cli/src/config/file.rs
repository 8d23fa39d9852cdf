//! Finds and reads the configuration file.

use std::env;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tinyferry::{Endpoint, describe, settings_directory};

use super::{Config, Content, Named};
use crate::exit::{CliError, Exit};

/// The variable that names another file; empty: there is none.
pub(super) const VARIABLE: &str = "TINYFERRY_CONFIG";

impl Config {
    /// Reads the file. The usual file need not exist; one of another user is ignored with a warning.
    pub(crate) fn read() -> Result<Self, CliError> {
        match env::var_os(VARIABLE) {
            Some(path) if path.is_empty() => Ok(Self::default()),
            Some(path) => Self::read_file(path.into(), true),
            None => match settings_directory() {
                Some(directory) => Self::read_file(directory.join("config.toml"), false),
                None => Ok(Self::default()),
            },
        }
    }

    /// `is_named`: the user has named the file.
    pub(super) fn read_file(path: PathBuf, is_named: bool) -> Result<Self, CliError> {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && !is_named => {
                return Ok(Self { path: Some(path), ..Self::default() });
            }
            // As after `sudo -u`: the home directory is that of another user.
            Err(error)
                if error.kind() == ErrorKind::PermissionDenied
                    && !is_named
                    && is_of_another_user(&path) =>
            {
                let file = describe::path(&path);
                print_error!(
                    "tinyferry: the configuration file \"{file}\" is ignored: it belongs to another \
                     user; {VARIABLE} can name a file of your own"
                );
                let content = Content::Foreign;
                return Ok(Self { path: Some(path), content, ..Self::default() });
            }
            Err(why) => {
                let why = describe::os_error(&why);
                let named =
                    if is_named { format!(" ({VARIABLE} names it)") } else { String::new() };
                return Err(error(&path, &format!("it cannot be read{named}: {why}")));
            }
        };
        let mut config: Self = toml::from_str(&text).map_err(|problem| {
            let at = problem.span().map_or(0, |span| span.start);
            let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            error(&path, &format!("line {line}: {}", problem.message()))
        })?;
        for (name, Named { url, .. }) in &config.endpoints {
            if let Err(problem) = url.parse::<Endpoint>() {
                let name = name.escape_debug();
                return Err(error(&path, &format!("endpoints.{name}: {problem}")));
            }
        }
        (config.path, config.content) = (Some(path), Content::Text(text));
        Ok(config)
    }
}

/// The error of the file at `path`.
pub(super) fn error(path: &Path, why: &str) -> CliError {
    let file = describe::path(path);
    CliError::new(Exit::Usage, format!("the configuration file \"{file}\": {why}"))
}

/// Whether a file that this user may not read, or the directory that hides it, belongs to another user.
#[cfg(unix)]
fn is_of_another_user(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let found = path.ancestors().find_map(|path| path.metadata().ok());
    found.is_some_and(|metadata| metadata.uid() != rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn is_of_another_user(_: &Path) -> bool {
    false
}
