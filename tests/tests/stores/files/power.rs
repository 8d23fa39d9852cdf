//! A power cut at each operation that changes the medium, and then a restart.

use std::collections::BTreeMap;

use tinyferry_core::store::{Kind, Operation};
use tinyferry_core::{Config, Task};
use tinyferry_kit::{Memory, content};

use super::operations::DONE;
use super::{ALWAYS, Device, call, client, on_each_device, put, run, stored, tree};

on_each_device! {
    a_file_survives_each_cut
    a_file_over_noise_survives_each_cut
    a_tree_survives_each_cut
    operations_survive_each_cut
    a_second_put_resumes_at_the_cut
}

/// Puts, with the power cut at each operation. Each file must then be the old one or the new one, and the same put
/// must succeed. Returns the number of cuts.
fn cut_everywhere<D: Device>(device: &D, config: Config, source: &Memory) -> u64 {
    let old = stored(&mut device.clone());
    let mut new = old.clone();
    new.extend(source.files.iter().map(|(path, file)| (path.clone(), file.bytes.clone())));
    let mut operations = 0;
    let mut whole = device.clone();
    let put = |device: &mut D, power, operations: &mut u64| {
        let mut result = None;
        *operations = device.serve(power, &mut |store| {
            let mut pair = tinyferry_kit::Pair::new(config, source.clone(), store);
            if config.lossy {
                pair = pair.serial(921_600, power);
                (pair.up.faults, pair.down.faults) = (super::NOISE, super::NOISE);
            }
            result = Some(pair.run(Task::Put).expect("it ends"));
        });
        result.expect("it was served").is_ok_and(|outcome| outcome.refused == 0)
    };
    assert!(put(&mut whole, ALWAYS, &mut operations));
    assert!(stored(&mut whole) == new && whole.content().len() == new.len());
    assert!(operations > 10, "{operations}");
    for power in 0..operations {
        let mut device = device.clone();
        let said = put(&mut device, power, &mut 0);
        let found = stored(&mut device);
        must_be_old_or_new(&found, &old, &new, power);
        assert!(!said || found == new, "after {power}: it was said to be stored");
        assert!(put(&mut device, ALWAYS, &mut 0), "after {power}");
        assert!(stored(&mut device) == new, "after {power}");
        assert!(device.content().len() == new.len(), "after {power}: a partial is left");
    }
    operations
}

fn must_be_old_or_new(
    found: &BTreeMap<String, Vec<u8>>,
    old: &BTreeMap<String, Vec<u8>>,
    new: &BTreeMap<String, Vec<u8>>,
    power: u64,
) {
    for (path, bytes) in found {
        let is_known = old.get(path) == Some(bytes) || new.get(path) == Some(bytes);
        assert!(is_known, "after {power}: {path} is neither the old one nor the new one");
    }
    let are_there = old.keys().all(|path| found.contains_key(path));
    assert!(are_there, "after {power}: an old file is gone");
}

fn a_file_survives_each_cut<D: Device>() {
    for exists in [true, false] {
        let mut device = D::formatted();
        put(&mut device, "other", content(4000, 7));
        if exists {
            put(&mut device, "d/app.bin", content(9000, 1));
        }
        let client = client("d/app.bin", content(42_345, 2));
        let cuts = cut_everywhere(&device, Config::RELIABLE, &client);
        println!("a file, {cuts} cuts");
    }
}

fn a_file_over_noise_survives_each_cut<D: Device>() {
    let mut device = D::formatted();
    put(&mut device, "f", content(9000, 1));
    let cuts = cut_everywhere(&device, Config::LOSSY, &client("f", content(10_000, 2)));
    println!("a file over noise, {cuts} cuts");
}

fn a_tree_survives_each_cut<D: Device>() {
    let mut device = D::formatted();
    put(&mut device, "T/read me.txt", content(3000, 8));
    put(&mut device, "T/empty", content(10, 9));
    let cuts = cut_everywhere(&device, Config::RELIABLE, &tree());
    println!("a tree, {cuts} cuts");
}

fn operations_survive_each_cut<D: Device>() {
    let mut whole = D::formatted();
    for (path, seed) in [("d/a", 1), ("d/b", 2), ("e/other", 3)] {
        put(&mut whole, path, content(30_000, seed));
    }
    let mut cuts = 0;
    for (operation, path) in [
        (Operation::Remove, "d/a"),
        (Operation::Rename { from: "d/a" }, "d/c"),
        (Operation::Rename { from: "d/a" }, "d/b"),
        (Operation::Rename { from: "d/a" }, "e/moved"),
        (Operation::Rename { from: "d" }, "e/d"),
    ] {
        let old = stored(&mut whole);
        let mut after = whole.clone();
        let perform = |device: &mut D, power| {
            call(device, power, |store| store.operate(path, Kind::File, &operation))
        };
        let (result, operations) = perform(&mut after, ALWAYS);
        assert!(result == DONE && operations > 0, "{operation:?}");
        let new = stored(&mut after);
        cuts += operations;
        for power in 0..operations {
            let mut device = whole.clone();
            let (result, _) = perform(&mut device, power);
            let found = stored(&mut device);
            assert!(found == old || found == new, "{operation:?} {path} after {power}");
            assert!(result.is_err() || found == new, "{operation:?} {path} after {power}");
            assert_eq!(perform(&mut device, ALWAYS).0, DONE, "{operation:?} {path} after {power}");
            assert!(stored(&mut device) == new, "{operation:?} {path} after {power}");
            put(&mut device, "d/new", content(20_000, 3));
        }
    }
    println!("operations, {cuts} cuts");
}

fn a_second_put_resumes_at_the_cut<D: Device>() {
    let (size, config) = (120_000, Config::RELIABLE.credit(4));
    let source = client("f", content(size, 1));
    let (_, operations) = call(&mut D::formatted(), ALWAYS, |store| {
        let mut pair = tinyferry_kit::Pair::new(config, source.clone(), store);
        pair.run(Task::Put).expect("it ends").expect("it goes well");
    });
    for (part, most) in [(2, 3 * size / 4), (4, size / 2)] {
        let mut device = D::formatted();
        let power = operations - operations / part;
        let (result, ..) = run(&mut device, config, source.clone(), Task::Put, power);
        assert!(result.is_err());
        let (result, _, sent) = run(&mut device, config, source.clone(), Task::Put, ALWAYS);
        assert_eq!(result.expect("it goes well").refused, 0);
        assert!(sent < most as u64, "{sent} of {size}");
    }
}
