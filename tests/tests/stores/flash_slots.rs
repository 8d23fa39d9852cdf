//! The slots over a flash in memory that is as strict as a real one, and loses its power at any
//! moment.

use tinyferry_core::error::Reason;
use tinyferry_core::{Config, Failure, GetRequest, Outcome, Task};
use tinyferry_kit::{Faults, File, Flash, Memory, Pair, Random, content};
use tinyferry_stores::slots::Slots;

use super::polled::{OneImage, Polled};

type Micro = Flash<4, 1024>;
type External = Flash<32, 4096>;

const SMALL: Config = Config::LOSSY.credit(4);

fn client(path: &str, bytes: &[u8]) -> Memory {
    let mut client = Memory::with([(path, bytes.to_vec())]);
    client.queue_file(path);
    client
}

/// A put; the flash after it, its result, and how many bytes went up.
fn put<const W: usize, const S: usize>(
    config: Config,
    client: Memory,
    flash: Flash<W, S>,
    line: (u32, Faults),
) -> (Flash<W, S>, Result<Outcome, Failure>, u64) {
    put_to(config, client, Slots::over(flash), line)
}

/// The same to a store.
fn put_to<T: OneImage<W, S>, const W: usize, const S: usize>(
    config: Config,
    client: Memory,
    server: T,
    (session, faults): (u32, Faults),
) -> (Flash<W, S>, Result<Outcome, Failure>, u64) {
    let mut pair = Pair::new(config, client, server).numbered(session, config);
    if config.lossy {
        pair = pair.serial(921_600, session.into());
        (pair.up.faults, pair.down.faults) = (faults, faults);
    }
    let result = pair.run(Task::Put).expect("it ends");
    (pair.server.store.into_flash(), result, pair.up.carried)
}

fn put_well<const W: usize, const S: usize>(
    flash: Flash<W, S>,
    path: &str,
    bytes: &[u8],
) -> Flash<W, S> {
    let (flash, result, _) = put(SMALL, client(path, bytes), flash, (7, Faults::default()));
    assert_eq!(result.expect("it succeeds").refused, 0);
    flash
}

/// Name and content of the current image.
fn image<const W: usize, const S: usize>(flash: &Flash<W, S>) -> Option<(String, Vec<u8>)> {
    let mut slots: Slots<_> = Slots::new(flash.clone());
    let image = slots.image().expect("it can be read")?;
    let bytes = &flash.bytes[image.offset as usize..][..image.size as usize];
    Some((image.name().to_owned(), bytes.to_vec()))
}

#[test]
fn the_newest_image_is_valid() {
    let mut flash = Micro::new(200 << 10);
    assert_eq!(image(&flash), None);
    for number in 0..5u64 {
        let bytes = content([70_001, 0, 1, 4096, 70_000][number as usize], number);
        flash = put_well(flash, &format!("app-{number}.bin"), &bytes);
        assert!(image(&flash) == Some((format!("app-{number}.bin"), bytes)), "{number}");
    }
}

#[test]
fn an_image_is_sent_back() {
    let bytes = content(50_001, 3);
    for flash in [None, Some(put_well(External::new(1 << 20), "app.bin", &bytes))] {
        for (path, tree) in [("app.bin", false), ("", true), ("other", false)] {
            let server: Slots<External> =
                Slots::new(flash.clone().unwrap_or(External::new(1 << 20)));
            let mut pair = Pair::new(Config::RELIABLE, Memory::default(), server);
            let task = Task::Get(GetRequest { tree, ..GetRequest::file(path) });
            let result = pair.run(task).expect("it ends");
            if flash.is_some() && path != "other" {
                assert_eq!(result.expect("it succeeds").refused, 0);
                assert!(pair.client.store.bytes("app.bin") == Some(&bytes));
            } else if tree {
                assert_eq!(result.map(|outcome| outcome.entries), Ok(0));
            } else {
                assert_eq!(result, Err(Failure::Refused(Reason::NotFound)));
            }
        }
    }
}

#[test]
fn noise_changes_no_image() {
    let noise = Faults { flip: 1e-5, drop: 1e-4, insert: 1e-4, double: 1e-4, burst: 1e-5 };
    for seed in 1..20 {
        let bytes = content(60_001, seed);
        let flash = External::new(256 << 10);
        let config = Config::LOSSY.credit(64);
        let (flash, result, _) = put(config, client("a", &bytes), flash, (seed as u32, noise));
        assert_eq!(result.expect("it succeeds").refused, 0);
        assert!(image(&flash) == Some(("a".into(), bytes)), "seed {seed}");
    }
}

/// R33.
#[test]
fn an_image_that_does_not_fit_is_refused() {
    let old = content(3000, 1);
    let flash = put_well(Micro::new(40 << 10), "old", &old);
    let long = "n".repeat(201);
    for (path, size, reason) in [
        ("new", 20_000, Reason::TooLarge),
        ("new", (20 << 10) - 1023, Reason::TooLarge),
        ("a/b", 10, Reason::NotAllowed),
        (&long, 10, Reason::NameTooLong),
    ] {
        let (after, result, _) =
            put(SMALL, client(path, &content(size, 2)), flash.clone(), (9, Faults::default()));
        let refused = Err(Failure::Refused(reason));
        assert!(
            result == refused || result.is_ok_and(|outcome| outcome.refused == 1),
            "{result:?}"
        );
        assert!(after.bytes == flash.bytes, "{path}");
    }
    let fits = content((20 << 10) - 1024, 2);
    assert!(image(&put_well(flash, "new", &fits)) == Some(("new".into(), fits)));
}

