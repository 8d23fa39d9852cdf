//! The number of erasures of a block by littlefs, by the size of the buffer.

use tinyferry_core::{Config, Task};
use tinyferry_kit::content;

use super::{ALWAYS, Device, Little, client, run};

/// The number of erasures that a put of 25 blocks takes.
fn erasures<const BUFFER: usize>(config: Config) -> u64 {
    let mut device = Little::<BUFFER>::formatted();
    let before = device.erasures();
    let client = client("f", content(25 * 4096, 1));
    let (result, ..) = run(&mut device, config, client, Task::Put, ALWAYS);
    assert_eq!(result.expect("it goes well").refused, 0);
    device.erasures() - before
}

#[test]
fn a_buffer_saves_erasures() {
    for config in [Config::RELIABLE, Config::LOSSY] {
        let counts = [
            erasures::<0>(config),
            erasures::<1024>(config),
            erasures::<2048>(config),
            erasures::<4096>(config),
        ];
        println!("25 blocks, buffers of 0, 1024, 2048 and 4096 bytes: {counts:?} erasures");
        assert!(counts.is_sorted_by(|more, less| more >= less), "{counts:?}");
        assert!(counts[3] < 70, "{counts:?}");
    }
}
