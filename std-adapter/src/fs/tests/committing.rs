//! The report that a file is about to be put in place: what a server that is killed then has written down decides
//! whether the file is forgotten.

use super::*;

/// Checks that no file is in place when it is announced, and each that is done was announced.
struct Order {
    place: PathBuf,
    announced: Vec<String>,
    done: usize,
}

impl Observer for Order {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Committing { path, size } => {
                let found = fs::metadata(self.place.join(path));
                assert!(found.is_err(), "{path} of {size} bytes is there already");
                self.announced.push(path.to_owned());
            }
            Event::Done { path, kind: Kind::File, .. } => {
                assert!(self.place.join(path).exists(), "{path} is not there");
                assert!(self.announced.iter().any(|announced| announced == path), "{path}");
                self.done += 1;
            }
            _ => {}
        }
    }
}

#[test]
fn a_file_is_announced_before_it_is_put_in_place() {
    for sync in [Sync::End, Sync::Each, Sync::Never] {
        let dir = temporary();
        let place = dir.path().to_owned();
        let order = Order { place, announced: Vec::new(), done: 0 };
        let mut store = Directory::serving(root(&dir), ALL, sync, order);
        let sizes = [0, 10, 60_000, 200_000];
        for (number, size) in sizes.into_iter().enumerate() {
            put(&mut store, file(&format!("lone{number}"), size), &content(size));
        }
        assert!(store.offer(&tree("t")).is_ok());
        for number in 0..300u16 {
            let (name, size) = (number.to_string(), sizes[usize::from(number) % sizes.len()]);
            let offer = Offer { commit_id: Some(number), ..file(&name, size) };
            put(&mut store, offer, &content(size));
        }
        assert_eq!(store.flush_commits(), Ok(()));
        assert_eq!(store.commit(), Ok(()));
        assert_eq!(store.into_observer().done, 304, "{sync:?}");
    }
}
