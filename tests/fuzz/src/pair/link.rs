//! The link between two sessions: it carries, damages and cuts their bytes, and advances the time.

use tinyferry_core::Outcome;
use tinyferry_core::error::Failure;
use tinyferry_kit::{Progress, Random};

use super::{End, MOST};
use crate::script::Script;

/// The effect of the link on `bytes`. Returns whether they were damaged.
fn damage(script: &mut Script<'_>, noise: &mut Random, bytes: &mut Vec<u8>) -> bool {
    let decision = script.decide();
    let low = usize::from(decision & 15);
    let at = |script: &mut Script<'_>, length: usize| {
        let [a, b] = [script.decide(), script.decide()];
        usize::from(u16::from_le_bytes([a, b])) % length.max(1)
    };
    match decision >> 4 {
        1 => {
            let at = at(script, bytes.len());
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (low % 8));
        }
        2 => {
            let from = at(script, bytes.len());
            let to = (from + low + 1).min(bytes.len());
            bytes.drain(from..to);
        }
        3 => {
            let at = at(script, bytes.len());
            let count = 1 + low * low;
            bytes.splice(at..at, (0..count).map(|_| noise.next() as u8));
        }
        4 => {
            let twice = bytes.clone();
            bytes.extend(twice);
        }
        5 => bytes.clear(),
        6 => {
            // The end of it comes again.
            let from = bytes.len().saturating_sub(1 + low * 7);
            bytes.extend_from_within(from..);
        }
        7 => {
            let at = at(script, bytes.len());
            bytes.truncate(at);
        }
        8 => {
            let from = at(script, bytes.len());
            for byte in bytes.iter_mut().skip(from).take(low + 1) {
                *byte = noise.next() as u8;
            }
        }
        _ => return false,
    }
    true
}

pub(super) struct Link<'a> {
    pub(super) script: Script<'a>,
    pub(super) noise: Random,
    /// Damage ends the stream.
    pub(super) may_cut: bool,
    pub(super) is_damaged: bool,
    pub(super) now: u32,
    pub(super) start: u32,
}

impl Link<'_> {
    /// Runs until the client's task is over, and then the server alone until it waits.
    pub(super) fn run(&mut self, client: &mut End, server: &mut End) -> Result<Outcome, Failure> {
        let mut result = None;
        for _ in 0..MOST {
            let first = client.step(self.now);
            self.carry(client, server);
            let second = server.step(self.now);
            self.carry(server, client);
            if let Progress::Over(over) = first {
                result = Some(over);
            }
            match (first, second) {
                (Progress::Moved, _) | (_, Progress::Moved) => {}
                (Progress::Over(result), _) => return result,
                (_, Progress::Over(_)) if !client.wire.is_cut => client.wire.is_cut = true,
                (_, _) => self.pass(client, server),
            }
        }
        panic!("it does not end: {result:?}");
    }

    /// Both wait: the time of the one that waits least passes.
    pub(super) fn pass(&mut self, client: &mut End, server: &mut End) {
        let left = |end: &End| {
            let deadline = end.session.deadline()?;
            Some(if end.wire.clock.is_none() {
                20
            } else {
                Some(deadline.wrapping_sub(self.now)).filter(|left| *left < 1 << 31).unwrap_or(0)
            })
        };
        let [first, second] = [left(client), left(server)];
        let least = first.into_iter().chain(second).min().expect("both wait for ever");
        self.now = self.now.wrapping_add(least);
        for (end, left) in [(client, first), (server, second)] {
            if left == Some(least) {
                end.tick(self.now);
                end.session.timed_out(end.wire.clock);
            }
        }
    }

    pub(super) fn carry(&mut self, from: &mut End, to: &mut End) {
        let out = &mut from.wire.leaving;
        if to.wire.is_cut {
            out.clear();
        }
        if out.is_empty() {
            return;
        }
        if damage(&mut self.script, &mut self.noise, out) {
            self.is_damaged = true;
            if self.may_cut {
                (to.wire.is_cut, from.wire.is_cut) = (true, true);
            }
        }
        to.wire.arriving.extend(from.wire.leaving.drain(..));
    }
}
