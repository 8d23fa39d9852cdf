//! Standard output and standard error. A reader that has left is no failure; any other error of
//! standard output is one, and the program ends with it.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;

use tinyferry::words::of_system;

use crate::exit::Exit;

/// Why standard output could not be written, the first time.
static FAILED: OnceLock<String> = OnceLock::new();

/// Writes a line to standard output.
pub(crate) fn line(words: fmt::Arguments<'_>) {
    note(writeln!(io::stdout(), "{words}"));
}

/// Writes a line to standard error. That it cannot be written ends nothing.
pub(crate) fn complaint(words: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{words}");
}

/// Remembers why standard output could not be written. Returns whether it was.
pub(crate) fn note(result: io::Result<()>) -> bool {
    if let Err(error) = &result
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILED.get_or_init(|| of_system(error));
    }
    result.is_ok()
}

/// Whether standard output has failed.
pub(crate) fn has_failed() -> bool {
    FAILED.get().is_some()
}

/// Writes what is still buffered. Returns how the program ends: as `exit` says, unless all went
/// well but for the output.
pub(crate) fn finish(exit: Exit) -> Exit {
    note(io::stdout().flush());
    let Some(why) = FAILED.get() else { return exit };
    complaint(format_args!("tinyferry: standard output cannot be written: {why}"));
    if exit == Exit::Done { Exit::Local } else { exit }
}
