//! Negotiation: which parameters follow from two hellos.

use super::*;
use crate::{Config, Standard};

fn hello(config: Config) -> Hello {
    config.hello::<Standard>(7)
}

/// The parameters of a server with this configuration and a client with that one.
fn negotiate(server: Config, client: Config) -> Option<Negotiated> {
    let client = hello(client);
    let chosen = Negotiated::choose(&hello(server), &client);
    Negotiated::from_hello::<Standard>(&chosen, client.credit, server.credit)
}

/// The parameters of two ends with the same configuration.
pub(crate) fn negotiated(config: Config) -> Negotiated {
    negotiate(config, config).expect("a possible configuration")
}

const RELIABLE: Config = Config::RELIABLE;

/// R20.
#[test]
fn the_link_is_lossy_or_half_duplex_if_one_end_says_so() {
    let lossy = RELIABLE.lossy(true);
    let half_duplex = RELIABLE.half_duplex(true);
    let link =
        |server, client| negotiate(server, client).map(|link| (link.lossy, link.half_duplex));
    assert_eq!(link(RELIABLE, RELIABLE), Some((false, false)));
    assert_eq!(link(lossy, RELIABLE), Some((true, false)));
    assert_eq!(link(RELIABLE, lossy), Some((true, false)));
    assert_eq!(link(half_duplex, lossy), Some((true, true)));
}

/// R20.
#[test]
fn chunks_are_the_smaller_ones_in_whole_blocks_of_the_larger_size() {
    let config = |chunk, block| RELIABLE.chunk(chunk).block(block);
    let link = |server, client| negotiate(server, client).map(|link| (link.chunk, link.block()));
    assert_eq!(link(config(1024, 0), config(700, 0)), Some((512, 256)));
    assert_eq!(link(config(600, 0), config(1024, 1)), Some((512, 512)));
    assert_eq!(link(config(0xFFFF, 2), config(0xFFFF, 0)), Some((1024, 1024)));
}

/// R20.
#[test]
fn each_end_sends_values_that_the_other_one_accepts() {
    let config = |credit| RELIABLE.credit(credit);
    let link = negotiate(config(8), config(20));
    assert_eq!(link.map(|link| (link.send_credit, link.recv_credit)), Some((20, 8)));
}

/// R20.
#[test]
fn a_chunk_without_a_whole_block_an_unknown_block_and_no_credit_are_impossible() {
    for impossible in
        [RELIABLE.chunk(255), RELIABLE.chunk(512).block(2), RELIABLE.block(3), RELIABLE.credit(0)]
    {
        assert_eq!(negotiate(RELIABLE, impossible), None, "{impossible:?}");
    }
}

/// R20.
#[test]
fn sha256_is_used_if_both_ends_want_it() {
    let sha256 = RELIABLE.sha256(true);
    let supported = Standard::has_sha256();
    assert_eq!(negotiate(sha256, sha256).map(|link| link.sha256()), Some(supported));
    assert_eq!(negotiate(sha256, RELIABLE).map(|link| link.sha256()), Some(false));
}

/// R22.
#[test]
fn the_servers_hello_is_reproduced_from_the_parameters() {
    let client = hello(Config::LOSSY.chunk(700).block(1));
    let own = hello(RELIABLE);
    let chosen = Negotiated::choose(&own, &client);
    let link = Negotiated::from_hello::<Standard>(&chosen, client.credit, own.credit);
    let again = link.map(|link| link.hello(7));
    assert_eq!(again, Some(Hello { chunk: 512, ..chosen }));
}
