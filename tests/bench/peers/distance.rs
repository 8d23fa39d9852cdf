//! Far away: the cost of round trips, and whether a fast line is filled.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::Done;
use crate::material;
use crate::ours::{self, Server};
use crate::process::{Spent, spend, start};
use crate::program::Bench;
use crate::proxy::{Distance, proxy};
use crate::race::rooms;
use crate::report::{Cell, Table, median};
use crate::rivals::{self, Place, Rsync};

/// Each way, in ms.
const DELAYS: [u64; 4] = [0, 5, 20, 100];
const FILES: u64 = 1_000;

type Far = Box<dyn Fn(Distance) -> Done<Spent>>;

/// 1,000 small files.
pub(crate) fn distance(bench: &Bench) -> Done<Vec<Table>> {
    let place = rooms(bench, "distance", "tree")?;
    material::tree(&place.source, FILES)?;
    let head = ["way", "delay each way, ms", "ms", "round trips beyond no delay"];
    let mut table = Table::new(format!("{FILES} small files through a delay"), &head);
    let mut ways: Vec<(&str, bool, Far)> = vec![("put, sync never", true, put(bench, &place)?)];
    if !bench.args.alone {
        let packed = place.clone();
        let tar = move |distance| rivals::tar(&packed, &|to| Ok(proxy(to, distance)?));
        ways.push(("tar, nc, tar", false, Box::new(tar)));
        match Rsync::start(&place).map(Rc::new) {
            Ok(rsync) => {
                let place = place.clone();
                let push = move |distance| rsync.push(&place, &|to| Ok(proxy(to, distance)?));
                ways.push(("rsync daemon, push", false, Box::new(push)));
            }
            Err(error) => table.skip("rsync daemon, push", error.to_string()),
        }
    }
    for (name, own, way) in ways {
        match far(bench, &place, &way) {
            Ok(rows) => rows.into_iter().for_each(|(delay, time, trips)| {
                table.row(vec![
                    Cell::text(name),
                    Cell::count(Some(delay)),
                    Cell::number(Some(time * 1e3), 0),
                    Cell::number(trips, 1),
                ]);
            }),
            Err(error) if own => return Err(error),
            Err(error) => table.skip(name, error.to_string()),
        }
    }
    Ok(vec![table])
}

/// Delay, time in seconds, and round trips beyond those without a delay.
fn far(bench: &Bench, place: &Place, way: &Far) -> Done<Vec<(u64, f64, Option<f64>)>> {
    let mut rows: Vec<(u64, f64, Option<f64>)> = Vec::new();
    for delay in DELAYS {
        let distance = Distance { delay: Duration::from_millis(delay), rate: None };
        let mut times = Vec::new();
        for _ in 0..bench.rounds(3, 5) {
            material::clear(&place.out)?;
            times.push(way(distance)?.time);
            material::same(&place.source, &place.target())?;
        }
        let time = median(times).ok_or("nothing was measured")?;
        let trip = 2.0 * distance.delay.as_secs_f64();
        let trips = rows.first().map(|(_, near, _)| (time - near) / trip);
        rows.push((delay, time, trips));
    }
    Ok(rows)
}

/// One file, 100 ms away, at 1 Gbit/s.
pub(crate) fn long_fat(bench: &Bench) -> Done<Vec<Table>> {
    const RATE: f64 = 1e9;
    let mib = bench.size(128, 1024);
    let place = rooms(bench, "long-fat", "large.bin")?;
    material::file(&place.source, mib << 20)?;
    let head = ["way", "round trip, ms", "s", "share of the line"];
    let title = format!("One file of {mib} MiB over 1 Gbit/s, connecting and all");
    let mut table = Table::new(title, &head);
    let looped = place.clone();
    let raw =
        move |distance| rivals::raw(&looped, "send", "receive", &|to| Ok(proxy(to, distance)?));
    let ways: [(_, Far); 2] =
        [("plain loop, 64 KiB", Box::new(raw)), ("put, sync never", put(bench, &place)?)];
    for trip in [0, 100, 200] {
        let distance = Distance { delay: Duration::from_millis(trip) / 2, rate: Some(RATE) };
        for (name, way) in &ways {
            let mut times = Vec::new();
            for _ in 0..bench.rounds(1, 3) {
                material::clear(&place.out)?;
                times.push(way(distance)?.time);
                material::same(&place.source, &place.target())?;
            }
            let time = median(times);
            let share = time.map(|time| (mib << 20) as f64 * 8.0 / RATE / time);
            table.row(vec![
                Cell::text(*name),
                Cell::count(Some(trip)),
                Cell::number(time, 2),
                Cell::number(share, 2),
            ]);
        }
    }
    std::fs::remove_file(&place.source)?;
    material::clear(&place.out)?;
    Ok(vec![table])
}

fn put(bench: &Bench, place: &Place) -> Done<Far> {
    let server = Server::start(&bench.program, &place.out, "never")?;
    let (program, source) = (bench.program.clone(), place.source.clone());
    Ok(Box::new(move |distance| {
        let address = proxy(SocketAddr::from(([127, 0, 0, 1], server.port)), distance)?;
        spend(Some(&server.job), Vec::new(), || {
            Ok(vec![start(&mut ours::put(&program, address.port(), &source))?])
        })
    }))
}
