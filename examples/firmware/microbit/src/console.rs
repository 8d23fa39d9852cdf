//! The console of the board: a log of 50 lines a second, which is hard to tell from frames.

use tinyferry_core::Millis;
use tinyferry_core::driver::Console;

/// The time between two lines, in ms.
const INTERVAL: Millis = 20;
const CODES: [&str; 9] = ["CLS", "SAF", "RAF", "SAR", "RAR", "DON", "ERR", "PIN", "PON"];

pub static CONSOLE: Console<256> = Console::new();

/// The interrupt of the clock calls this each millisecond.
pub fn tick(now: Millis) {
    if now.is_multiple_of(INTERVAL) {
        let number = now / INTERVAL;
        let code = CODES.get(number as usize % CODES.len()).unwrap_or(&"");
        let _ = writeln!(CONSOLE, "{code} {number:06}: no disk, {}\r", CONSOLE.dropped());
    }
}
