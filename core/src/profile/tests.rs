//! Capabilities follow from the constants of a profile.

use super::*;
use crate::buffer::Buffer1024;
use crate::checksum::{NoSha256, Tables};

macro_rules! profile {
    ($name:ident: $($constant:ident = $value:literal),*) => {
        struct $name;
        impl Profile for $name {
            type Checksums = Tables;
            type Sha256 = NoSha256;
            type Buffer = Buffer1024;
            $(const $constant: bool = $value;)*
        }
    };
}

profile!(All: REPORTS = true, MESSAGES = true, OPERATIONS = true);
profile!(NoClient: CLIENT = false);
profile!(NoServer: SERVER = false);
profile!(NoTrees: TREES = false);
profile!(NoPending: PENDS = false);
profile!(NoGaps: STEPS = false);
profile!(NoStalls: STALLS = false);
profile!(NoResumes: RESUMES = false);
profile!(NoClock: CLOCK = false);
profile!(NoDuplex: DUPLEX = false);
profile!(NoSends: SENDS = false, REPORTS = true);
profile!(NoReceives: RECEIVES = false);
profile!(NeverReliable: RELIABLE = false);
profile!(OnlyWaits: CLOCK = false, DUPLEX = false, PENDS = false);
profile!(NeverProbes: CLOCK = false, RESUMES = false);
profile!(NeverPolls: CLOCK = false, DUPLEX = false);

#[test]
fn a_build_with_everything_can_do_everything() {
    assert!(All::can_send() && All::can_receive() && All::can_be_client() && All::can_be_server());
    assert!(All::has_trees() && All::may_defer() && All::defers_commits() && All::resumes());
    assert!(All::reports() && All::has_messages() && All::has_operations());
    assert!(All::has_gaps() && All::has_clock() && All::is_duplex() && All::detects_stalls());
    assert!(All::probes() && All::polls_input() && All::pauses());
}

#[test]
fn a_constant_that_is_false_takes_its_capability() {
    assert!(!NoClient::can_be_client() && !NoServer::can_be_server());
    assert!(!NoSends::can_send() && !NoReceives::can_receive());
    assert!(!NoTrees::has_trees() && !NoTrees::has_sha256() && !NoGaps::has_gaps());
    assert!(!NoStalls::detects_stalls() && !NoResumes::resumes());
    assert!(!NoClock::has_clock() && !NoDuplex::is_duplex());
    assert!(!NoTrees::reports() && !NoTrees::has_messages() && !NoTrees::has_operations());
}

#[test]
fn some_capabilities_need_several_constants_or_one_of_them() {
    assert!(!NoPending::may_defer() && !NoReceives::may_defer());
    assert!(!NoReceives::defers_commits() && !NoTrees::defers_commits());
    assert!(!NeverReliable::defers_commits() && !NoSends::reports());
    assert!(!NoSends::probes() && !NeverProbes::probes());
    assert!(NoClock::probes() && NoResumes::probes());
    assert!(NoClock::polls_input() && NoDuplex::polls_input() && !NeverPolls::polls_input());
    assert!(NeverPolls::pauses() && NoPending::pauses() && !OnlyWaits::pauses());
}
