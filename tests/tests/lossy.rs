//! Two machines on links that lose, damage, insert, double and delay bytes, in virtual time.

use tinyferry_core::error::Failure;
use tinyferry_core::{Config, GetRequest, Task};
use tinyferry_kit::{Faults, File, Memory, Pair, content, seeds};

fn noisy(size: usize, faults: Faults, seed: u64) -> Pair {
    let client = Memory::with([("f", content(size, seed))]);
    let mut pair = Pair::new(Config::LOSSY, client, Memory::default()).serial(921_600, seed);
    pair.up.faults = faults;
    pair.down.faults = faults;
    pair.client.store.queue_file("f");
    pair
}

/// R54, R55.
#[test]
fn bit_errors_of_one_in_ten_thousand_cost_a_fifth_at_most() {
    for faults in [
        Faults { flip: 1e-4 / 8.0, ..Faults::default() },
        Faults { drop: 1e-4, ..Faults::default() },
        Faults { flip: 1e-4 / 8.0, drop: 1e-4, ..Faults::default() },
    ] {
        let mut carried = 0;
        for seed in 0..seeds(8) {
            let mut pair = noisy(200_000, faults, seed);
            let outcome = pair.run(Task::Put).expect("it ends");
            assert!(outcome.is_ok(), "seed {seed}: {outcome:?}");
            assert_eq!(pair.server.store.files, pair.client.store.files, "seed {seed}");
            carried += pair.up.carried;
        }
        let ratio = carried as f64 / (200_000 * seeds(8)) as f64;
        println!(
            "flip {:.0e}, drop {:.0e}: {ratio:.3} of the bytes",
            faults.flip * 8.0,
            faults.drop
        );
        assert!(ratio <= 1.20, "{ratio}");
    }
}

#[test]
fn transfers_complete_under_every_fault_at_once() {
    let faults = Faults { flip: 2e-5, drop: 1e-4, insert: 1e-4, double: 1e-4, burst: 1e-5 };
    for seed in 0..seeds(8) {
        for delay in [0, 50] {
            let mut pair = noisy(50_000, faults, seed).delayed(delay);
            let outcome = pair.run(Task::Put).expect("it ends");
            assert!(outcome.is_ok(), "seed {seed}: {outcome:?}");
            assert_eq!(pair.server.store.files, pair.client.store.files, "seed {seed}");
        }
    }
}

fn small_tree() -> Memory {
    let mut store = Memory::default();
    store.directories.insert("t".into());
    store.directories.insert("t/empty".into());
    for number in 0..12 {
        store.files.insert(format!("t/{number}"), File::new(content(number * 531, number as u64)));
    }
    store
}

#[test]
fn trees_cross_noise_both_ways() {
    let faults = Faults { flip: 1e-5, drop: 1e-4, insert: 1e-4, double: 1e-4, burst: 0.0 };
    for seed in 0..seeds(8) {
        let mut pair = noisy(0, faults, seed);
        pair.client.store = small_tree();
        pair.client.store.queue_tree("t");
        let outcome = pair.run(Task::Put).expect("it ends");
        assert!(outcome.is_ok_and(|outcome| outcome.refused == 0), "seed {seed}: {outcome:?}");
        assert_eq!(pair.server.store.files, pair.client.store.files, "seed {seed}");

        pair.client.store = Memory::default();
        let task = Task::get_tree("t");
        let outcome = pair.run(task).expect("it ends");
        assert!(outcome.is_ok_and(|outcome| outcome.refused == 0), "seed {seed}: {outcome:?}");
        assert_eq!(pair.server.store.files, pair.client.store.files, "seed {seed}");
        assert!(pair.client.store.directories.contains("t/empty"));
    }
}

/// R56.
#[test]
fn stores_that_accept_bytes_in_order_work_with_drivers_without_a_clock() {
    let faults = Faults { flip: 1e-5, drop: 1e-4, ..Faults::default() };
    for seed in 0..seeds(8) {
        let mut pair = noisy(30_000, faults, seed);
        pair.server.store.in_order = true;
        pair.server.has_clock = seed % 2 == 0;
        pair.client.has_clock = seed % 3 == 0;
        let outcome = pair.run(Task::Put).expect("it ends");
        assert!(outcome.is_ok(), "seed {seed}: {outcome:?}");
        assert_eq!(pair.server.store.files, pair.client.store.files, "seed {seed}");
    }
}

/// A short session in each direction, a tree in each.
fn short_sessions() -> Vec<(&'static str, Pair, Task<'static>)> {
    let config = Config::LOSSY.timeout(10_000);
    let store = || {
        let mut store = Memory::default();
        store.directories.insert("t".into());
        store.files.insert("t/a".into(), File::new(content(1500, 1)));
        store.files.insert("t/b".into(), File::new(Vec::new()));
        store.files.insert("f".into(), File::new(content(2500, 2)));
        store
    };
    let serial = |client, server| {
        let mut pair = Pair::new(config, client, server).serial(921_600, 5);
        // Whole frames are lost or doubled, so that each is one write.
        pair.up.room = 1 << 20;
        pair.down.room = 1 << 20;
        pair
    };
    let mut put = serial(store(), Memory::default());
    put.client.store.queue_file("f");
    let mut put_tree = serial(store(), Memory::default());
    put_tree.client.store.queue_tree("t");
    let get = serial(Memory::default(), store());
    let get_tree = get.clone();
    vec![
        ("put", put, Task::Put),
        ("put tree", put_tree, Task::Put),
        ("get", get, Task::get_file("f")),
        ("get tree", get_tree, Task::get_tree("t")),
        ("names", serial(Memory::default(), store()), Task::Get(GetRequest::tree("t").names())),
    ]
}

