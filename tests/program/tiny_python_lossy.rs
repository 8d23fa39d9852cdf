//! The boards of `tinyferry-tiny` at a serial line that damages bytes, and the client in Python at the other end.

use std::fs;

use tinyferry_kit::Faults;

use crate::harness::{Place, content};
use crate::python_lossy::{lay, run};
use crate::serial::{CLEAN, urls};
use crate::tiny::{Board, Flash};

/// The lines by their seeds.
const LINES: [Faults; 3] =
    [CLEAN, Faults { flip: 1e-5, ..CLEAN }, Faults { drop: 5e-5, insert: 5e-5, ..CLEAN }];

/// R97.
#[test]
fn the_python_client_puts_an_image_over_lines_with_noise() {
    for (seed, faults) in LINES.into_iter().enumerate() {
        let place = Place::new();
        let here = place.here("");
        let image = content(40_000, seed as u64);
        fs::write(place.here("image"), &image).expect("a file");
        let cable = lay(faults, seed as u64);
        let [_, url] = urls(&cable);
        let board = Board::<false>::receive(cable.ports()[1], Flash::default());
        for (task, reason) in [
            (&["put", "image"][..], None),
            (&["put", "image", "other"], Some(3)),
            (&["get", "image", "back"], Some(18)),
            (&["put", "image"], None),
        ] {
            let Some((is_well, said)) = run(&here, &url, task) else { return };
            let told = reason.map(|reason| format!("(reason {reason})"));
            assert_eq!(is_well, reason.is_none(), "{seed}, {task:?}: {said}");
            assert!(said.contains(&told.unwrap_or_default()), "{seed}, {task:?}: {said}");
        }
        assert!(board.stop().image == image, "{seed}");
    }
}

/// R60, R61, R65.
#[test]
fn a_put_of_the_python_client_resumes_at_a_board_and_begins_again_if_its_image_is_another_one() {
    let place = Place::new();
    let image = content(60_000, 7);
    fs::write(place.here("image"), &image).expect("a file");
    let cable = lay(Faults { flip: 1e-5, ..CLEAN }, 7);
    let [_, url] = urls(&cable);
    for begun in [image[..40_960].to_vec(), content(40_960, 8)] {
        let flash = Flash::<true> { next: begun, stored: 40_960, ..Flash::default() };
        let board = Board::receive(cable.ports()[1], flash);
        let Some((is_well, said)) = run(&place.here(""), &url, &["put", "image"]) else { return };
        assert!(is_well, "{said}");
        let flash = board.stop();
        assert!(flash.image == image);
        assert_eq!(flash.resumed, 40_960, "the board has offered its prefix");
    }
}

#[test]
fn the_python_client_gets_an_image_over_lines_with_noise() {
    for (seed, faults) in LINES.into_iter().enumerate() {
        let place = Place::new();
        let image = content(40_000, seed as u64);
        let cable = lay(faults, seed as u64 + 20);
        let [_, url] = urls(&cable);
        let flash = Flash::<false> { image: image.clone(), ..Flash::default() };
        let board = Board::send(cable.ports()[1], flash);
        let Some((is_well, said)) = run(&place.here(""), &url, &["get", "image", "back"]) else {
            return;
        };
        assert!(is_well, "{seed}: {said}");
        assert!(fs::read(place.here("back")).expect("it is there") == image, "{seed}");
        let (is_well, said) =
            run(&place.here(""), &url, &["get", "other", "no"]).expect("there is Python");
        assert!(!is_well && said.contains("(reason 3)"), "{seed}: {said}");
        board.stop();
    }
}
