//! A board, written from the documentation of the raw REPL.

use super::super::script::FORGET;
use super::super::*;

const BANNER: &[u8] =
    b"MicroPython v1.29.0; a board\r\nType \"help()\" for more information.\r\n>>> ";

/// How a board behaves.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// The window of raw paste; `None`: it knows only the raw REPL.
    pub(super) window: Option<u16>,
    /// The board knows of raw paste, but does not support it.
    pub(super) refuses_paste: bool,
    /// The number of times that its program catches Ctrl-C.
    pub(super) stubborn: usize,
    /// The piece that fails, from 0.
    pub(super) fails_at: Option<usize>,
    /// The number of bytes of a piece after which the board has no memory.
    pub(super) memory: usize,
    /// Its server escapes bytes.
    pub(super) escapes: bool,
}

pub(super) const USUAL: Kind = Kind {
    window: Some(32),
    refuses_paste: false,
    stubborn: 0,
    fails_at: None,
    memory: 10_000,
    escapes: false,
};

/// The prompt of a board, written from the documentation of the raw REPL.
pub(super) struct Board {
    pub(super) kind: Kind,
    pub(super) mode: Mode,
    pub(super) line: Vec<u8>,
    pub(super) pieces: Vec<Vec<u8>>,
    pub(super) restarts: usize,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Mode {
    Program,
    Prompt,
    Raw,
    /// Raw paste; the bytes that the board may still take.
    Paste(usize),
    /// Raw paste that the board has ended: it drops the rest of the piece.
    Drop,
    Server,
}

impl Board {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, mode: Mode::Program, line: Vec::new(), pieces: Vec::new(), restarts: 0 }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        for byte in bytes {
            self.byte(*byte, &mut output);
        }
        output
    }

    fn byte(&mut self, byte: u8, output: &mut Vec<u8>) {
        match (self.mode, byte) {
            (Mode::Program, CTRL_C) if self.kind.stubborn > 0 => {
                self.kind.stubborn -= 1;
                output.extend(b"not now\r\n");
            }
            (Mode::Program, CTRL_C) => {
                self.mode = Mode::Prompt;
                output.extend(b"Traceback (most recent call last):\r\nKeyboardInterrupt: \r\n");
                output.extend(BANNER);
            }
            (Mode::Program, _) => {}
            (Mode::Prompt | Mode::Raw, CTRL_A) if self.line != [CTRL_E, b'A'] => {
                self.mode = Mode::Raw;
                self.line.clear();
                output.extend(b"\r\n");
                output.extend(RAW_PROMPT);
            }
            (Mode::Prompt, CTRL_C) => {
                self.line.clear();
                output.extend(b"\r\n>>> ");
            }
            (Mode::Prompt, CTRL_D) if !self.line.is_empty() => {}
            (Mode::Prompt, CTRL_D) => {
                self.restarts += 1;
                output.extend(b"MPY: soft reboot\r\n");
                output.extend(BANNER);
            }
            (Mode::Prompt, b'\r') => {
                self.line.clear();
                output.extend(b"\r\n>>> ");
            }
            (Mode::Prompt, CTRL_B) => output.extend(BANNER),
            (Mode::Prompt, byte) => {
                self.line.push(byte);
                output.push(byte);
            }
            (Mode::Raw, CTRL_B) => {
                self.line.clear();
                self.mode = Mode::Prompt;
                output.extend(b"\r\n");
                output.extend(BANNER);
            }
            (Mode::Raw, CTRL_C) => self.line.clear(),
            (Mode::Raw, CTRL_A) => {
                self.line.clear();
                match self.kind.window {
                    Some(window) => {
                        output.extend(b"R\x01");
                        output.extend(window.to_le_bytes());
                        self.mode = Mode::Paste(window.into());
                    }
                    None if self.kind.refuses_paste => output.extend(b"R\x00"),
                    None => {
                        output.extend(b"\r\n");
                        output.extend(RAW_PROMPT);
                    }
                }
            }
            (Mode::Raw, CTRL_D) => {
                output.extend(b"OK");
                self.run(output);
            }
            (Mode::Raw, byte) => self.line.push(byte),
            (Mode::Paste(_), CTRL_D) => {
                output.push(CTRL_D);
                self.run(output);
            }
            (Mode::Paste(_), _) if self.line.len() >= self.kind.memory => {
                output.push(CTRL_D);
                self.mode = Mode::Drop;
            }
            (Mode::Drop, CTRL_D) => {
                self.mode = Mode::Raw;
                self.line.clear();
                output.extend(b"\x04Traceback:\r\nMemoryError: none\r\n\x04>");
            }
            (Mode::Drop, _) => {}
            (Mode::Paste(room), byte) => {
                let room = room.checked_sub(1).expect("the board has no room for this byte");
                self.line.push(byte);
                let window = usize::from(self.kind.window.unwrap_or_default());
                let is_due = room <= window / 2 && self.line.len().is_multiple_of(window / 2);
                if is_due {
                    output.push(CTRL_A);
                }
                self.mode = Mode::Paste(room + if is_due { window } else { 0 });
            }
            (Mode::Server, CTRL_C) => {
                self.mode = Mode::Raw;
                output.extend(b"\x04\x04>");
            }
            (Mode::Server, _) => {}
        }
    }

    fn run(&mut self, output: &mut Vec<u8>) {
        if self.line == FORGET.as_bytes() {
            self.line.clear();
            return output.extend(b"\x04\x04>");
        }
        self.pieces.push(std::mem::take(&mut self.line));
        self.mode = Mode::Raw;
        if self.kind.fails_at == Some(self.pieces.len() - 1) {
            output.extend(b"some output\x04Traceback:\r\nMemoryError: no \x1b memory\r\n\x04>");
        } else if self.pieces.len() == 3 {
            self.mode = Mode::Server;
            let escapes: &[u8] = if self.kind.escapes { b", escaped" } else { b"" };
            output.extend([b"tinyferry ready", escapes, b"\r\n"].concat());
        } else {
            output.extend(b"\x04\x04>");
        }
    }
}
