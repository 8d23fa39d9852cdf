//! The options of the command for received files.

use std::path::PathBuf;

use super::read::complete;
use crate::units::count;

/// The words of a command.
#[derive(Debug, Clone)]
pub(crate) struct Words(pub(crate) Vec<String>);

#[derive(Debug, clap::Args)]
pub(crate) struct OnFileArgs {
    /// Run CMD once for each file that a client has sent, when it is in place: a program and its arguments, in words
    /// as a shell splits them, but no shell runs it. The file is named by the environment (TINYFERRY_FILE,
    /// TINYFERRY_PATH, TINYFERRY_SIZE, TINYFERRY_CLIENT, TINYFERRY_KEY) and, as NAME=VALUE records with a NUL behind
    /// each, on standard input
    #[arg(long, value_name = "CMD", value_parser = words, conflicts_with_all = ["stdio", "keep_both", "read_only"])]
    pub(crate) on_file: Option<Words>,
    /// Run at most N commands of --on-file at the same time
    #[arg(long, value_name = "N", default_value = "4", requires = "on_file", value_parser = count)]
    pub(crate) on_file_jobs: usize,
    /// Keep the files that wait for --on-file in DIR, which no client can reach [default: on-file-HASH in
    /// $STATE_DIRECTORY, else in tinyferry of the user's state directory]
    #[arg(long, value_name = "DIR", requires = "on_file")]
    pub(crate) on_file_journal: Option<PathBuf>,
}

// What the server starts for each file, a process of its own: it runs the command, and then removes the entry of the
// journal, whether the server still runs or not.
#[derive(Debug, clap::Args)]
#[command(mut_args = complete)]
pub(crate) struct OnFileRunnerArgs {
    pub(crate) entry: PathBuf,
    #[arg(last = true, required = true)]
    pub(crate) words: Vec<String>,
}

fn words(text: &str) -> Result<Words, String> {
    match shlex::split(text) {
        Some(words) if !words.is_empty() => Ok(Words(words)),
        Some(_) => Err("there is no command in it".to_owned()),
        None => Err("a quotation mark is not closed".to_owned()),
    }
}
