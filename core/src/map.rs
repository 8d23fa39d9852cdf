//! Which units past a position are held, lost or repeated (`PROTOCOL.md`, sections 3 and 6.3).

/// Units that a `PON` speaks of past the one at its position.
pub const MAP_UNITS: u32 = 96;

/// A set of units, counted from 0 to 127.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Map([u32; 4]);

impl Map {
    /// No unit.
    pub const EMPTY: Self = Self([0; 4]);

    /// Whether `unit` is in it.
    pub fn contains(&self, unit: u32) -> bool {
        self.0.get(place(unit)).is_some_and(|word| word & bit(unit) != 0)
    }

    /// Puts `unit` in, or takes it out. One that there is no room for is left out.
    pub fn set(&mut self, unit: u32, is_in: bool) {
        if let Some(word) = self.0.get_mut(place(unit)) {
            *word = if is_in { *word | bit(unit) } else { *word & !bit(unit) };
        }
    }

    /// Whether no unit is in it.
    pub fn is_empty(&self) -> bool {
        let Self([a, b, c, d]) = self;
        a | b | c | d == 0
    }

    /// The lowest unit that is in it.
    pub(crate) fn first(&self) -> Option<u32> {
        // Asked before every chunk, and mostly so.
        if self.is_empty() {
            return None;
        }
        (0..=MAP_UNITS).find(|unit| self.contains(*unit))
    }

    /// Counts from unit 1 on instead of 0. Whether unit 0 was in it.
    pub(crate) fn take_first(&mut self) -> bool {
        let mut carry = 0;
        for word in self.0.iter_mut().rev() {
            let low = *word << 31;
            *word = (*word >> 1) | carry;
            carry = low;
        }
        carry != 0
    }

    /// As it travels: units 0 to 95.
    pub(crate) const fn words(&self) -> [u32; 3] {
        let [a, b, c, _] = self.0;
        [a, b, c]
    }

    /// As it came: units 0 to 95.
    pub(crate) const fn of([a, b, c]: [u32; 3]) -> Self {
        Self([a, b, c, 0])
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
    (unit >> 5) as usize
}

const fn bit(unit: u32) -> u32 {
    1 << (unit & 31)
}
