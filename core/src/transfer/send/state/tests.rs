//! The transition table in the documentation is that of the code.

use super::Stage::*;
use super::table::TRANSITIONS;
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
    is_connected(TRANSITIONS, (SOURCE, "Stage"), [NextEntry, Finished]);
}
