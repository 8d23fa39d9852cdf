//! Files and trees in both directions, resume, and files that are offered again.

use std::num::NonZeroU8;

use tinyferry_core::error::Reason;
use tinyferry_core::store::{Kind, RequestOptions, Skip};
use tinyferry_core::{Config, Failure, GetRequest, Task};
use tinyferry_kit::{Memory, Pair, content};

use super::{ALWAYS, Device, MISSING, call, client, get, on_each_device, put, run, stored, tree};

on_each_device! {
    a_tree_goes_there_and_back
    a_file_takes_the_place_of_another
    a_file_of_unknown_size_is_stored
    an_entry_that_is_missing_or_of_another_kind_is_not_sent
    content_that_changed_under_the_same_size_and_time_is_sent_again
    files_that_differ_at_the_client_are_sent_a_second_time
    a_put_resumes_after_a_cut_of_the_line
    after_a_cut_of_the_line_anywhere_the_next_put_succeeds
    a_client_sends_and_receives_trees
    a_partial_survives_the_files_before_it_in_a_tree
    names_are_listed_to_the_requested_depth
}

/// With it little of a file is sent before the receiver says where it resumes.
const SMALL_WINDOW: Config = Config::RELIABLE.credit(4);

fn a_tree_goes_there_and_back<D: Device>() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut device = D::formatted();
        for _ in 0..2 {
            let (result, ..) = run(&mut device, config, tree(), Task::Put, ALWAYS);
            assert_eq!(result.expect("it goes well").refused, 0);
        }
        let task = Task::get_tree("T");
        let (result, back, _) = run(&mut device, config, Memory::default(), task, ALWAYS);
        assert_eq!(result.expect("it goes well").refused, 0);
        assert!(back.files == tree().files, "{:?}", back.files.keys());
        let made = back.directories.iter().filter(|path| path.as_str() != "T").cloned().collect();
        assert_eq!(tree().directories, made);
    }
}

fn a_file_takes_the_place_of_another<D: Device>() {
    let mut device = D::formatted();
    for (seed, size) in [(1, 5000), (2, 70_001), (3, 0), (3, 0), (4, 5000), (5, 5000), (5, 5000)] {
        put(&mut device, "d/app.bin", content(size, seed));
        assert!(get(&mut device, "d/app.bin") == Ok(content(size, seed)), "{seed}");
        assert_eq!(device.content().len(), 1, "a partial is left");
    }
}

/// R35.
fn a_file_of_unknown_size_is_stored<D: Device>() {
    let mut device = D::formatted();
    for (seed, size) in [(1, 30_000), (2, 0), (3, 12_345)] {
        let mut client = client("f", content(size, seed));
        client.unsized_offers = true;
        let (result, ..) = run(&mut device, Config::RELIABLE, client, Task::Put, ALWAYS);
        assert_eq!(result.expect("it goes well").refused, 0);
        assert!(get(&mut device, "f") == Ok(content(size, seed)));
    }
}

fn an_entry_that_is_missing_or_of_another_kind_is_not_sent<D: Device>() {
    let mut device = D::formatted();
    put(&mut device, "d/f", content(10, 1));
    assert_eq!(get(&mut device, "d/other"), MISSING);
    assert_eq!(get(&mut device, "none/f"), MISSING);
    assert_eq!(get(&mut device, "d"), Err(Failure::Refused(Reason::IsDirectory)));
    let (result, ..) =
        run(&mut device, Config::RELIABLE, Memory::default(), Task::get_tree("d/f"), ALWAYS);
    assert_eq!(result, Err(Failure::Refused(Reason::NotDirectory)));
    // The received entry has the kind of the entry in place, too.
    for (path, reason) in [("d", Reason::IsDirectory), ("d/f/below", Reason::NotDirectory)] {
        let client = client(path, content(10, 2));
        let (result, ..) = run(&mut device, Config::RELIABLE, client, Task::Put, ALWAYS);
        assert_eq!(result, Err(Failure::Refused(reason)), "{path}");
    }
    assert_eq!(get(&mut device, "d/f"), Ok(content(10, 1)));
}

/// R60.
fn content_that_changed_under_the_same_size_and_time_is_sent_again<D: Device>() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut device = D::formatted();
        for seed in [1, 2] {
            let mut tree = Memory::with([
                ("t/a", content(5000, seed)),
                ("t/b", content(100, 7)),
                ("t/c", content(9000, seed)),
            ]);
            tree.queue_tree("t");
            let (result, ..) = run(&mut device, config, tree, Task::Put, ALWAYS);
            assert_eq!(result.expect("it goes well").refused, 0);
            assert!(get(&mut device, "t/a") == Ok(content(5000, seed)));
            assert!(get(&mut device, "t/c") == Ok(content(9000, seed)));
        }
    }
}

/// R65.
fn files_that_differ_at_the_client_are_sent_a_second_time<D: Device>() {
    let sizes: Vec<_> = (0..24).map(|number| (number, 900 + 700 * (number % 5))).collect();
    let files = |seed| {
        let mut memory = Memory::default();
        for (number, size) in &sizes {
            // Each third one is the same at both ends.
            let seed = if number % 3 == 0 { 1 } else { seed };
            let file = tinyferry_kit::File::new(content(*size, seed + *number as u64));
            memory
                .files
                .insert(format!("t/{number:02}"), tinyferry_kit::File { mode: None, ..file });
        }
        memory
    };
    for config in [Config::RELIABLE, Config::LOSSY] {
        let mut device = D::formatted();
        let mut source = files(100);
        source.queue_tree("t");
        let (result, ..) = run(&mut device, config, source.clone(), Task::Put, ALWAYS);
        assert_eq!(result.expect("it goes well").refused, 0);
        let task = Task::get_tree("t");
        let (result, back, _) = run(&mut device, config, files(200), task, ALWAYS);
        assert_eq!(result.expect("it goes well").refused, 0);
        assert!(back.files == source.files);
    }
}

