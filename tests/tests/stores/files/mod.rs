//! The store over file systems: each test runs on each of them.

mod devices;
#[cfg(feature = "littlefs")]
mod erasures;
mod limits;
#[cfg(feature = "littlefs")]
mod nor;
mod operations;
mod power;
mod random_steps;
mod transfers;

use std::collections::BTreeMap;

use tinyferry_core::error::Reason;
use tinyferry_core::store::Store;
use tinyferry_core::{Config, Failure, Outcome, Task};
use tinyferry_kit::{Faults, Memory, Pair, content};

#[cfg(feature = "littlefs")]
pub(crate) use devices::Little;
pub(crate) use devices::{Device, Ram};

/// Runs each test on each device.
macro_rules! on_each_device {
    ($($name:ident)*) => {
        mod ram {
            $(#[test]
            fn $name() {
                super::$name::<crate::files::Ram>();
            })*
        }

        #[cfg(feature = "littlefs")]
        mod little {
            $(#[test]
            fn $name() {
                super::$name::<crate::files::Little<0>>();
            })*
        }

        #[cfg(feature = "littlefs")]
        mod little_with_buffer {
            $(#[test]
            fn $name() {
                super::$name::<crate::files::Little<4096>>();
            })*
        }
    };
}
pub(crate) use on_each_device;

/// Power that lasts.
pub(crate) const ALWAYS: u64 = 1 << 40;
pub(crate) const NOISE: Faults =
    Faults { flip: 1e-5, drop: 1e-4, insert: 1e-4, double: 1e-4, burst: 1e-5 };

/// One task of a client against the device, as long as the power lasts. Returns the result, the client's store, and
/// the number of bytes that went up.
pub(crate) fn run<D: Device>(
    device: &mut D,
    config: Config,
    client: Memory,
    task: Task<'_>,
    power: u64,
) -> (Result<Outcome, Failure>, Memory, u64) {
    let mut done = None;
    device.serve(power, &mut |store| {
        let mut pair = Pair::new(config, client.clone(), store);
        if config.lossy {
            pair = pair.serial(921_600, power);
            (pair.up.faults, pair.down.faults) = (NOISE, NOISE);
        }
        let result = pair.run(task).expect("it ends");
        done = Some((result, pair.client.store, pair.up.carried));
    });
    done.expect("it was served")
}

/// A client that puts one file.
pub(crate) fn client(path: &str, bytes: Vec<u8>) -> Memory {
    let mut client = Memory::with([(path, bytes)]);
    client.queue_file(path);
    client
}

pub(crate) fn put<D: Device>(device: &mut D, path: &str, bytes: Vec<u8>) {
    let (result, ..) = run(device, Config::RELIABLE, client(path, bytes), Task::Put, ALWAYS);
    assert_eq!(result.expect("it goes well").refused, 0, "{path}");
}

pub(crate) fn get<D: Device>(device: &mut D, path: &str) -> Result<Vec<u8>, Failure> {
    let task = Task::get_file(path);
    let (result, client, _) = run(device, Config::RELIABLE, Memory::default(), task, ALWAYS);
    result?;
    Ok(client.files.into_values().next().expect("it was sent").bytes)
}

/// Calls the store directly, as long as the power lasts; also returns the number of operations.
pub(crate) fn call<D: Device, T>(
    device: &mut D,
    power: u64,
    work: impl Fn(&mut dyn Store) -> T,
) -> (T, u64) {
    let mut result = None;
    let operations = device.serve(power, &mut |store| result = Some(work(store)));
    (result.expect("it was served"), operations)
}

/// A tree with directories, an empty one among them, and files of many sizes.
pub(crate) fn tree() -> Memory {
    let mut tree = Memory::with([
        ("T/read me.txt", content(3000, 1)),
        ("T/sub/deep/a.bin", content(50_000, 2)),
        ("T/sub/b", content(1, 3)),
        ("T/empty", Vec::new()),
    ]);
    for number in 0..20 {
        let file = tinyferry_kit::File::new(content(number * 37, 4));
        tree.files.insert(format!("T/many/f{number}"), file);
    }
    for file in tree.files.values_mut() {
        file.mode = None;
    }
    for path in ["T/sub", "T/sub/deep", "T/many", "T/nothing"] {
        tree.directories.insert(path.into());
    }
    tree.queue_tree("T");
    tree
}

/// The content of the device by path, without partials.
pub(crate) fn stored<D: Device>(device: &mut D) -> BTreeMap<String, Vec<u8>> {
    let mut files = device.content();
    files.retain(|path, _| !path.ends_with(".tinyferry"));
    files
}

pub(crate) const MISSING: Result<Vec<u8>, Failure> = Err(Failure::Refused(Reason::NotFound));
