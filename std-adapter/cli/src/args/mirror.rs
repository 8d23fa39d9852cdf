//! The arguments of `tinyferry mirror`.

use std::ffi::OsString;
use std::path::PathBuf;

use super::filter::{self, DeleteArgs, FilterArgs, MaxDelete};
use super::read::complete_mirror;
use super::skip::SkipArgs;
use super::target::{board, check_source};
use super::{
    GetArgs, JsonArg, LimitArgs, LinkArgs, Peer, PolicyArgs, PutArgs, SyncArg, TransferArgs,
    UnsafeLinksArg,
};
use crate::exit::{CliError, Exit};

#[derive(Debug, clap::Args)]
#[command(mut_args = complete_mirror)]
pub(crate) struct MirrorArgs {
    /// The directory whose content is copied: a local one, with --get one on the server
    #[arg(value_name = "SOURCE")]
    source: OsString,
    /// The directory that gets the content: one on the server, where "." is the whole served directory; with
    /// --get a local one
    #[arg(value_name = "TARGET")]
    target: OsString,
    /// Copy from the server to this end
    #[arg(long)]
    get: bool,
    /// Compare the content of files too; both ends read them
    #[arg(long)]
    checksum: bool,
    /// Remove nothing if more than N entries, or N% of those in the target after the transfer, would be removed
    #[arg(long, value_name = "N", default_value = "50%", value_parser = filter::max_delete)]
    max_delete: MaxDelete,
    /// Print the entries that would be transferred and removed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Stay and send the changes of SOURCE as they happen, until Ctrl-C; with --retry also wait for a server that is
    /// lost
    #[arg(long, conflicts_with_all = ["get", "dry_run"])]
    watch: bool,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    /// Refused with the reason: it is an option of get
    #[arg(long, hide = true)]
    keep_both: bool,
    #[command(flatten)]
    links: LinkArgs,
    #[command(flatten)]
    unsafe_links: UnsafeLinksArg,
    #[command(flatten)]
    transfer: TransferArgs,
    #[command(flatten)]
    pub(super) json: JsonArg,
    #[command(flatten)]
    pub(super) peer: Peer,
}

/// The same as a put or a get.
pub(crate) enum Mirror {
    Put(PutArgs),
    Get(GetArgs),
}

impl MirrorArgs {
    /// Takes the only board from the path on the server, if that names it: `repl:PATH`.
    pub(super) fn take_board(mut self) -> Result<Self, CliError> {
        let remote = if self.get { &mut self.source } else { &mut self.target };
        if let Some(text) = remote.to_str().map(str::to_owned)
            && let Some((endpoint, path)) = board(&text)
        {
            *remote = path.into();
            self.peer = self.peer.named(endpoint, &text)?;
        }
        Ok(self)
    }

    pub(crate) fn read(self) -> Result<Mirror, CliError> {
        let Self {
            source,
            target,
            get,
            checksum,
            max_delete,
            dry_run,
            watch,
            filter,
            limits,
            policy,
            keep_both,
            links,
            unsafe_links,
            transfer,
            json,
            peer,
        } = self;
        if keep_both {
            let sentence = "--keep-both is not an option of mirror: a mirror removes files that the source \
                            does not have, such as NAME~1; use get --update --keep-both";
            return Err(CliError::new(Exit::Usage, sentence));
        }
        let remote = |path: OsString| {
            path.into_string().map_err(|path| {
                let shown = tinyferry::describe::path(path.as_ref());
                let sentence =
                    format!("\"{shown}\" is not a valid path on the server: it is not UTF-8");
                CliError::new(Exit::Usage, sentence)
            })
        };
        let empty = |what| {
            let sentence = format!("the {what} is empty; \".\" is the current directory");
            CliError::new(Exit::Usage, sentence)
        };
        let delete = DeleteArgs { delete: true, max_delete, dry_run };
        let skip = SkipArgs::of_mirror(checksum);
        if get {
            if target.is_empty() {
                return Err(empty("target"));
            }
            return Ok(Mirror::Get(GetArgs {
                paths: vec![remote(source)?],
                into: Some(PathBuf::from(target)),
                name: None,
                output: None,
                follow: false,
                sha256: false,
                sync: SyncArg::End,
                filter,
                delete,
                skip,
                is_content: true,
                limits,
                policy,
                keep_both,
                links,
                unsafe_links,
                transfer,
                json,
                peer,
            }));
        }
        if source.is_empty() {
            return Err(empty("source"));
        }
        check_source(source.as_ref()).map_err(|problem| {
            problem.advise("; --get mirrors from a server, and the path there has no server in it")
        })?;
        Ok(Mirror::Put(PutArgs {
            paths: vec![PathBuf::from(source).join(".")],
            to: Some(remote(target)?),
            name: None,
            sha256: false,
            watch,
            filter,
            delete,
            skip,
            is_mirror: true,
            links,
            transfer,
            json,
            peer,
        }))
    }
}