/// R58.
fn a_put_resumes_after_a_cut_of_the_line<D: Device>() {
    let new = content(100_000, 2);
    for config in [SMALL_WINDOW, Config::LOSSY] {
        let mut device = D::formatted();
        put(&mut device, "d/f", content(3000, 1));
        device.serve(ALWAYS, &mut |store| {
            let mut pair = Pair::new(config, client("d/f", new.clone()), store);
            pair.up.cut = Some(80_000);
            assert!(pair.run(Task::Put).expect("it ends").is_err());
        });
        assert!(stored(&mut device)["d/f"] == content(3000, 1), "the old one stays");
        let (result, _, sent) =
            run(&mut device, config, client("d/f", new.clone()), Task::Put, ALWAYS);
        assert_eq!(result.expect("it goes well").refused, 0);
        // Over noise some of it is sent twice.
        assert!(sent < if config.lossy { 60_000 } else { 30_000 }, "{sent}");
        assert!(get(&mut device, "d/f") == Ok(new.clone()));
        assert_eq!(device.content().len(), 1, "a partial is left");
    }
}

fn after_a_cut_of_the_line_anywhere_the_next_put_succeeds<D: Device>() {
    let (old, new) = (content(3000, 1), content(6000, 2));
    let mut device = D::formatted();
    put(&mut device, "d/f", old.clone());
    for cut in (0..7000).step_by(53) {
        let mut device = device.clone();
        device.serve(ALWAYS, &mut |store| {
            let mut pair = Pair::new(Config::RELIABLE, client("d/f", new.clone()), store);
            pair.up.cut = Some(cut);
            let _ = pair.run(Task::Put).expect("it ends");
        });
        let found = stored(&mut device);
        assert!(found["d/f"] == old || found["d/f"] == new, "{cut}");
        put(&mut device, "d/f", new.clone());
        assert!(device.content().into_values().eq([new.clone()]), "{cut}");
    }
}

/// The device as the client of a server.
fn a_client_sends_and_receives_trees<D: Device>() {
    let mut device = D::formatted();
    let mut server = tree();
    let mut task = |device: &mut D, config, task: Task<'_>| {
        device.serve(ALWAYS, &mut |store| {
            if matches!(task, Task::Put) {
                store.open("T", true).expect("it is there");
            }
            let mut pair = Pair::new(config, store, std::mem::take(&mut server));
            let outcome = pair.run(task).expect("it ends").expect("it goes well");
            assert_eq!(outcome.refused, 0);
            server = pair.server.store;
        });
        server.clone()
    };
    for config in [Config::RELIABLE, Config::LOSSY] {
        task(&mut device, config, Task::get_tree("T"));
        let got = stored(&mut device);
        assert!(tree().files.iter().all(|(path, file)| got.get(path) == Some(&file.bytes)));
        let server = task(&mut device, config, Task::Put);
        assert!(server.files == tree().files && server.partials.is_empty());
    }
}

fn a_partial_survives_the_files_before_it_in_a_tree<D: Device>() {
    let mut source =
        Memory::with([("t/a", content(4000, 1)), ("t/b", Vec::new()), ("t/c", content(90_000, 3))]);
    source.queue_tree("t");
    let mut device = D::formatted();
    device.serve(ALWAYS, &mut |store| {
        let mut pair = Pair::new(SMALL_WINDOW, source.clone(), store);
        pair.up.cut = Some(80_000);
        assert!(pair.run(Task::Put).expect("it ends").is_err());
    });
    let (result, _, sent) = run(&mut device, SMALL_WINDOW, source, Task::Put, ALWAYS);
    assert_eq!(result.expect("it goes well").refused, 0);
    assert!(sent < 30_000, "{sent}");
    assert!(get(&mut device, "t/c") == Ok(content(90_000, 3)));
}

/// R88.
fn names_are_listed_to_the_requested_depth<D: Device>() {
    let mut device = D::formatted();
    let (result, ..) = run(&mut device, Config::RELIABLE, tree(), Task::Put, ALWAYS);
    assert_eq!(result.expect("it goes well").refused, 0);
    let names = |depth: Option<u8>, device: &mut D| {
        let (names, _) = call(device, ALWAYS, |store| {
            let options = RequestOptions {
                depth: depth.and_then(NonZeroU8::new),
                ..RequestOptions::skipping(Skip::Nothing)
            };
            store.names_only(true);
            store.options(&options).expect("it is supported");
            store.open("T", true).expect("it is there");
            let (mut names, mut path) = (Vec::new(), [0; 960]);
            while let Some(entry) = store.next(&mut path).expect("it can be listed") {
                if entry.kind != Kind::Tree {
                    names.push(String::from_utf8_lossy(&path[..entry.path]).into_owned());
                }
            }
            names.sort();
            names
        });
        names
    };
    assert_eq!(names(Some(1), &mut device), ["empty", "many", "nothing", "read me.txt", "sub"]);
    assert_eq!(names(Some(2), &mut device).len(), 5 + 20 + 2);
    assert_eq!(names(None, &mut device).len(), 5 + 20 + 2 + 1);
    let (refused, _) =
        call(&mut device, ALWAYS, |store| store.options(&RequestOptions::skipping(Skip::SameTime)));
    assert_eq!(refused, Err(Reason::Unsupported));
    // Over the wire.
    let task = Task::Get(GetRequest::tree("T").names());
    let (result, client, _) = run(&mut device, Config::RELIABLE, Memory::default(), task, ALWAYS);
    assert_eq!(result.expect("it goes well").entries, 28);
    assert_eq!(client.offers.len(), 29);
}
