use core::marker::PhantomData;
use core::num::NonZeroU32;

use crate::hello::{self, MIN_BLOCK};
use crate::link::{Link, Lossy};
use crate::reader::{Expected, NoFrame, Reader};
use crate::signal::{CLS, DON, ERR, LETTERS, PIN, PON, RAF, RAR, SAF, SAR, SIGNAL_LEN, Words};
use crate::transfer::Transfer;
use crate::{Reason, Store};

/// A server that receives one file at a time, and refuses all other requests with their reasons.
///
/// It does no I/O: [`serve`](crate::serve) or [`async_io::serve`](crate::async_io) reads and writes for
/// it, or a loop of your own does.
///
/// ```
/// use tinyferry_tiny::{Lossy, Reason, Receiver, Step, Store};
///
/// struct Image([u8; 1024]);
///
/// impl Store for Image {
///     fn offer(&mut self, path: &[u8], size: u32) -> Result<(), Reason> {
///         match path {
///             b"image" if size as usize <= self.0.len() => Ok(()),
///             b"image" => Err(Reason::TooLarge),
///             _ => Err(Reason::NotFound),
///         }
///     }
///     fn store(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason> {
///         let to = self.0.get_mut(position as usize..).unwrap_or_default();
///         to.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
///         Ok(())
///     }
///     fn commit(&mut self) -> Result<(), Reason> {
///         Ok(())
///     }
/// }
///
/// let (mut buffer, mut image) = ([0; 268], Image([0; 1024]));
/// let mut receiver: Receiver<'_, Lossy> = Receiver::new(&mut buffer, 4);
/// // A hello: a lossy link, chunks of 1024 bytes at most, credit 128.
/// let hello = b"PIN\x01\0\0\0\0\0\0\0\0\0\0\0\0\x78\x56\x34\x12\x01\x01\0\0\0\x04\0\0\x80\0\0\0\x08\xa8\x0e\xe8";
/// let Step::Receive(into) = receiver.poll(&mut image) else { panic!("it reads") };
/// into[..36].copy_from_slice(hello);
/// receiver.received(36);
/// let Step::Transmit(reply) = receiver.poll(&mut image) else { panic!("it answers") };
/// assert_eq!(&reply[..3], b"PON");
/// assert_eq!(reply[24..26], [0, 1]); // chunks of 256 bytes
/// ```
pub struct Receiver<'b, L: Link = Lossy> {
    reader: Reader<'b>,
    session: Option<NonZeroU32>,
    transfer: Transfer,
    /// The binary logarithm of the length of a block.
    block: u8,
    credit: u8,
    link: PhantomData<L>,
}

