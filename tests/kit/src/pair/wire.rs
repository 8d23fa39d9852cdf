//! The two lines of an end, as the port of the driver.

use std::collections::VecDeque;

use tinyferry_core::store::{Reply, Request, answer};
use tinyferry_core::{Millis, Store};

use crate::{Input, Line, Port};

/// The two lines of an end, for one step.
pub(super) struct Wire<'a> {
    pub(super) now: u64,
    pub(super) clock: Option<Millis>,
    pub(super) read: usize,
    pub(super) write: usize,
    /// The bytes in the driver's own buffer.
    pub(super) buffered: Vec<u8>,
    pub(super) is_cut: bool,
    pub(super) work: u64,
    pub(super) works_until: Option<u64>,
    /// Whether the store was busy.
    pub(super) is_pending: bool,
    pub(super) prints: &'a mut VecDeque<(u64, Vec<u8>)>,
    pub(super) received: &'a mut Vec<u8>,
    pub(super) is_quiet: bool,
    pub(super) incoming: &'a mut Line,
    pub(super) outgoing: &'a mut Line,
}

impl Port for Wire<'_> {
    fn now(&self) -> Option<Millis> {
        self.clock
    }

    fn read(&mut self, into: &mut [u8]) -> Input {
        let most = into.len().min(self.read);
        match self.incoming.read(self.now, &mut into[..most]) {
            0 if self.is_cut && self.incoming.readable_at().is_none() => Input::End,
            0 => Input::Nothing,
            count => Input::Bytes(count),
        }
    }

    fn write(&mut self, out: &[u8]) -> usize {
        self.outgoing.write(self.now, &out[..out.len().min(self.write)])
    }

    fn buffered(&mut self) -> &[u8] {
        &self.buffered
    }

    fn consume(&mut self, count: usize) {
        self.incoming.pass(count);
    }

    fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    fn print(&mut self) -> bool {
        while let Some((at, text)) = self.prints.front_mut().filter(|(at, _)| *at <= self.now) {
            let count = self.outgoing.write(self.now, text);
            text.drain(..count);
            if !text.is_empty() {
                // The rest follows before anything else.
                *at = 0;
                return true;
            }
            self.prints.pop_front();
        }
        false
    }

    fn text(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    fn storage<S: Store + ?Sized>(&mut self, store: &mut S, request: Request<'_>) -> Option<Reply> {
        if self.work > 0
            && matches!(
                request,
                Request::Load { .. } | Request::Store { .. } | Request::StoreZeros { .. }
            )
        {
            let until = *self.works_until.get_or_insert(self.now + self.work);
            if self.now < until {
                return None;
            }
            self.works_until = None;
        }
        let reply = answer(store, request);
        self.is_pending = reply == Reply::Pending;
        Some(reply)
    }
}
