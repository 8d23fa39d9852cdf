//! The frames of a forger: requests and answers with lies in them.

use super::*;
use crate::harness::content;

impl Forger {
    /// A file, offered, sent and vouched for; most often with a lie somewhere.
    pub(super) fn put(&mut self) {
        let number = self.next_number();
        self.put_on(number);
    }

    pub(super) fn put_on(&mut self, number: u16) {
        let length = self.pick(&[0, 1, 255, 1024, 5000, 30_000]);
        let bytes = content(length, self.random.next());
        let lie = self.random.below(14);
        let size = if lie == 0 { self.pick(&SIZES) } else { length as u64 };
        let resume = if self.odds(3) { size } else { 0 };
        let size = if lie == 1 { u64::MAX } else { size };
        let name = self.name();
        self.described(Signal::new(b"SAF", number, resume, [size, 7]), name.as_bytes());
        let chunk = if lie == 2 { 1 + self.random.below(1024) } else { 1024 };
        for (at, payload) in bytes.chunks(chunk).enumerate() {
            let position = (at * chunk) as u64;
            match lie {
                3 if self.odds(3) => {}
                4 if self.odds(3) => {
                    let jump = self.pick(&SIZES);
                    self.chunk(number, false, position.wrapping_add(jump), payload);
                }
                5 if self.odds(3) => {
                    let other = self.random.next() as u16;
                    self.chunk(other, false, position, payload);
                }
                6 if self.odds(3) => self.chunk(number, false, position, &content(1024, 9)),
                7 if self.odds(9) => return,
                8 if self.odds(3) => {
                    self.chunk(number, false, position, payload);
                    self.chunk(number, false, position, payload);
                }
                _ => self.chunk(number, false, position, payload),
            }
            if self.odds(6) {
                let count = self.random.next() & 0xFFFF;
                self.signal(Signal::new(b"PIN", number, position, [count, 0]));
            }
        }
        let (digest, count) = (Tables::crc64(0, &bytes), self.random.next() & 0xFFFF);
        let (size, digest) = match lie {
            9 => return self.signal(Signal::new(b"ERR", number, 1, [count % 30, 0])),
            10 => (length as u64, !digest),
            11 => (self.pick(&SIZES), digest),
            _ => (length as u64, digest),
        };
        self.signal(Signal::new(b"DON", number, size, [count, digest]));
    }

    /// A tree whose numbers of entries are lies.
    pub(super) fn tree(&mut self) {
        let tree = self.next_number();
        self.tree_on(tree);
    }

    pub(super) fn tree_on(&mut self, tree: u16) {
        let counts = [self.pick(&SIZES), self.pick(&SIZES)];
        let name = self.name();
        let offer = Signal::new(b"SAR", tree, 0, counts);
        self.described(offer, name.as_bytes());
        let entries = self.random.below(6);
        for _ in 0..entries {
            match self.random.below(12) {
                0 => self.described(offer, name.as_bytes()),
                1 => self.anything(),
                _ => self.put(),
            }
        }
        let counted = if self.odds(2) { entries as u64 } else { self.pick(&SIZES) };
        if !self.odds(4) {
            self.signal(Signal::new(b"DON", tree, counted, [entries as u64, 0]));
        }
    }

    /// Metadata that differs from the announcement of its signal, or is not valid.
    pub(super) fn describe(&mut self) {
        let number = self.next_number();
        let code = self.pick(&CODES);
        let mut signal = Signal::new(code, number, 0, [0; 2]);
        let text = self.name();
        let extras: &[u8] = match self.random.below(7) {
            0 => &[0, 1, 4, 1],                     // ends before its length does
            1 => &[0, 1, 255],                      // the same, by far
            2 => &[0, 0x80, 0],                     // must be understood
            3 => &[0, 0xFF, 2, 1, 2],               // the same
            4 => &[0, 1, 4, 255, 255, 255, 255, 9], // all bits of a mode; a tag without length
            5 => &[0, 2, 32, 0],                    // a digest that is cut
            _ => &[0xFF, 0xC3],                     // no UTF-8
        };
        let bytes = [text.as_bytes(), extras].concat();
        signal.described = match self.random.below(4) {
            0 => bytes.len() as u16,
            1 => bytes.len() as u16 + 1,
            2 => 1024,
            _ => self.random.next() as u16,
        };
        self.signal(signal);
        match self.random.below(4) {
            0 => {}
            1 => self.chunk(number.wrapping_add(1), true, 0, &bytes),
            2 => self.chunk(number, true, 1, &bytes),
            _ => self.chunk(number, true, 0, &bytes),
        }
    }

    pub(super) fn stray_chunks(&mut self) {
        for _ in 0..self.random.below(20) {
            let (transfer, position) = (self.random.next() as u16, self.pick(&SIZES));
            let payload = content(1 + self.random.below(1024), 5);
            let description = self.odds(8);
            self.chunk(transfer, description, position, &payload);
        }
    }

    pub(super) fn flood(&mut self) {
        let begin = self.said.len();
        self.anything();
        let one = self.said[begin..].to_vec();
        for _ in 0..self.random.below(1000) {
            self.said.extend_from_slice(&one);
        }
    }

    /// Asks for something, and says that it has come, or will, or cannot.
    pub(super) fn ask(&mut self) {
        let number = self.next_number();
        let code = if self.odds(2) { b"RAF" } else { b"RAR" };
        let names_only = u64::from(self.odds(3));
        let name = if self.odds(2) { "given" } else { self.name() };
        self.described(Signal::new(code, number, 0, [names_only, 0]), name.as_bytes());
        for _ in 0..self.random.below(6) {
            self.answer();
        }
    }

    /// The answers of a receiver, and of a sender after a request.
    pub(super) fn answer(&mut self) {
        let number = match self.role {
            Role::Client => self.number,
            Role::Server => 1,
        };
        let position = self.pick(&SIZES);
        let (low, high) = (self.random.next(), self.random.next());
        match self.random.below(5) {
            // Any credit, any count, and a map or a prefix.
            0 => self.signal(Signal::new(b"PON", number, position, [low, high])),
            1 => self.signal(Signal::new(b"DON", number, position, [low & 0xFFFF, high])),
            _ => {
                let refusal = Signal::new(b"ERR", number, position, [low % 30, 0]);
                self.described(refusal, b"no\x1b[2J");
            }
        }
    }

    /// Any signal with anything in it.
    pub(super) fn anything(&mut self) {
        let code = self.pick(&CODES);
        let transfer = match self.random.below(4) {
            0 => self.random.next() as u16,
            1 => 0,
            2 => self.number,
            _ => self.next_number(),
        };
        let position = self.pick(&SIZES);
        let detail = [(); 2].map(|()| match self.odds(2) {
            true => self.pick(&SIZES),
            false => self.random.next(),
        });
        self.signal(Signal::new(code, transfer, position, detail));
    }
}
