//! The numbers of entries.

use super::*;
use crate::link::tests::negotiated;
use crate::{Config, Standard};

#[test]
fn a_transfer_is_the_last_entry_with_its_number_and_skips_0_and_the_tree() {
    let link = negotiated(Config::RELIABLE);
    let mut sender = Sender::<Standard>::new(1, false, &link);
    // The numbers have wrapped around: of the entries the first one was 6, and the last one is 2.
    (sender.tree, sender.last, sender.entries) = (TransferId::new(5), 2, 65_532);
    let entries = [2, 1, 65_535, 65_534, 7, 6].map(|id| sender.entry_of(id));
    assert_eq!(entries, [Some(65_531), Some(65_530), Some(65_529), Some(65_528), Some(1), Some(0)]);
    assert_eq!((sender.entry_of(0), sender.entry_of(5)), (None, Some(0)));
    sender.entries = 70_000;
    assert_eq!(sender.entry_of(4), Some(70_000 - 65_533));
}
