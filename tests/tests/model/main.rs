//! A search through the interactions of two sessions: every order of events, with a few frames
//! lost, doubled or cut short, late answers, reboots and cut streams on the way.
//!
//! Frames travel whole, and time passes only where an end waits: for the one whose wait is the shortest, or else it is
//! a fault. A state consists of both sessions, both stores and both lines, with times relative to the present. In every
//! state each file in place must be complete, and from every state the work must end well once nothing more goes wrong.
//!
//! Every scenario is searched to its end: with two faults by default, with three where the
//! environment says `TINYFERRY_FAULTS=3`. How many states each of them has is in `states.txt`; the search
//! fails if it finds more than a tenth fewer or more. `record` writes that file.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::time::Instant;

use tinyferry_core::error::{Failure, Reason};
use tinyferry_core::store::{RequestOptions, Skip, StatQuery, answer};
use tinyferry_core::{Config, GetRequest, Session, Task};
use tinyferry_core::{Millis, Outcome, Step};
use tinyferry_kit::{File, Memory, Operates, QueuedOperation, content};

mod events;
mod fingerprint;
mod judge;
mod scenario;
mod search;
mod sessions;
mod tell;
mod world;

use self::fingerprint::Hashers;
use self::scenario::*;
use self::tell::{Found, tell, way};
use self::world::*;

/// The session of each end.
type Peer = Session<Operates>;

/// R54.
#[test]
fn short_files_survive_every_fault_on_a_lossy_link() {
    for size in [0, 1, 300, 600] {
        both_ways(put("lossy file", LOSSY, size));
    }
    let half_duplex = LOSSY.half_duplex(true);
    both_ways(put("half-duplex file", half_duplex, 300));
    // Long enough to be asked about on the way.
    for half_duplex in [false, true] {
        let config = LOSSY.half_duplex(half_duplex).credit(16);
        both_ways(put("file of some more chunks", config, 2600));
    }
    both_ways(put("file with a credit of 1", LOSSY.credit(1), 600));
    let mut scenario = put("file in order", LOSSY, 600);
    scenario.stores[SERVER].in_order = true;
    both_ways(scenario);
    let mut scenario = put("lossy file of unknown size", LOSSY, 600);
    scenario.stores[CLIENT].unsized_offers = true;
    both_ways(scenario);
    both_ways(put("file with SHA-256", LOSSY.sha256(true), 300));
}

#[test]
fn trees_survive_every_fault_on_a_lossy_link() {
    both_ways(put_tree("lossy tree", LOSSY));
    both_ways(put_tree("half-duplex tree", LOSSY.half_duplex(true)));
    both_ways(put_tree("tree with a credit of 1", LOSSY.credit(1)));
}

#[test]
fn resumes_survive_every_fault_on_a_lossy_link() {
    resumed(LOSSY).into_iter().for_each(both_ways);
}

#[test]
fn refusals_survive_every_fault_on_a_lossy_link() {
    refused(LOSSY).into_iter().for_each(both_ways);
    asked(LOSSY).iter().for_each(Scenario::search);
}

#[test]
fn successive_requests_survive_every_fault_on_a_lossy_link() {
    both_ways(after_a_tree(LOSSY));
    in_a_row(LOSSY).iter().for_each(Scenario::search);
}

#[test]
fn requests_survive_reboots_on_a_lossy_link() {
    let (file, tree) = (put("file", LOSSY, 600), put_tree("tree", LOSSY));
    for scenario in [file, tree, after_a_tree(LOSSY)] {
        let name = format!("reboot, {}", scenario.name);
        both_ways(Scenario { name, reboots: 1, faults: scenario.faults - 1, ..scenario });
    }
}

