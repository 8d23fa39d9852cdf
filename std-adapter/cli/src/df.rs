//! `tinyferry df`.

use crate::args::DfArgs;
use crate::exit::{CliError, Exit};
use crate::human;
use crate::json::{self, Event, Space};
use crate::message::Task;
use crate::paths::asked_path;

pub(crate) fn df(args: &DfArgs) -> Result<Exit, CliError> {
    let path = asked_path(&args.path)?;
    let mut client = args.peer.connect(Task::Query, false)?;
    let space = client.space(&path).map_err(|error| {
        let shown = if path.is_empty() { "." } else { &path }.escape_debug();
        args.peer.context(Task::Query, &client, &format!("\"{shown}\"")).error(&error)
    })?;
    if json::is_on() {
        let time_granularity_ns = space.time_granularity.as_nanos() as u64;
        let (free, total) = (space.free, space.total);
        json::emit(&Event::Space(Space { free, total, time_granularity_ns }));
    } else {
        print_line!("{} free of {}", human::bytes(space.free), human::bytes(space.total));
    }
    Ok(Exit::Done)
}