/// Runs it and compares the two ends; returns the frames of both lines.
fn must_end_well(name: &str, what: &str, pair: &Pair, task: Task<'static>) -> (usize, usize) {
    let mut pair = pair.clone();
    pair.limit = 120_000_000_000;
    let names_only = matches!(task, Task::Get(GetRequest { names_only: true, .. }));
    let outcome = pair.run(task).unwrap_or_else(|stuck| panic!("{name}, {what}: {stuck:?}"));
    let outcome = outcome.unwrap_or_else(|failure| panic!("{name}, {what}: {failure}"));
    assert_eq!(outcome.refused, 0, "{name}, {what}");
    let (from, to) = if matches!(task, Task::Put) {
        (&pair.client.store, &pair.server.store)
    } else {
        (&pair.server.store, &pair.client.store)
    };
    if names_only {
        assert_eq!(to.offers.len(), 3, "{name}, {what}");
    } else {
        let only = if name.contains("tree") { "t/" } else { "f" };
        let expected: Vec<_> =
            from.files.iter().filter(|(path, _)| path.starts_with(only)).collect();
        assert_eq!(expected, to.files.iter().collect::<Vec<_>>(), "{name}, {what}");
    }
    (pair.up.frames, pair.down.frames)
}

/// R26, R73.
#[test]
fn the_loss_of_any_two_frames_and_any_doubled_frame_is_repaired() {
    let mut runs = 0;
    for (name, pair, task) in short_sessions() {
        let (up, down) = must_end_well(name, "nothing lost", &pair, task);
        let frames: Vec<(bool, usize)> = (0..up + 3)
            .map(|frame| (true, frame))
            .chain((0..down + 3).map(|f| (false, f)))
            .collect();
        for (i, first) in frames.iter().enumerate() {
            let mut one = pair.clone();
            if first.0 {
                one.up.lose.push(first.1)
            } else {
                one.down.lose.push(first.1)
            }
            must_end_well(name, &format!("{first:?} lost"), &one, task);
            let mut twice = pair.clone();
            if first.0 {
                twice.up.twice.push(first.1)
            } else {
                twice.down.twice.push(first.1)
            }
            must_end_well(name, &format!("{first:?} doubled"), &twice, task);
            runs += 2;
            for second in &frames[i + 1..] {
                let mut two = one.clone();
                if second.0 {
                    two.up.lose.push(second.1)
                } else {
                    two.down.lose.push(second.1)
                }
                must_end_well(name, &format!("{first:?} and {second:?} lost"), &two, task);
                runs += 1;
            }
        }
    }
    println!("{runs} sessions ended well");
}

/// R75.
#[test]
fn a_silent_line_ends_in_a_timeout() {
    let mut pair = noisy(50_000, Faults::default(), 1);
    pair.up.lose = (20..1_000_000).collect();
    assert_eq!(pair.run(Task::Put), Ok(Err(Failure::TimedOut)));
    assert!(pair.now < 120_000_000_000, "it took {} s", pair.now / 1_000_000_000);
}

/// R69, R70.
#[test]
fn noise_between_frames_costs_nothing_but_time() {
    for noise in
        [&b"boot: v1.2\r\nPIN code? DON'T PANIC\n"[..], &[0xFA; 40], &[0xFA, 1, 0, 4], b"PIN"]
    {
        let mut pair = noisy(5000, Faults::default(), 3);
        pair.up.inject(0, noise);
        pair.down.inject(0, noise);
        let outcome = pair.run(Task::Put).expect("it ends");
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(pair.server.store.files, pair.client.store.files);
    }
}

/// R3.
#[test]
fn content_made_of_frames_is_content() {
    // Record a whole session, then send the recorded frames, over noise and without.
    let mut first = noisy(3000, Faults::default(), 1);
    first.up.record = Some(Vec::new());
    first.down.record = Some(Vec::new());
    first.run(Task::Put).expect("it ends").expect("it succeeds");
    let mut frames = first.up.record.take().unwrap_or_default();
    frames.extend(first.down.record.take().unwrap_or_default());
    for code in ["CLS", "SAF", "RAF", "SAR", "RAR", "DON", "ERR", "PIN", "PON"] {
        frames.extend_from_slice(code.as_bytes());
    }
    let frames = frames.repeat(8);
    for seed in 0..seeds(8) {
        for faults in [Faults::default(), Faults { flip: 1e-5, drop: 1e-4, ..Faults::default() }] {
            // The number is another one, as no sender can know it beforehand.
            let mut pair = noisy(0, faults, seed).numbered(0xFEED_0001, Config::LOSSY);
            pair.client.store = Memory::with([("f", frames.clone())]);
            pair.client.store.queue_file("f");
            let outcome = pair.run(Task::Put).expect("it ends");
            assert!(outcome.is_ok(), "seed {seed}: {outcome:?}");
            assert_eq!(pair.server.store.files, pair.client.store.files, "seed {seed}");
        }
    }
}
