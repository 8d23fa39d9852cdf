//! A link and a store that log their frames and calls through `defmt`, and do nothing else.
#![no_std]

use embedded_io::{ErrorType, Read, Write};
use tinyferry_core::checksum::Small;
use tinyferry_core::device::Event;
use tinyferry_core::driver::blocking::Link;
use tinyferry_core::store::{Accepted, Digests, Offer};
use tinyferry_core::wire::{Code, SIGNAL_LEN, Signal};
use tinyferry_core::{Millis, Reason, Store};

/// Logs an event of a device.
pub fn event<E: defmt::Format>(event: &Event<'_, E>) {
    match event {
        Event::Progress { .. } => {}
        event => defmt::info!("{}", event),
    }
}

/// Says which signals are sent.
pub struct LoggedLink<L> {
    link: L,
    /// The initial value of the checks of this session's frames.
    seed: u32,
}

impl<L> LoggedLink<L> {
    pub const fn new(link: L) -> Self {
        Self { link, seed: 0 }
    }
}

impl<L: ErrorType> ErrorType for LoggedLink<L> {
    type Error = L::Error;
}

impl<L: Read> Read for LoggedLink<L> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, L::Error> {
        self.link.read(into)
    }
}

impl<L: Write> Write for LoggedLink<L> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, L::Error> {
        if let Ok(bytes) = <&[u8; SIGNAL_LEN]>::try_from(bytes) {
            let signal = Signal::parse::<Small>(0, bytes);
            if let Some(signal) = signal.or_else(|| Signal::parse::<Small>(self.seed, bytes)) {
                defmt::debug!("sends {}", signal);
                if let (Code::Pon, 0) = (signal.code, signal.transfer) {
                    self.seed = !signal.as_hello().session;
                }
            }
        }
        self.link.write(bytes)
    }

    fn flush(&mut self) -> Result<(), L::Error> {
        self.link.flush()
    }
}

impl<L: Link> Link for LoggedLink<L> {
    const HALF_DUPLEX: bool = L::HALF_DUPLEX;

    fn now(&mut self) -> Option<Millis> {
        self.link.now()
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, is_idle: bool) {
        self.link.set_read_deadline(deadline, is_idle);
    }

    fn check(&mut self) -> Result<(), L::Error> {
        self.link.check()
    }

    fn is_ready(&mut self) -> Result<bool, L::Error> {
        self.link.is_ready()
    }

    fn take_buffered(&mut self, take: impl FnOnce(&[u8]) -> usize) {
        self.link.take_buffered(take);
    }
}

/// Logs each offer, commit, request and refusal.
pub struct LoggedStore<S>(pub S);

impl<S: Store> Store for LoggedStore<S> {
    fn inner(&mut self) -> Option<&mut dyn Store> {
        Some(&mut self.0)
    }

    fn rejected(&mut self, path: &[u8], reason: Reason) {
        defmt::warn!("an offer of {} bytes was refused: {}", path.len(), reason);
        self.0.rejected(path, reason);
    }

    fn verified(&mut self, digests: &Digests) {
        defmt::info!("verified: {}", digests);
        self.0.verified(digests);
    }

    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        let answer = self.0.offer(offer);
        defmt::info!("{}: {}", offer, answer);
        answer
    }

    fn commit(&mut self) -> Result<(), Reason> {
        let result = self.0.commit();
        defmt::info!("in place: {}", result);
        result
    }

    fn abandon(&mut self, reason: Reason, all: bool) {
        defmt::warn!("abandoned: {}", reason);
        self.0.abandon(reason, all);
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        let result = self.0.open(path, tree);
        defmt::info!("asked for \"{}\": {}", path, result);
        result
    }

    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool {
        defmt::warn!("entry {} was refused: {}", entry, reason);
        self.0.refused(entry, reason, message)
    }
}
