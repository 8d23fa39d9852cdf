//! Goodput on lossy lines as a share of the line rate, simulated byte by byte in virtual time.
//!
//! `cargo run --release -p tinyferry-tests --example goodput -- [SEEDS] [--json FILE]`

use tinyferry_core::{Config, Task};
use tinyferry_kit::{Faults, Memory, Pair, content};

/// One line of the table.
struct Setting {
    name: &'static str,
    faults: Faults,
    /// One way, in milliseconds.
    delay: u64,
    size: usize,
    goal: f64,
}

const CLEAN: Faults = Faults { flip: 0.0, drop: 0.0, insert: 0.0, double: 0.0, burst: 0.0 };

/// Rates of the lines, in baud.
const RATES: [u64; 3] = [115_200, 921_600, 3_000_000];

fn main() -> std::io::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let seeds = arguments.first().and_then(|text| text.parse().ok()).unwrap_or(20);
    let json = arguments.iter().position(|argument| argument == "--json");
    let json = json.and_then(|at| arguments.get(at + 1));
    let mib = 1 << 20;
    let flips = |flip| Faults { flip, ..CLEAN };
    let drops = |drop| Faults { drop, ..CLEAN };
    let settings = [
        Setting { name: "clean", faults: CLEAN, delay: 0, size: mib, goal: 0.975 },
        Setting { name: "bit errors 1e-6", faults: flips(1e-6), delay: 0, size: mib, goal: 0.96 },
        Setting { name: "bit errors 1e-5", faults: flips(1e-5), delay: 0, size: mib, goal: 0.90 },
        Setting { name: "bit errors 1e-4", faults: flips(1e-4), delay: 0, size: mib, goal: 0.72 },
        Setting { name: "bytes lost 1e-5", faults: drops(1e-5), delay: 0, size: mib, goal: 0.95 },
        Setting { name: "bytes lost 1e-4", faults: drops(1e-4), delay: 0, size: mib, goal: 0.89 },
        Setting {
            name: "64-byte bursts 1e-5",
            faults: Faults { burst: 1e-5, ..CLEAN },
            delay: 0,
            size: mib,
            goal: 0.95,
        },
        Setting {
            name: "bit errors 1e-5, 50 ms",
            faults: flips(1e-5),
            delay: 50,
            size: 4 * mib,
            goal: 0.86,
        },
    ];
    println!("| line | 115,200 | 921,600 | 3,000,000 | to reach at 921,600 | bytes sent |");
    println!("|---|---|---|---|---|---|");
    let mut rows = Vec::new();
    for setting in &settings {
        let [slow, middle, fast] = RATES.map(|baud| measure(setting, baud, seeds));
        println!(
            "| {} | {:.3} | {:.3} | {:.3} | {:.3} | {:.2} |",
            setting.name, slow.0, middle.0, fast.0, setting.goal, middle.1
        );
        rows.push(serde_json::json!({
            "line": setting.name,
            "115200": slow.0,
            "921600": middle.0,
            "3000000": fast.0,
            "bytes sent": middle.1,
        }));
    }
    let title = format!("Goodput as a share of the line rate, {seeds} seeds");
    let all = serde_json::json!({ "tables": [{ "title": title, "rows": rows }] });
    json.map_or(Ok(()), |path| std::fs::write(path, format!("{all:#}\n")))
}

/// Median goodput as a share of the rate, and bytes sent as a multiple of the file's.
fn measure(setting: &Setting, baud: u64, seeds: u64) -> (f64, f64) {
    let mut shares = Vec::new();
    let mut sent = 0;
    for seed in 0..seeds {
        let client = Memory::with([("f", content(setting.size, seed))]);
        let mut pair = Pair::new(Config::LOSSY, client, Memory::default())
            .serial(baud, seed)
            .delayed(setting.delay);
        pair.up.faults = setting.faults;
        pair.down.faults = setting.faults;
        pair.client.store.queue_file("f");
        match pair.run(Task::Put) {
            Ok(Ok(_)) => {}
            Ok(Err(failure)) => panic!("{}, seed {seed}: {failure}", setting.name),
            Err(_) => panic!("{}, seed {seed}: it does not end", setting.name),
        }
        assert_eq!(pair.server.store.files, pair.client.store.files);
        let rate = baud as f64 / 10.0;
        shares.push(setting.size as f64 / (pair.now as f64 / 1e9) / rate);
        sent += pair.up.carried;
    }
    shares.sort_by(f64::total_cmp);
    let median = shares.get(shares.len() / 2).copied().unwrap_or(0.0);
    (median, sent as f64 / (setting.size as u64 * seeds) as f64)
}