#[test]
fn an_image_that_is_there_is_not_written_again() {
    let bytes = content(60_001, 1);
    let flash = put_well(External::new(256 << 10), "a", &bytes);
    let before = flash.operations;
    let (flash, result, sent) = put(SMALL, client("a", &bytes), flash, (9, Faults::default()));
    assert_eq!(result.expect("it succeeds").refused, 0);
    assert_eq!((flash.operations, sent < 1000), (before, true), "{sent} bytes");
    // The same facts with other content are found out, and cost a fresh offer.
    let mut other = client("a", &content(60_001, 2));
    let modified = other.files["a"].modified;
    other.files.insert("a".into(), File { modified, ..File::new(content(60_001, 2)) });
    let (flash, result, _) = put(SMALL, other, flash, (10, Faults::default()));
    assert_eq!(result.expect("it succeeds").refused, 0);
    assert!(image(&flash) == Some(("a".into(), content(60_001, 2))));
}

/// The power fails at intervals of erases and writes; then the same is put once more. Returns the
/// fewest bytes of the second put after the power had failed in the last tenth of the first.
fn cut_everywhere<T: OneImage<W, S>, const W: usize, const S: usize>(
    config: Config,
    flash: Flash<W, S>,
    size: usize,
    step: usize,
) -> u64 {
    let (old, new) = (content(size, 1), content(size + 1, 2));
    let flash = put_well(flash, "old", &old);
    let before = flash.operations;
    let quiet = Faults::default();
    let (whole, result, _) =
        put_to(config, client("new", &new), T::over(flash.clone()), (2, quiet));
    assert_eq!(result.expect("it succeeds").refused, 0);
    let operations = whole.operations - before;
    assert!(operations > size as u64 / 1024, "{operations}");
    let sending = client("new", &new);
    let (old, new) = (Some(("old".to_owned(), old)), Some(("new".to_owned(), new)));
    let mut fewest = u64::MAX;
    for power in (1..=operations).step_by(step) {
        let mut flash = flash.clone();
        flash.power = Some(power);
        flash.random = Random::new(power);
        let (mut flash, result, _) = put_to(config, sending.clone(), T::over(flash), (2, quiet));
        let found = image(&flash);
        let said = result.is_ok_and(|outcome| outcome.refused == 0);
        assert!(found == new || (found == old && !said), "after {power}: neither old nor new");
        flash.power = None;
        let (flash, result, sent) = put_to(config, sending.clone(), T::over(flash), (3, quiet));
        assert_eq!(result.expect("it succeeds").refused, 0, "after {power}");
        assert!(image(&flash) == new, "after {power}");
        if power > operations / 10 * 9 && found != new {
            fewest = fewest.min(sent);
        }
    }
    fewest
}

#[test]
fn after_a_power_loss_the_old_image_is_valid_or_the_new_one() {
    for config in [SMALL, Config::RELIABLE] {
        cut_everywhere::<Slots<Micro>, 4, 1024>(config, Micro::new(64 << 10), 20_000, 1);
        cut_everywhere::<Polled<4, 1024>, 4, 1024>(config, Micro::new(64 << 10), 20_000, 1);
    }
}

#[test]
fn after_a_power_loss_durable_content_is_not_sent_again() {
    let flash = External::new(512 << 10);
    let sent = cut_everywhere::<Slots<External>, 32, 4096>(SMALL, flash.clone(), 180_000, 11);
    assert!(sent < 120_000, "{sent}");
    let sent = cut_everywhere::<Polled<32, 4096>, 32, 4096>(SMALL, flash, 180_000, 67);
    assert!(sent < 120_000, "{sent} to the async store");
}

#[test]
fn an_image_of_one_store_is_one_of_the_other() {
    let bytes = content(30_001, 4);
    let flash = put_well(External::new(256 << 10), "a", &bytes);
    let mut polled = Polled::over(flash);
    assert_eq!(polled.current().map(|image| image.size), Some(30_001));
    let newer = content(20_000, 5);
    let (flash, result, _) = put_to(SMALL, client("b", &newer), polled, (3, Faults::default()));
    assert_eq!(result.expect("it succeeds").refused, 0);
    assert!(image(&flash) == Some(("b".into(), newer)));
}

/// A driver may be dropped in the middle of a call, and then repeats it.
#[test]
fn a_call_that_is_dropped_after_any_poll_is_repeated() {
    let bytes = content(6_001, 6);
    for patience in 1..120 {
        let mut polled = Polled::<4, 1024>::over(Micro::new(32 << 10));
        polled.patience = patience;
        let line = (patience as u32, Faults::default());
        let (flash, result, _) = put_to(SMALL, client("a", &bytes), polled, line);
        assert_eq!(result.expect("it succeeds").refused, 0, "{patience} polls");
        assert!(image(&flash) == Some(("a".into(), bytes.clone())), "{patience} polls");
    }
}
