//! The reasons why no server runs on a board.

use std::fmt;

/// Why the server cannot be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No raw REPL; the end of the text that came.
    NoPrompt(Vec<u8>),
    /// The other end only returns the bytes that it gets.
    Echo,
    /// The board did not answer in the raw REPL; the end of the text that came.
    Silent(Vec<u8>),
    /// The board printed text without end in the raw REPL; its end.
    Noise(Vec<u8>),
    /// The board has no raw paste, which the pieces need.
    NoPaste,
    /// A piece of the script has ended with this text of an error.
    Script(Vec<u8>),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &[u8]| {
            let text = String::from_utf8_lossy(text);
            text.trim().escape_debug().to_string()
        };
        match self {
            Self::NoPrompt(text) if text.is_empty() => f.write_str(
                "no answer; is a board with MicroPython or CircuitPython there, and is no other program using it?",
            ),
            Self::NoPrompt(text) => write!(
                f,
                "the board does not show the prompt of MicroPython or CircuitPython; it sends \"{}\"",
                shown(text)
            ),
            Self::Echo => f.write_str(
                "the other end only returns the bytes that it gets; is the board connected, and its terminal raw (stty raw -echo)?",
            ),
            Self::Noise(text) => write!(
                f,
                "the board prints text without end while the server is started; its last text is \"{}\"",
                shown(text)
            ),
            Self::Silent(text) if text.is_empty() => {
                f.write_str("the board stopped answering while the server was started")
            }
            Self::Silent(text) => write!(
                f,
                "the board stopped answering while the server was started; its last text is \"{}\"",
                shown(text)
            ),
            Self::NoPaste => f.write_str("the board knows no raw paste mode"),
            Self::Script(text) => {
                let text = String::from_utf8_lossy(text);
                let last = text.trim().lines().last().unwrap_or_default();
                let advice = if last.starts_with("MemoryError") {
                    "; restart the board, so that its program takes no memory"
                } else {
                    ""
                };
                write!(f, "the server cannot run on the board: {}{advice}", last.escape_debug())
            }
        }
    }
}
