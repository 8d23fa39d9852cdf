//! Goodput over serial lines in real time, as a share of the line rate: pseudo-terminals with a
//! cable between them that has a rate and faults; beside it `sz` and `rz` over the very same cable.
//!
//! A pseudo-terminal holds about 12 KiB on its way, which a UART does not: where much is lost, both
//! lose some of their share by that.
//!
//! `cargo run --release -p tinyferry-tests --example line [ROUNDS]`

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    unix::main()
}

#[cfg(not(unix))]
fn main() {
    println!("skipped: there are no pseudo-terminals here");
}

#[cfg(unix)]
mod unix {
    use std::error::Error;
    use std::fs::{self, OpenOptions};
    use std::io;
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::sync::Mutex;
    use std::thread;
    use std::time::{Duration, Instant};

    use tinyferry::client::Client;
    use tinyferry::fs::{Directory, Source};
    use tinyferry::server::Server;
    use tinyferry_kit::{Cable, Faults, Line, content};

    const CLEAN: Faults = Faults { flip: 0.0, drop: 0.0, insert: 0.0, double: 0.0, burst: 0.0 };
    /// Name, faults, and the delay of one way in milliseconds.
    const SETTINGS: [(&str, Faults, u64); 8] = [
        ("clean", CLEAN, 0),
        ("bit errors 1e-6", Faults { flip: 1e-6, ..CLEAN }, 0),
        ("bit errors 1e-5", Faults { flip: 1e-5, ..CLEAN }, 0),
        ("bit errors 1e-4", Faults { flip: 1e-4, ..CLEAN }, 0),
        ("bytes lost 1e-5", Faults { drop: 1e-5, ..CLEAN }, 0),
        ("bytes lost 1e-4", Faults { drop: 1e-4, ..CLEAN }, 0),
        ("64-byte bursts 1e-5", Faults { burst: 1e-5, ..CLEAN }, 0),
        ("bit errors 1e-5, 50 ms", Faults { flip: 1e-5, ..CLEAN }, 50),
    ];
    /// Rates, and how many KiB are sent: some three seconds' worth.
    const RATES: [(u64, usize); 3] = [(115_200, 32), (921_600, 256), (3_000_000, 768)];
    /// Cables in use at the same time; each sleeps for nearly all of it.
    const AT_ONCE: usize = 8;
    /// A program that would stay below this share is not waited for.
    const LEAST: f64 = 0.3;

    /// One transfer to be measured.
    #[derive(Clone, Copy, PartialEq, Eq)]
    struct Work {
        setting: usize,
        rate: usize,
        /// By `sz`, not by us.
        zmodem: bool,
    }

