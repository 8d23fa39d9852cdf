//! Lines that are cut, and clients that begin anew.

use tinyferry_core::{Config, Task};
use tinyferry_kit::content;
use tinyferry_tiny::{Lossy, Receiver};

use crate::image::Image;
use crate::world::{World, client};

/// Puts `old`, then `new` over a line that is cut after `cut` bytes, then `new` in a new session. Returns
/// the bytes on the line of the last put, and whether it resumed.
fn put_again<const R: bool, const O: bool>(old: &[u8], new: &[u8], cut: u64) -> (u64, Image<R, O>) {
    let mut buffer = [0; 268];
    let mut receiver: Receiver<'_, Lossy> = Receiver::new(&mut buffer, 8);
    let mut store = Image::<R, O>::default();
    let mut put = |number, image: &[u8], cut| {
        let mut world = World::new();
        world.up.cut = cut;
        let (mut session, mut files) = client(number, Config::LOSSY, image);
        let ends = (&mut session, &mut files);
        let result = world.run(ends, Task::Put, &mut receiver, &mut store);
        let is_whole = store.bytes == old || store.bytes == new;
        assert!(is_whole, "cut after {cut:?}: neither the old image nor the new one");
        (result.is_ok(), world.up.carried)
    };
    assert!(put(1, old, None).0);
    let (is_put, _) = put(2, new, Some(cut));
    let (is_put_again, carried) = put(3, new, None);
    assert!(is_put_again && store.bytes == new, "cut after {cut}, whole {is_put}");
    (carried, store)
}

#[test]
fn after_a_cut_at_any_byte_the_old_image_or_the_new_one_is_in_place() {
    let (old, new) = (content(1100, 1), content(1500, 2));
    for cut in 0..1900 {
        put_again::<false, false>(&old, &new, cut);
        put_again::<true, false>(&old, &new, cut);
        put_again::<true, true>(&old, &new, cut);
    }
}

#[test]
fn a_put_that_was_cut_resumes() {
    let (old, new) = (content(100, 1), content(100_000, 2));
    let (all, _) = put_again::<false, false>(&old, &new, 80_000);
    let (resumed, store) = put_again::<true, false>(&old, &new, 80_000);
    assert!(resumed < all / 3, "{resumed} of {all}");
    assert_eq!(store.discards, 0);
    let (resumed, _) = put_again::<true, true>(&old, &new, 80_000);
    assert!(resumed < all / 3, "{resumed} of {all}");
}

#[test]
fn a_prefix_of_another_image_is_offered_anew() {
    let mut buffer = [0; 268];
    let mut receiver: Receiver<'_, Lossy> = Receiver::new(&mut buffer, 8);
    let (one, other) = (content(50_000, 1), content(50_000, 2));
    let mut store = Image::<true, false>::default();
    for (number, image, cut) in [(1, &one, Some(30_000)), (2, &other, None)] {
        let mut world = World::new();
        world.up.cut = cut;
        let (mut session, mut files) = client(number, Config::LOSSY, image);
        let ends = (&mut session, &mut files);
        let result = world.run(ends, Task::Put, &mut receiver, &mut store);
        assert_eq!(result.is_ok(), cut.is_none());
    }
    assert!(store.bytes == other);
    // Once for the ending and once for the offer (R64).
    assert_eq!(store.discards, 2);
}
