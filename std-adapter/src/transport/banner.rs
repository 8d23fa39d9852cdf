//! The banner: text that comes before the first frame of a server. A message of the day, a warning of a shell, the
//! echo of a terminal.
//!
//! Knows how the first frame of a server begins, and how text is shown; knows nothing of sockets.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, PoisonError};

use crate::describe;

mod echo;
mod first;
#[cfg(unix)]
pub(crate) mod socket;
#[cfg(test)]
mod tests;

use self::first::Begins;
pub(crate) use self::first::First;

/// The begin of the line that a server prints when its terminal is ready for frames.
pub(crate) const READY: &str = "tinyferry: this terminal is served now";
/// The longest banner, in bytes. More text is no banner.
const LONGEST: usize = 64 * 1024;
/// The number of lines that are shown.
const SHOWN_LINES: usize = 20;
/// The number of bytes that are shown.
const SHOWN_BYTES: usize = 4 * 1024;
/// The longest line that is shown, in bytes. A longer one is cut into several lines.
const LONGEST_LINE: usize = 512;
/// The number of bytes of output that are kept: a hello, and more.
const KEPT_OUTPUT: usize = 64;
/// The number of bytes of the banner that an error quotes.
const QUOTED_BYTES: usize = 80;

type Callback = dyn FnMut(&str) + Send;

/// Receives each line of a banner.
#[derive(Clone, Default)]
pub(crate) struct Listener(Option<Arc<Mutex<Callback>>>);

impl Listener {
    pub(crate) fn new(listener: impl FnMut(&str) + Send + 'static) -> Self {
        Self(Some(Arc::new(Mutex::new(listener))))
    }

    fn line(&self, line: &str) {
        if let Some(listener) = &self.0 {
            (listener.lock().unwrap_or_else(PoisonError::into_inner))(line);
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Listener(set)" } else { "Listener" })
    }
}

/// The banner so far.
#[derive(Debug)]
pub(crate) struct Banner {
    first: First,
    /// The bytes that this end has sent, which a terminal may echo.
    sent: Vec<u8>,
    /// Bytes that may begin the first frame.
    candidate: Vec<u8>,
    /// The line that is not complete.
    line: Vec<u8>,
    /// The number of bytes of text.
    length: usize,
    /// Its begin.
    begin: Vec<u8>,
    shown_lines: usize,
    shown_bytes: usize,
    /// The number of bytes that are not shown.
    hidden: usize,
    /// Whether the line of a server on a terminal has come since the last [`Banner::take_ready`].
    is_ready: bool,
    listener: Listener,
}

impl Banner {
    pub(crate) fn new(first: First, listener: Listener) -> Self {
        Self {
            first,
            sent: Vec::new(),
            candidate: Vec::new(),
            line: Vec::new(),
            length: 0,
            begin: Vec::new(),
            shown_lines: 0,
            shown_bytes: 0,
            hidden: 0,
            is_ready: false,
            listener,
        }
    }

    /// This end sends these bytes.
    pub(crate) fn sends(&mut self, bytes: &[u8]) {
        let room = KEPT_OUTPUT.saturating_sub(self.sent.len());
        self.sent.extend(bytes.iter().take(room));
    }

    /// The first bytes that were sent.
    pub(crate) fn sent(&self) -> &[u8] {
        &self.sent
    }

    /// Takes received bytes. Returns the first frame, and all bytes behind it, when the frame has come.
    ///
    /// # Errors
    /// `InvalidData`: the text is longer than a banner.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.candidate.extend_from_slice(bytes);
        let mut text = 0;
        while let Some(rest) = self.candidate.get(text..).filter(|rest| !rest.is_empty()) {
            match self.first.begins(rest) {
                Begins::No => text += 1,
                Begins::Unknown => break,
                Begins::Yes => {
                    let frame = self.candidate.split_off(text);
                    self.end();
                    return Ok(Some(frame));
                }
            }
        }
        let rest = self.candidate.split_off(text);
        let text = std::mem::replace(&mut self.candidate, rest);
        self.append(&text);
        if self.length > LONGEST {
            self.end();
            return Err(io::Error::new(ErrorKind::InvalidData, "it prints text without an end"));
        }
        Ok(None)
    }

    /// No further text comes: shows the rest.
    pub(crate) fn end(&mut self) {
        let rest = std::mem::take(&mut self.candidate);
        self.append(&rest);
        self.show_line();
        match std::mem::take(&mut self.hidden) {
            0 => {}
            count => {
                let more = if self.shown_lines > 0 { "more " } else { "" };
                let bytes = if count == 1 { "byte" } else { "bytes" };
                self.listener.line(&format!("({count} {more}{bytes})"));
            }
        }
    }

    /// Whether the text was longer than a banner.
    pub(crate) fn is_endless(&self) -> bool {
        self.length > LONGEST
    }

    /// The begin of the text, escaped and in quotes; `None`: there is none, or a listener received it.
    pub(crate) fn undelivered(&self) -> Option<String> {
        let is_undelivered = self.listener.0.is_none() && !self.begin.trim_ascii().is_empty();
        is_undelivered.then(|| format!("\"{}\"", describe::line(self.begin.trim_ascii())))
    }

    /// The begin of the text. It is hostile: escape it before showing.
    pub(crate) fn begin(&self) -> String {
        String::from_utf8_lossy(&self.begin).into_owned()
    }

    fn append(&mut self, text: &[u8]) {
        self.length += text.len();
        let missing = QUOTED_BYTES.saturating_sub(self.begin.len()).min(text.len());
        self.begin.extend_from_slice(text.get(..missing).unwrap_or_default());
        for byte in text {
            match byte {
                b'\n' => self.show_line(),
                byte => self.line.push(*byte),
            }
            if self.line.len() >= LONGEST_LINE {
                self.show_line();
            }
        }
    }

    /// Whether a server on a terminal has sent the line that the terminal is ready.
    pub(crate) fn take_ready(&mut self) -> bool {
        std::mem::take(&mut self.is_ready)
    }

    /// Shows the line, unless it is blank, no text, or too much. The line of a server on a terminal is for a person
    /// there.
    fn show_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        if let Some(echo) = echo::find(&line, &self.sent) {
            line.drain(echo);
        }
        if line.windows(READY.len()).any(|part| part == READY.as_bytes()) {
            self.is_ready = true;
            return;
        }
        let line = line.trim_ascii_end();
        let shown = describe::line(line.strip_prefix(b"\r").unwrap_or(line));
        if line.is_empty() {
            return;
        }
        let has_room =
            self.shown_lines < SHOWN_LINES && self.shown_bytes + shown.len() <= SHOWN_BYTES;
        if !has_room || !is_text(line) {
            self.hidden += line.len();
            return;
        }
        self.shown_lines += 1;
        self.shown_bytes += shown.len();
        self.listener.line(&shown);
    }
}

/// Whether most of a line are letters that can be shown.
fn is_text(line: &[u8]) -> bool {
    let letters = line.utf8_chunks().flat_map(|chunk| chunk.valid().chars());
    let count: usize = letters.filter(|letter| !letter.is_control()).map(char::len_utf8).sum();
    count >= line.len() - line.len() / 4
}
