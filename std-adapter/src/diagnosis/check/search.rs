//! The search for byte values that do not pass.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Instant;

use super::Check;
use crate::diagnosis::frames;

/// How often a value has to fail in company before it is tried alone.
const FAILURES: u8 = 2;
/// How often a value is tried alone.
const TRIES_ALONE: usize = 4;
/// The largest number of values with a fault of their own.
const MANY: usize = 16;

impl Check<'_, '_> {
    /// The values that never pass in both directions; none if there are too many for a fault of single values.
    pub(super) fn values_that_fail(&mut self) -> io::Result<Vec<u8>> {
        let mut left: VecDeque<u8> = (0..=255).collect();
        let mut failures = BTreeMap::new();
        while let Some(first) = left.pop_front() {
            if Instant::now() > self.end {
                return Ok(Vec::new());
            }
            if failures.get(&first).copied().unwrap_or(0) >= FAILURES {
                left.push_front(first);
                break;
            }
            // Those that have failed least often are in front.
            let [second, third] = [(); 2].map(|()| left.pop_front().unwrap_or(b'a'));
            let [fourth, ..] = self.next_random().to_le_bytes();
            let hello = frames::hello([first, second, third, fourth]);
            if self.is_answered(&hello)? {
                // The number has passed in both directions.
                left.retain(|value| *value != fourth);
                continue;
            }
            for value in [first, second, third] {
                *failures.entry(value).or_insert(0) += 1;
                if !left.contains(&value) {
                    left.push_back(value);
                }
            }
        }
        if left.len() > 8 * MANY {
            return Ok(Vec::new());
        }
        let mut failed = Vec::new();
        for value in left {
            if !self.passes_alone(value, TRIES_ALONE)? {
                failed.push(value);
            }
            if failed.len() > MANY || Instant::now() > self.end {
                return Ok(Vec::new());
            }
        }
        failed.sort_unstable();
        Ok(failed)
    }

    /// Whether a value passes beside those that do. On a line with so much noise that other frames fail too, nothing
    /// is known: then it counts as one that passes.
    pub(super) fn passes_alone(&mut self, value: u8, tries: usize) -> io::Result<bool> {
        for _ in 0..tries {
            let with = self.hello(&[value]);
            if self.is_answered(&with)? {
                return Ok(true);
            }
            if !self.is_settled {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
