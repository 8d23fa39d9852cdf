//! Whether a file costs the same among few as among many, and whether the use of memory is constant.

use std::fs::{self, File};
use std::thread;
use std::time::{Duration, Instant};

use crate::Done;
use crate::material;
use crate::ours::{self, Server};
use crate::process::start;
use crate::program::Bench;
use crate::race::rooms;
use crate::report::{Cell, Table, median};
use crate::rivals::Place;

/// The cost of one put.
struct Put {
    time: f64,
    /// The most memory resident, in bytes.
    client: Option<u64>,
    server: Option<u64>,
}

pub(crate) fn flat(bench: &Bench) -> Done<Vec<Table>> {
    let mut files = Table::new(
        "The time of a file among many; memory is the most resident",
        &["files", "ms in all", "µs/file", "client MiB", "server MiB"],
    );
    let counts: &[u64] = bench.size(&[100, 1_000, 10_000], &[100, 1_000, 10_000, 100_000, 200_000]);
    for &count in counts {
        let place = rooms(bench, &format!("files-{count}"), "tree")?;
        // A file takes at least one block.
        if !material::fits(&bench.dir, count * 3 * 4096) {
            files.skip(format!("{count} files"), "there is no room");
            continue;
        }
        material::tree(&place.source, count)?;
        let [time, client, server] = puts(bench, &place, if count > 10_000 { 1 } else { 5 })?;
        files.row(vec![
            Cell::count(Some(count)),
            Cell::number(time.map(|time| time * 1e3), 1),
            Cell::number(time.map(|time| time * 1e6 / count as f64), 1),
            Cell::number(client, 1),
            Cell::number(server, 1),
        ]);
        fs::remove_dir_all(&place.source)?;
    }
    let mut bytes = Table::new(
        "One file, small or large; memory is the most resident",
        &["MiB", "s", "client MiB", "server MiB"],
    );
    let sizes: &[u64] = bench.size(&[1, 256], &[1, 1024, 10 * 1024]);
    for &mib in sizes {
        let place = rooms(bench, &format!("mib-{mib}"), "hole.bin")?;
        if !material::fits(&bench.dir, mib << 20) {
            bytes.skip(format!("{mib} MiB"), "there is no room");
            continue;
        }
        // It takes no room itself, but where it goes it does.
        File::create(&place.source)?.set_len(mib << 20)?;
        let [time, client, server] = puts(bench, &place, 1)?;
        bytes.row(vec![
            Cell::count(Some(mib)),
            Cell::number(time, 3),
            Cell::number(client, 1),
            Cell::number(server, 1),
        ]);
    }
    Ok(vec![files, bytes])
}

/// Medians of time and of both ends' memory in MiB, of this number of puts.
fn puts(bench: &Bench, place: &Place, rounds: usize) -> Done<[Option<f64>; 3]> {
    let mut puts = Vec::new();
    for _ in 0..rounds {
        puts.push(put(bench, place)?);
        material::same(&place.source, &place.target())?;
        material::clear(&place.out)?;
    }
    let mib = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / 1048576.0);
    Ok([
        median(puts.iter().map(|put| put.time)),
        median(puts.iter().filter_map(|put| mib(put.client))),
        median(puts.iter().filter_map(|put| mib(put.server))),
    ])
}

fn put(bench: &Bench, place: &Place) -> Done<Put> {
    let server = Server::start(&bench.program, &place.out, "never")?;
    let clock = Instant::now();
    let job = start(&mut ours::put(&bench.program, server.port, &place.source))?;
    let mut client = None;
    // Past its end the system tells nothing of its memory.
    while let Some(peak) = job.peak() {
        client = Some(peak);
        thread::sleep(Duration::from_millis(2));
    }
    job.wait()?;
    let time = clock.elapsed().as_secs_f64();
    Ok(Put { time, client, server: server.job.peak() })
}
