use std::collections::VecDeque;
use std::time::Duration;

use tinyferry_core::{Config, Session, Step};

use super::frames;
use super::*;
use crate::checksum::Desktop;

/// A line with a server at its end, in memory. Each way changes bytes.
struct Simulated<'a> {
    there: Change<'a>,
    back: Change<'a>,
    server: Session<Desktop>,
    now: u32,
    exchanges: usize,
}

impl Simulated<'_> {
    fn exchange(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.exchanges += 1;
        let mut input: VecDeque<u8> = (self.there)(bytes).into();
        let mut output = Vec::new();
        // A silence follows.
        for _ in 0..1000 {
            match self.server.poll() {
                Step::Receive(into) | Step::Exchange { into, .. } if !input.is_empty() => {
                    let count = into.len().min(input.len());
                    into.iter_mut().zip(input.drain(..count)).for_each(|(to, byte)| *to = byte);
                    self.server.received(count, Some(self.now));
                }
                Step::Transmit(out) | Step::Exchange { out, .. } => {
                    let out = out.to_vec();
                    self.server.transmitted(out.len(), Some(self.now));
                    output.extend(out);
                }
                Step::Receive(_) => {
                    self.now += 100;
                    self.server.timed_out(Some(self.now));
                    if self.now.is_multiple_of(500) {
                        break;
                    }
                }
                Step::Text(_) => self.server.text_taken(),
                Step::Over(_) => panic!("the server ends"),
                _ => self.server.transmitted(0, Some(self.now)),
            }
        }
        (self.back)(&output)
    }
}

/// The simulated line needs no bound in real time.
const NO_END: Duration = Duration::from_secs(3_600);

/// How one way of a line changes bytes.
type Change<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

