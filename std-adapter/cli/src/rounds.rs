//! The rounds of a command that runs again after each change (`--watch`): lines that the round before has printed about
//! failures, or before a handshake, are not printed again.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// `None`: the command runs once.
static ROUNDS: Mutex<Option<Rounds>> = Mutex::new(None);

#[derive(Debug, Default)]
struct Rounds {
    /// The texts of the round before; `None`: this is the first one.
    before: Option<BTreeSet<String>>,
    /// Those of this round.
    now: BTreeSet<String>,
}

impl Rounds {
    fn begin(earlier: Option<Self>) -> Self {
        Self { before: earlier.map(|earlier| earlier.now), now: BTreeSet::new() }
    }

    fn is_further(&self) -> bool {
        self.before.is_some()
    }

    fn is_new(&mut self, text: &str) -> bool {
        self.now.insert(text.to_owned());
        self.before.as_ref().is_none_or(|before| !before.contains(text))
    }
}

fn with<T>(work: impl FnOnce(&mut Option<Rounds>) -> T) -> T {
    work(&mut ROUNDS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A round begins.
pub(crate) fn begin() {
    with(|rounds| *rounds = Some(Rounds::begin(rounds.take())));
}

/// Whether an earlier round was completed: the server has answered.
pub(crate) fn is_further() -> bool {
    with(|rounds| rounds.as_ref().is_some_and(Rounds::is_further))
}

/// Whether a text is to be printed: the round before has not printed it.
pub(crate) fn is_new(text: &str) -> bool {
    with(|rounds| rounds.as_mut().is_none_or(|rounds| rounds.is_new(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_printed_again_after_a_round_without_it() {
        let mut rounds = Rounds::begin(None);
        assert!(rounds.is_new("a") && rounds.is_new("a") && !rounds.is_further());
        rounds = Rounds::begin(Some(rounds));
        assert!(!rounds.is_new("a") && rounds.is_new("b") && rounds.is_further());
        rounds = Rounds::begin(Some(rounds));
        assert!(!rounds.is_new("b"));
        rounds = Rounds::begin(Some(rounds));
        assert!(rounds.is_new("a"));
    }
}
