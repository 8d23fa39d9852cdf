//! Names, paths and content that do not fit.

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, Offer};
use tinyferry_core::{Config, Failure, Task};
use tinyferry_kit::{File, Memory, content};

use super::{ALWAYS, Device, call, client, get, on_each_device, put, run, stored};

on_each_device! {
    a_path_that_is_too_long_or_too_deep_is_refused_with_its_limit
    the_name_of_a_partial_is_refused
    a_full_medium_refuses_a_file_and_keeps_the_old_ones
    a_full_medium_refuses_entries_of_a_tree_and_stores_the_others
    an_entry_whose_path_has_no_room_in_the_session_is_omitted
}

fn offer(path: &str, size: u64) -> Offer<'_> {
    Offer {
        path,
        kind: Kind::File,
        size: Some(size),
        modified: None,
        mode: None,
        content: None,
        resume: 0,
        names_only: false,
        commit_id: None,
    }
}

/// R33.
fn a_path_that_is_too_long_or_too_deep_is_refused_with_its_limit<D: Device>() {
    let mut device = D::formatted();
    let (long, deep) = ("n".repeat(129), "d/".repeat(9) + "f");
    for (path, reason, message) in [
        (&long, Reason::NameTooLong, "a path has at most 128 bytes here"),
        (&deep, Reason::TooDeep, "at most 8 directories deep"),
    ] {
        let (said, _) = call(&mut device, ALWAYS, |store| {
            let refused = store.offer(&offer(path, 10));
            (refused, store.refusal_message().to_owned(), store.refusal_message().to_owned())
        });
        assert_eq!(said, (Err(reason), message.to_owned(), String::new()));
        let mut tree = Memory::with([("t/here", content(10, 1))]);
        tree.files.insert(format!("t/{path}"), File::new(content(10, 2)));
        tree.queue_tree("t");
        let (result, ..) = run(&mut device, Config::RELIABLE, tree, Task::Put, ALWAYS);
        assert_eq!(result.expect("it goes well").refused, 1);
        assert!(stored(&mut device).into_keys().eq(["t/here"]));
    }
    let deepest = "d/".repeat(8) + "f";
    put(&mut device, &deepest, content(10, 3));
    let (result, back, _) =
        run(&mut device, Config::RELIABLE, Memory::default(), Task::get_tree(""), ALWAYS);
    assert_eq!(result.expect("it goes well").refused, 0);
    assert_eq!(back.bytes(&deepest), Some(&*content(10, 3)));
}

/// R16.
fn the_name_of_a_partial_is_refused<D: Device>() {
    let mut device = D::formatted();
    put(&mut device, "d/f", content(10, 1));
    for path in [".tinyferry", "d/.tinyferry", ".Tinyferry/f"] {
        let client = client(path, content(10, 2));
        let (result, ..) = run(&mut device, Config::RELIABLE, client, Task::Put, ALWAYS);
        assert_eq!(result, Err(Failure::Refused(Reason::BadPath)), "{path}");
        assert_eq!(get(&mut device, path), Err(Failure::Refused(Reason::BadPath)), "{path}");
    }
    assert_eq!(device.content().len(), 1);
}

fn a_full_medium_refuses_a_file_and_keeps_the_old_ones<D: Device>() {
    let mut device = D::formatted();
    put(&mut device, "here", content(5000, 1));
    for unsized_offers in [false, true] {
        let mut large = client("large", content(D::ROOM + 1, 2));
        large.unsized_offers = unsized_offers;
        let (result, ..) = run(&mut device, Config::RELIABLE, large, Task::Put, ALWAYS);
        assert_eq!(result, Err(Failure::Refused(Reason::NoSpace)));
        assert!(stored(&mut device).into_keys().eq(["here"]));
        // The partial of the other one makes room.
        put(&mut device, "here", content(6000, 3));
        assert!(get(&mut device, "here") == Ok(content(6000, 3)));
    }
    let (message, _) = call(&mut device, ALWAYS, |store| {
        assert_eq!(store.offer(&offer("f", 1 << 30)), Err(Reason::NoSpace));
        store.refusal_message().to_owned()
    });
    let free = message.strip_suffix(" bytes are free").expect("it says how many");
    assert!(free.parse::<usize>().expect("a number") < D::ROOM, "{free}");
}

fn a_full_medium_refuses_entries_of_a_tree_and_stores_the_others<D: Device>() {
    let mut device = D::formatted();
    let mut tree = Memory::default();
    let sizes = [1000, D::ROOM / 2, 2000, D::ROOM / 2, 3000];
    for (number, size) in sizes.into_iter().enumerate() {
        tree.files.insert(format!("t/{number}"), File::new(content(size, number as u64)));
    }
    tree.queue_tree("t");
    let (result, ..) = run(&mut device, Config::RELIABLE, tree, Task::Put, ALWAYS);
    assert_eq!(result.expect("it goes well").refused, 1);
    for (number, size) in [(0, 1000), (1, D::ROOM / 2), (2, 2000), (4, 3000)] {
        assert!(get(&mut device, &format!("t/{number}")) == Ok(content(size, number)), "{number}");
    }
}

fn an_entry_whose_path_has_no_room_in_the_session_is_omitted<D: Device>() {
    let mut device = D::formatted();
    for path in ["t/a", "t/sub/b", "t/sub/longer.bin"] {
        put(&mut device, path, content(500, 1));
    }
    for (room, expected, count) in [
        (14, vec!["a", "sub", "sub/b", "sub/longer.bin"], 0),
        (13, vec!["a", "sub", "sub/b"], 1),
        (2, vec!["a"], 1),
    ] {
        let ((mut paths, omitted), _) = call(&mut device, ALWAYS, |store| {
            store.open("t", true).expect("the tree is there");
            let (mut path, mut paths) = (vec![0; room], Vec::new());
            while let Some(entry) = store.next(&mut path).expect("the tree is given") {
                paths.push(String::from_utf8(path[..entry.path].to_vec()).expect("a path"));
            }
            (paths, store.omitted())
        });
        paths.sort();
        // The path of the tree is the first of them.
        let expected: Vec<_> = expected.into_iter().chain(["t"]).collect();
        assert_eq!((paths, omitted), (expected.into_iter().map(String::from).collect(), count));
    }
}
