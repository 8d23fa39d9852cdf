//! R75, R76: which frames extend the timeout, and which do not.

use tinyferry_core::Millis;
use tinyferry_core::error::Reason;
use tinyferry_core::wire::{AckInfo, Code, SackMap, Signal, UNKNOWN};
use tinyferry_core::{Config, GetRequest, Step, Task};
use tinyferry_kit::{Endpoint, Frames, Memory, content};

const SESSION: u32 = 0x0102_0304;
const NONE: AckInfo = AckInfo::Sack(SackMap::EMPTY);
/// A transfer without progress ends after so much time, in ms.
const TIMEOUT: Millis = 60_000;
/// Frames that bring nothing come this often, in ms.
const EVERY: Millis = 5_000;

/// An end in the middle of a transfer, and the other end.
struct Transfer {
    end: Endpoint<Memory>,
    other: Frames,
}

impl Transfer {
    fn receive(&mut self, fill: &dyn Fn(&mut Frames)) {
        fill(&mut self.other);
        let frames = self.other.take();
        self.end.receive(&frames);
    }

    fn is_over(&mut self) -> bool {
        let is_over = matches!(self.end.session.poll(), Step::Over(_));
        // A server on a lossy link waits for the next request.
        is_over || self.end.session.is_idle()
    }

    /// Receives useless frames until `end`. Whether the transfer is over before.
    fn receive_in_vain(&mut self, useless: &dyn Fn(&mut Frames), end: Millis) -> bool {
        while self.end.now + EVERY <= end && !self.is_over() {
            let next = self.end.now + EVERY;
            while self.end.now < next && !self.is_over() {
                let left = next - self.end.now;
                self.end.wait(left);
            }
            if !self.is_over() {
                self.receive(useless);
            }
        }
        self.is_over()
    }
}

fn config(lossy: bool) -> Config {
    (if lossy { Config::LOSSY } else { Config::RELIABLE }).credit(40).chunk(256)
}

/// A client that puts a file of which all is sent but the end, or else a tree of two directories and
/// such a file.
fn puts(lossy: bool, tree: bool) -> Transfer {
    let mut store = Memory::with([("t/f", content(90_000, 1))]);
    store.directories.extend(["t/a".into(), "t/b".into()]);
    if tree {
        store.queue_tree("t")
    } else {
        store.queue_file("t/f")
    }
    let (end, other, _) = Endpoint::client(SESSION, config(lossy), store, Task::Put);
    Transfer { end, other }
}

/// A server whose client puts a file, or a tree that has begun.
fn takes(lossy: bool, tree: bool) -> Transfer {
    let (end, other) = Endpoint::server(SESSION, config(lossy), Memory::default());
    let mut transfer = Transfer { end, other };
    transfer.receive(&|client| {
        if tree {
            client.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t");
        } else {
            client.described(Signal::offer(1, 0, 90_000, 5), b"f");
            client.chunk(1, 0, &content(256, 1));
        }
    });
    transfer
}

/// Whether `frames` extend the timeout. A transfer receives `before`, useless frames for 55 seconds, `frames`,
/// and useless frames again. Where `frames` extend the timeout, it ends a whole timeout after them.
fn extends(
    begin: &dyn Fn() -> Transfer,
    before: &dyn Fn(&mut Frames),
    useless: &dyn Fn(&mut Frames),
    frames: &dyn Fn(&mut Frames),
) -> bool {
    let mut transfer = begin();
    transfer.receive(before);
    transfer.end.session.resume(Some(transfer.end.now));
    let most = TIMEOUT - EVERY;
    assert!(!transfer.receive_in_vain(useless, most), "it ends too early");
    transfer.receive(frames);
    if transfer.is_over() {
        return true;
    }
    if transfer.receive_in_vain(useless, TIMEOUT + EVERY) {
        return false;
    }
    assert!(!transfer.receive_in_vain(useless, most + TIMEOUT - EVERY), "it ends too early");
    assert!(transfer.receive_in_vain(useless, most + TIMEOUT + EVERY), "it does not end");
    true
}

fn other_ending(frames: &mut Frames) {
    frames.signal(Signal::done(77, 0, 0, 0));
}

fn nothing(_: &mut Frames) {}

type Fill = fn(&mut Frames);

