//! Where the received entries are stored on this end.

use std::collections::HashSet;
use std::path::{Path, PathBuf, is_separator};

use tinyferry::describe;

use crate::args::{GetArgs, check_here};
use crate::exit::{CliError, Exit};
use crate::paths::{asked_path, clash, new_path, several, unfit};
use crate::stream::Output;

/// A requested path.
pub(super) struct Wanted<'a> {
    /// As it was typed.
    pub(super) text: &'a str,
    /// The path on the server.
    pub(super) remote: String,
    /// The path below the local directory; empty: the directory itself.
    pub(super) target: String,
}

impl Wanted<'_> {
    /// Whether it is an entry of the local directory, not the directory itself.
    pub(super) fn is_inside(&self) -> bool {
        !self.target.is_empty()
    }
}

/// The place of the received entries.
pub(super) struct Place {
    pub(super) directory: PathBuf,
    /// The path of the only entry below the directory; `None`: entries have their own names.
    pub(super) name: Option<String>,
}

impl Place {
    pub(super) fn of(args: &GetArgs) -> Result<Self, CliError> {
        let file = match &args.output {
            Some(Output::File(file)) => Some(file),
            _ => None,
        };
        args.into.iter().chain(file).try_for_each(|path| check_here(path))?;
        let directory = args.into.clone().unwrap_or_else(|| PathBuf::from("."));
        match (&args.output, &args.name) {
            (None, None) => Ok(Self { directory, name: None }),
            _ if args.paths.len() > 1 => {
                Err(several(if args.output.is_some() { "-o" } else { "--as" }))
            }
            (Some(Output::File(file)), _) => Self::of_file(file),
            (Some(Output::Stream(_)), _) => Ok(Self { directory, name: None }),
            (None, Some(name)) if name.starts_with('/') => {
                let shown = name.escape_debug();
                let sentence = format!(
                    "--as \"{shown}\" is not below the directory of --into; say -o \"{shown}\""
                );
                Err(CliError::new(Exit::Usage, sentence))
            }
            (None, Some(name)) => Ok(Self { directory, name: Some(new_path(name, "--into")?) }),
        }
    }

    /// The requested paths.
    pub(super) fn wanted<'a>(&self, args: &'a GetArgs) -> Result<Vec<Wanted<'a>>, CliError> {
        let mut wanted = Vec::new();
        let mut targets = HashSet::new();
        for text in &args.paths {
            let remote = asked_path(text)?;
            if remote.is_empty() && args.paths.len() > 1 {
                let sentence = format!(
                    "\"{}\" is the whole directory of the server, which is received alone; the directory to save \
                     files in is given by --into",
                    text.escape_debug()
                );
                return Err(CliError::new(Exit::Usage, sentence));
            }
            let target = match (&self.name, args.is_content) {
                (Some(name), _) => name.clone(),
                (None, true) => String::new(),
                (None, false) => remote.rsplit('/').next().unwrap_or_default().to_owned(),
            };
            if !targets.insert(target.clone()) {
                return Err(clash(&target));
            }
            wanted.push(Wanted { text, remote, target });
        }
        Ok(wanted)
    }

    /// Of `-o FILE`. A symbolic link of the user is followed.
    fn of_file(file: &Path) -> Result<Self, CliError> {
        let error = |exit, why: &str| {
            Err(CliError::new(exit, format!("-o \"{}\": {why}", describe::path(file))))
        };
        let is_directory = file.as_os_str().as_encoded_bytes().last();
        if is_directory.is_none_or(|last| is_separator(*last as char)) || file.file_name().is_none()
        {
            return error(
                Exit::Usage,
                "it is not the name of a file; a directory is given by --into",
            );
        }
        if leads_to_open_file(file) {
            return error(
                Exit::Usage,
                "it is a file that is open already; say -o - for standard output, or the name of the file",
            );
        }
        let followed = match file.is_symlink() {
            true => match file.canonicalize() {
                Ok(followed) => followed,
                Err(_) => {
                    return error(
                        Exit::Local,
                        "the target of this symbolic link does not exist; remove the link, or name its target",
                    );
                }
            },
            false => file.to_owned(),
        };
        let directory = followed.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new(".")).to_owned();
        match followed.file_name().and_then(|name| name.to_str()) {
            Some(name) => match unfit(name) {
                Some(why) => error(Exit::Usage, &why),
                None => Ok(Self { directory, name: Some(name.to_owned()) }),
            },
            None => error(Exit::Usage, "its name is not UTF-8"),
        }
    }
}

/// The longest chain of symbolic links that is followed, as on Linux.
const MAX_LINKS: usize = 40;

/// Whether a file is a link of the system to a file that a process has open, as `/dev/stdout`, or leads to one.
fn leads_to_open_file(file: &Path) -> bool {
    let mut file = file.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = file.read_link() else { return false };
        let above = file.parent().filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        if above.canonicalize().is_ok_and(|above| above.starts_with("/proc")) {
            return true;
        }
        file = above.join(target);
    }
    false
}
