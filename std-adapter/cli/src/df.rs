//! `tinyferry df`.

use tinyferry::core::Reason;

use crate::args::DfArgs;
use crate::exit::{CliError, Exit};
use crate::human;
use crate::json::{self, Event, Space};
use crate::paths::{asked_path, quoted};
use crate::retry::Retrying;

pub(crate) fn df(args: &DfArgs) -> Result<Exit, CliError> {
    let path = asked_path(&args.path)?;
    let mut retrying = Retrying::query(&args.peer, &args.retry)?;
    let name = quoted(if path.is_empty() { "." } else { &path });
    let space = retrying.run(&name, None, |client| client.space(&path));
    let space = space.map_err(|error| match error.refusal() {
        Some(reason @ Reason::Unsupported) => {
            let sentence = format!("{name}: the other end does not tell its free space");
            CliError::new(Exit::Refused, sentence).with_reason(Some(reason))
        }
        _ => retrying.error(&error, &name),
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
