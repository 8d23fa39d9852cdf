use core::marker::PhantomData;
use core::num::NonZeroU32;

use crate::hello;
use crate::link::{Link, Lossy};
use crate::metadata::file_path;
use crate::outgoing::{State, Transfer, seal};
use crate::reader::{CHUNK, Expected, HEADER_LEN, IS_METADATA, NoFrame, Reader};
use crate::signal::{CLS, DON, ERR, LETTERS, PIN, PON, RAF, RAR, SAF, SAR, SIGNAL_LEN, Words};
use crate::{Reason, Source, Step};

/// A server that sends one file at a time, and refuses all other requests with their reasons.
///
/// It does no I/O: [`serve`](crate::serve) reads and writes for it, or a loop of your own does, as for a
/// [`Receiver`](crate::Receiver). The file itself is the send buffer: lost blocks are read again.
///
/// ```
/// use tinyferry_tiny::{Lossy, Reason, Sender, Source, Step};
///
/// struct Log(&'static [u8]);
///
/// impl Source for Log {
///     fn open(&mut self, path: &[u8]) -> Result<Option<u32>, Reason> {
///         if path == b"log" { Ok(Some(self.0.len() as u32)) } else { Err(Reason::NotFound) }
///     }
///     fn path(&self) -> &[u8] {
///         b"log"
///     }
///     fn load(&mut self, position: u32, into: &mut [u8]) -> Result<usize, Reason> {
///         let rest = self.0.get(position as usize..).unwrap_or_default();
///         into.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
///         Ok(rest.len().min(into.len()))
///     }
/// }
///
/// let (mut buffer, mut log) = ([0; 268], Log(b"it works"));
/// let mut sender: Sender<'_, Lossy> = Sender::new(&mut buffer, 4);
/// assert!(matches!(sender.poll(&mut log), Step::Receive(_)));
/// ```
pub struct Sender<'b, L: Link = Lossy> {
    reader: Reader<'b>,
    session: Option<NonZeroU32>,
    transfer: Transfer,
    /// The number of silences since the last valid frame or question, and of questions since that frame.
    silences: u16,
    repeats: u16,
    /// The largest payload of a chunk, and the frames that the client receives before it must be asked.
    chunk: u16,
    credit: u16,
    own_credit: u8,
    link: PhantomData<L>,
}

/// The first retry comes after 50 silences: a second. The wait doubles twice.
const RETRY: u16 = 50;
/// After 18 questions, 65 s, the client has gone (R75).
const REPEATS: u16 = 18;
/// The largest number of frames past the acknowledged count (R52).
const WINDOW: u16 = 8;

impl<'b, L: Link> Sender<'b, L> {
    /// A sender with a buffer for one frame, as of [`Receiver::new`](crate::Receiver::new). `credit` is
    /// the number of signals that the port stores while this end does not read; 0 counts as 1.
    pub const fn new(buffer: &'b mut [u8], credit: u8) -> Self {
        let own_credit = if credit == 0 { 1 } else { credit };
        let transfer = Transfer {
            number: 0,
            state: State::Idle,
            is_asking: false,
            count: 0,
            acknowledged: 0,
            sent: 0,
            size: None,
            digest: 0,
            digested: 0,
        };
        Self {
            reader: Reader::new(buffer),
            session: None,
            transfer,
            silences: 0,
            repeats: 0,
            chunk: 0,
            credit: 0,
            own_credit,
            link: PhantomData,
        }
    }

    /// `count` bytes were read, as [`Step::Receive`] asked for.
    pub fn received(&mut self, count: usize) {
        self.reader.received(count);
    }

    /// No byte came for 20 ms. On a lossy link an incomplete frame is then damaged (R71), and after a
    /// second of them a question is repeated (R73).
    pub fn silence(&mut self) {
        self.reader.silence();
        self.silences = self.silences.saturating_add(1);
        if L::LOSSY && self.silences >= RETRY << self.repeats.min(2) {
            self.transfer.is_asking = false;
            self.silences = 0;
            self.repeats = self.repeats.saturating_add(1);
            if self.repeats >= REPEATS {
                self.transfer.state = State::Idle;
            }
        }
    }

