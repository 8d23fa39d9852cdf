//! The quota of a directory, while its clients transfer.

use std::thread::sleep;

use super::*;
use crate::fs::limits::quota::Quotas;

/// After this time the files may be counted again.
const LATER: Duration = Duration::from_millis(1100);

/// Clients of the directory, which may take this many bytes.
fn clients<const N: usize>(dir: &TempDir, most: u64) -> [Directory<Recorder>; N] {
    let quotas = Quotas::default();
    [(); N].map(|()| {
        let limits = Limits { quota: Some(quotas.of("", most)), ..Limits::default() };
        serving_with(dir, Sync::End).limited(limits)
    })
}

/// Files that wait for their names are not found by a count.
#[test]
fn files_of_a_tree_that_have_no_names_yet_take_their_share() {
    let dir = temporary();
    fs::create_dir(dir.path().join("t")).unwrap();
    let [mut one, mut other] = clients(&dir, 100_000);
    assert!(one.offer(&tree("t")).is_ok());
    for (number, size) in [30_000, 30_000].into_iter().enumerate() {
        let name = number.to_string();
        let offer = Offer { commit_id: Some(number as u16), ..file(&name, size) };
        put(&mut one, offer, &content(size));
    }
    sleep(LATER);
    assert_eq!(other.offer(&file("f", 50_000)), Err(Reason::NoSpace));
    let offer = Offer { commit_id: Some(2), ..file("2", 50_000) };
    assert_eq!(one.offer(&offer), Err(Reason::NoSpace));
    assert_eq!(one.flush_commits(), Ok(()));
    assert_eq!(one.commit(), Ok(()));
    // Nor do they count twice once they have their names.
    sleep(LATER);
    assert_eq!(other.offer(&file("f", 50_000)), Err(Reason::NoSpace));
    put(&mut other, file("f", 40_000), &content(40_000));
}

#[test]
fn what_an_open_transfer_has_stored_counts_once() {
    let dir = temporary();
    let [mut one, mut other] = clients(&dir, 1_000_000);
    let bytes = content(600_000);
    assert!(one.offer(&file("f", bytes.len())).is_ok());
    store_all(&mut one, 0, &bytes[..500_000]);
    sleep(LATER);
    // That counts the files again.
    assert_eq!(other.offer(&file("g", 500_000)), Err(Reason::NoSpace));
    assert!(other.offer(&file("g", 300_000)).is_ok());
    other.abandon(Reason::Cancelled, true);
    store_all(&mut one, 500_000, &bytes[500_000..]);
    assert_eq!(one.commit(), Ok(()));
    sleep(LATER);
    assert_eq!(other.offer(&file("g", 450_000)), Err(Reason::NoSpace));
    assert!(other.offer(&file("g", 390_000)).is_ok());
}
