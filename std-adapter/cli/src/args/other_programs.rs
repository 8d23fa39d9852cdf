//! Explains the options and commands of other programs: the parser would advise to pass an option as a path, or
//! name a similar one.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The error of the parser of `command`, with a remedy if it has one for it.
pub(super) fn explained(
    error: clap::Error,
    command: impl FnOnce() -> clap::Command,
) -> clap::Error {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => word.clone(),
        _ => String::new(),
    };
    let told = match error.kind() {
        ErrorKind::UnknownArgument => {
            let usage = error.get(ContextKind::Usage).map(ToString::to_string).unwrap_or_default();
            let option = word(ContextKind::InvalidArg);
            option_advice(&usage, &option)
                .map(|advice| format!("{option} is not an option here: {advice}"))
        }
        ErrorKind::InvalidSubcommand => {
            let name = word(ContextKind::InvalidSubcommand);
            command_advice(&name).map(|advice| format!("there is no command {name}: {advice}"))
        }
        ErrorKind::InvalidValue if is_empty_path(&error) => Some(
            "a PATH is empty, as an empty variable of the shell is; \".\" is the current directory"
                .to_owned(),
        ),
        _ => None,
    };
    match told {
        Some(told) => command().error(error.kind(), told),
        None => error,
    }
}

/// Whether a path of `put` is empty.
fn is_empty_path(error: &clap::Error) -> bool {
    let has = |kind, text: &str| error.get(kind).is_some_and(|value| value.to_string() == text);
    has(ContextKind::InvalidArg, "<PATH>...") && has(ContextKind::InvalidValue, "")
}

/// The remedy for an option; `usage`: that of the command.
fn option_advice(usage: &str, option: &str) -> Option<&'static str> {
    let is_of = |command: &str| usage.contains(&format!("tinyferry {command}"));
    match option {
        "--delete" | "--update" if is_of("mirror") => Some(
            "mirror always leaves out unchanged files and removes extra ones; --dry-run shows them",
        ),
        "-p" | "--port" if is_of("serve") => Some("say --listen tcp://127.0.0.1:PORT"),
        _ if ["put", "get", "mirror"].into_iter().any(is_of) => transfer_advice(option),
        _ => None,
    }
}

fn transfer_advice(option: &str) -> Option<&'static str> {
    Some(match option {
        "-r" | "-R" | "-a" | "-p" | "-t" | "--recursive" | "--archive" | "--times" | "--perms" => {
            "put and get transfer directories, times and permission bits without one; leave it out"
        }
        "-n" => "say --dry-run",
        "-c" => "say --checksum",
        "-z" | "-C" | "--compress" => "content is not compressed",
        "-P" | "--partial" => "an interrupted transfer continues without one; leave it out",
        "-S" | "--sparse" => "sparse files stay sparse without one; leave it out",
        "-L" | "--copy-links" => {
            "no link in a directory is followed; --links transfers links, and a link that is given as a PATH of \
             put is followed"
        }
        "--safe-links" => {
            "--links accepts only targets inside the transferred tree; --unsafe-links accepts others"
        }
        "--unsafe-links" => {
            "the receiver accepts such links, which is the server here: start it with serve --unsafe-links, and \
             say --links"
        }
        _ => return None,
    })
}

/// The command with the effect of one of another program.
fn command_advice(name: &str) -> Option<&'static str> {
    Some(match name {
        "cp" | "copy" | "scp" => "put sends files and directories, get receives them",
        "send" | "push" | "upload" => "put sends files and directories",
        "receive" | "recv" | "pull" | "fetch" | "download" => "get receives files and directories",
        "sync" | "rsync" => "mirror makes a directory equal to another one",
        "del" | "delete" | "remove" | "unlink" | "rmdir" => {
            "rm removes files and empty directories, with -r directories with their entries"
        }
        "ren" | "rename" | "move" => "mv renames files and directories",
        "dir" | "list" => "ls lists files",
        _ => return None,
    })
}
