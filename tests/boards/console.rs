//! The console of a board: its text shares the line with the frames.

use std::fs;

use tempfile::TempDir;
use tinyferry_kit::content;

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
fn files_and_text_share_a_line(url: &str, name: &str) {
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    fs::write(here.join(name), content(60_000, 1)).expect("a file");
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
    assert!(fs::read(here.join("back").join(name)).expect("it came back") == content(60_000, 1));
    // The same in lines beside the progress.
    let (code, said) = super::tinyferry(url, here, &["ping", "--count", "2000", "--console"]);
    assert!(code == Some(0) && said.contains(": no disk, "), "{code:?} {said}");
}

pub(super) fn images_and_text_share_a_line(url: &str) {
    files_and_text_share_a_line(url, "app.bin");
}

pub(super) fn a_card_and_text_share_a_line(url: &str) {
    files_and_text_share_a_line(url, "A.BIN");
}
