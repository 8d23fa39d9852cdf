//! A path that a session accepts does not leave the directory in which it begins.
#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use tinyferry_core::path::{NAME_MAX, PATH_MAX, is_sound, join};

fn check(path: &str) {
    if !is_sound(path) {
        return;
    }
    assert!(path.len() <= PATH_MAX && !path.contains(['\0', '\n', '\u{1b}', '\u{7f}']));
    let mut depth = 0;
    for component in Path::new(path).components() {
        let Component::Normal(name) = component else { panic!("{path:?} leads elsewhere") };
        assert!((1..=NAME_MAX).contains(&name.len()));
        depth += 1;
    }
    // No name was dropped or made two of on the way.
    let names = path.strip_suffix('/').unwrap_or(path);
    assert_eq!(depth, names.split('/').filter(|name| !name.is_empty()).count());
    assert!(!Path::new("/root").join(path).components().any(|part| part == Component::ParentDir));
    assert!(Path::new("/root").join(path).starts_with("/root"));
}

fuzz_target!(|text: &str| {
    check(text);
    for (at, _) in text.char_indices().take(40) {
        let (path, below) = text.split_at(at);
        if let Some(whole) = join(path.trim_end_matches('/'), below)
            && is_sound(path)
            && is_sound(below)
        {
            check(&whole);
        }
    }
});
