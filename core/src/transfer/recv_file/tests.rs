//! Reassembly: which chunks are taken, and how position and digest follow them.

use super::*;
use crate::link::tests::negotiated;
use crate::transfer::Next;
use crate::{Config, Standard};

/// A link with blocks of 256 bytes and chunks of 1024.
fn link(lossy: bool) -> Negotiated {
    negotiated(Config::LOSSY.lossy(lossy))
}

fn file(size: u64, prefix: u64, in_order: bool) -> RecvFile {
    RecvFile::new(TransferId::MIN, size, true, Accepted { prefix, in_order })
}

/// A chunk at `position` comes; where it is placed, if it is stored. The digest counts its bytes.
fn chunk(file: &mut RecvFile, position: u64, length: u16) -> Option<Placement> {
    let ahead = low_half(position).wrapping_sub(low_half(file.position));
    let placement = file.place::<Standard>(ahead, length, &link(true))?;
    let new = length - placement.skip;
    file.stored::<Standard>(placement.position, new.into(), &link(true), |digest| {
        digest + u64::from(new)
    });
    Some(placement)
}

#[test]
fn chunks_in_order_move_position_and_digest() {
    let mut file = file(1500, 0, false);
    assert_eq!(chunk(&mut file, 0, 1024), Some(Placement { position: 0, skip: 0 }));
    assert_eq!(chunk(&mut file, 1024, 476), Some(Placement { position: 1024, skip: 0 }));
    assert_eq!((file.position, file.digest), (1500, 1500));
    assert!(file.is_complete() && file.is_digested());
}

/// R53.
#[test]
fn a_gap_is_acknowledged_selectively_until_it_is_filled() {
    let mut file = file(2048, 0, false);
    assert!(chunk(&mut file, 512, 256).is_some() && chunk(&mut file, 1024, 512).is_some());
    let map: SackMap = [1, 3, 4].into_iter().collect();
    assert_eq!(file.ack::<Standard>(false), Some((0, AckInfo::Sack(map))));
    assert!(chunk(&mut file, 0, 512).is_some());
    let map: SackMap = [0, 1].into_iter().collect();
    assert_eq!(file.ack::<Standard>(false), Some((768, AckInfo::Sack(map))));
    assert!(chunk(&mut file, 768, 256).is_some());
    assert_eq!(file.ack::<Standard>(false), Some((1536, AckInfo::Sack(SackMap::EMPTY))));
}

#[test]
fn the_digest_waits_for_a_gap_and_then_loads_back() {
    let mut file = file(1024, 0, false);
    assert!(chunk(&mut file, 256, 256).is_some() && chunk(&mut file, 0, 256).is_some());
    assert_eq!((file.position, file.digest), (512, 256));
    assert!(matches!(
        file.next_digest::<Standard>(),
        Some(Next::Digest { position: 256, length: 256 })
    ));
    assert!(!file.digested::<Standard>(256, |digest| digest + 256));
    assert!(file.is_digested() && file.next_digest::<Standard>().is_none());
}

/// R9.
#[test]
fn a_chunk_with_nothing_new_is_dropped() {
    let mut file = file(2048, 0, false);
    assert!(chunk(&mut file, 0, 512).is_some() && chunk(&mut file, 1024, 256).is_some());
    assert_eq!(chunk(&mut file, 0, 256), None);
    assert_eq!(chunk(&mut file, 0, 512), None);
    assert_eq!(chunk(&mut file, 1024, 256), None);
}

/// R9.
#[test]
fn the_received_part_of_a_chunk_is_skipped() {
    let mut file = file(2048, 0, false);
    assert!(chunk(&mut file, 0, 512).is_some());
    assert_eq!(chunk(&mut file, 256, 512), Some(Placement { position: 512, skip: 256 }));
    assert_eq!({ file.position }, 768);
}

/// R9.
#[test]
fn a_chunk_off_the_blocks_is_dropped_unless_it_ends_the_file() {
    let mut file = file(1000, 0, false);
    assert_eq!(chunk(&mut file, 0, 100), None);
    assert_eq!(chunk(&mut file, 100, 256), None);
    assert!(chunk(&mut file, 768, 232).is_some());
}

/// R9.
#[test]
fn a_chunk_past_the_size_is_dropped() {
    assert_eq!(chunk(&mut file(512, 0, false), 512, 256), None);
}

/// R56.
#[test]
fn a_store_in_order_takes_only_the_chunk_at_the_position() {
    let mut file = file(2048, 0, true);
    assert_eq!(chunk(&mut file, 256, 256), None);
    assert!(chunk(&mut file, 0, 256).is_some());
}

/// R10.
#[test]
fn on_a_lossy_link_a_chunk_that_ends_inside_a_block_ends_a_file_of_unknown_size() {
    let mut file = file(UNKNOWN, 0, false);
    assert!(chunk(&mut file, 0, 1024).is_some() && chunk(&mut file, 1024, 10).is_some());
    assert!(file.is_complete());
}

