//! Random puts, removals and renames, with and without a power cut, beside a model.

use std::collections::BTreeMap;

use tinyferry_core::store::{Kind, Operation};
use tinyferry_core::{Config, Task};
use tinyferry_kit::{Random, content, seeds};

use super::{ALWAYS, Device, call, client, on_each_device, run, stored};

on_each_device! {
    random_steps_leave_what_a_model_says
}

const PATHS: [&str; 6] = ["a", "b", "d/a", "d/b", "d/e/a", "f/a"];

enum Step {
    Put(&'static str, usize, u64),
    Remove(&'static str),
    Rename(&'static str, &'static str),
}

impl Step {
    fn random(random: &mut Random) -> Self {
        let path = PATHS[random.below(PATHS.len())];
        match random.below(5) {
            0 => Self::Remove(path),
            1 => Self::Rename(path, PATHS[random.below(PATHS.len())]),
            _ => Self::Put(path, random.below(12_000), random.next()),
        }
    }

    /// Whether the device said that the step is done.
    fn perform<D: Device>(&self, device: &mut D, lossy: bool, power: u64) -> bool {
        let config = if lossy { Config::LOSSY } else { Config::RELIABLE };
        let operate = |device: &mut D, path: &str, operation: Operation<'_>| {
            call(device, power, |store| store.operate(path, Kind::File, &operation)).0.is_ok()
        };
        match *self {
            Self::Put(path, size, seed) => {
                let client = client(path, content(size, seed));
                let (result, ..) = run(device, config, client, Task::Put, power);
                result.is_ok_and(|outcome| outcome.refused == 0)
            }
            Self::Remove(path) => operate(device, path, Operation::Remove),
            Self::Rename(from, to) => operate(device, to, Operation::Rename { from }),
        }
    }

    /// The files after the step.
    fn apply(&self, files: &mut BTreeMap<String, Vec<u8>>) {
        match *self {
            Self::Put(path, size, seed) => drop(files.insert(path.into(), content(size, seed))),
            Self::Remove(path) => drop(files.remove(path)),
            Self::Rename(from, to) => {
                // The directory of the new name may be missing.
                if let Some(file) = files.remove(from) {
                    files.insert(to.into(), file);
                }
            }
        }
    }
}

fn random_steps_leave_what_a_model_says<D: Device>() {
    for seed in 0..seeds(6) {
        let mut random = Random::new(seed);
        let (mut device, mut model) = (D::formatted(), BTreeMap::new());
        for number in 0..40 {
            let step = Step::random(&mut random);
            let power = if random.below(3) == 0 { random.below(25) as u64 } else { ALWAYS };
            let said = step.perform(&mut device, random.below(4) == 0, power);
            let (old, found) = (model.clone(), stored(&mut device));
            let mut new = model;
            step.apply(&mut new);
            let at = format!("seed {seed}, step {number}");
            assert!(found == new || (found == old && !said), "{at}");
            model = found;
        }
    }
}
