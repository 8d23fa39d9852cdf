//! Files that continue, files that are offered again, and refusals, with a board at the other end.

use std::fs;

use tinyferry_kit::Random;

use super::board::{Board, Options, assert_same_tree};
use super::make_tree;
use crate::files::set_mode;
use crate::harness::{Place, client, content};

/// Each file has a begin of itself at its receiver; every second of these has a wrong byte, so that the file is offered
/// again from its begin. Over a lossy link a client continues at least 97 KiB before the end of its partial.
fn continues_what_is_right(settings: &str, noise: Option<(f64, u64)>) {
    let smallest = if noise.is_some() { 110_000 } else { 4096 };
    let place = Place::on_disk();
    let Some(board) = Board::start(&place, Options { noise, ..Options::default() }) else { return };
    fs::create_dir(place.here("back")).expect("a directory");
    let run =
        |arguments: &[&str]| client(&board.url(settings), &place.here(""), arguments).well().stdout;
    for seed in 0..6 {
        let mut random = Random::new(seed);
        let size = smallest + 1_000 + random.below(40_000);
        let file = content(size, seed);
        let is_right = seed % 2 == 0;
        let mut begin = file[..smallest + random.below(size - smallest)].to_vec();
        if !is_right {
            let at = random.below(4096);
            begin[at] ^= 1 << random.below(8);
        }
        fs::write(place.here("file"), &file).expect("a file");
        fs::write(place.served(".tinyferry-part"), &begin).expect("a partial");
        let told = run(&["put", "file"]);
        assert_eq!(told.contains("were there already"), is_right, "seed {seed}: {told}");
        assert_eq!(fs::read(place.served("file")).ok().as_ref(), Some(&file), "seed {seed}");

        let partial = place.here("back/.file.tinyferry-part");
        fs::write(&partial, &begin).expect("a partial");
        set_mode(&partial, 0o600);
        let told = run(&["get", "file", "--into", "back"]);
        assert_eq!(told.contains("were there already"), is_right, "seed {seed}: {told}");
        assert_eq!(fs::read(place.here("back/file")).ok().as_ref(), Some(&file), "seed {seed}");
        fs::remove_file(place.here("back/file")).expect("it is there");
        fs::remove_file(place.served("file")).expect("it is there");
    }
    // In a tree, whose end repeats the offer.
    make_tree(&place);
    let wrong = vec![0; 4096];
    fs::create_dir_all(place.served("tree/sub")).expect("a directory");
    fs::write(place.served("tree/sub/.tinyferry-part"), &wrong).expect("a partial");
    run(&["put", "tree"]);
    assert_same_tree(&place.here("tree"), &place.served("tree"));
    let partial = place.here("back/tree/sub/.5000 e.tinyferry-part");
    fs::create_dir_all(place.here("back/tree/sub")).expect("a directory");
    fs::write(&partial, &wrong).expect("a partial");
    set_mode(&partial, 0o600);
    run(&["get", "tree", "--into", "back"]);
    assert_same_tree(&place.here("tree"), &place.here("back/tree"));
}

#[test]
fn a_board_continues_files_whose_begin_is_right_and_takes_others_anew() {
    continues_what_is_right("", None);
}

#[test]
fn a_board_on_a_lossy_line_continues_files_whose_begin_is_right_and_takes_others_anew() {
    continues_what_is_right("&lossy=true", Some((2e-5, 4)));
}

#[test]
fn a_board_refuses_what_has_no_place_and_takes_the_rest() {
    for settings in ["", "&lossy=true"] {
        let place = Place::on_disk();
        let options = Options { files: Some("lfs"), ..Options::default() };
        let Some(board) = Board::start(&place, options) else { return };
        let url = board.url(settings);
        let run = |arguments: &[&str]| client(&url, &place.here(""), arguments);
        make_tree(&place);
        run(&["put", "tree"]).well();
        // A directory in place of a file, and a file in place of a directory.
        fs::write(place.here("file"), content(2_000, 1)).expect("a file");
        run(&["put", "file", "--as", "tree/sub"]).with(6, &["directory"]);
        run(&["put", "file", "--as", "tree/sub/1 e/file"]).with(6, &["not a directory"]);
        // Its flash has 1 MiB. The other file of the tree is in place.
        fs::create_dir(place.here("large")).expect("a directory");
        fs::write(place.here("large/a"), content(1_500_000, 1)).expect("a file");
        fs::write(place.here("large/b"), content(3_000, 2)).expect("a file");
        run(&["put", "large"]).with(3, &["large/a", "space"]);
        assert_eq!(run(&["ls", "large"]).well().stdout.trim(), "3000  b");
        run(&["get", "tree", "--into", "back"]).well();
        assert_same_tree(&place.here("tree"), &place.here("back/tree"));
        fs::remove_dir_all(place.here("back")).expect("it is there");
    }
}
