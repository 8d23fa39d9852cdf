//! `tinyferry df`.

use indicatif::HumanBytes;
use serde_json::json;

use crate::args::DfArgs;
use crate::exit::{CliError, Exit};
use crate::message::Task;
use crate::output;
use crate::paths::asked_path;

pub(crate) fn df(args: &DfArgs) -> Result<Exit, CliError> {
    let path = asked_path(&args.path)?;
    let mut client = args.peer.connect(Task::Query, false)?;
    let space = client.space(&path).map_err(|error| {
        let shown = if path.is_empty() { "." } else { &path }.escape_debug();
        args.peer.context(Task::Query, &client, &format!("\"{shown}\"")).error(&error)
    })?;
    let line = if args.json {
        json!({
            "free": space.free,
            "total": space.total,
            "time_granularity_ns": space.time_granularity.as_nanos() as u64,
        })
        .to_string()
    } else {
        format!("{} free of {}", HumanBytes(space.free), HumanBytes(space.total))
    };
    output::text(&format!("{line}\n"));
    Ok(Exit::Done)
}
