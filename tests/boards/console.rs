//! The console of a board: its text shares the line with the frames.

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use tinyferry::core::device::Device;
use tinyferry::core::driver::Console;
use tinyferry::core::driver::blocking::WithConsole;
use tinyferry::core::{Config, Standard};
use tinyferry::transport::stream::StreamLink;
use tinyferry::transport::tcp;
use tinyferry_kit::{Memory, content};

use super::well;

/// The numbers in the lines of the board; each line must be whole.
fn numbers(text: &[u8]) -> Vec<u32> {
    let text = std::str::from_utf8(text).expect("text");
    let mut lines: Vec<_> = text.split("\r\n").collect();
    // The text may begin and end in the middle of a line.
    lines.pop();
    let codes = ["CLS", "SAF", "RAF", "SAR", "RAR", "DON", "ERR", "PIN", "PON"];
    let number = |line: &str| {
        let (code, rest) = line.split_once(' ')?;
        let (number, rest) = rest.split_once(": no disk, ")?;
        let number: u32 = number.parse().ok()?;
        (codes[number as usize % 9] == code && rest.parse::<u32>().is_ok()).then_some(number)
    };
    let whole = lines.get(1..).unwrap_or_default();
    whole.iter().map(|line| number(line).unwrap_or_else(|| panic!("{line:?}"))).collect()
}

/// `put` and `get` of a file while the board prints 50 lines a second. `-` is standard output.
fn files_and_text_share_a_line(url: &str, name: &str, size: usize) {
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    fs::write(here.join(name), content(size, 1)).expect("a file");
    for arguments in [&["put", name][..], &["get", name, "--into", "back"]] {
        let begin = std::time::Instant::now();
        well(url, here, &[arguments, &["--console=log"]].concat());
        let took = begin.elapsed();
        let text = fs::read(here.join("log")).expect("it was written");
        let numbers = numbers(&text);
        // A line is dropped where the queue of the board has no room; none comes twice or too early.
        assert!(numbers.is_sorted_by(|one, other| one < other), "{numbers:?}");
        let all = numbers.last().zip(numbers.first()).map_or(0, |(last, first)| last - first + 1);
        println!(
            "{} over {url}: {} of {all} lines, {} bytes of text, {:.2} s",
            arguments[0],
            numbers.len(),
            text.len(),
            took.as_secs_f64()
        );
        assert!(numbers.len() > 5, "{numbers:?}");
    }
    assert!(fs::read(here.join("back").join(name)).expect("it came back") == content(size, 1));
    // The same in lines beside the progress.
    let (code, said) = super::tinyferry(url, here, &["ping", "--count", "2000", "--console"]);
    assert!(code == Some(0) && said.contains(": no disk, "), "{code:?} {said}");
}

pub(super) fn images_and_text_share_a_line(url: &str) {
    files_and_text_share_a_line(url, "app.bin", 60_000);
}

pub(super) fn a_card_and_text_share_a_line(url: &str) {
    files_and_text_share_a_line(url, "A.BIN", 60_000);
}

/// A tree there and back, its entries by operations, and the log of the board beside it. The queue of the board for text
/// is the only one: the line stops the other end.
pub(super) fn a_tree_and_text_share_a_line(url: &str) {
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    fs::create_dir_all(here.join("tree/sub")).expect("directories");
    for (number, name) in ["a", "sub/b", "sub/c"].into_iter().enumerate() {
        fs::write(here.join("tree").join(name), content(40_000, number as u64)).expect("a file");
    }
    well(url, here, &["put", "tree", "--console=log"]);
    assert!(!numbers(&fs::read(here.join("log")).expect("it was written")).is_empty());
    well(url, here, &["mv", "tree/a", "tree/d"]);
    well(url, here, &["get", "tree", "--into", "back"]);
    for (number, name) in ["d", "sub/b", "sub/c"].into_iter().enumerate() {
        let back = fs::read(here.join("back/tree").join(name)).expect("it came back");
        assert!(back == content(40_000, number as u64), "{name} over {url}");
    }
    well(url, here, &["rm", "-r", "tree"]);
    files_and_text_share_a_line(url, "f", 200_000);
}

/// The bytes of `--console=FILE` while a file moves and a board prints a stream between its frames.
pub(super) fn written_while_a_file_moves(stream: Vec<u8>) -> Vec<u8> {
    static CONSOLE: Console<4096> = Console::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("tcp://{}?lossy=true", listener.local_addr().expect("an address"));
    let length = stream.len();
    thread::spawn(move || {
        let (socket, _) = listener.accept().expect("a client");
        let socket = tcp::prepare(socket).expect("it can");
        thread::spawn(move || {
            for part in stream.chunks(32) {
                thread::sleep(Duration::from_millis(1));
                while !CONSOLE.print(part) {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        });
        let mut device: Device<Standard> = Device::new(Config::LOSSY);
        let mut link = WithConsole(StreamLink::new(socket, Arc::default()), &CONSOLE);
        let _ = device.serve(&mut link, &mut Memory::default(), |_, _| {});
    });
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    // Ten seconds, or more for a long stream.
    fs::write(here.join("file"), content(2_000_000.max(50 * length), 1)).expect("a file");
    well(&url, here, &["put", "file", "--limit", "200K", "--console=log"]);
    fs::read(here.join("log")).expect("it was written")
}
