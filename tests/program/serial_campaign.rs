//! One command over a serial line that is unplugged at random places, again and again: both ports vanish, and come back
//! under the same names as other devices. The command ends with exit code 0, and the bytes that cross twice are bounded.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_kit::{Cable, Line, Random};

use crate::harness::{Place, Server, assert_same, content};
use crate::retry_campaign::{
    assert_equal, assert_no_partials, cuts, framed, report, run, write_large,
};
use crate::serial::Plugs;

/// The rate of the line, in bits per second.
const BAUD: u64 = 10_000_000;
/// The content for each time that the line is unplugged, in bytes.
const FOR_EACH_UNPLUG: u64 = 900_000;
/// The files of the tree for each time, and the size of the largest one, in bytes.
const FILES: u64 = 60;
const LARGEST: u64 = 18_000;
/// The content in flight, and the end of a file that a receiver drops: 97 blocks of 1 KiB.
const WINDOW: u64 = 97 * 1024;
/// The bytes that offer one entry of a tree.
const FOR_EACH_ENTRY: u64 = 128;
/// Hellos, offers and queries.
const SIGNALS: u64 = 4096;

/// The number of times that the line is unplugged.
fn unplugs() -> u64 {
    cuts().div_ceil(3)
}

/// A line that carries this number of bytes to the server at most.
fn lay(seed: u64, carries: Option<u64>) -> Cable {
    let [mut there, back] = [1, 2].map(|way| Line::serial(BAUD, 2 * seed + way));
    there.cut = carries;
    Cable::lay(there, back).expect("pseudo-terminals")
}

/// Ends the unplugger of a command, also if the test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a command, and unplugs the line each time that it has carried about `distance` bytes more to the server.
/// Returns the number of bytes that it has carried.
fn run_unplugged(place: &Place, arguments: &[&str], distance: u64) -> u64 {
    let plugs = Plugs::new(place);
    let mut random = Random::new(distance);
    let mut next_line = |number: u64| {
        let distance = distance / 2 + random.below(distance as usize) as u64;
        let pause = Duration::from_millis(random.below(150) as u64);
        (lay(number, Some(distance).filter(|_| number < unplugs())), pause)
    };
    let (mut cable, _) = next_line(0);
    plugs.plug(&cable);
    let [listen, endpoint] = plugs.urls();
    let mut server = Server::start_at(&listen, &place.served(""), &[]);
    let is_over = AtomicBool::new(false);
    let (done, carried, ended) = thread::scope(|scope| {
        let unplugger = scope.spawn(|| {
            let (mut done, mut carried) = (0, 0);
            while !is_over.load(Ordering::Relaxed) {
                let line = cable.lines()[0].clone();
                if line.is_cut() {
                    (done, carried) = (done + 1, carried + line.carried);
                    let (other, pause) = next_line(done);
                    plugs.unplug(std::mem::replace(&mut cable, other));
                    thread::sleep(pause);
                    plugs.plug(&cable);
                }
                thread::sleep(Duration::from_millis(5));
            }
            let last = cable.lines()[0].carried;
            (done, carried + last)
        });
        let end = End(&is_over);
        let ended = run(&endpoint, &place.here(""), arguments);
        drop(end);
        let (done, carried) = unplugger.join().expect("it does not panic");
        (done, carried, ended)
    });
    let told = ended.well().stderr;
    assert_eq!(done, unplugs(), "{told}");
    assert!(told.matches("(try 1 of 8)").count() as u64 <= done, "{told}");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0), "{}", server.log());
    assert_no_partials(&place.served(""));
    carried
}

#[test]
fn a_put_continues_each_time_that_the_line_is_plugged_in_again() {
    let place = Place::new();
    let size = (unplugs() + 1) * FOR_EACH_UNPLUG;
    write_large(&place.here("f"), size);
    let begin = Instant::now();
    let carried = run_unplugged(&place, &["put", "f"], FOR_EACH_UNPLUG * 2 / 3);
    assert_equal(&place.here("f"), &place.served("f"));
    let twice = carried.saturating_sub(framed(size));
    report("put over a serial line", unplugs(), size, twice, begin);
    assert!(twice <= unplugs() * (framed(2 * WINDOW) + SIGNALS), "{twice} bytes");
}

#[test]
fn a_mirror_continues_each_time_that_the_line_is_plugged_in_again() {
    let place = Place::new();
    let files = (unplugs() + 1) * FILES;
    let mut random = Random::new(5);
    let mut total = 0;
    for number in 0..files {
        let size = random.below(LARGEST as usize);
        let path = place.here(&format!("t/{}/{number}", number % 7));
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, content(size, number + 1)).expect("a file");
        total += size as u64;
    }
    let begin = Instant::now();
    let carried = run_unplugged(&place, &["mirror", "t", "t"], total / (unplugs() + 1) * 2 / 3);
    assert_same(&place.here("t"), &place.served("t"));
    let twice = carried.saturating_sub(framed(total) + files * FOR_EACH_ENTRY);
    report("mirror over a serial line", unplugs(), total, twice, begin);
    assert!(twice <= unplugs() * (framed(WINDOW) + SIGNALS), "{twice} bytes");
}
