//! Loss detection: which blocks a sender sends again, and how long its chunks are.

extern crate std;

use std::vec::Vec;

use super::*;
use crate::link::tests::negotiated;
use crate::{Config, Standard};

/// A lossy link with blocks of 256 bytes and chunks of 1024.
fn link() -> Negotiated {
    negotiated(Config::LOSSY)
}

/// A file of 100 blocks, of which the first `blocks` were sent.
fn sent(blocks: u64) -> SendFile {
    SendFile { size: 100 * 256, sent: blocks * 256, ..SendFile::EMPTY }
}

/// The position and the blocks past it that the receiver has; `count` frames are acknowledged.
fn ack(file: &mut SendFile, position: u64, blocks: &[u32], count: u16, all_acked: bool) {
    let map: SackMap = blocks.iter().map(|block| block.saturating_sub(1)).collect();
    let ack = Ack { position: position * 256, credit: 128, count, info: AckInfo::Sack(map) };
    file.on_ack::<Standard>(&ack, all_acked, &link());
}

/// The lost blocks, counted from the acknowledged position.
fn lost(file: &SendFile) -> Vec<u32> {
    (0..=SACK_BLOCKS).filter(|block| file.lost.contains(*block)).collect()
}

/// R54.
#[test]
fn a_block_is_lost_if_a_later_one_is_received() {
    let mut file = sent(8);
    ack(&mut file, 2, &[3], 4, false);
    assert_eq!(lost(&file), [0, 1, 2]);
}

/// R54.
#[test]
fn blocks_behind_the_last_received_one_may_be_in_flight() {
    let mut file = sent(8);
    ack(&mut file, 2, &[1], 4, false);
    assert_eq!(lost(&file), [0]);
}

/// R54.
#[test]
fn all_missing_blocks_are_lost_if_no_frame_is_in_flight() {
    let mut file = sent(8);
    ack(&mut file, 2, &[1], 4, true);
    assert_eq!(lost(&file), [0, 2, 3, 4, 5]);
}

/// R54.
#[test]
fn blocks_that_were_never_sent_are_not_lost() {
    let mut file = sent(2);
    ack(&mut file, 2, &[], 4, true);
    assert!(lost(&file).is_empty());
}

/// R54.
#[test]
fn a_retransmitted_block_is_in_flight_until_a_later_count_is_acknowledged() {
    let mut file = sent(8);
    ack(&mut file, 0, &[1], 4, false);
    assert_eq!(file.retransmit(0, &link(), 9), (0, 256));
    assert!(lost(&file).is_empty());
    ack(&mut file, 0, &[1, 2], 8, false);
    assert!(lost(&file).is_empty(), "frame 9 is in flight");
    ack(&mut file, 0, &[1, 2], 9, false);
    assert_eq!(lost(&file), [0]);
}

/// R54.
#[test]
fn the_position_moves_the_lost_blocks() {
    let mut file = sent(8);
    ack(&mut file, 0, &[1, 5], 4, false);
    assert_eq!(lost(&file), [0, 2, 3, 4]);
    ack(&mut file, 2, &[3], 5, false);
    assert_eq!((lost(&file), file.acked), ([0, 1, 2].into(), 512));
}

/// R53.
#[test]
fn an_old_position_is_ignored() {
    let mut file = sent(8);
    ack(&mut file, 4, &[], 4, false);
    ack(&mut file, 2, &[3], 4, false);
    assert_eq!((lost(&file), file.acked), ([].into(), 1024));
}

/// R53.
#[test]
fn a_position_past_the_sent_bytes_is_ignored() {
    let mut file = sent(8);
    ack(&mut file, 9, &[], 4, true);
    assert_eq!({ file.acked }, 0);
}

/// R55.
#[test]
fn new_chunks_are_one_block_long_after_a_loss_until_128_were_sent() {
    let mut file = sent(8);
    assert_eq!(file.next_chunk::<Standard>(&link()), 1024);
    ack(&mut file, 7, &[], 4, true);
    for _ in 0..128 {
        assert_eq!(file.next_chunk::<Standard>(&link()), 256);
    }
    assert_eq!(file.next_chunk::<Standard>(&link()), 1024);
}

/// R53.
#[test]
fn the_window_ends_97_blocks_past_the_position() {
    let mut file = sent(95);
    assert_eq!(file.next_chunk::<Standard>(&link()), 512);
    file.sent = 97 * 256;
    assert_eq!(file.next_chunk::<Standard>(&link()), 0);
}

/// R10.
#[test]
fn the_last_chunk_ends_with_the_file() {
    let mut file = SendFile { size: 1_000, ..SendFile::EMPTY };
    ack(&mut file, 0, &[], 0, false);
    file.sent = 768;
    file.acked = 768;
    // On a lossy link new chunks are whole blocks, and the rest of the file.
    assert_eq!(file.next_chunk::<Standard>(&link()), 232);
}

/// R61.
#[test]
fn a_prefix_past_the_sent_bytes_is_checked_and_an_earlier_one_is_not() {
    let entry = |resumable| SendFile { size: 4096, resumable, ..SendFile::EMPTY };
    let info = AckInfo::PrefixDigest(7);
    let prefix = Ack { position: 2048, credit: 128, count: 1, info };
    let mut file = entry(true);
    file.on_ack::<Standard>(&prefix, false, &link());
    assert_eq!((file.acked, file.phase), (2048, Phase::CheckPrefix { digest: Unaligned(7) }));
    let mut file = SendFile { sent: 3072, ..entry(true) };
    file.on_ack::<Standard>(&prefix, false, &link());
    let is_sent = Phase::Offer { modified: Unaligned(0) };
    assert_eq!((file.acked, file.phase), (2048, is_sent));
    let mut file = SendFile { sent: 2048, ..entry(true) };
    file.on_ack::<Standard>(&prefix, false, &link());
    assert_eq!((file.acked, file.phase), (2048, is_sent), "all of it was sent meanwhile");
    let mut file = entry(true);
    file.on_ack::<Standard>(&Ack { position: 4096, ..prefix }, false, &link());
    let is_checked = Phase::CheckPrefix { digest: Unaligned(7) };
    assert_eq!((file.acked, file.phase), (4096, is_checked), "the whole file is there");
    let mut file = entry(false);
    file.on_ack::<Standard>(&prefix, false, &link());
    let is_ignored = (file.acked, file.phase) == (0, Phase::Offer { modified: Unaligned(0) });
    assert!(is_ignored, "it was not offered for a resume");
}

#[test]
fn a_position_past_all_lost_blocks_leaves_none() {
    let mut file = sent(100);
    ack(&mut file, 0, &[], 4, true);
    assert_eq!(lost(&file).len(), 97);
    file.advance(97 * 256, &link());
    assert_eq!(lost(&file), []);
}
