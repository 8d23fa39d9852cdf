//! The place of a user's settings.

use std::env;
use std::path::PathBuf;

/// The directory of this user's settings for Tinyferry, which need not exist: `tinyferry` in
/// `$XDG_CONFIG_HOME`, else on Windows in `%APPDATA%`, else in `.config` of the home directory (`$HOME`). `None`
/// if there is no such place. A variable that has no absolute path is ignored.
pub fn settings_directory() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).and_then(absolute);
    let settings = variable("XDG_CONFIG_HOME")
        .or_else(|| if cfg!(windows) { variable("APPDATA") } else { None })
        // On Unix a service without $HOME does not use the files of its user's sessions.
        .or_else(|| {
            let home =
                if cfg!(unix) { variable("HOME") } else { env::home_dir().and_then(absolute) };
            home.map(|home| home.join(".config"))
        })?;
    Some(settings.join("tinyferry"))
}
