//! The cost of a mirror with no or few changes, compared with `rsync`.

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tinyferry_kit::{Cable, Line};

use crate::Done;
use crate::material;
use crate::ours;
use crate::process::{Job, quiet, start};
use crate::program::Bench;
use crate::proxy::{Distance, counted, proxy};
use crate::race::rooms;
use crate::report::{Cell, Table, median};
use crate::rivals::{Place, Rsync};

const SIZE: usize = 2048;
/// The number of files that change.
const CHANGED: u64 = 100;

/// The command of one end that makes `out/tree` equal to the source; its argument is the port of the other end.
type Way<'a> = Box<dyn Fn(u16) -> Command + 'a>;

/// Both programs, each with a target of its own.
struct Stage {
    files: u64,
    source: PathBuf,
    server: ours::Server,
    rsync: Option<Rsync>,
    program: PathBuf,
    _places: [Place; 2],
}

impl Stage {
    fn new(bench: &Bench, name: &str, files: u64) -> Done<Self> {
        let places = [rooms(bench, name, "tree")?, rooms(bench, &format!("{name}-rsync"), "tree")?];
        let source = places[0].source.clone();
        fs::create_dir(&source)?;
        for number in 0..files {
            let path = path(&source, number);
            if number % 100 == 0 {
                fs::create_dir(path.parent().ok_or("no directory")?)?;
            }
            write(&path, number)?;
        }
        let server = ours::Server::mirrored(&bench.program, &places[0].out)?;
        let rsync = if bench.args.alone { None } else { Rsync::start(&places[1]).ok() };
        let program = bench.program.clone();
        let stage = Self { files, source, server, rsync, program, _places: places };
        stage.ours(&[], stage.server.port)?;
        if let Some(rsync) = &stage.rsync {
            run(&mut rsync.mirror(&stage.source, rsync.port(), false))?;
        }
        Ok(stage)
    }

    fn command(&self, options: &[&str], port: u16) -> Command {
        let mut command = quiet(&self.program);
        command.args([
            "mirror",
            "-q",
            "-e",
            &format!("tcp://127.0.0.1:{port}"),
            "--max-delete",
            "100%",
        ]);
        command.args(options).arg(&self.source).arg("tree");
        command
    }

    fn ours(&self, options: &[&str], port: u16) -> Done<f64> {
        run(&mut self.command(options, port))
    }

    fn greeting(&self, port: u16) -> Command {
        let mut command = quiet(&self.program);
        command.args(["ping", "-q", "-e", &format!("tcp://127.0.0.1:{port}")]);
        command
    }

    /// Changes files all over the tree.
    fn change(&self, round: u64) -> Done {
        for number in 0..CHANGED {
            let number = (number * 7919 + round * 31) % self.files;
            write(&path(&self.source, number), number + (round + 1) * 1_000_000)?;
        }
        Ok(())
    }
}

fn path(root: &Path, number: u64) -> PathBuf {
    root.join(format!("{:05}/{number:06}.bin", number / 100))
}

fn write(path: &Path, seed: u64) -> Done {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(SIZE);
    while bytes.len() < SIZE {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        bytes.extend_from_slice(&(state ^ state >> 29).to_le_bytes());
    }
    Ok(File::create(path)?.write_all(&bytes)?)
}

