//! Numbers that wrap around: of transfers, and counts of frames (`PROTOCOL.md`, sections 6.1 and 6.3).

/// The number after `number`; never 0 and never that of the open tree.
pub(crate) fn next_number(number: u16, tree: u16) -> u16 {
    let mut next = number.wrapping_add(1);
    while next == 0 || (next == tree && tree != 0) {
        next = next.wrapping_add(1);
    }
    next
}

/// Whether `count` is at or past `mark`, modulo 2^16.
pub(crate) const fn is_reached(count: u16, mark: u16) -> bool {
    count.wrapping_sub(mark) < 1 << 15
}

/// Whether transfer `number` comes after `last`, compared serially.
pub(crate) fn is_after(number: u16, last: u16) -> bool {
    number != last && is_reached(number, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_reached_by_itself_and_by_the_half_of_the_range_after_it() {
        for mark in [0, 1, 0x7FFF, 0x8000, 0xFFFF] {
            assert!(is_reached(mark, mark) && is_reached(mark.wrapping_add(0x7FFF), mark));
            assert!(!is_reached(mark.wrapping_sub(1), mark));
            assert!(!is_reached(mark.wrapping_add(0x8000), mark));
            assert!(!is_after(mark, mark) && is_after(mark.wrapping_add(1), mark));
        }
    }
}
