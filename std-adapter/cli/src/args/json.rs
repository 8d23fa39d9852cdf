//! The option of commands that report to programs.

use clap::error::ErrorKind;

use super::{Args, Command};
use crate::pipe::is_standard_output;

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct JsonArg {
    /// Print the events of the command as JSON, an object on each line, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    /// Refuses two contents of standard output.
    pub(super) fn check_output(&self) -> Result<(), clap::Error> {
        let is_content = match &self.command {
            Command::Get(args) => {
                args.json.json && args.output.as_deref().is_some_and(is_standard_output)
            }
            _ => false,
        };
        if !is_content {
            return Ok(());
        }
        let sentence = "-o - writes the content of a file to standard output, and --json events; one of them can be \
                        written there";
        Err(super::command().error(ErrorKind::ArgumentConflict, sentence))
    }

    /// The command that reports to programs, and its endpoint, if it has one; `None`: it does not.
    pub(crate) fn reporting(&self) -> Option<(&'static str, Option<String>)> {
        let (name, json, peer) = match &self.command {
            Command::Put(args) => ("put", args.json, Some(&args.peer)),
            Command::Mirror(args) => ("mirror", args.json, Some(&args.peer)),
            Command::Get(args) => ("get", args.json, Some(&args.peer)),
            Command::Ls(args) => ("ls", args.json, Some(&args.peer)),
            Command::Rm(args) => ("rm", args.json, Some(&args.peer)),
            Command::Mv(args) => ("mv", args.json, Some(&args.peer)),
            Command::Mkdir(args) => ("mkdir", args.json, Some(&args.peer)),
            Command::Df(args) => ("df", args.json, Some(&args.peer)),
            Command::Ping(args) => ("ping", args.json, Some(&args.peer)),
            Command::Partials(args) => ("partials", args.json, None),
            Command::Ports(args) => ("ports", args.json, None),
            _ => return None,
        };
        json.json.then(|| (name, peer.map(|peer| peer.endpoint.to_string())))
    }
}
