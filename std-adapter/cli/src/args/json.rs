//! The option of commands that report to programs.

use clap::error::ErrorKind;

use super::{Args, Command, Peer};
use crate::json::Reporting;
use crate::output::StandardOutput;
use crate::stream::{Output, Stream};

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct JsonArg {
    /// Print the events of the command as JSON, an object on each line, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

impl Args {
    /// Refuses two contents of standard output.
    pub(super) fn check_output(&self) -> Result<(), clap::Error> {
        let writes_events = self.reporting().is_some();
        let sentence = match (self.writes_content(), self.prints_console()) {
            (true, false) if writes_events => {
                "-o - writes the content of a file to standard output, and --json events; one of them can be written \
                 there"
            }
            (false, true) if writes_events || self.prints_list() => {
                "--console=- writes the text of a board to standard output, which has other content; say --console=FILE"
            }
            (true, true) => {
                "-o - writes the content of a file to standard output, and --console=- the text of a board; one of \
                 them can be written there"
            }
            _ => return Ok(()),
        };
        Err(super::command().error(ErrorKind::ArgumentConflict, sentence))
    }

    /// Whether standard output is the content of a file.
    fn writes_content(&self) -> bool {
        matches!(&self.command, Command::Get(args)
            if args.output == Some(Output::Stream(Stream::Standard)))
    }

    /// Whether the text of a board goes to standard output.
    fn prints_console(&self) -> bool {
        self.peer().is_some_and(Peer::prints_console)
    }

    /// Whether standard output has a list for another program.
    fn prints_list(&self) -> bool {
        matches!(&self.command, Command::Ls(_)) || self.standard_output() == StandardOutput::Digests
    }

    /// The server of a client.
    fn peer(&self) -> Option<&Peer> {
        match &self.command {
            Command::Put(args) => Some(&args.peer),
            Command::Mirror(args) => Some(&args.peer),
            Command::Get(args) => Some(&args.peer),
            Command::Ls(args) => Some(&args.peer),
            Command::Rm(args) => Some(&args.peer),
            Command::Mv(args) => Some(&args.peer),
            Command::Mkdir(args) => Some(&args.peer),
            Command::Df(args) => Some(&args.peer),
            Command::Ping(args) => Some(&args.peer),
            Command::Close(args) => Some(&args.peer),
            _ => None,
        }
    }

    /// The content of standard output.
    pub(crate) fn standard_output(&self) -> StandardOutput {
        match &self.command {
            _ if self.writes_content() => StandardOutput::Content,
            _ if self.reporting().is_some() => StandardOutput::Events,
            Command::Put(args) if args.sha256 && !args.delete.dry_run => StandardOutput::Digests,
            Command::Get(args) if args.sha256 && !args.delete.dry_run => StandardOutput::Digests,
            _ if self.prints_console() => StandardOutput::Content,
            _ => StandardOutput::Lines,
        }
    }

    /// The command that reports to programs; `None`: it does not.
    pub(crate) fn reporting(&self) -> Option<Reporting> {
        let (asks, changes) = (false, true);
        let (command, json, peer, has_totals) = match &self.command {
            Command::Put(args) => ("put", args.json, Some(&args.peer), changes),
            Command::Mirror(args) => ("mirror", args.json, Some(&args.peer), changes),
            Command::Get(args) => ("get", args.json, Some(&args.peer), changes),
            Command::Ls(args) => ("ls", args.json, Some(&args.peer), asks),
            Command::Rm(args) => ("rm", args.json, Some(&args.peer), changes),
            Command::Mv(args) => ("mv", args.json, Some(&args.peer), changes),
            Command::Mkdir(args) => ("mkdir", args.json, Some(&args.peer), changes),
            Command::Df(args) => ("df", args.json, Some(&args.peer), asks),
            Command::Ping(args) => ("ping", args.json, Some(&args.peer), asks),
            Command::Partials(args) => ("partials", args.json, None, changes),
            Command::Ports(args) => ("ports", args.json, None, asks),
            _ => return None,
        };
        let endpoint = peer.map(|peer| peer.endpoint.to_string());
        json.json.then_some(Reporting { command, endpoint, has_totals })
    }
}
