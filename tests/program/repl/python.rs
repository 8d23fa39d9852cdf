//! The second peer, which is written in Python, as the client of boards with MicroPython.

use std::fs;

use super::board::{Board, Options, assert_same_tree};
use crate::files::make_tree;
use crate::harness::{Place, content};
use crate::python_peer::script;

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/program/repl/client.py");

/// Runs a task of `client.py` with a new board; `None`: there is no Python or no MicroPython.
fn run(link: &str, options: Options, task: &[&str]) -> Option<Place> {
    let place = Place::on_disk();
    let board = Board::start(&place, options)?;
    make_tree(&place, 6);
    fs::write(place.here("file"), content(40_000, 1)).expect("a file");
    let served = place.served("").display().to_string();
    let arguments = [&[CLIENT, board.port(), link], task, &[&served]].concat();
    let output = script(&place.here(""), &arguments)?.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{link}, {task:?}: {said}");
    Some(place)
}

fn everything(link: &str, options: Options) -> Option<()> {
    let place = run(link, options, &["everything"])?;
    assert_same_tree(&place.here("tree"), &place.here("tree back"));
    let served = fs::read(place.served("file")).expect("a file");
    assert!(served == fs::read(place.here("back")).expect("a file"), "the content differs");
    Some(())
}

#[test]
fn the_python_client_works_with_a_board() {
    let _ = everything("reliable", Options::default());
    let _ = everything("lossy", Options::default());
}

#[test]
fn the_python_client_works_with_a_board_over_lines_with_noise() {
    for seed in 1..4 {
        let noise = Some((2e-4, seed));
        if everything("lossy", Options { noise, ..Options::default() }).is_none() {
            return;
        }
    }
}

/// R60, R61, R65.
#[test]
fn transfers_of_the_python_client_that_were_cut_continue_at_a_board() {
    for seed in 1..4 {
        for link in ["reliable", "lossy"] {
            if run(link, Options::default(), &["cuts", &seed.to_string()]).is_none() {
                return;
            }
        }
    }
}

#[test]
fn a_board_tells_the_python_client_why_it_refuses() {
    let _ = run("reliable", Options::default(), &["refusals"]);
    let _ = run("lossy", Options { noise: Some((1e-4, 1)), ..Options::default() }, &["refusals"]);
}