    /// Handles received bytes, and returns the next step of the driver. Call it again after each step.
    pub fn poll<S: Source>(&mut self, source: &mut S) -> Step<'_> {
        loop {
            let expected = Expected { is_lossy: L::LOSSY, session: self.session, open: None };
            let length = match self.reader.next(expected) {
                Ok(length) => length,
                Err(NoFrame::Broken) => return Step::Broken,
                Err(NoFrame::Incomplete) => {
                    let length = if self.reader.is_empty() { self.send(source) } else { 0 };
                    if length == 0 {
                        return Step::Receive(self.reader.space());
                    }
                    return Step::Transmit(self.reader.take().get(..length).unwrap_or_default());
                }
            };
            // An array of zeros would be a call of `memset`.
            let mut words = [PIN; 8];
            self.reader.words(&mut words);
            if self.signal(source, &mut words, length) {
                let session = self.session.map_or(0, NonZeroU32::get);
                return Step::Transmit(self.reader.answer(session, &words));
            }
        }
    }

    /// Whether the signal is answered; `words` is then the answer.
    fn signal<S: Source>(&mut self, source: &mut S, words: &mut Words, length: usize) -> bool {
        let [code, second, position, _, detail, ..] = *words;
        let number = second as u16;
        let transfer = &mut self.transfer;
        let is_active = !matches!(transfer.state, State::Idle | State::Refused(_));
        if number == 0 {
            return (code ^ PIN) & LETTERS == 0 && self.hello(words, is_active);
        }
        self.reader.has_dropped = false;
        (self.silences, self.repeats) = (0, 0);
        if number == transfer.number && is_active {
            transfer.answered(code, position, detail, &mut self.credit);
            return false;
        }
        if number != transfer.number {
            let refusal = match code {
                _ if is_active => return false, // R23
                RAF if second >> 16 != 0 && length == SIGNAL_LEN => Err(Reason::NameTooLong),
                RAF => {
                    let metadata = self.reader.frame().get(SIGNAL_LEN + HEADER_LEN..);
                    file_path(metadata.unwrap_or_default()).and_then(|path| source.open(path))
                }
                SAF | SAR => Err(Reason::ReadOnly),
                RAR => Err(Reason::Unsupported),
                CLS => Err(Reason::NotAllowed),
                _ => return false,
            };
            transfer.begin(number, refusal, detail & 1 != 0);
        }
        let State::Refused(reason) = transfer.state else { return false };
        *words = [ERR, number.into(), 0, 0, reason.code().into(), 0, 0, 0];
        code != PON
    }

    /// R18, R20, R22, R28
    fn hello(&mut self, words: &mut Words, is_active: bool) -> bool {
        let [_, _, _, _, number, _, _, credit] = *words;
        // R72
        let is_content = L::LOSSY && self.reader.has_dropped && self.session.is_some();
        let Some(session) = NonZeroU32::new(number).filter(|_| !is_content) else { return false };
        if self.session == Some(session) && is_active && L::LOSSY {
            self.transfer.is_asking = false;
            return false;
        }
        if self.session != Some(session) {
            (self.transfer.number, self.transfer.state) = (0, State::Idle);
        }
        self.session = None;
        if hello::answer::<L>(words, self.reader.payload_max(), self.own_credit) {
            let [.., sizes, _] = *words;
            self.session = Some(session);
            (self.chunk, self.credit) = (sizes as u16, credit as u16);
        }
        true
    }

    /// Puts the next frame of the transfer into the buffer; returns its length, 0 if there is none.
    fn send<S: Source>(&mut self, source: &mut S) -> usize {
        let transfer = &mut self.transfer;
        if transfer.is_asking {
            return 0;
        }
        let session = self.session.map_or(0, NonZeroU32::get);
        let number = u32::from(transfer.number);
        let in_flight = transfer.count.wrapping_sub(transfer.acknowledged);
        let may_send = in_flight < self.credit.min(WINDOW);
        if transfer.state == State::Sending && may_send {
            let frame = self.reader.take();
            let length = match transfer.load(source, self.chunk, frame) {
                Ok(length) => length,
                Err(reason) => {
                    transfer.state = State::Failing(reason);
                    0
                }
            };
            transfer.count = transfer.count.wrapping_add(1);
            if length > 0 {
                let header = u32::from(CHUNK) | (number & 0xFF) << 8;
                let position = transfer.sent.wrapping_sub(length as u32);
                return seal(frame, [header, position], length, !session);
            }
            if transfer.state == State::Sending {
                transfer.state = State::Finishing;
            }
        }
        transfer.is_asking = true;
        let count = u32::from(transfer.count);
        let (low, high) = (transfer.digest as u32, (transfer.digest >> 32) as u32);
        let mut words = [PIN, number, transfer.sent, 0, count, 0, 0, 0];
        let mut described = 0;
        match transfer.state {
            State::Idle | State::Refused(_) => {
                transfer.is_asking = false;
                return 0;
            }
            State::Sending => {}
            State::Finishing => words = [DON, number, transfer.sent, 0, count, 0, low, high],
            State::Failing(reason) => {
                words = [ERR, number, transfer.sent, 0, reason.code().into(), 0, 0, 0];
                if !L::LOSSY {
                    (transfer.state, transfer.is_asking) = (State::Idle, false);
                }
            }
            State::Offering { names_only } => {
                let (size, size_high) =
                    transfer.size.map_or((u32::MAX, u32::MAX), |size| (size, 0));
                described = source.path().len();
                let second = number | (described as u32) << 16;
                words = [SAF, second, 0, 0, size, size_high, 0, 1 << 31];
                // A reliable link needs no answer to it (R32).
                if !L::LOSSY {
                    transfer.state = if names_only { State::Idle } else { State::Sending };
                    transfer.is_asking = false;
                }
            }
        }
        self.reader.answer(session, &words);
        if described == 0 {
            return SIGNAL_LEN;
        }
        let Some(metadata) = self.reader.take().get_mut(SIGNAL_LEN..) else { return 0 };
        let payload = metadata.iter_mut().skip(HEADER_LEN);
        payload.zip(source.path()).for_each(|(to, byte)| *to = *byte);
        let header = IS_METADATA | u32::from(CHUNK) | (number & 0xFF) << 8;
        SIGNAL_LEN.saturating_add(seal(metadata, [header, 0], described, !session))
    }
}
