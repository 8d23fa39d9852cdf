//! Time: what says that the other end lives and gets on, and that this one does; and when a wait is
//! over (`PROTOCOL.md`, section 6.6).

use super::*;
use crate::timer::reached;

/// While a transfer is under way on a reliable link, patience is so many times longer.
const BUSY: Millis = 10;
/// On a lossy link so many times: flash may take 40 seconds to erase, and nobody answers meanwhile. On any
/// link, if frames come that bring nothing: an end that is busy says so.
const STALLED: Millis = 2;

impl<P: Profile> Session<P> {
    /// How long a silent peer is waited for: on a reliable link it may be busy with a disk.
    pub(super) fn patience(&self) -> Millis {
        let lossy = self.shared.terms.is_lossy::<P>();
        self.times_patience(if lossy { STALLED } else { BUSY })
    }

    /// The patience, or so many times the same while a transfer is under way.
    fn times_patience(&self, factor: Millis) -> Millis {
        let moves = matches!(self.phase, Phase::Sending(_) | Phase::Receiving(_));
        self.config.patience.saturating_mul(if moves { factor } else { 1 })
    }

    /// A frame came that brings nothing: where only such frames have come for too long, the other end
    /// counts as gone.
    #[inline(never)]
    pub(super) fn no_progress(&mut self) {
        if self.timer.stands_still(self.times_patience(STALLED)) {
            self.give_up();
        }
    }

    /// When [`Session::timeout`] is to be called if nothing was received until then.
    pub fn deadline(&self) -> Option<Millis> {
        if !matches!(self.action, Action::Listen { .. }) {
            return None;
        }
        let due = self.timer.due();
        if self.is_lossy() && !self.reader.is_settled() {
            let silent = self.timer.silent_at();
            let sooner = due.filter(|due| self.is_busy() && reached(silent, *due));
            return Some(sooner.unwrap_or(silent));
        }
        due
    }

    /// Nothing was received until the deadline, or for as long as the transport waits. A driver
    /// without a clock hands in nothing, and each call counts as 20 ms.
    pub fn timeout(&mut self, now: Option<Millis>) {
        self.timer.pass_silence(now);
        if !matches!(self.action, Action::Listen { .. }) {
            return;
        }
        if self.is_lossy() && !self.reader.is_settled() && self.timer.is_silent() {
            if P::STEPS && self.reader.is_inside() {
                self.timer.tear();
            }
            self.reader.silence();
            self.settle();
            return;
        }
        if self.timer.is_due() {
            self.out_of_time();
        }
    }

    /// A signal came, its description as well if it is wanted. Where such frames only repeat what is
    /// known, for longer than the patience, the other end counts as gone.
    #[inline(never)]
    pub(super) fn take_signal(&mut self) {
        let signal = &self.shared.signal;
        let (code, position) = (signal.code, low_half(signal.position));
        // Who waits for a request takes any frame for one.
        let mut is_progress = matches!(self.phase, Phase::ExpectRequest);
        if signal.transfer > 0 {
            let is_told = match self.phase {
                Phase::Receiving(_) => P::RECEIVES && code == Code::Pin,
                // On a lossy link the position counts that was held before.
                _ => P::SENDS && P::RELIABLE && code == Code::Pon && !self.is_lossy(),
            };
            is_progress |= P::SENDS && code == Code::Pon && signal.credit() == 0;
            if is_told {
                is_progress |= self.told != position;
                self.told = position;
            }
        }
        let before = self.mark();
        // Only a greeting ends the wait for one.
        if !matches!(self.phase, Phase::ExpectGreeting) {
            self.frame_came();
        }
        if !self.shared.todo.pending {
            self.on_signal();
        }
        // A new offer has no mark before the store has answered it.
        let is_offered = P::RECEIVES && self.shared.todo.offer;
        if is_progress || is_offered || self.mark() != before {
            self.timer.progress();
        } else {
            self.no_progress();
        }
    }

    /// A valid frame came.
    pub(super) fn frame_came(&mut self) {
        if P::STEPS && P::LOSSY {
            self.timer.frame_ended();
        }
        self.timer.frame_came();
    }

    /// Whether the store was asked for something that is not done yet.
    pub(super) fn is_busy(&self) -> bool {
        P::RECEIVES && P::PENDS && self.busy.is_some()
    }

    /// A number that changes while the work gets on.
    #[inline(never)]
    fn mark(&self) -> u32 {
        match &self.phase {
            Phase::Sending(sender) if P::SENDS => sender.mark(&self.shared.terms),
            Phase::Receiving(receiver) if P::RECEIVES => receiver.mark(),
            Phase::ExpectGreeting => 1,
            Phase::ExpectRequest => 2,
            Phase::ExpectWelcome(_) => 3,
            Phase::ExpectOffer { .. } => 4,
            Phase::ExpectClose => 5,
            _ => 0,
        }
    }

    /// The action, unless it is one of a long work and what comes in was not looked at since the
    /// one before: then that comes first, and a sign of life where the line was silent.
    pub(super) fn unless_paused(&mut self, action: Action, wanted: Option<usize>) -> Action {
        let is_busy = self.is_busy();
        if self.has_looked || !(is_busy || matches!(action, Action::Load { .. })) {
            return action;
        }
        if self.timer.life_sign_due()
            && let Some(sign) = self.life_sign()
        {
            return self.transmit(sign);
        }
        self.has_looked = true;
        let may_read = match &self.phase {
            Phase::Receiving(receiver) => receiver.may_read(&self.shared.terms),
            _ => true,
        };
        match wanted.filter(|_| may_read) {
            Some(wanted) if is_busy && (self.is_lossy() || self.timer.has_clock()) => {
                self.timer.await_store();
                Action::Listen { wanted }
            }
            wanted => Action::Pause { wanted },
        }
    }

    /// What says that this end lives although it works: the receiver's `PON` without credit, the
    /// sender's `PIN`.
    fn life_sign(&mut self) -> Option<Signal> {
        match &mut self.phase {
            Phase::Sending(sender) if P::SENDS => Some(sender.question()),
            Phase::Receiving(receiver) if P::RECEIVES => {
                let is_offered = self.shared.todo.offer;
                let signal = &self.shared.signal;
                let number = if is_offered { signal.transfer } else { receiver.number() };
                Some(receiver.life_sign(number))
            }
            _ => None,
        }
    }
}