/// Seconds.
fn run(command: &mut Command) -> Done<f64> {
    let clock = Instant::now();
    start(command)?.wait()?;
    Ok(clock.elapsed().as_secs_f64())
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

pub(crate) fn mirror(bench: &Bench) -> Done<Vec<Table>> {
    let mut tables = vec![small(bench)?, many(bench)?, content(bench)?];
    tables.extend(serial(bench)?);
    Ok(tables)
}

/// 10,000 files, of which none or 100 have changed: time, bytes and round trips.
fn small(bench: &Bench) -> Done<Table> {
    let stage = Stage::new(bench, "mirror-small", 10_000)?;
    let head = ["way", "ms", "of rsync's time", "bytes", "round trips"];
    let mut table = Table::new("A mirror of 10,000 files of 2 KB; beyond the greeting", &head);
    let mut round = 0;
    for (name, changes) in [("nothing changed", false), ("100 files changed", true)] {
        let mut change = || -> Done {
            round += 1;
            if changes { stage.change(round) } else { Ok(()) }
        };
        let mut ways: Vec<(&str, u16, Way<'_>)> =
            vec![("mirror", stage.server.port, Box::new(|port| stage.command(&[], port)))];
        if let Some(rsync) = &stage.rsync {
            let way = Box::new(|port| rsync.mirror(&stage.source, port, false));
            ways.push(("rsync daemon", rsync.port(), way));
        }
        let mut times = vec![Vec::new(); ways.len()];
        for _ in 0..bench.rounds(5, 9) {
            change()?;
            for ((_, port, way), times) in ways.iter().zip(&mut times) {
                times.push(run(&mut way(*port))?);
            }
        }
        for (index, (way_name, port, way)) in ways.iter().enumerate() {
            let own = index == 0;
            let mut greeting = (0.0, 0.0);
            if own {
                greeting = wire(*port, &|port| stage.greeting(port), &mut || Ok(()))?;
            }
            // Changes that other programs made are no part of it.
            run(&mut way(*port))?;
            let (bytes, trips) = wire(*port, way, &mut change)?;
            let (bytes, trips) = (bytes - greeting.0, trips - greeting.1);
            let ratios = times[index].iter().zip(times.last().into_iter().flatten());
            table.row(vec![
                Cell::text(format!("{way_name}, {name}")),
                Cell::number(median(times[index].iter().map(|time| time * 1e3)), 1),
                Cell::number(median(ratios.map(|(time, theirs)| time / theirs)), 2),
                Cell::number(Some(bytes), 0),
                Cell::number(Some(trips), 1),
            ]);
        }
    }
    Ok(table)
}

/// Bytes on the wire, and round trips by the cost of a delay.
fn wire(
    port: u16,
    way: &dyn Fn(u16) -> Command,
    change: &mut dyn FnMut() -> Done,
) -> Done<(f64, f64)> {
    change()?;
    let (route, crossed) = counted(local(port))?;
    run(&mut way(route.port()))?;
    let bytes = crossed();
    change()?;
    let near = run(&mut way(port))?;
    change()?;
    let delay = Duration::from_millis(100);
    let far = proxy(local(port), Distance { delay, rate: None })?;
    let far = run(&mut way(far.port()))?;
    Ok((bytes as f64, (far - near) / (2.0 * delay.as_secs_f64())))
}

/// Few or many files: time and memory where nothing changed.
fn many(bench: &Bench) -> Done<Table> {
    let head = ["files", "ms", "rsync, ms", "client MiB", "server MiB"];
    let mut table =
        Table::new("A mirror in which nothing changed; memory is the most resident", &head);
    for files in [10_000, bench.size(50_000, 200_000)] {
        if !material::fits(&bench.dir, files * 3 * 4096) {
            table.skip(format!("{files} files"), "there is no room");
            continue;
        }
        let stage = Stage::new(bench, &format!("mirror-{files}"), files)?;
        let server = ours::Server::mirrored(&stage.program, &stage._places[0].out)?;
        let clock = Instant::now();
        let (client, time) = peak(start(&mut stage.command(&[], server.port))?, clock)?;
        let theirs = match &stage.rsync {
            Some(rsync) => Some(run(&mut rsync.mirror(&stage.source, rsync.port(), false))?),
            None => None,
        };
        let mib = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / 1048576.0);
        table.row(vec![
            Cell::count(Some(files)),
            Cell::number(Some(time * 1e3), 0),
            Cell::number(theirs.map(|time| time * 1e3), 0),
            Cell::number(mib(client), 1),
            Cell::number(mib(server.job.peak()), 1),
        ]);
        for place in &stage._places {
            material::clear(&place.out)?;
        }
        fs::remove_dir_all(&stage.source)?;
    }
    Ok(table)
}

/// The most memory that a process had resident, and when it ended.
fn peak(job: Job, clock: Instant) -> Done<(Option<u64>, f64)> {
    let mut most = None;
    // Past its end the system tells nothing of its memory.
    while let Some(peak) = job.peak() {
        most = Some(peak);
        thread::sleep(Duration::from_micros(500));
    }
    job.wait()?;
    Ok((most, clock.elapsed().as_secs_f64()))
}

/// The content of a large unchanged file is compared: both ends read it.
fn content(bench: &Bench) -> Done<Table> {
    let mib = bench.args.mib.unwrap_or(bench.size(128, 1024));
    let place = rooms(bench, "mirror-content", "tree")?;
    fs::create_dir(&place.source)?;
    let file = place.source.join("large.bin");
    material::file(&file, mib << 20)?;
    let server = ours::Server::mirrored(&bench.program, &place.out)?;
    let command = |options: &[&str]| {
        let mut command = quiet(&bench.program);
        command.args(["mirror", "-q", "-e", &format!("tcp://127.0.0.1:{}", server.port)]);
        command.args(options).arg(&place.source).arg("tree");
        command
    };
    run(&mut command(&[]))?;
    let copy = place.out.join("tree/large.bin");
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..bench.rounds(3, 5) {
        times[0].push(run(&mut command(&["--checksum"]))?);
        // Both files at once, as both ends read them.
        let clock = Instant::now();
        let both = [&file, &copy].map(|path| start(quiet("cksum").arg("-a").arg("crc").arg(path)));
        both.into_iter().try_for_each(|job| job?.wait().map(drop))?;
        times[1].push(clock.elapsed().as_secs_f64());
    }
    let head = ["way", "s", "GiB/s at each end"];
    let mut table = Table::new(format!("{mib} MiB of unchanged content compared"), &head);
    for (name, times) in ["mirror --checksum", "two of cksum at once"].into_iter().zip(times) {
        let time = median(times);
        table.row(vec![
            Cell::text(name),
            Cell::number(time, 3),
            Cell::number(time.map(|time| mib as f64 / 1024.0 / time), 2),
        ]);
    }
    fs::remove_file(&file)?;
    material::clear(&place.out)?;
    Ok(table)
}

/// 1,000 files over a serial line with bit errors, in real time.
fn serial(bench: &Bench) -> Done<Option<Table>> {
    let stage = Stage::new(bench, "mirror-serial", 1_000)?;
    let [there, back] = [1, 2].map(|seed| {
        let mut line = Line::serial(115_200, seed);
        line.faults.flip = 1e-5;
        line
    });
    let cable = Cable::lay(there, back)?;
    let [listen, url] =
        [1, 0].map(|end| format!("serial://{}?baud=115200", cable.ports()[end].display()));
    let out = &stage._places[0].out;
    let mut server = quiet(&bench.program);
    server.args(["serve", "-q", "--allow-remove", "--listen", &listen]).arg(out);
    let _server = start(&mut server)?;
    thread::sleep(Duration::from_millis(300));
    let task = |arguments: &[&str]| {
        let mut command = quiet(&bench.program);
        command.args(arguments).args(["-q", "-e", &url]);
        command
    };
    let source = stage.source.display().to_string();
    let (mut greetings, mut mirrors) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds(5, 9) {
        greetings.push(run(&mut task(&["ping"]))?);
        mirrors.push(run(&mut task(&["mirror", &source, "tree"]))?);
    }
    let head = ["way", "ms"];
    let title = "1,000 unchanged files, 115,200 baud, one wrong bit in 100,000";
    let mut table = Table::new(title, &head);
    for (name, times) in [("ping: the greeting", greetings), ("mirror", mirrors)] {
        let time = median(times).map(|time| time * 1e3);
        table.row(vec![Cell::text(name), Cell::number(time, 0)]);
    }
    Ok(Some(table))
}
