//! Which units past a position are held, lost or repeated (`PROTOCOL.md`, section 4).

/// Units that a `PON` speaks of past the one at its position.
pub const MAP_UNITS: u32 = 96;

/// A set of units, counted from 0 to 103.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Map([u8; 13]);

impl Map {
    /// No unit.
    pub const EMPTY: Self = Self([0; 13]);

    /// Whether `unit` is in it.
    pub fn contains(&self, unit: u32) -> bool {
        self.0.get(place(unit)).is_some_and(|byte| byte & bit(unit) != 0)
    }

    /// Puts `unit` in, or takes it out. One that there is no room for is left out.
    pub fn set(&mut self, unit: u32, is_in: bool) {
        if let Some(byte) = self.0.get_mut(place(unit)) {
            *byte = if is_in { *byte | bit(unit) } else { *byte & !bit(unit) };
        }
    }

    /// Whether no unit is in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::EMPTY
    }

    /// The lowest unit that is in it.
    pub(crate) fn first(&self) -> Option<u32> {
        // Asked before every chunk, and mostly so.
        if self.is_empty() {
            return None;
        }
        (0..=MAP_UNITS).find(|unit| self.contains(*unit))
    }

    /// The highest unit that is in it.
    pub(crate) fn last(&self) -> Option<u32> {
        (0..=MAP_UNITS).rev().find(|unit| self.contains(*unit))
    }

    /// Counts from unit 1 on instead of 0. Whether unit 0 was in it.
    pub(crate) fn take_first(&mut self) -> bool {
        let mut carry = 0;
        for byte in self.0.iter_mut().rev() {
            let low = *byte << 7;
            *byte = (*byte >> 1) | carry;
            carry = low;
        }
        carry != 0
    }

    /// As it travels: units 0 to 95.
    pub(crate) fn emit(&self, into: &mut [u8]) {
        for (to, from) in into.iter_mut().zip(self.0).take(12) {
            *to = from;
        }
    }

    /// As it came: units 0 to 95.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let mut map = Self::EMPTY;
        for (to, from) in map.0.iter_mut().zip(bytes).take(12) {
            *to = *from;
        }
        map
    }
}

impl FromIterator<u32> for Map {
    fn from_iter<T: IntoIterator<Item = u32>>(units: T) -> Self {
        let mut map = Self::EMPTY;
        units.into_iter().for_each(|unit| map.set(unit, true));
        map
    }
}

const fn place(unit: u32) -> usize {
    (unit >> 3) as usize
}

const fn bit(unit: u32) -> u8 {
    1 << (unit & 7)
}