#[test]
fn requests_survive_outages_on_a_lossy_link() {
    let (file, tree) = (put("file", LOSSY, 600), put_tree("tree", LOSSY));
    for scenario in [put("file", LOSSY, 0), file, tree, after_a_tree(LOSSY)] {
        let name = format!("outage, {}", scenario.name);
        both_ways(Scenario { name, outages: 1, faults: scenario.faults - 1, ..scenario });
    }
}

#[test]
fn every_request_completes_in_any_order_of_events_on_a_reliable_link() {
    for credit in [1, 2, 3] {
        for half_duplex in [false, true] {
            let config = RELIABLE.credit(credit).half_duplex(half_duplex);
            for size in [0, 300, 600] {
                both_ways(put("reliable file", config, size));
            }
            let mut scenario = put("reliable file of unknown size", config, 600);
            scenario.stores[CLIENT].unsized_offers = true;
            both_ways(scenario);
            both_ways(put_tree("reliable tree", config));
            both_ways(after_a_tree(config));
            resumed(config).into_iter().for_each(both_ways);
            refused(config).into_iter().for_each(both_ways);
            asked(config).iter().for_each(Scenario::search);
            in_a_row(config).iter().for_each(Scenario::search);
        }
    }
}

/// A store that answers a request with "later", two times in a row.
fn busy(scenario: Scenario) -> Scenario {
    let mut scenario = Scenario { name: format!("busy {}", scenario.name), ..scenario };
    scenario.stores.iter_mut().for_each(|store| store.busy = 2);
    scenario
}

#[test]
fn every_request_completes_with_busy_stores() {
    for config in [LOSSY, RELIABLE, LOSSY.half_duplex(true)] {
        both_ways(busy(put("file", config, 300)));
        both_ways(busy(put_tree("tree", config)));
    }
    resumed(RELIABLE).into_iter().map(busy).for_each(both_ways);
    let cut = Scenario { reboots: 1, ..put_tree("cut tree", RELIABLE) };
    both_ways(busy(cut));
    both_ways(busy(Scenario { outages: 1, ..put("outage in a file", LOSSY, 300) }));
}

#[test]
fn chunks_sent_before_the_prefix_is_known_do_no_harm() {
    // With this credit the sender may be past the prefix when it receives the position.
    for scenario in resumed(RELIABLE.credit(8)) {
        both_ways(scenario);
    }
}

#[test]
fn requests_survive_cuts_of_a_reliable_link() {
    let mut scenarios = vec![put("file", RELIABLE, 600), put_tree("tree", RELIABLE)];
    scenarios.extend(resumed(RELIABLE));
    for scenario in scenarios {
        let name = format!("cut, {}", scenario.name);
        both_ways(Scenario { name, reboots: 1, ..scenario });
    }
}

/// R81, R85, R87, R88.
#[test]
fn operations_survive_every_fault_on_a_lossy_link() {
    for config in [LOSSY, LOSSY.half_duplex(true), LOSSY.credit(1)] {
        operations(config).iter().for_each(Scenario::search);
    }
}

#[test]
fn operations_survive_reboots_and_outages_on_a_lossy_link() {
    for scenario in operations(LOSSY) {
        let (faults, name) = (scenario.faults - 1, &scenario.name);
        let reboot =
            Scenario { name: format!("reboot, {name}"), reboots: 1, faults, ..scenario.clone() };
        reboot.search();
        Scenario { name: format!("outage, {name}"), outages: 1, faults, ..scenario }.search();
    }
}

#[test]
fn operations_complete_in_any_order_of_events_on_a_reliable_link() {
    for credit in [1, 2, 3] {
        for half_duplex in [false, true] {
            let config = RELIABLE.credit(credit).half_duplex(half_duplex);
            operations(config).iter().for_each(Scenario::search);
        }
    }
    operations(RELIABLE).into_iter().map(busy).for_each(|scenario| scenario.search());
    for scenario in operations(RELIABLE) {
        let name = format!("cut, {}", scenario.name);
        Scenario { name, reboots: 1, ..scenario }.search();
    }
}
