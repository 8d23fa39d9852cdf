//! Goodput over serial lines in real time, as a share of the line rate: pseudo-terminals with a
//! cable between them that has a rate and faults; beside it `sz` and `rz` over the very same cable.
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
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::sync::Mutex;
    use std::thread;
    use std::time::{Duration, Instant};

    use tinyferry::client::Client;
    use tinyferry::directory::{Directory, Source};
    use tinyferry::server::{Options, Server};
    use tinyferry_tests::{Cable, Faults, Line, content};

    const CLEAN: Faults = Faults { flip: 0.0, drop: 0.0, insert: 0.0, double: 0.0, burst: 0.0 };
    const FLIPS: Faults = CLEAN;
    /// Name, faults, and the delay of one way in milliseconds.
    const SETTINGS: [(&str, Faults, u64); 8] = [
        ("clean", CLEAN, 0),
        ("bit errors 1e-6", Faults { flip: 1e-6, ..FLIPS }, 0),
        ("bit errors 1e-5", Faults { flip: 1e-5, ..FLIPS }, 0),
        ("bit errors 1e-4", Faults { flip: 1e-4, ..FLIPS }, 0),
        ("bytes lost 1e-5", Faults { drop: 1e-5, ..CLEAN }, 0),
        ("bytes lost 1e-4", Faults { drop: 1e-4, ..CLEAN }, 0),
        ("64-byte bursts 1e-5", Faults { burst: 1e-5, ..CLEAN }, 0),
        ("bit errors 1e-5, 50 ms", Faults { flip: 1e-5, ..FLIPS }, 50),
    ];
    /// Rates, and how many bytes are sent: some seconds' worth.
    const RATES: [(u64, usize); 3] =
        [(115_200, 48 << 10), (921_600, 384 << 10), (3_000_000, 1 << 20)];
    /// Cables at work at the same time. Each is idle for nearly all of its time.
    const AT_ONCE: usize = 2;

    /// One transfer to be measured.
    #[derive(Clone, Copy)]
    struct Work {
        setting: usize,
        rate: usize,
        seed: u64,
        /// By `sz`, not by us.
        zmodem: bool,
    }

    pub(crate) fn main() -> Result<(), Box<dyn Error>> {
        let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1);
        let has_zmodem = ["sz", "rz"].iter().all(|name| {
            let mut command = Command::new(name);
            command.arg("--version").stdout(Stdio::null()).status().is_ok()
        });
        let mut work = Vec::new();
        for seed in 0..rounds {
            for (rate, setting) in
                (0..RATES.len()).flat_map(|r| (0..SETTINGS.len()).map(move |s| (r, s)))
            {
                work.push(Work { setting, rate, seed, zmodem: false });
                if has_zmodem {
                    work.push(Work { setting, rate, seed, zmodem: true });
                }
            }
        }
        let (work, done) = (Mutex::new(work), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some(next) = {
                        let mut work = work.lock().expect("no panic");
                        work.pop()
                    } {
                        let share = measure(next).expect("it can be measured");
                        done.lock().expect("no panic").push((next, share));
                    }
                });
            }
        });
        let done = done.into_inner()?;
        let kinds: &[bool] = if has_zmodem { &[false, true] } else { &[false] };
        let names = |zmodem: bool| {
            RATES
                .map(|(baud, _)| format!("{}{baud}", if zmodem { "lrzsz " } else { "" }))
                .join(" | ")
        };
        println!(
            "| line | {} |",
            kinds.iter().map(|zmodem| names(*zmodem)).collect::<Vec<_>>().join(" | ")
        );
        println!("|---{}|", "|---".repeat(RATES.len() * kinds.len()));
        for (setting, (name, ..)) in SETTINGS.iter().enumerate() {
            print!("| {name} |");
            for zmodem in kinds {
                for rate in 0..RATES.len() {
                    let mut shares: Vec<f64> = done
                        .iter()
                        .filter(|(work, _)| {
                            (work.setting, work.rate, work.zmodem) == (setting, rate, *zmodem)
                        })
                        .map(|(_, share)| *share)
                        .collect();
                    shares.sort_by(f64::total_cmp);
                    match shares.get(shares.len() / 2) {
                        Some(share) if *share > 0.0 => print!(" {share:.3} |"),
                        _ => print!(" fails |"),
                    }
                }
            }
            println!();
        }
        if !has_zmodem {
            println!("\nskipped: sz and rz are not installed");
        }
        Ok(())
    }

    /// Goodput as a share of the rate; 0 where it did not get through.
    fn measure(work: Work) -> Result<f64, Box<dyn Error>> {
        let (_, faults, delay) = SETTINGS[work.setting];
        let (baud, size) = RATES[work.rate];
        let [there, back] = [2 * work.seed, 2 * work.seed + 1].map(|seed| {
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
        fs::write(here.join("f"), content(size, work.seed))?;
        let ideal = size as f64 / (baud as f64 / 10.0);
        let took = if work.zmodem {
            zmodem(&cable, &here, &served, Duration::from_secs_f64(ideal * 4.0))?
        } else {
            Some(ours(&cable, &here, &served, baud)?)
        };
        let is_same = fs::read(here.join("f"))? == fs::read(served.join("f")).unwrap_or_default();
        Ok(took.filter(|_| is_same).map_or(0.0, |took| ideal / took.as_secs_f64()))
    }

    fn ours(
        cable: &Cable,
        here: &Path,
        served: &Path,
        baud: u64,
    ) -> Result<Duration, Box<dyn Error>> {
        let [a, b] = cable.ports().map(|port| format!("serial://{}?baud={baud}", port.display()));
        let server = Server::bind(&b.parse()?, served, Options::default())?;
        let stopper = server.stopper();
        let server = thread::spawn(move || server.run());
        let mut client = Client::connect(&a.parse()?)?;
        let source = Source { local: here.join("f"), remote: "f".into() };
        let begin = Instant::now();
        let result = client.put(|| Directory::sending_file(source.clone(), ()));
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
    ) -> Result<Option<Duration>, Box<dyn Error>> {
        let spawn =
            |program: &str, arguments: &[&str], at: &Path, port: &Path| -> std::io::Result<Child> {
                let port = OpenOptions::new().read(true).write(true).open(port)?;
                Command::new(program)
                    .args(arguments)
                    .current_dir(at)
                    .stdin(port.try_clone()?)
                    .stdout(port)
                    .stderr(Stdio::null())
                    .spawn()
            };
        let [a, b] = cable.ports();
        let mut receiver = spawn("rz", &["-b", "-q", "-y"], served, b)?;
        thread::sleep(Duration::from_millis(50));
        let begin = Instant::now();
        let mut sender = spawn("sz", &["-b", "-q", "f"], here, a)?;
        let took = loop {
            if let Some(status) = sender.try_wait()? {
                break status.success().then(|| begin.elapsed());
            }
            if begin.elapsed() > limit {
                break None;
            }
            thread::sleep(Duration::from_millis(1));
        };
        for child in [&mut sender, &mut receiver] {
            if took.is_none() {
                let _ = child.kill();
            }
            child.wait()?;
        }
        Ok(took)
    }
}
