//! The transition table in the documentation is that of the code.

use super::Stage::*;
use super::table::TRANSITIONS;
use super::*;
use crate::transition::documentation::{is_connected, is_in_architecture, is_in_header};

const SOURCE: &str = include_str!("../state.rs");

#[test]
fn the_header_of_the_stages_of_a_sender_shows_their_transition_table() {
    is_in_header(TRANSITIONS, SOURCE, SOURCE);
}

#[test]
fn the_architecture_page_shows_the_transition_table_of_senders() {
    is_in_architecture(TRANSITIONS, SOURCE, "### The stage of a sender");
}

#[test]
fn each_stage_of_a_sender_can_be_entered_and_left() {
    let questions = [OfferTree, OfferFile, FileDone, FileError, TreeDone, TreeError];
    let [a, b, c, d, e, f] = questions.map(|question| [Ask(question), Await(question)]);
    let stages = [a, b, c, d, e, f, [NextEntry, Data], [Check, Finished]];
    let stages = stages.as_flattened();
    is_connected(TRANSITIONS, stages, (SOURCE, "Stage"), [NextEntry, Finished]);
}