/// The next step of the driver.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Read into this and report with `received` or `silence`.
    Receive(&'a mut [u8]),
    /// Write these bytes.
    Transmit(&'a [u8]),
    /// Bytes that are no frame came over a [`Reliable`](crate::Reliable) link: close it (R68). A receiver
    /// of a lossy link has no such step.
    Broken,
}

impl<'b, L: Link> Receiver<'b, L> {
    /// A receiver with a buffer for one frame: 268 bytes for chunks of 256, 524 for 512, 1036 for 1024.
    /// A smaller buffer refuses each client. The metadata of an offer, a path and 14 bytes or more, must
    /// fit with 48 others, or the offer is refused as a name that is too long.
    ///
    /// `credit` is the number of frames that the port stores while this end does not read: its receive
    /// queue. More than 8 have no effect (R52), and 0 counts as 1.
    pub const fn new(buffer: &'b mut [u8], credit: u8) -> Self {
        let credit = if credit == 0 { 1 } else { credit };
        let reader = Reader::new(buffer);
        Self {
            reader,
            session: None,
            transfer: Transfer::NONE,
            block: MIN_BLOCK,
            credit,
            link: PhantomData,
        }
    }

    /// `count` bytes were read, as [`Step::Receive`] asked for.
    pub fn received(&mut self, count: usize) {
        self.reader.received(count);
    }

    /// No byte came for 20 ms. On a lossy link an incomplete frame is then damaged (R71).
    pub fn silence(&mut self) {
        self.reader.silence();
    }

    /// Handles received bytes, and returns the next step of the driver. Call it again after each step.
    pub fn poll<S: Store>(&mut self, store: &mut S) -> Step<'_> {
        loop {
            let open = if self.transfer.is_open() { Some(self.transfer.number) } else { None };
            let expected = Expected { is_lossy: L::LOSSY, session: self.session, open };
            let length = match self.reader.next(expected) {
                Ok(length) => length,
                Err(NoFrame::Incomplete) => return Step::Receive(self.reader.space()),
                Err(NoFrame::Broken) => return Step::Broken,
            };
            // An array of zeros would be a call of `memset`.
            let mut words = [PIN; 8];
            self.reader.words(&mut words);
            if self.reader.is_chunk() {
                self.chunk(store, words);
            } else if self.signal(store, &mut words, length) {
                let session = self.session.map_or(0, NonZeroU32::get);
                return Step::Transmit(self.reader.answer(session, &words));
            }
        }
    }

    /// The next question is answered with the refusal, if there is one.
    fn chunk<S: Store>(&mut self, store: &mut S, [_, position, ..]: Words) {
        self.reader.has_dropped = false;
        if let Err(reason) = self.transfer.chunk(store, self.block, position, self.reader.frame()) {
            self.transfer.refuse(store, reason);
        }
    }

    /// Whether the signal is answered; `words` is then the answer.
    fn signal<S: Store>(&mut self, store: &mut S, words: &mut Words, length: usize) -> bool {
        let [code, second, position, position_high, a, b, c, d] = *words;
        let number = second as u16;
        if number == 0 {
            return (code ^ PIN) & LETTERS == 0 && self.hello(words);
        }
        self.reader.has_dropped = false;
        let transfer = &mut self.transfer;
        let is_open = transfer.is_open();
        let is_present = transfer.number == number;
        if !is_present {
            let refusal = match code {
                _ if is_open => return false, // R23, R35
                SAF => Reason::NameTooLong,
                SAR => Reason::Unsupported,
                RAF | RAR => Reason::WriteOnly,
                CLS => Reason::NotAllowed,
                _ => return false,
            };
            transfer.begin(number, refusal);
        }
        if code == PIN || code == DON {
            transfer.count = a as u16;
        }
        let result = match code {
            PON => return false,
            // Without its metadata where that is too long.
            SAF if !is_present && (second >> 16 == 0 || length > SIGNAL_LEN) => {
                transfer.offer(store, self.reader.frame(), [position, a, b])
            }
            DON if is_open => transfer.finish(store, [position, position_high], [c, d], L::LOSSY),
            ERR if is_open => Err(Reason::from_code(a as u16)),
            _ => Ok(()),
        };
        if let Err(reason) = result {
            transfer.refuse(store, reason);
        }
        // A reliable link needs no answer to an offer without a prefix (R32), and none to an ERR (R33).
        if !L::LOSSY && (code == ERR || code == SAF && transfer.is_open() && !transfer.has_prefix())
        {
            return false;
        }
        transfer.answer::<S>(words, self.credit);
        true
    }

    /// R18, R20, R22
    fn hello(&mut self, words: &mut Words) -> bool {
        let [_, _, _, _, number, _, sizes, _] = *words;
        // R72
        let is_content = L::LOSSY && self.reader.has_dropped && self.session.is_some();
        let Some(session) = NonZeroU32::new(number).filter(|_| !is_content) else { return false };
        if self.session != Some(session) {
            self.transfer.forget();
        }
        self.session = None;
        if hello::answer::<L>(words, self.reader.payload_max(), self.credit) {
            self.session = Some(session);
            self.block = MIN_BLOCK.wrapping_add((sizes >> 16) as u8);
        }
        true
    }
}
