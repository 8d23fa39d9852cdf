//! `tinyferry completions` and `tinyferry manpages`.

use std::path::Path;

use clap_complete::Shell;
use tinyferry::describe;

use crate::args::command;
use crate::exit::{CliError, Exit};
use crate::output;

pub(crate) fn completions(shell: Shell) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command(), "tinyferry", &mut text);
    output::text(&String::from_utf8_lossy(&text));
    Exit::Done
}

/// Writes a page for the program and for each command.
pub(crate) fn manpages(directory: &Path) -> Result<Exit, CliError> {
    let failed = |error: std::io::Error| {
        let shown = describe::path(directory);
        let why = describe::os_error(&error);
        CliError::new(Exit::Local, format!("cannot write manual pages to \"{shown}\": {why}"))
    };
    std::fs::create_dir_all(directory).map_err(failed)?;
    clap_mangen::generate_to(command().disable_help_subcommand(true), directory).map_err(failed)?;
    Ok(Exit::Done)
}
