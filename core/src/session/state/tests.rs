//! The transition table in the documentation is that of the code.

use super::table::Name::*;
use super::table::TRANSITIONS;
use crate::transition::documentation::{is_connected, is_in_architecture, is_in_header};

const EVENTS: &str = include_str!("event.rs");

#[test]
fn the_header_of_the_state_machine_shows_its_transition_table() {
    is_in_header(TRANSITIONS, EVENTS, include_str!("../state.rs"));
}

#[test]
fn the_architecture_page_shows_the_transition_table_of_sessions() {
    is_in_architecture(TRANSITIONS, EVENTS, "### The state of a session");
}

#[test]
fn each_state_can_be_entered_and_left() {
    let table = (include_str!("table.rs"), "Name");
    is_connected(TRANSITIONS, table, [AwaitClientHello, Closed]);
}

#[test]
#[should_panic(expected = "no transition from AwaitClientHello by Opened to AwaitRequest")]
fn a_debug_build_stops_at_a_transition_that_is_not_in_the_table() {
    let mut server: crate::Session = crate::Session::server(crate::Config::RELIABLE);
    server.enter(super::Event::Opened, super::State::AwaitRequest);
}
