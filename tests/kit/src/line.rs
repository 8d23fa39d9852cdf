//! One direction of a link: rate, delay, and faults by seed. Times are nanoseconds.

use std::collections::VecDeque;

use crate::Random;

/// The faults of a line; probabilities are per byte, except `flip`, which is per bit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// A bit is flipped.
    pub flip: f64,
    /// A byte is lost.
    pub drop: f64,
    /// A byte of noise comes before it.
    pub insert: f64,
    /// A byte comes twice.
    pub double: f64,
    /// A burst of 64 bytes of noise begins.
    pub burst: f64,
}

/// One direction of a link.
#[derive(Debug, Clone)]
pub struct Line {
    /// Nanoseconds a byte takes; 0: none.
    pub byte_time: u64,
    /// Nanoseconds a byte is on its way.
    pub delay: u64,
    /// The events that change bytes.
    pub faults: Faults,
    /// The bytes that arrive for one that is sent; `None`: itself.
    pub convert: Option<fn(u8) -> Vec<u8>>,
    /// The number of bytes after which the line is cut.
    pub cut: Option<u64>,
    /// Bytes that fit into the buffer of the sending end before it blocks.
    pub room: u64,
    /// Frames to be lost, by their number on this line from 0.
    pub lose: Vec<usize>,
    /// Frames to be doubled.
    pub twice: Vec<usize>,
    /// The time between two bursts in which bytes arrive, in nanoseconds; 0: each by itself.
    pub step: u64,
    /// The shortest and the longest pause in the middle of each write, in nanoseconds; 0: none.
    pub pauses: (u64, u64),
    /// The number of bytes after which one is inserted; 0: never.
    pub inserts: u64,
    /// The maximum number of bytes of one write that arrive: the receiving buffer has no more room.
    pub longest: usize,
    /// Bytes put on the line.
    pub carried: u64,
    /// Frames put on the line.
    pub frames: usize,
    /// The longest time between two writes, in nanoseconds.
    pub silence: u64,
    written_at: u64,
    /// Everything put on the line, if it is to be kept.
    pub record: Option<Vec<u8>>,
    /// The numbers of the bytes that a fault has hit, from 0; those of `record`.
    pub hits: Vec<u64>,
    free_at: u64,
    burst_left: u32,
    arriving: VecDeque<(u64, u8)>,
    random: Random,
}

impl Line {
    /// A perfect line: no time, no faults.
    pub fn perfect(seed: u64) -> Self {
        Self {
            byte_time: 0,
            delay: 0,
            faults: Faults::default(),
            convert: None,
            cut: None,
            room: 1 << 16,
            lose: Vec::new(),
            twice: Vec::new(),
            step: 0,
            pauses: (0, 0),
            inserts: 0,
            longest: usize::MAX,
            carried: 0,
            frames: 0,
            silence: 0,
            written_at: 0,
            record: None,
            hits: Vec::new(),
            free_at: 0,
            burst_left: 0,
            arriving: VecDeque::new(),
            random: Random::new(seed),
        }
    }

    /// A serial line of `baud` baud, ten bits a byte, with a FIFO of 16 bytes.
    pub fn serial(baud: u64, seed: u64) -> Self {
        Self { byte_time: 10_000_000_000 / baud, room: 16, ..Self::perfect(seed) }
    }

    /// Whether the line is cut.
    pub fn is_cut(&self) -> bool {
        self.cut.is_some_and(|cut| self.carried >= cut)
    }

    /// The time at which all bytes written so far are sent.
    pub fn idle_at(&self) -> u64 {
        self.free_at
    }

    /// When at least one byte may be written.
    pub fn writable_at(&self) -> u64 {
        let backlog = self.byte_time * self.room;
        (self.free_at + self.byte_time).saturating_sub(backlog)
    }

    /// Writes as many bytes as fit at `now`; returns their number.
    pub fn write(&mut self, now: u64, bytes: &[u8]) -> usize {
        let start = self.free_at.max(now);
        let room = match (start - now).checked_div(self.byte_time) {
            Some(queued) => self.room.saturating_sub(queued) as usize,
            None => bytes.len(),
        };
        let count = room.min(bytes.len());
        if count > 0 {
            self.carry(now, &bytes[..count]);
        }
        count
    }

