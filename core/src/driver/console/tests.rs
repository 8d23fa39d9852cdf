//! Consoles: the queue, and both drivers.

extern crate std;

use core::fmt::Write as _;
use std::string::String;
use std::vec::Vec;

use super::*;

fn output(console: &impl Text) -> String {
    let (mut all, mut part) = (Vec::new(), [0; 5]);
    loop {
        let count = console.peek(&mut part);
        if count == 0 {
            return String::from_utf8(all).expect("text");
        }
        all.extend(part.iter().take(count));
        console.sent(count);
    }
}

#[test]
fn messages_come_out_in_order_and_one_that_finds_no_room_is_dropped_as_a_whole_and_counted() {
    let console: Console<16> = Console::new();
    for round in 0..100_u32 {
        assert!(writeln!(console, "round {round:03}").is_ok());
        assert!(!console.print(b"too long"), "six bytes are left");
        assert!(write!(console, "{round}, 12345").is_err());
        assert!(console.print(b"123456"));
        assert!(!console.print(b"7"));
        assert_eq!(output(&console), std::format!("round {round:03}\n123456"));
        assert_eq!(console.dropped(), 3 * (round + 1));
    }
}

#[test]
fn a_part_that_is_printed_while_a_message_is_not_complete_is_dropped() {
    static CONSOLE: Console<64> = Console::new();
    /// Prints while it is printed, as an interrupt does.
    struct Interrupt;
    impl fmt::Display for Interrupt {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            assert!(!CONSOLE.print(b"interrupt"));
            f.write_str("message")
        }
    }
    assert!(write!(CONSOLE, "a {Interrupt}.").is_ok());
    assert!(CONSOLE.print(b" b"));
    assert_eq!(output(&CONSOLE), "a message. b");
    assert_eq!(CONSOLE.dropped(), 1);
}

#[test]
fn code_that_prints_in_parts_can_print() {
    let console: Console<8> = Console::new();
    let mut writer = &console;
    assert!(fmt::Write::write_str(&mut writer, "abc").is_ok());
    assert!(writer.write_char('d').is_ok());
    assert!(writer.write_str("efghi").is_err());
    assert_eq!(output(&console), "abcd");
}

#[test]
fn input_is_read_once_and_the_bytes_without_room_are_counted() {
    let console: Console<0, 4> = Console::default();
    console.received(b"abc");
    console.received(b"def");
    let mut into = [0; 3];
    assert_eq!((console.read(&mut into), into), (3, *b"abc"));
    assert_eq!((console.read(&mut into), into[0]), (1, b'd'));
    assert_eq!((console.read(&mut into), console.overrun()), (0, 2));
    assert!(!console.print(b"x"), "there is no queue for it");
}

#[test]
fn two_threads_share_a_console() {
    const LINES: u32 = 2_000;
    static CONSOLE: Console<64> = Console::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..LINES {
                while writeln!(CONSOLE, "{number}").is_err() {
                    std::thread::yield_now();
                }
            }
        });
        let mut all = String::new();
        while all.lines().count() < LINES as usize || !all.ends_with('\n') {
            all.push_str(&output(&CONSOLE));
        }
        assert!(all.lines().zip(0..).all(|(line, number)| line == std::format!("{number}")));
    });
}

#[test]
fn the_read_of_a_link_ends_when_text_may_have_to_go_out() {
    assert_eq!(sooner(None, 100), 120);
    assert_eq!(sooner(Some(110), 100), 110);
    assert_eq!(sooner(Some(5_000), 100), 120);
    assert_eq!(sooner(Some(3), u32::MAX - 4), 3);
}
