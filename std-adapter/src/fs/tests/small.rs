//! Small files in new directories, which have no name until they are complete.

use super::*;
use crate::fs::recv::tmpfile::{CompleteFile, TempFiles};
use crate::fs::sys::metadata::Attributes;

/// A store with a new tree that has received this many bytes of the file `t/f`.
fn begun(dir: &TempDir, size: usize, stored: usize) -> Directory<Recorder> {
    let mut store = serving(dir);
    assert!(store.offer(&tree("t")).is_ok());
    assert!(store.offer(&file("f", size)).is_ok());
    store_all(&mut store, 0, &content(size)[..stored]);
    store
}

#[test]
fn a_small_file_is_in_place_completely_or_not_at_all() {
    let dir = temporary();
    let mut store = begun(&dir, 65_536, 65_536);
    assert!(listing(&dir.path().join("t")).is_empty());
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(fs::read(dir.path().join("t/f")).unwrap(), content(65_536));
    let modes = [None, Some(0o640), Some(0o640), Some(0o666), Some(0o666), Some(0o444), Some(0)];
    for (number, bits) in modes.into_iter().enumerate() {
        let (name, bytes) = (number.to_string(), content(number * 1_000));
        let modified_at = 1_234_567_891 - number as i64 * 999_999_999;
        let offer = Offer { modified: Some(modified_at), mode: bits, ..file(&name, bytes.len()) };
        put(&mut store, offer, &bytes);
        let path = dir.path().join("t").join(&name);
        assert_eq!(modified(&path), modified_at);
        assert_eq!(mode(&path), bits.unwrap_or(mode(&dir.path().join("t/f"))));
        set_mode(&path, 0o600);
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(listing(&dir.path().join("t")), ["0", "1", "2", "3", "4", "5", "6", "f"]);
}

#[test]
fn an_entry_created_meanwhile_is_replaced() {
    let dir = temporary();
    let (secret, path) = (dir.path().join("secret"), dir.path().join("t/f"));
    fs::write(&secret, "secret").unwrap();
    let plant: [fn(&Path, &Path); 3] = [
        |_, path| fs::write(path, "older and longer").unwrap(),
        |secret, path| std::os::unix::fs::symlink(secret, path).unwrap(),
        |secret, path| fs::hard_link(secret, path).unwrap(),
    ];
    for plant in plant {
        let mut store = begun(&dir, 9, 9);
        plant(&secret, &path);
        assert_eq!(store.commit(), Ok(()));
        assert_eq!(fs::read(&path).unwrap(), content(9));
        assert_eq!(fs::read(&secret).unwrap(), b"secret");
        assert_eq!(listing(&dir.path().join("t")), ["f"]);
        fs::remove_dir_all(dir.path().join("t")).unwrap();
    }
    let mut store = begun(&dir, 9, 9);
    fs::create_dir(&path).unwrap();
    assert_eq!(store.commit(), Err(Reason::IsDirectory));
}

#[test]
fn an_interrupted_small_file_is_kept_for_a_resume() {
    for (stored, reason, kept) in [
        (5_000, Reason::Cancelled, true),
        (1_000, Reason::Cancelled, false),
        (5_000, Reason::DigestDiffers, false),
    ] {
        let dir = temporary();
        begun(&dir, 9_000, stored).abandon(reason, true);
        let part = dir.path().join("t/.f.tinyferry-part");
        assert_eq!(fs::read(&part).ok(), kept.then(|| content(9_000)[..stored].to_vec()));
        if kept {
            let mut store = serving(&dir);
            assert!(store.offer(&tree("t")).is_ok());
            assert_eq!(store.offer(&file("f", 9_000)).unwrap().prefix, 4_096);
            store_all(&mut store, 4_096, &content(9_000)[4_096..]);
            assert_eq!(store.commit(), Ok(()));
            assert_eq!(fs::read(dir.path().join("t/f")).unwrap(), content(9_000));
            assert!(!part.exists());
        }
    }
}

#[test]
fn a_small_file_out_of_order_takes_a_partial() {
    let (dir, bytes) = (temporary(), content(9_000));
    let mut store = begun(&dir, 9_000, 2_048);
    store_all(&mut store, 4_096, &bytes[4_096..]);
    assert_eq!(load_all(&mut store, 0, 2_048), bytes[..2_048]);
    store_all(&mut store, 2_048, &bytes[2_048..4_096]);
    assert_eq!(store.commit(), Ok(()));
    assert_eq!(fs::read(dir.path().join("t/f")).unwrap(), bytes);
    assert_eq!(listing(&dir.path().join("t")), ["f"]);
}

#[test]
fn a_small_file_shorter_than_its_offer_is_incomplete() {
    let dir = temporary();
    assert_eq!(begun(&dir, 9_000, 8_192).commit(), Err(Reason::Incomplete));
    assert!(!dir.path().join("t/f").exists());
}

/// The result is the same with and without `O_TMPFILE`.
#[test]
fn an_existing_file_is_not_replaced_without_a_partial() {
    let dir = temporary();
    let (root, mut temp_files) = (root(&dir).0, TempFiles::default());
    let whole = CompleteFile {
        bytes: b"whole",
        attributes: Attributes { mode: Some(0o600), modified: Some(1), ..Attributes::default() },
    };
    let is_able = temp_files.put(&root, "a", &whole);
    assert_eq!(listing(dir.path()), if is_able { vec!["a"] } else { vec![] });
    fs::write(dir.path().join("b"), "old").unwrap();
    assert!(!temp_files.put(&root, "b", &whole));
    assert_eq!(fs::read(dir.path().join("b")).unwrap(), b"old");
    // That it failed once, for this, does not keep it from going on.
    assert_eq!(temp_files.put(&root, "c", &whole), is_able);
}

#[test]
fn a_directory_stays_new_while_others_in_it_are_filled() {
    let dir = temporary();
    let mut store = serving(&dir);
    assert!(store.offer(&tree("t")).is_ok());
    let deep: Vec<_> = (1..20).map(|depth| vec!["d"; depth].join("/")).collect();
    for path in &deep {
        assert!(store.offer(&directory(path)).is_ok());
        assert_eq!(store.commit(), Ok(()));
    }
    for path in deep.iter().rev() {
        let (name, place) = (format!("{path}/z"), dir.path().join("t").join(path));
        assert!(store.offer(&file(&name, 5)).is_ok());
        assert_eq!(store.store(0, b"whole"), Ok(5));
        // The directories far above are no longer open, but still known.
        assert!(!place.join(".z.tinyferry-part").exists(), "{path}");
        assert_eq!(store.commit(), Ok(()));
        assert_eq!(fs::read(place.join("z")).unwrap(), b"whole");
    }
    assert_eq!(store.commit(), Ok(()));
}

/// A server may notice late that a client is gone, whose next connection sends the same file.
#[test]
fn no_partial_is_left_of_a_small_file_that_another_transfer_sends() {
    for (is_other, is_complete, is_left) in
        [(false, false, true), (true, false, false), (true, true, false)]
    {
        let (dir, limits) = (temporary(), Limits::default());
        let offer = Offer { modified: Some(1_000_000_007), ..file("f", 5_000) };
        let [mut first, mut second] = [1, 2].map(|_| serving(&dir).limited(limits.clone()));
        assert!(first.offer(&tree("new")).is_ok() && first.offer(&offer).is_ok());
        store_all(&mut first, 0, &content(3_000));
        assert!(!is_other || second.offer(&tree("new")).is_ok());
        if is_complete {
            put(&mut second, offer, &content(5_000));
            second.abandon(Reason::Cancelled, true);
        }
        first.abandon(Reason::Cancelled, true);
        assert_eq!(dir.path().join("new").join(partials::PART).exists(), is_left, "{is_other}");
    }
}
