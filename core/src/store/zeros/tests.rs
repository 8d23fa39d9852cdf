extern crate std;

use std::vec;
use std::vec::Vec;

use crate::error::Reason;
use crate::store::Store;

#[test]
fn a_store_without_holes_gets_zeros_in_pieces() {
    #[derive(Default)]
    struct Received(Vec<u8>);
    impl Store for Received {
        fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
            assert_eq!(position, self.0.len() as u64);
            self.0.extend(bytes);
            Ok(bytes.len())
        }
    }
    for length in [1, 63, 64, 65, 1000] {
        let mut store = Received::default();
        while (store.0.len() as u64) < length {
            let position = store.0.len() as u64;
            let left = length - position;
            let stored = store.store_zeros(position, left).expect("it stores them");
            assert!((1..=left).contains(&stored), "{stored} of {left}");
        }
        assert_eq!(store.0, vec![0; length as usize]);
    }
}
