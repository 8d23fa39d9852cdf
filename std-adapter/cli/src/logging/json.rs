//! The lines of a log as JSON (`serve --log json`). The schema is `docs/events.schema.json`.

use std::fmt::{self, Write};
use std::time::SystemTime;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::time::rfc3339;

/// The format of a server's log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// A JSON object on each line, for programs
    Json,
}

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    event: &'static str,
    time: String,
    level: &'a str,
    message: &'a str,
}

/// The line of a message, with the present time.
pub(super) fn line(level: &str, message: &str) -> String {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let time = rfc3339(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX));
    let line = Line { v: 1, event: "log", time, level, message };
    // Texts and numbers can always be written.
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text
}

/// Formats each message as a line.
pub(crate) struct JsonFormat;

impl<S, N> FormatEvent<S, N> for JsonFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut message = Message(String::new());
        event.record(&mut message);
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        writer.write_str(&line(&level, &message.0))
    }
}

/// The message of an event.
struct Message(String);

impl Visit for Message {
    #[expect(
        clippy::use_debug,
        reason = "a message is a text with arguments, whose two forms are the same"
    )]
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}