#[test]
fn at_a_sender_on_a_lossy_link_an_answer_and_a_later_position_are_progress() {
    let accepted: Fill = |server| server.signal(Signal::ack(1, 0, 40, 0, NONE));
    let cases: [(&str, Fill, Fill, bool); 12] = [
        ("nothing", nothing, nothing, false),
        ("the answer to the offer", nothing, accepted, true),
        ("the answer again", accepted, accepted, false),
        ("busy", accepted, |server| server.signal(Signal::ack(1, 0, 0, 0, NONE)), true),
        ("a block", accepted, |server| server.signal(Signal::ack(1, 256, 40, 2, NONE)), true),
        ("16 units", accepted, |server| server.signal(Signal::ack(1, 4096, 40, 17, NONE)), true),
        // A position past the end of the sent content, and one of another transfer.
        ("too far", accepted, |server| server.signal(Signal::ack(1, 89_600, 40, 9, NONE)), false),
        ("another", accepted, |server| server.signal(Signal::ack(9, 256, 40, 9, NONE)), false),
        ("a count", accepted, |server| server.signal(Signal::ack(1, 0, 40, 9, NONE)), false),
        ("a question", accepted, |server| server.signal(Signal::ask(1, 256, 0)), false),
        ("the request", accepted, |server| server.signal(Signal::new(Code::Raf, 1, 256)), false),
        (
            "a refusal",
            accepted,
            |server| server.signal(Signal::refuse(1, 0, Reason::NoSpace, 0)),
            true,
        ),
    ];
    for (name, before, frames, expected) in cases {
        let found = extends(&|| puts(true, false), &before, &other_ending, &frames);
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn at_a_sender_on_a_reliable_link_a_count_and_any_other_position_are_progress() {
    let begun: Fill = |server| server.signal(Signal::ack(1, 512, 40, 1, NONE));
    let cases: [(&str, Fill, bool); 7] = [
        ("nothing", nothing, false),
        ("the same", begun, false),
        ("a count", |server| server.signal(Signal::ack(1, 512, 40, 2, NONE)), true),
        ("a position", |server| server.signal(Signal::ack(1, 513, 40, 1, NONE)), true),
        ("busy", |server| server.signal(Signal::ack(1, 512, 0, 1, NONE)), true),
        ("a question", |server| server.signal(Signal::ask(1, 256, 0)), false),
        ("an ending", |server| server.signal(Signal::done(1, 90_000, 1, 0)), false),
    ];
    for (name, frames, expected) in cases {
        let found = extends(&|| puts(false, false), &begun, &other_ending, &frames);
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn in_a_tree_each_entry_that_ends_is_progress_for_its_sender() {
    let steps: [Fill; 4] = [
        |server| server.signal(Signal::ack(1, 0, 40, 0, NONE)),
        |server| server.signal(Signal::ack(2, 0, 40, 0, NONE)),
        |server| server.signal(Signal::done(2, 0, 3, 0)),
        |server| server.signal(Signal::ack(3, 0, 40, 3, NONE)),
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let before =
            move |server: &mut Frames| steps[..number].iter().for_each(|step| step(server));
        assert!(extends(&|| puts(true, true), &before, &other_ending, &step), "step {number}");
        let again =
            move |server: &mut Frames| steps[..=number].iter().for_each(|step| step(server));
        assert!(!extends(&|| puts(true, true), &again, &other_ending, &step), "again {number}");
    }
}

#[test]
fn at_a_receiver_content_an_offer_and_another_position_of_a_question_are_progress() {
    let asked: Fill = |client| client.signal(Signal::ask(1, 700, 1));
    // With each useless frame comes a hello, whose position is 0, and the question again.
    let useless = |client: &mut Frames| {
        let bytes = client.take();
        client.hello(Code::Pin, config(true));
        client.bytes.extend(bytes);
        client.signal(Signal::ask(1, 700, 1));
        client.signal(Signal::done(77, 0, 0, 0));
    };
    let cases: [(&str, Fill, bool); 7] = [
        ("nothing", nothing, false),
        ("the same chunk", |client| client.chunk(1, 0, &content(256, 1)), false),
        ("the next chunk", |client| client.chunk(1, 256, &content(256, 1)), true),
        ("a later chunk", |client| client.chunk(1, 1024, &content(256, 1)), true),
        ("another question", |client| client.signal(Signal::ask(1, 800, 1)), true),
        ("the count of a question", |client| client.signal(Signal::ask(1, 700, 2)), false),
        ("an early end", |client| client.signal(Signal::done(1, 90_000, 2, 0)), false),
    ];
    for (name, frames, expected) in cases {
        let found = extends(&|| takes(true, false), &asked, &useless, &frames);
        assert_eq!(found, expected, "{name}");
    }
    for lossy in [true, false] {
        let cases: [(&str, Fill, bool); 4] = [
            ("nothing", nothing, false),
            (
                "an entry",
                |client| {
                    client.described(Signal::offer(2, 0, 0, 5), b"a/");
                },
                true,
            ),
            ("its end", |client| client.signal(Signal::done(2, 0, 2, 0)), false),
            (
                "the tree again",
                |client| client.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t"),
                false,
            ),
        ];
        for (name, frames, expected) in cases {
            let found = extends(&|| takes(lossy, true), &nothing, &other_ending, &frames);
            assert_eq!(found, expected, "{name}, lossy: {lossy}");
        }
    }
}

/// A list that takes longer than the timeout: each entry is progress.
#[test]
fn a_long_list_is_progress() {
    for lossy in [true, false] {
        let task = Task::Get(GetRequest::tree("t").names());
        let (end, other, _) = Endpoint::client(SESSION, config(lossy), Memory::default(), task);
        let mut transfer = Transfer { end, other };
        transfer.receive(&|server| server.described(Signal::offer_tree(1, UNKNOWN, UNKNOWN), b"t"));
        for number in 2..200 {
            transfer.end.now += 1_000;
            transfer.receive(&|server| server.described(Signal::offer(number, 5, 5, 5), b"f"));
            assert!(!transfer.is_over(), "lossy: {lossy}, entry {number}");
        }
    }
}