fn same(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

/// The result of a check of such a line, and the number of exchanges.
fn found(there: Change<'_>, back: Change<'_>, random: u32) -> (Finding, usize) {
    found_within(NO_END, there, back, random)
}

fn found_within(
    longest: Duration,
    there: Change<'_>,
    back: Change<'_>,
    random: u32,
) -> (Finding, usize) {
    let server = Session::server(Config::LOSSY);
    let mut line = Simulated { there, back, server, now: 0, exchanges: 0 };
    let finding =
        check(&mut |bytes, _, _| Ok(line.exchange(bytes)), random, longest).expect("it works");
    (finding, line.exchanges)
}

#[track_caller]
fn assert_fault(fault: &Fault, text: &str) {
    let change = |bytes: &[u8]| fault.apply(bytes);
    for random in [1, 77, 4_000_000_000] {
        for (is_there, is_back) in [(true, false), (false, true), (true, true)] {
            let there: Change<'_> = if is_there { &change } else { &same };
            let back: Change<'_> = if is_back { &change } else { &same };
            let (finding, exchanges) = found(there, back, random);
            let Finding::Fault(line) = finding else { panic!("{fault:?}: {finding:?}") };
            assert_eq!(line.fault, *fault, "{is_there} {is_back}");
            let direction = if is_there { Direction::ToServer } else { Direction::FromServer };
            assert_eq!(line.direction, direction, "{fault:?}");
            assert!(line.to_string().contains(text), "{line}");
            assert!(exchanges < 300, "{exchanges}");
        }
    }
}

#[test]
fn a_line_without_faults_is_sound() {
    for random in 1..20 {
        let (finding, exchanges) = found(&same, &same, random);
        assert_eq!(finding, Finding::Sound);
        assert!(exchanges < 120, "{exchanges}");
    }
}

#[test]
fn swallowed_values_are_found_and_named_together() {
    assert_fault(&Fault::Swallows(vec![0x11, 0x13]), "swallows 0x11 and 0x13");
    assert_fault(&Fault::Swallows(vec![0x13]), "XON/XOFF is on somewhere");
    assert_fault(&Fault::Swallows(vec![0x1a]), "swallows 0x1a");
    assert_fault(&Fault::Swallows(vec![0xff]), "swallows 0xff");
}

#[test]
fn doubled_values_are_found() {
    assert_fault(&Fault::Doubles(0xff), "doubles 0xff");
    assert_fault(&Fault::Doubles(0x10), "doubles 0x10");
}

#[test]
fn converted_ends_of_lines_are_found() {
    assert_fault(&Fault::AddsLineFeed, "adds a line feed");
    assert_fault(&Fault::AddsCarriageReturn, "adds a carriage return");
}

#[test]
fn replaced_values_are_found() {
    assert_fault(&Fault::Replaces(13, 10), "changes 0x0d into 0x0a");
    assert_fault(&Fault::Replaces(10, 13), "changes 0x0a into 0x0d");
}

#[test]
fn a_line_of_seven_bits_is_one_fault() {
    assert_fault(&Fault::SevenBits, "carries 7 bits of each byte");
}

/// Flow control by software: nothing comes back after 0x13 until 0x11.
#[test]
fn an_end_that_waits_for_xon_is_found() {
    let stopped = std::cell::Cell::new(false);
    let buffered = std::cell::RefCell::new(Vec::new());
    let there = |bytes: &[u8]| {
        for byte in bytes {
            match byte {
                0x11 => stopped.set(false),
                0x13 => stopped.set(true),
                _ => {}
            }
        }
        Fault::Swallows(vec![0x11, 0x13]).apply(bytes)
    };
    let back = |bytes: &[u8]| {
        buffered.borrow_mut().extend_from_slice(bytes);
        if stopped.get() { Vec::new() } else { buffered.take() }
    };
    let (finding, _) = found(&there, &back, 5);
    let Finding::Fault(line) = finding else { panic!("{finding:?}") };
    assert_eq!(line.fault, Fault::Swallows(vec![0x11, 0x13]));
}

#[test]
fn a_line_that_echoes_without_a_server_is_an_echo_and_a_silent_one_is_silent() {
    assert_eq!(check(&mut |bytes, _, _| Ok(bytes.to_vec()), 3, NO_END).ok(), Some(Finding::Echo));
    assert_eq!(check(&mut |_, _, _| Ok(vec![]), 3, NO_END).ok(), Some(Finding::Silent));
    assert_eq!(
        check(&mut |_, _, _| Ok(b"boot: ok\r\n".to_vec()), 3, NO_END).ok(),
        Some(Finding::Silent)
    );
    // A server answers behind the echo.
    let server = Session::server(Config::LOSSY);
    let mut line = Simulated { there: &same, back: &same, server, now: 0, exchanges: 0 };
    let result = check(&mut |bytes, _, _| Ok([bytes, &line.exchange(bytes)].concat()), 3, NO_END);
    assert_eq!(result.ok(), Some(Finding::Sound));
}

#[test]
fn no_further_search_begins_after_the_longest_time() {
    let fault = Fault::Swallows(vec![0x0a]);
    let change = |bytes: &[u8]| fault.apply(bytes);
    let (finding, exchanges) = found(&change, &same, 3);
    assert!(matches!(finding, Finding::Fault(_)), "{finding:?}");
    let (_, at_once) = found_within(Duration::ZERO, &change, &same, 3);
    assert!(at_once < exchanges / 2, "{at_once} exchanges of {exchanges}");
}

/// Noise that loses bytes at random is no fault of single values. `TINYFERRY_SEEDS`: the number of noises of each rate.
#[test]
fn a_noisy_line_is_not_misjudged() {
    let seeds = std::env::var("TINYFERRY_SEEDS").ok().and_then(|text| text.parse().ok());
    for seed in 1..=seeds.unwrap_or(2) {
        let state = std::cell::Cell::new(2_654_435_761_u32.wrapping_mul(seed) | 1);
        let lossy = |one_in: u32| {
            let state = &state;
            move |bytes: &[u8]| {
                let is_kept = |_: &&u8| {
                    let mut next = state.get();
                    next ^= next << 13;
                    next ^= next >> 17;
                    next ^= next << 5;
                    state.set(next);
                    !next.is_multiple_of(one_in)
                };
                bytes.iter().filter(is_kept).copied().collect::<Vec<u8>>()
            }
        };
        for one_in in [1000, 200, 60] {
            let (finding, _) = found(&lossy(one_in), &lossy(one_in), seed);
            assert!(!matches!(finding, Finding::Fault(_)), "{finding:?} at 1/{one_in}, {seed}");
        }
    }
}

#[test]
fn a_changed_reply_is_repaired() {
    let hello = frames::hello(*b"abcd");
    let server = Session::server(Config::LOSSY);
    let mut line = Simulated { there: &same, back: &same, server, now: 0, exchanges: 0 };
    let reply: [u8; 36] = line.exchange(&hello).try_into().expect("a reply");
    assert_eq!(frames::find_reply(&reply, &hello), Some(reply));
    for value in reply {
        for fault in [Fault::Swallows(vec![value]), Fault::Doubles(value)] {
            let changed = fault.apply(&reply);
            let count = changed.len().abs_diff(reply.len());
            // More of them are missing than a repair tries.
            if count <= 2 && !b"PON".contains(&value) {
                let received = [b"noise PO", &changed[..], b"more"].concat();
                assert_eq!(frames::repaired(&received, &hello), Some((reply, fault)));
            }
        }
    }
    assert_eq!(frames::repaired(&reply[..30], &hello), None);
    assert_eq!(frames::repaired(b"PON", &hello), None);
}

/// The data in bytes that a program takes for Telnet.
fn telnet_data(bytes: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut bytes = bytes.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            0xff => match bytes.next() {
                Some(0xff) => data.push(0xff),
                // An option follows.
                Some(251..=254) => drop(bytes.next()),
                _ => {}
            },
            byte => data.push(byte),
        }
    }
    data
}

#[test]
fn a_line_behind_a_telnet_server_is_found() {
    let doubled = |bytes: &[u8]| Fault::Doubles(0xff).apply(bytes);
    let ways: [(Change<'_>, Change<'_>, Fault, Direction); 4] = [
        (&telnet_data, &same, Fault::Halves(0xff), Direction::ToServer),
        (&same, &telnet_data, Fault::Halves(0xff), Direction::FromServer),
        (&telnet_data, &doubled, Fault::Halves(0xff), Direction::ToServer),
        (&doubled, &telnet_data, Fault::Doubles(0xff), Direction::ToServer),
    ];
    for (there, back, fault, direction) in ways {
        for random in [1, 77, 4_000_000_000] {
            let (finding, _) = found(there, back, random);
            let line = LineFault { fault: fault.clone(), direction };
            assert!(line.to_string().contains("Telnet"), "{line}");
            assert_eq!(finding, Finding::Fault(line), "{random}");
        }
    }
}