/// R59.
#[test]
fn a_prefix_is_acknowledged_once_its_digest_is_computed() {
    let mut file = file(5000, 2048, false);
    assert_eq!((file.ack::<Standard>(true), file.ack::<Standard>(false)), (None, None));
    assert!(!file.digested::<Standard>(1024, |digest| digest + 1));
    assert!(file.digested::<Standard>(1024, |digest| digest + 1));
    assert_eq!(file.ack::<Standard>(true), Some((2048, AckInfo::PrefixDigest(2))));
    assert_eq!(file.ack::<Standard>(false), Some((2048, AckInfo::Sack(SackMap::EMPTY))));
}

/// R59.
#[test]
fn a_prefix_whose_digest_the_store_knows_is_not_loaded_back() {
    let mut file = file(5000, 2048, true);
    assert!(file.has_unread_prefix::<Standard>() && file.prefix_proven::<Standard>(7));
    assert_eq!(file.ack::<Standard>(true), Some((2048, AckInfo::PrefixDigest(7))));
    assert!(file.is_digested() && file.next_digest::<Standard>().is_none());
    assert!(chunk(&mut file, 2048, 1024).is_some());
    assert_eq!((file.position, file.digest), (3072, 7 + 1024));
    assert!(!file.has_unread_prefix::<Standard>() && !file.prefix_proven::<Standard>(8));
    assert!(!self::file(5000, 0, true).has_unread_prefix::<Standard>());
}

#[test]
fn done_is_verified_when_everything_is_received() {
    let mut file = file(512, 0, false);
    assert_eq!(file.on_done::<Standard>(512, 9, &link(true)), DoneCheck::Missing);
    assert!(chunk(&mut file, 0, 512).is_some());
    assert_eq!(file.is_as_claimed(), None);
    assert_eq!(file.on_done::<Standard>(512, 512, &link(true)), DoneCheck::Complete);
    assert_eq!(file.is_as_claimed(), Some(true));
}

/// R34.
#[test]
fn done_with_another_digest_is_refused() {
    let mut file = file(512, 0, false);
    assert!(chunk(&mut file, 0, 512).is_some());
    assert_eq!(file.on_done::<Standard>(512, 1, &link(true)), DoneCheck::Complete);
    assert_eq!(file.is_as_claimed(), Some(false));
}

/// R34.
#[test]
fn done_with_another_size_is_refused() {
    assert_eq!(file(512, 0, false).on_done::<Standard>(513, 0, &link(true)), DoneCheck::WrongSize);
}

/// R34.
#[test]
fn on_a_reliable_link_done_before_the_last_chunk_is_refused() {
    assert_eq!(file(512, 0, false).on_done::<Standard>(512, 0, &link(false)), DoneCheck::WrongSize);
}

/// R9.
#[test]
fn chunks_longer_than_negotiated_are_dropped() {
    let mut link = link(true);
    link.chunk = 512;
    assert_eq!(file(2048, 0, false).place::<Standard>(0, 1024, &link), None);
}

#[test]
fn a_chunk_at_the_end_of_the_window_is_dropped() {
    let link = link(false);
    let file = file(1 << 20, 0, false);
    assert!(file.place::<Standard>(link.window() - 256, 256, &link).is_some());
    assert!(file.place::<Standard>(link.window(), 256, &link).is_none());
}

#[test]
fn the_digest_stops_at_the_end_of_the_prefix_although_more_is_received() {
    let mut file = file(4096, 512, false);
    file.stored::<Standard>(512, 1024, &link(true), |digest| digest);
    assert!(matches!(
        file.next_digest::<Standard>(),
        Some(Next::Digest { position: 0, length: 512 })
    ));
}

#[test]
fn bytes_that_were_stored_without_the_digest_are_digested_up_to_the_position() {
    let mut file = file(1024, 0, false);
    file.stored::<Standard>(0, 1024, &link(false), |digest| digest);
    file.digest_stored(|digest, end| digest + end);
    assert_eq!({ file.digest }, 1024);
}

/// R9, R34: on a reliable link a chunk may end past the window.
#[test]
fn done_before_the_end_of_a_chunk_past_the_window_is_refused() {
    let mut file = file(UNKNOWN, 0, false);
    assert!(chunk(&mut file, 96 * 256, 1024).is_some());
    assert_eq!(file.received_end(&link(false)), 100 * 256);
    let done = file.on_done::<Standard>(97 * 256, 0, &link(false));
    assert_eq!(done, DoneCheck::WrongSize);
}

/// R94.
#[test]
fn the_rest_of_a_hole_is_placed_after_a_part_of_it_was_stored() {
    for lossy in [false, true] {
        let link = link(lossy);
        let mut file = file(8192, 1024, false);
        assert_eq!(file.place_hole::<Standard>(1024, 4096, &link), Some((1024, 4096)));
        file.stored::<Standard>(1024, 1000, &link, |digest| digest);
        assert_eq!(file.place_hole::<Standard>(1024, 4096, &link), Some((2024, 3096)));
        assert_eq!(file.place_hole::<Standard>(1024, 4000, &link), None, "it ends within a block");
        let ahead = file.place_hole::<Standard>(3072, 1024, &link);
        assert_eq!(ahead, None, "its distance from the position is no number of blocks");
    }
}
