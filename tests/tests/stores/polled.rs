//! `AsyncSlots` as a blocking store over the same flash in memory: its calls are polled until they end. Each operation of
//! the flash is pending once before it is done, and once after.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use embedded_storage::nor_flash::{ErrorType, NorFlash as _, NorFlashErrorKind, ReadNorFlash as _};
use embedded_storage_async::nor_flash::{NorFlash, ReadNorFlash};
use tinyferry_core::error::Reason;
use tinyferry_core::store::{Accepted, AsyncStore, Digests, Entry, Offer, Store};
use tinyferry_kit::Flash;
use tinyferry_stores::async_slots::AsyncSlots;
use tinyferry_stores::slots::{Image, Slots};

/// A store of one image over this flash.
pub(super) trait OneImage<const W: usize, const S: usize>: Store {
    fn over(flash: Flash<W, S>) -> Self;
    fn into_flash(self) -> Flash<W, S>;
    fn current(&mut self) -> Option<Image>;
}

impl<const W: usize, const S: usize> OneImage<W, S> for Slots<Flash<W, S>> {
    fn over(flash: Flash<W, S>) -> Self {
        Self::new(flash)
    }

    fn into_flash(self) -> Flash<W, S> {
        self.into_inner()
    }

    fn current(&mut self) -> Option<Image> {
        self.image().expect("it can be read")
    }
}

impl<const W: usize, const S: usize> OneImage<W, S> for Polled<W, S> {
    fn over(flash: Flash<W, S>) -> Self {
        Self { slots: AsyncSlots::new(Waiting(flash)), patience: usize::MAX, digests: None }
    }

    fn into_flash(self) -> Flash<W, S> {
        self.slots.into_inner().0
    }

    fn current(&mut self) -> Option<Image> {
        let future = pin!(self.slots.image());
        poll(future, usize::MAX).expect("it ends").expect("it can be read")
    }
}

/// A flash whose calls are pending.
pub(super) struct Waiting<const W: usize, const S: usize>(Flash<W, S>);

/// Is pending once.
async fn pending() {
    let mut is_pending = true;
    poll_fn(|_| if std::mem::take(&mut is_pending) { Poll::Pending } else { Poll::Ready(()) })
        .await;
}

impl<const W: usize, const S: usize> ErrorType for Waiting<W, S> {
    type Error = NorFlashErrorKind;
}

impl<const W: usize, const S: usize> ReadNorFlash for Waiting<W, S> {
    const READ_SIZE: usize = W;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        pending().await;
        self.0.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl<const W: usize, const S: usize> NorFlash for Waiting<W, S> {
    const WRITE_SIZE: usize = W;
    const ERASE_SIZE: usize = S;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        pending().await;
        let result = self.0.erase(from, to);
        pending().await;
        result
    }

    /// Half of the words before it is pending a second time.
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        pending().await;
        let (first, second) = bytes.split_at(bytes.len() / 2 / W * W);
        if !first.is_empty() {
            self.0.write(offset, first)?;
        }
        pending().await;
        let result = self.0.write(offset + first.len() as u32, second);
        pending().await;
        result
    }
}

/// Polls a future this number of times at most.
fn poll<T>(mut future: std::pin::Pin<&mut impl Future<Output = T>>, times: usize) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

/// The store. A call is dropped after `patience` polls, and then repeated to its end.
pub(super) struct Polled<const W: usize, const S: usize> {
    slots: AsyncSlots<Waiting<W, S>>,
    pub(super) patience: usize,
    digests: Option<Digests>,
}

macro_rules! call {
    ($self:ident, $call:expr) => {{
        let first = poll(pin!($call), $self.patience);
        match first {
            Some(output) => output,
            None => poll(pin!($call), usize::MAX).expect("it ends"),
        }
    }};
}

impl<const W: usize, const S: usize> Store for Polled<W, S> {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        call!(self, self.slots.offer(offer))
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        call!(self, self.slots.store(position, bytes))
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        call!(self, self.slots.load(position, into))
    }

    fn verified(&mut self, digests: &Digests) {
        self.digests = Some(*digests);
    }

    fn commit(&mut self) -> Result<(), Reason> {
        let digests = self.digests.take().ok_or(Reason::Storage)?;
        call!(self, self.slots.commit(&digests))
    }

    fn abandon(&mut self, reason: Reason, all: bool) {
        call!(self, self.slots.abandon(reason, all));
    }

    fn open(&mut self, path: &str, tree: bool) -> Result<(), Reason> {
        call!(self, self.slots.open(path, tree, false))
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        call!(self, self.slots.next(path))
    }

    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool {
        AsyncStore::refused(&mut self.slots, entry, reason, message)
    }
}
