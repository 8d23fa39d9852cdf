//! The owners of partials, and their permission bits.

use super::*;
use crate::fs::tests::partials::{PART, interrupt, prefix};

/// Gives a file to another user; only root can.
fn give_away(path: &Path) -> bool {
    let is_given = std::os::unix::fs::chown(path, Some(65_534), None).is_ok();
    if !is_given {
        println!("skipped: only root can give a file to another user");
    }
    is_given
}

#[test]
fn a_partial_of_another_user_is_not_used() {
    let bytes = content(100_000);
    for (resume, mode_offered) in [(0, None), (100_000, None), (100_000, Some(0o600))] {
        let dir = temporary();
        let names = [PART.to_owned(), format!(".f~u{}.tinyferry-part", 0)];
        for planted in [&names[..1], &names[..]] {
            for name in planted {
                fs::write(dir.path().join(name), &bytes[..50_000]).unwrap();
                set_mode(&dir.path().join(name), 0o666);
                if !give_away(&dir.path().join(name)) {
                    return;
                }
            }
            // He may even have locked it.
            let theirs = fs::File::open(dir.path().join(&planted[0])).unwrap();
            theirs.lock().unwrap();
            let mut store = serving(&dir);
            put(&mut store, Offer { resume, mode: mode_offered, ..file("f", 100_000) }, &bytes);
            let placed = fs::metadata(dir.path().join("f")).unwrap();
            assert_eq!(placed.uid(), 0);
            assert_eq!(fs::read(dir.path().join("f")).unwrap(), bytes);
            for name in planted {
                assert_eq!(fs::read(dir.path().join(name)).unwrap(), bytes[..50_000]);
            }
            assert_eq!(listing(dir.path()).len(), 1 + planted.len());
        }
    }
}

#[test]
fn beside_a_partial_of_another_user_a_file_is_resumed() {
    let (dir, bytes) = (temporary(), content(100_000));
    fs::write(dir.path().join(PART), &bytes[..10_000]).unwrap();
    if !give_away(&dir.path().join(PART)) {
        return;
    }
    interrupt(&dir, bytes.len(), &bytes[..70_000], Reason::Cancelled);
    let mut store = serving(&dir);
    assert_eq!(prefix(&mut store, file("f", bytes.len())), 69_632);
    store_all(&mut store, 69_632, &bytes[69_632..]);
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(fs::read(dir.path().join("f")).unwrap(), bytes);
    assert_eq!(listing(dir.path()), [PART, "f"]);
}

#[test]
fn a_partial_is_private_before_content_is_written() {
    let bytes = content(100_000);
    for (left_with, offered, is_resumed) in [
        // Who may read the file may have read its beginning.
        (0o644, 0o644, true),
        (0o600, 0o644, true),
        (0o755, 0o644, true),
        // Another user may have it open, and could read or change the content.
        (0o644, 0o600, false),
        (0o664, 0o644, false),
        (0o602, 0o600, false),
    ] {
        let dir = temporary();
        let part = dir.path().join(PART);
        fs::write(&part, &bytes[..50_000]).unwrap();
        set_mode(&part, left_with);
        let mut store = serving(&dir);
        let offer = Offer { mode: Some(offered), ..file("f", bytes.len()) };
        let prefix = prefix(&mut store, offer) as usize;
        assert_eq!(prefix, if is_resumed { 49_152 } else { 0 }, "{left_with:o}");
        store_all(&mut store, prefix, &bytes[prefix..]);
        let during = fs::metadata(&part).unwrap();
        assert_eq!(during.mode() & 0o066, 0, "{left_with:o}");
        assert_eq!(store.commit(), Ok(()));
        assert_eq!(mode(&dir.path().join("f")), offered);
        assert_eq!(fs::read(dir.path().join("f")).unwrap(), bytes);
    }
}
