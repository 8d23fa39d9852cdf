//! Time: progress of the other end, and the end of a wait (`PROTOCOL.md`, section 6.6).

use super::*;
use crate::time::reached;

/// The factor of the timeout during a transfer on a reliable link: the other end may be busy with a
/// disk.
const RELIABLE_FACTOR: Millis = 10;

impl<P: Profile> Session<P> {
    /// The time without progress after which the other end counts as gone.
    pub(super) fn timeout(&self) -> Millis {
        if self.is_lossy() || !self.is_transfer() {
            self.stalled_timeout()
        } else {
            self.config.timeout.saturating_mul(RELIABLE_FACTOR)
        }
    }

    /// The time for which frames may come that make no progress: during a transfer twice the timeout,
    /// as a busy end sends that it is busy. On a lossy link also the time without any frame: flash may
    /// take 40 seconds to erase.
    fn stalled_timeout(&self) -> Millis {
        let timeout = self.config.timeout;
        if self.is_transfer() { timeout.saturating_add(timeout) } else { timeout }
    }

    fn is_transfer(&self) -> bool {
        matches!(self.state, State::Sending(_) | State::Receiving(_))
    }

    /// A frame came that makes no progress. Where only such frames have come for too long, the other
    /// end counts as gone.
    #[inline(never)]
    pub(super) fn no_progress(&mut self) {
        if P::detects_stalls() && self.timer.is_stalled_for(self.stalled_timeout()) {
            self.give_up();
        }
    }

    /// Whether a task has made no progress for `time`, although this end repeats its questions: either 8 frames in
    /// succession made none, or 3 questions in succession were not answered. A receiver asks nothing: it also counts as
    /// stuck without progress for three times as long. The line may change some byte values.
    pub fn is_stuck_for(&self, time: Millis) -> bool {
        let is_receiver = matches!(self.state, State::Receiving(_));
        let longer = time.saturating_mul(3);
        P::detects_stalls()
            && (self.timer.is_stuck_for(time)
                || (is_receiver && self.timer.without_progress_for(longer)))
    }

    /// When to call [`Session::timed_out`] if nothing is received before.
    pub fn deadline(&self) -> Option<Millis> {
        if !matches!(self.io, PendingIo::Receive { .. }) {
            return None;
        }
        let deadline = self.timer.deadline();
        if self.is_lossy() && !self.reader.ignores_silence() {
            let idle_line = self.timer.idle_line_at();
            let is_sooner = |deadline: &Millis| self.is_busy() && reached(idle_line, *deadline);
            return Some(deadline.filter(is_sooner).unwrap_or(idle_line));
        }
        deadline
    }

    /// Nothing was received until the deadline, or for as long as the transport waits. A driver
    /// without a clock passes `None`; each call then counts as 20 ms.
    pub fn timed_out(&mut self, now: Option<Millis>) {
        self.timer.tick_idle(now);
        if !matches!(self.io, PendingIo::Receive { .. }) {
            return;
        }
        if self.is_lossy() && !self.reader.ignores_silence() && self.timer.line_is_idle() {
            if P::has_gaps() && self.reader.is_mid_frame() {
                self.timer.frame_cut();
            }
            self.reader.on_idle_line::<P>();
            self.drive();
            return;
        }
        if self.timer.is_due() {
            self.wait_over();
        }
    }

    /// A signal came. It is handled if it is complete, that is, with its metadata if that is wanted.
    /// Where such frames make no progress for too long, the other end counts as gone.
    #[inline(never)]
    pub(super) fn take_signal(&mut self, signal: &Signal, is_complete: bool) {
        let is_progress = P::detects_stalls() && self.shows_progress(signal);
        let before = if P::detects_stalls() { self.mark() } else { 0 };
        // Only a hello ends the wait for one.
        if !matches!(self.state, State::AwaitClientHello) {
            self.frame_received();
        }
        if is_complete {
            self.dispatch(signal);
        }
        // A new offer changes the mark only when the store has answered it.
        let is_offered = P::can_receive() && self.outbox.offer().is_some();
        if !P::detects_stalls() || is_progress || is_offered || self.mark() != before {
            self.timer.progress();
        } else {
            self.no_progress();
        }
    }

    /// Whether a signal by itself shows progress of the other end.
    fn shows_progress(&mut self, signal: &Signal) -> bool {
        let (code, position) = (signal.code, low_half(signal.position));
        // For a server that waits for a request each frame is progress.
        let mut is_progress = matches!(self.state, State::AwaitRequest);
        if signal.transfer > 0 {
            let tells_position = match self.state {
                State::Receiving(_) => P::can_receive() && code == Code::Pin,
                // On a lossy link only the acknowledged position counts.
                _ => P::can_send() && P::RELIABLE && code == Code::Pon && !self.is_lossy(),
            };
            is_progress |= P::can_send() && code == Code::Pon && signal.credit() == 0;
            is_progress |= P::can_receive() && code == Code::Pin && signal.is_waiting();
            if tells_position {
                is_progress |= self.peer_position != position;
                self.peer_position = position;
            }
        }
        is_progress
    }

