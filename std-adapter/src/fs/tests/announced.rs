//! Sizes that a client announces.

use super::*;
use crate::fs::sys::space::free;

#[test]
fn an_announced_size_that_does_not_come_in_leaves_the_space_to_others() {
    let dir = temporary();
    let opened = cap_std::fs::Dir::open_ambient_dir(dir.path(), cap_std::ambient_authority());
    let Some(free) = free(&opened.unwrap()) else {
        return println!("skipped: the free space is not known");
    };
    let limits = Limits { file: u64::MAX, ..Limits::default() };
    let client = || serving(&dir).limited(limits.clone());
    let most = free / 4 * 3;
    fn offer(path: &str, size: u64) -> Offer<'_> {
        Offer { size: Some(size), resume: 0, ..file(path, 0) }
    }
    let mut idle = Vec::from_iter((0..8).map(|_| client()));
    for (number, client) in idle.iter_mut().enumerate() {
        let path = format!("idle{number}");
        assert!(client.offer(&offer(&path, most)).is_ok());
    }
    let mut active = client();
    assert!(active.offer(&offer("f", most)).is_ok());
    assert_eq!(active.store(0, b"x"), Ok(1));
    assert_eq!(client().offer(&offer("g", free * 2)), Err(Reason::NoSpace));
}
