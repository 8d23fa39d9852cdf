//! Our client and server beside other programs that move files, in interleaved rounds.
//!
//! `cargo build --release && cargo run --release -p tinyferry-tests --example peers`
//!
//! Every result is compared byte by byte; programs that the machine lacks are skipped by name.
//! `--full` takes the real sizes, `--dir /dev/shm` keeps the disk out of it.

#[cfg(unix)]
#[path = "peers/clients.rs"]
mod clients;
#[cfg(unix)]
#[path = "peers/distance.rs"]
mod distance;
#[cfg(unix)]
#[path = "peers/flat.rs"]
mod flat;
#[cfg(unix)]
#[path = "peers/idle.rs"]
mod idle;
#[cfg(unix)]
#[path = "peers/material.rs"]
mod material;
#[cfg(unix)]
#[path = "peers/mirror.rs"]
mod mirror;
#[cfg(unix)]
#[path = "peers/ours.rs"]
mod ours;
#[cfg(unix)]
#[path = "peers/process.rs"]
mod process;
#[cfg(unix)]
mod proxy;
#[cfg(unix)]
#[path = "peers/race.rs"]
mod race;
#[cfg(unix)]
#[path = "peers/raw.rs"]
mod raw;
#[cfg(unix)]
#[path = "peers/report.rs"]
mod report;
#[cfg(unix)]
#[path = "peers/rivals.rs"]
mod rivals;

/// The result of a step that may fail.
#[cfg(unix)]
type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;

#[cfg(unix)]
mod program {
    use std::path::PathBuf;

    use clap::{Parser, ValueEnum};

    use super::*;

    /// Our client and server beside others, in interleaved rounds.
    #[derive(Debug, Parser)]
    pub(crate) struct Args {
        /// The workloads to measure; all of them, if none is named
        #[arg(value_enum)]
        workloads: Vec<Workload>,
        /// The real sizes: this takes half an hour and 25 GiB of room
        #[arg(long)]
        pub(crate) full: bool,
        /// Size of the large file, in MiB
        #[arg(long)]
        pub(crate) mib: Option<u64>,
        /// Rounds of each comparison
        #[arg(long)]
        pub(crate) rounds: Option<usize>,
        /// Where files come and go; the system's place for temporary files, if it is not named
        #[arg(long)]
        dir: Option<PathBuf>,
        /// Our program; the one built with the same profile, if it is not named
        #[arg(long)]
        program: Option<PathBuf>,
        /// Another build of our program, measured beside it
        #[arg(long)]
        pub(crate) against: Option<PathBuf>,
        /// Only our own rows and their reference
        #[arg(long)]
        pub(crate) alone: bool,
        /// Write all tables there, as JSON
        #[arg(long)]
        json: Option<PathBuf>,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
    enum Workload {
        /// One large file
        Large,
        /// Many small files
        Small,
        /// Small files, far away
        Distance,
        /// One file, far away, on a fast line
        LongFat,
        /// Many clients at once
        Clients,
        /// Many clients that wait, and some that wake
        Idle,
        /// The cost of a file and of a byte, few or many
        Flat,
        /// Trees in which nothing or little has changed
        Mirror,
    }

    /// The settings that all workloads share.
    pub(crate) struct Bench {
        pub(crate) args: Args,
        /// Our program.
        pub(crate) program: PathBuf,
        /// For this run alone.
        pub(crate) dir: PathBuf,
    }

    impl Bench {
        /// Our program, and another build of it, with the note of its rows.
        pub(crate) fn programs(&self) -> impl Iterator<Item = (&PathBuf, &'static str)> {
            let others = self.args.against.iter().map(|program| (program, " (other)"));
            std::iter::once((&self.program, "")).chain(others)
        }

        /// The one or the other size.
        pub(crate) fn size<T>(&self, small: T, full: T) -> T {
            if self.args.full { full } else { small }
        }

        pub(crate) fn rounds(&self, small: usize, full: usize) -> usize {
            self.args.rounds.unwrap_or(self.size(small, full)).max(1)
        }

        /// A new directory.
        pub(crate) fn room(&self, name: &str) -> Done<PathBuf> {
            let room = self.dir.join(name);
            std::fs::create_dir(&room)?;
            Ok(room)
        }
    }

    pub(crate) fn run() -> Done {
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        if let [first, rest @ ..] = arguments.as_slice()
            && first == "raw"
        {
            return raw::run(rest);
        }
        let args = Args::parse();
        let program = match &args.program {
            Some(program) => program.clone(),
            None => beside().ok_or("our program is not built: say cargo build --release first")?,
        };
        allow_sockets();
        let parent = args.dir.clone().unwrap_or_else(std::env::temp_dir);
        let dir = tempfile::Builder::new().prefix("tinyferry-bench").tempdir_in(parent)?;
        let bench = Bench { program, dir: dir.path().to_owned(), args };
        let mut tables = Vec::new();
        for workload in Workload::value_variants() {
            if !bench.args.workloads.is_empty() && !bench.args.workloads.contains(workload) {
                continue;
            }
            let new = match workload {
                Workload::Large => race::large(&bench)?,
                Workload::Small => race::small(&bench)?,
                Workload::Distance => distance::distance(&bench)?,
                Workload::LongFat => distance::long_fat(&bench)?,
                Workload::Clients => clients::clients(&bench)?,
                Workload::Idle => idle::idle(&bench)?,
                Workload::Flat => flat::flat(&bench)?,
                Workload::Mirror => mirror::mirror(&bench)?,
            };
            new.iter().for_each(report::Table::print);
            tables.extend(new);
        }
        if let Some(path) = &bench.args.json {
            let tables: Vec<_> = tables.iter().map(report::Table::json).collect();
            let all = serde_json::json!({ "machine": report::machine(), "tables": tables });
            std::fs::write(path, serde_json::to_string_pretty(&all)?)?;
        }
        Ok(())
    }

    /// Our program, where cargo puts it.
    fn beside() -> Option<PathBuf> {
        let own = std::env::current_exe().ok()?;
        let program = own.parent()?.parent()?.join("tinyferry");
        program.is_file().then_some(program)
    }

    /// A thousand clients are three thousand open files in the server.
    fn allow_sockets() {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

#[cfg(unix)]
fn main() -> Done {
    program::run()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("this measures Unix systems only");
}
