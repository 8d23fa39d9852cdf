//! `tinyferry completions` and `tinyferry manpages`.

use std::io;
use std::path::Path;

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;
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
    let mut whole = command().disable_help_subcommand(true);
    whole.build();
    write_page(&whole, directory).map_err(failed)?;
    Ok(Exit::Done)
}

/// Writes the page of a command, and those of its own commands.
fn write_page(command: &Command, directory: &Path) -> io::Result<()> {
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set());
    commands.into_iter().try_for_each(|command| write_page(command, directory))?;
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page)?;
    let page = with_usage(&String::from_utf8_lossy(&page), command);
    std::fs::write(directory.join(man.get_filename()), page)
}

/// The page with the usage of `--help` as its synopsis: that of the generator lists all options without values.
fn with_usage(page: &str, command: &Command) -> String {
    const SYNOPSIS: &str = ".SH SYNOPSIS\n";
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().replace('-', "\\-");
    match page.split_once(SYNOPSIS) {
        Some((before, rest)) => {
            let behind = rest.find(".SH ").and_then(|at| rest.get(at..)).unwrap_or_default();
            format!("{before}{SYNOPSIS}{usage}\n{behind}")
        }
        None => page.to_owned(),
    }
}