    /// Writes one whole frame, or a part of one where the room is small.
    fn carry(&mut self, now: u64, bytes: &[u8]) {
        let frame = self.frames;
        self.frames += 1;
        self.silence = self.silence.max(now - self.written_at);
        self.written_at = now;
        if let Some(record) = &mut self.record {
            record.extend_from_slice(bytes);
        }
        if self.lose.contains(&frame) {
            self.carried += bytes.len() as u64;
            return;
        }
        let times = if self.twice.contains(&frame) { 2 } else { 1 };
        for _ in 0..times {
            let before = self.arriving.len();
            let middle = bytes.len() / 2;
            for (number, byte) in bytes.iter().enumerate() {
                if number == middle && middle > 0 && self.pauses.1 > 0 {
                    let (shortest, longest) = self.pauses;
                    let pause = shortest + self.random.next() % (longest - shortest + 1);
                    self.free_at = self.free_at.max(now) + pause;
                }
                match self.convert {
                    Some(convert) => {
                        convert(*byte).into_iter().for_each(|byte| self.carry_byte(now, byte));
                    }
                    None => self.carry_byte(now, *byte),
                }
            }
            self.arriving.truncate(before.saturating_add(self.longest));
        }
    }

    fn carry_byte(&mut self, now: u64, mut byte: u8) {
        self.free_at = self.free_at.max(now) + self.byte_time;
        if self.is_cut() {
            return;
        }
        self.carried += 1;
        let at = (self.free_at + self.delay).next_multiple_of(self.step.max(1));
        if self.inserts > 0 && self.carried.is_multiple_of(self.inserts) {
            self.arriving.push_back((at, 0x11));
        }
        let faults = self.faults;
        let sent = byte;
        if faults.flip > 0.0 {
            for bit in 0..8 {
                if self.random.happens(faults.flip) {
                    byte ^= 1 << bit;
                }
            }
        }
        if self.random.happens(faults.burst) {
            self.burst_left = 64;
        }
        if self.burst_left > 0 {
            self.burst_left -= 1;
            byte = self.random.next() as u8;
        }
        let mut is_hit = byte != sent;
        if self.random.happens(faults.insert) {
            is_hit = true;
            let noise = self.random.next() as u8;
            self.arriving.push_back((at, noise));
        }
        let is_dropped = self.random.happens(faults.drop);
        if !is_dropped {
            self.arriving.push_back((at, byte));
        }
        let is_doubled = !is_dropped && self.random.happens(faults.double);
        if is_doubled {
            self.arriving.push_back((at, byte));
        }
        if is_hit || is_dropped || is_doubled {
            self.hits.push(self.carried - 1);
        }
    }

    /// Puts bytes on the line that nobody of the two sent.
    pub fn inject(&mut self, now: u64, bytes: &[u8]) {
        self.arriving.extend(bytes.iter().map(|byte| (now, *byte)));
    }

    /// When the next byte can be read.
    pub fn readable_at(&self) -> Option<u64> {
        self.arriving.front().map(|(at, _)| *at)
    }

    /// The bytes that have arrived by `now`, at most `most`; they stay.
    pub fn arrived(&self, now: u64, most: usize) -> Vec<u8> {
        let arrived = self.arriving.iter().take_while(|(at, _)| *at <= now);
        arrived.take(most).map(|(_, byte)| *byte).collect()
    }

    /// Drops `count` bytes that have arrived.
    pub fn pass(&mut self, count: usize) {
        self.arriving.drain(..count);
    }

    /// Reads the bytes that have arrived by `now`, as many as fit.
    pub fn read(&mut self, now: u64, into: &mut [u8]) -> usize {
        let mut count = 0;
        while count < into.len() && self.readable_at().is_some_and(|at| at <= now) {
            if let Some((_, byte)) = self.arriving.pop_front() {
                into[count] = byte;
                count += 1;
            }
        }
        count
    }
}
