//! Standard output and standard error. A closed reader is no failure; any other error of
//! standard output is one, and sets the exit code. A thread writes standard error, so that
//! a reader that stops reading cannot stop the program.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, LineWriter, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use tinyferry::describe;

use crate::error_queue;
use crate::exit::Exit;
use crate::log_lines::LogLines;
use crate::rounds;
use crate::standard::{Stream, open};
use crate::terminal;

/// The first error of standard output.
static FAILED: OnceLock<String> = OnceLock::new();

/// Standard output, or the error of opening it.
static OUTPUT: LazyLock<Mutex<io::Result<LineWriter<Stream>>>> =
    LazyLock::new(|| Mutex::new(open().map(LineWriter::new)));

/// Whether remarks are left out.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// The content of standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StandardOutput {
    /// Lines for a person.
    Lines,
    /// A list of digests, for `sha256sum`.
    Digests,
    /// The content of a file.
    Content,
    /// Events for a program.
    Events,
}

static STANDARD_OUTPUT: OnceLock<StandardOutput> = OnceLock::new();

/// Sets the content of standard output, once.
pub(crate) fn set_standard_output(content: StandardOutput) {
    let _ = STANDARD_OUTPUT.set(content);
}

/// The content of standard output.
pub(crate) fn standard_output() -> StandardOutput {
    STANDARD_OUTPUT.get().copied().unwrap_or(StandardOutput::Lines)
}

/// Leaves out remarks.
pub(crate) fn set_quiet(is_quiet: bool) {
    IS_QUIET.store(is_quiet, Ordering::Relaxed);
}

/// Whether remarks are left out.
pub(crate) fn is_quiet() -> bool {
    IS_QUIET.load(Ordering::Relaxed)
}

/// Writes a line to standard output.
pub(crate) fn line(words: fmt::Arguments<'_>) {
    text(&format!("{words}\n"));
}

/// Writes a text to standard output. Returns whether it was written.
pub(crate) fn text(text: &str) -> bool {
    bytes(text.as_bytes())
}

/// Writes bytes to standard output. Returns whether they were written.
pub(crate) fn bytes(bytes: &[u8]) -> bool {
    terminal::print(|erase| {
        // On a terminal both streams are one: the earlier lines come first.
        if let Some(queue) = error_queue::queue() {
            error_queue::frame(erase);
            queue.catch_up();
        }
        let mut output = OUTPUT.lock().unwrap_or_else(PoisonError::into_inner);
        note(match &mut *output {
            Ok(output) => output.write_all(bytes),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        })
    })
}

/// Writes out the buffer of standard output. Returns whether that succeeded.
pub(crate) fn flush() -> bool {
    let mut output = OUTPUT.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut *output {
        Ok(output) => note(output.flush()),
        Err(_) => false,
    }
}

/// Writes a line to standard error. An error of standard error is ignored.
pub(crate) fn error_line(words: fmt::Arguments<'_>) {
    terminal::print(|erase| {
        let line = format!("{erase}{words}\n");
        match error_queue::queue() {
            Some(queue) => queue.push_waiting(line.as_bytes()),
            None => drop(io::stderr().write_all(line.as_bytes())),
        }
    });
}

/// Writes a line of a board to standard error, above the progress. It does not wait for the reader: the line is dropped
/// then, and counted.
pub(crate) fn console_line(line: &str) {
    if let Some(queue) = error_queue::queue() {
        LogLines(queue.clone()).push(format!("{line}\n").as_bytes());
    }
}

/// Writes a text about failures to standard error, unless the round before has written it. A list is one text.
pub(crate) fn failure(words: fmt::Arguments<'_>) {
    let text = words.to_string();
    if rounds::is_new(&text) {
        error_line(format_args!("{text}"));
    }
}

/// Writes a line to standard error that is no error, unless remarks are left out.
pub(crate) fn remark(words: fmt::Arguments<'_>) {
    if !is_quiet() {
        error_line(words);
    }
}

/// Writes the line of a result, unless remarks are left out: to standard error if standard output has another content
/// than lines.
pub(crate) fn summary(words: fmt::Arguments<'_>) {
    match standard_output() {
        StandardOutput::Lines if !is_quiet() => line(words),
        StandardOutput::Lines => {}
        StandardOutput::Digests | StandardOutput::Content | StandardOutput::Events => remark(words),
    }
}

/// Prints that a transfer was interrupted, and advice, in the place of the progress and of "^C". Does not wait for the
/// reader.
pub(crate) fn interrupted(advice: &str) {
    let Some(queue) = error_queue::queue() else { return };
    let erase = match terminal::end_state() {
        "" if io::stderr().is_terminal() => "\n",
        erase => erase,
    };
    let line = format!("{erase}tinyferry: interrupted{advice}\n");
    queue.push(line.as_bytes());
    queue.flush();
}

/// Writes the text of `error`: help and the version to standard output, a usage error to standard error.
pub(crate) fn usage(error: &clap::Error) {
    let to_stderr = error.use_stderr();
    let is_terminal =
        if to_stderr { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
    let is_colored =
        is_terminal && terminal::is_capable() && std::env::var_os("NO_COLOR").is_none();
    let words = error.render();
    let words = if is_colored { words.ansi().to_string() } else { words.to_string() };
    if to_stderr {
        error_line(format_args!("{}", words.trim_end_matches('\n')));
    } else {
        text(&words);
    }
}

/// Remembers an error of standard output. Returns whether the write succeeded.
fn note(result: io::Result<()>) -> bool {
    if let Err(error) = &result
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILED.get_or_init(|| describe::os_error(error));
    }
    result.is_ok()
}

/// Ends the program with success, because the reader of standard output has closed it.
pub(crate) fn exit_without_reader() -> ! {
    tinyferry::client::clean_up();
    if let Some(queue) = error_queue::queue() {
        queue.flush();
    }
    std::process::exit(Exit::Done as i32)
}

/// Whether standard output has failed.
pub(crate) fn has_failed() -> bool {
    FAILED.get().is_some()
}

/// Writes all buffered output. Returns the exit code of the program: `exit`, or [`Exit::Local`] if
/// the output failed and the task did not.
pub(crate) fn finish(exit: Exit) -> Exit {
    if let Ok(output) = &mut *OUTPUT.lock().unwrap_or_else(PoisonError::into_inner) {
        note(output.flush());
    }
    let Some(why) = FAILED.get() else { return exit };
    error_line(format_args!("tinyferry: standard output cannot be written: {why}"));
    if matches!(exit, Exit::Done | Exit::Partly | Exit::Vanished) { Exit::Local } else { exit }
}
