//! Boards that lose their power, and lines that damage bytes, by seed.

use std::fs;
use std::path::Path;
use std::process::Command;

use tinyferry_kit::Random;

use super::board::{Board, Options, assert_same_tree, micropython};
use super::make_tree;
use crate::harness::{Place, client, content};

/// The file in the flash of a board after the loss of its power.
fn stored(place: &Place) -> Option<Vec<u8>> {
    // The program that mounts the flash, which is not made anew.
    let script = "exec(open('boot.py').read().replace('mkfs', 'umount and id'))\n\
                  import sys\nsys.stdout.buffer.write(open('/disk/file', 'rb').read())";
    let mut command = Command::new(micropython()?);
    let output = command.args(["-c", script]).current_dir(place.served("")).output();
    let output = output.expect("it starts");
    output.status.success().then_some(output.stdout)
}

/// A put over an old file, on a board that loses its power at a random byte. The flash then has the old file or the new
/// one, and the next put completes the new one.
fn a_power_cut_leaves_the_old_file_or_the_new_one(kind: &'static str, seeds: std::ops::Range<u64>) {
    let (mut old_files, mut new_files) = (0, 0);
    for seed in seeds {
        let place = Place::new();
        let options = Options { files: Some(kind), ..Options::default() };
        let old = content(20_000, 1);
        let new = content(30_000, seed + 2);
        {
            let Some(board) = Board::start(&place, options.clone()) else { return };
            fs::write(place.here("file"), &old).expect("a file");
            client(&board.url(""), &place.here(""), &["put", "file"]).well();
        }
        fs::write(place.here("file"), &new).expect("a file");
        {
            // The server and the file are sent within this number of bytes.
            let kill = 18_000 + Random::new(seed).below(34_000);
            let options = Options { kill: Some(kill), ..options.clone() };
            let Some(board) = Board::start(&place, options) else { return };
            let url = board.url("");
            client(&url, &place.here(""), &["put", "file", "--retry", "0"]);
        }
        let found = stored(&place).expect("the file is there");
        match found {
            found if found == old => old_files += 1,
            found if found == new => new_files += 1,
            found => panic!("seed {seed}: {} bytes, neither old nor new", found.len()),
        }
        let Some(board) = Board::start(&place, options) else { return };
        client(&board.url(""), &place.here(""), &["put", "file"]).well();
        drop(board);
        assert_eq!(stored(&place).as_deref(), Some(&new[..]), "seed {seed}");
    }
    println!("{kind}: {old_files} times the old file, {new_files} times the new one");
    assert!(old_files > 0);
}

#[test]
fn a_power_cut_of_a_board_with_a_littlefs_leaves_the_old_file_or_the_new_one() {
    a_power_cut_leaves_the_old_file_or_the_new_one("lfs", 0..8);
}

#[test]
fn a_power_cut_of_a_board_with_a_fat_leaves_the_old_file_or_the_new_one() {
    a_power_cut_leaves_the_old_file_or_the_new_one("fat", 0..8);
}

#[test]
fn a_noisy_line_to_a_board_carries_files_and_trees() {
    for seed in 0..3 {
        let place = Place::new();
        let options = Options { noise: Some((1e-4, seed)), ..Options::default() };
        let Some(board) = Board::start(&place, options) else { return };
        make_tree(&place);
        fs::write(place.here("file"), content(60_000, seed)).expect("a file");
        let url = board.url("&lossy=true");
        let run = |arguments: &[&str]| client(&url, &place.here(""), arguments).well();
        run(&["put", "file", "tree"]);
        assert_same(&place.here("file"), &place.served("file"));
        assert_same_tree(&place.here("tree"), &place.served("tree"));
        run(&["get", "file", "tree", "--into", "back"]);
        assert_same(&place.here("file"), &place.here("back/file"));
        assert_same_tree(&place.here("tree"), &place.here("back/tree"));
    }
}

fn assert_same(a: &Path, b: &Path) {
    assert_eq!(fs::read(a).ok(), fs::read(b).ok());
}

#[test]
fn a_file_continues_after_each_power_cut() {
    for seed in 0..3 {
        let place = Place::new();
        let file = content(700_000, seed);
        fs::write(place.here("file"), &file).expect("a file");
        let mut random = Random::new(seed);
        let partial = place.served(".tinyferry-part");
        for _ in 0..3 {
            let before = fs::metadata(&partial).map_or(0, |found| found.len());
            let kill = 130_000 + random.below(60_000);
            let options = Options { kill: Some(kill), ..Options::default() };
            let Some(board) = Board::start(&place, options) else { return };
            client(&board.url(""), &place.here(""), &["put", "file", "--retry", "0"]);
            let stored = fs::metadata(&partial).map_or(0, |found| found.len());
            assert!(stored >= before + 65_536, "seed {seed}: {before} bytes, then {stored}");
        }
        let Some(board) = Board::start(&place, Options::default()) else { return };
        let told = client(&board.url(""), &place.here(""), &["put", "file"]).well().stdout;
        assert!(told.contains("were there already"), "{told}");
        assert_eq!(fs::read(place.served("file")).ok(), Some(file));
    }
}