    /// A valid frame came.
    pub(super) fn frame_received(&mut self) {
        if P::has_gaps() && P::LOSSY {
            self.timer.frame_complete();
        }
        if P::detects_stalls() {
            self.timer.frame_counts();
        }
        self.timer.frame_received();
    }

    /// A number that changes with each progress of the work.
    #[inline(never)]
    fn mark(&self) -> u32 {
        match (&self.state, &self.negotiated) {
            (State::Sending(sender), Some(link)) if P::can_send() => sender.mark(link),
            (State::Receiving(receiver), _) if P::can_receive() => receiver.mark(),
            (State::AwaitClientHello, _) => 1,
            (State::AwaitRequest, _) => 2,
            (State::AwaitServerHello(_), _) => 3,
            (State::AwaitOffer(_), _) => 4,
            (State::AwaitClosed, _) => 5,
            _ => 0,
        }
    }

    /// Waits for an answer. On a reliable link it cannot be lost, and the transport tells where the
    /// other end is gone: nothing is sent again.
    pub(super) fn await_answer(&mut self) {
        if self.is_lossy() {
            let is_busy = P::can_send()
                && matches!(&self.state, State::Sending(sender) if sender.is_peer_busy());
            let (has_begun, timeout) = (self.has_begun_answer(), self.timeout());
            self.timer.await_answer(is_busy, has_begun, timeout);
        } else {
            self.timer.await_frame(NonZeroU32::new(self.timeout()));
        }
    }

    /// The awaited frame did not come: the question is repeated, or this end gives up.
    #[inline(never)]
    pub(super) fn wait_over(&mut self) {
        if !self.is_busy() || self.awaits_answer_while_busy() {
            match self.state {
                State::AwaitClientHello | State::AwaitRequest => self.end(Failure::IdleTimeout),
                State::Closing => self.closing_over(),
                State::Receiving(_) => self.give_up(),
                _ if !self.is_lossy() => self.give_up(),
                _ if self.is_receiving_metadata() => self.timer.cancel(),
                _ if !self.timer.retry(self.timeout()) => self.give_up(),
                _ => self.repeat_question(),
            }
        }
        self.drive();
    }

    /// Whether the signal of the answer is here, and its metadata is awaited. A build that is only a server, without
    /// messages, awaits no such answer.
    fn has_begun_answer(&self) -> bool {
        (P::can_be_client() || P::has_messages()) && self.outbox.is_awaiting_metadata()
    }

    /// Whether the metadata of an answer comes in, without a silence in it: the question is not repeated (R73).
    fn is_receiving_metadata(&self) -> bool {
        self.has_begun_answer()
            && self.reader.is_mid_frame()
            && !self.timer.line_is_idle()
            && !self.timer.without_progress_for(self.timeout())
    }

    /// The other end is gone, or makes no progress. A server on a line waits for the next client.
    #[inline(never)]
    pub(super) fn give_up(&mut self) {
        if P::has_pipes() {
            self.deferred = None;
        }
        let is_lossy = self.is_lossy();
        if self.is_client() || !is_lossy {
            let asks = matches!(self.state, State::AwaitServerHello(_) | State::AwaitClosed);
            let is_stalled = P::detects_stalls()
                && P::LOSSY
                && is_lossy
                && self.timer.receives_futile_frames()
                && !asks;
            return self.end(if is_stalled { Failure::Stalled } else { Failure::TimedOut });
        }
        let in_tree = matches!(&self.state, State::Receiving(receiver) if receiver.is_in_tree());
        self.abandon(Reason::Cancelled);
        if in_tree {
            // An entry that still comes is no file of its own: the client must begin a new session.
            self.negotiated = None;
            self.enter(Event::ClientGone, State::AwaitClientHello);
        } else {
            self.enter(Event::ClientGone, State::AwaitRequest);
        }
        self.timer.restart();
    }

    /// The answer did not come in time: the question is repeated (R73).
    fn repeat_question(&mut self) {
        // The announced metadata is lost.
        if self.take_refusal_without_message() {
            return;
        }
        if self.outbox.is_awaiting_metadata() {
            self.outbox.slot = Slot::Empty;
        }
        match &mut self.state {
            State::AwaitServerHello(goal) if P::can_be_client() => {
                let goal = *goal;
                self.send_hello(goal);
            }
            State::Sending(sender) if P::can_send() => sender.repeat_question(),
            _ if P::can_be_client() => self.send_request(),
            _ => {}
        }
    }
}