    pub(crate) fn main() -> Result<(), Box<dyn Error>> {
        let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3);
        let has_zmodem = ["sz", "rz"].iter().all(|name| {
            let version = Command::new(name).arg("--version").stdout(Stdio::null()).status();
            version.is_ok()
        });
        let kinds: &[bool] = if has_zmodem { &[false, true] } else { &[false] };
        let columns: Vec<_> =
            kinds.iter().flat_map(|zmodem| (0..RATES.len()).map(|rate| (rate, *zmodem))).collect();
        let mut waiting = Vec::new();
        for seed in 0..rounds {
            for setting in 0..SETTINGS.len() {
                let works = columns.iter().map(|(rate, zmodem)| (*rate, *zmodem));
                waiting.extend(works.map(|(rate, zmodem)| (Work { setting, rate, zmodem }, seed)));
            }
        }
        let (waiting, done) = (Mutex::new(waiting), Mutex::new(Vec::new()));
        let next = || waiting.lock().ok().and_then(|mut waiting| waiting.pop());
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some((work, seed)) = next() {
                        let share = measure(work, seed).unwrap_or_else(|error| {
                            eprintln!("{}: {error}", SETTINGS[work.setting].0);
                            None
                        });
                        done.lock().expect("nobody panics").push((work, share.unwrap_or(0.0)));
                    }
                });
            }
        });
        let done = done.into_inner()?;
        print!("| line |");
        for (rate, zmodem) in &columns {
            let (baud, kib) = RATES[*rate];
            print!(" {}{baud} baud, {kib} KiB |", if *zmodem { "lrzsz: " } else { "" });
        }
        println!("\n|---{}|", "|---".repeat(columns.len()));
        for (setting, (name, ..)) in SETTINGS.iter().enumerate() {
            print!("| {name} |");
            for (rate, zmodem) in &columns {
                let work = Work { setting, rate: *rate, zmodem: *zmodem };
                match median(done.iter().filter(|(found, _)| *found == work)) {
                    0.0 => print!(" – |"),
                    share => print!(" {share:.3} |"),
                }
            }
            println!();
        }
        println!("\n–: it failed, or its share of the rate was below {LEAST}.");
        if !has_zmodem {
            println!("Skipped: sz and rz, which are not installed.");
        }
        Ok(())
    }

    fn median<'a>(found: impl Iterator<Item = &'a (Work, f64)>) -> f64 {
        let mut shares: Vec<_> = found.map(|(_, share)| *share).collect();
        shares.sort_by(f64::total_cmp);
        shares.get(shares.len() / 2).copied().unwrap_or(0.0)
    }

    /// Goodput as a share of the rate; `None` where it did not get through.
    fn measure(work: Work, seed: u64) -> Result<Option<f64>, Box<dyn Error>> {
        let (_, faults, delay) = SETTINGS[work.setting];
        let (baud, kib) = RATES[work.rate];
        let size = kib << 10;
        let [there, back] = [2 * seed, 2 * seed + 1].map(|seed| {
            let mut line = Line::serial(baud, seed);
            line.faults = faults;
            line.delay = delay * 1_000_000;
            line
        });
        let cable = Cable::lay(there, back)?;
        let place = tempfile::tempdir()?;
        let [here, served] = ["here", "served"].map(|name| place.path().join(name));
        fs::create_dir(&here)?;
        fs::create_dir(&served)?;
        fs::write(here.join("f"), content(size, seed))?;
        let ideal = size as f64 / (baud as f64 / 10.0);
        let took = if work.zmodem {
            zmodem(&cable, &here, &served, Duration::from_secs_f64(ideal / LEAST))?
        } else {
            Some(ours(&cable, &here, &served, baud)?)
        };
        let is_same = fs::read(here.join("f"))? == fs::read(served.join("f")).unwrap_or_default();
        Ok(took.filter(|_| is_same).map(|took| ideal / took.as_secs_f64()))
    }

    fn ours(
        cable: &Cable,
        here: &Path,
        served: &Path,
        baud: u64,
    ) -> Result<Duration, Box<dyn Error>> {
        let [a, b] = cable.ports().map(|port| format!("serial://{}?baud={baud}", port.display()));
        let server = Server::builder(served).listen(b.parse()?).bind()?;
        let stopper = server.stopper();
        let server = thread::spawn(move || server.run());
        let mut client = Client::connect(a.parse()?)?;
        let source = Source { local: here.join("f"), remote: "f".into() };
        let begin = Instant::now();
        let result = client.put_store(|| Directory::sending_file(source.clone(), ()));
        let took = begin.elapsed();
        stopper.stop();
        server.join().map_err(|_| "the server panicked")??;
        result?;
        Ok(took)
    }

    /// `None` where it gave up, or took longer than `limit`.
    fn zmodem(
        cable: &Cable,
        here: &Path,
        served: &Path,
        limit: Duration,
    ) -> io::Result<Option<Duration>> {
        let spawn = |program: &str, arguments: &[&str], at: &Path, port: &Path| {
            let port = OpenOptions::new().read(true).write(true).open(port)?;
            let mut command = Command::new(program);
            command.args(arguments).current_dir(at).stderr(Stdio::null());
            command.stdin(port.try_clone()?).stdout(port).spawn()
        };
        let [a, b] = cable.ports();
        let mut receiver = spawn("rz", &["-b", "-q", "-y"], served, b)?;
        thread::sleep(Duration::from_millis(50));
        let begin = Instant::now();
        let mut sender = spawn("sz", &["-b", "-q", "f"], here, a)?;
        let ended = wait(&mut sender, begin + limit)?;
        let took = ended.filter(|well| *well).map(|_| begin.elapsed());
        wait(&mut receiver, Instant::now() + Duration::from_secs(1))?;
        Ok(took)
    }

    /// Waits for a program, and ends it if it takes too long; whether it went well.
    fn wait(child: &mut Child, end: Instant) -> io::Result<Option<bool>> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status.success()));
            }
            if Instant::now() > end {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}
