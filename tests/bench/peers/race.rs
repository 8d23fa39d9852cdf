//! Interleaved rounds: everybody once, then everybody again, and ratios within a round only.

use std::fs;
use std::rc::Rc;

use crate::Done;
use crate::material;
use crate::ours::{self, Server};
use crate::process::{Spent, spend};
use crate::program::Bench;
use crate::report::{Cell, Table, median};
use crate::rivals::{self, Place, Rsync, Run};

/// Somebody who moves it.
struct Entrant {
    name: String,
    /// Whether a failure is one of ours.
    own: bool,
    run: Run,
    spent: Vec<Spent>,
}

/// The contenders; the first is the reference of the others.
#[derive(Default)]
struct Race {
    entrants: Vec<Entrant>,
    absent: Vec<(String, String)>,
}

impl Race {
    fn own(&mut self, name: &str, run: impl FnMut() -> Done<Spent> + 'static) {
        let run = Box::new(run);
        self.entrants.push(Entrant { name: name.to_owned(), own: true, run, spent: Vec::new() });
    }

    fn rival(&mut self, name: &str, run: Done<Run>) {
        match run {
            Ok(run) => {
                let name = name.to_owned();
                self.entrants.push(Entrant { name, own: false, run, spent: Vec::new() });
            }
            Err(error) => self.absent.push((name.to_owned(), error.to_string())),
        }
    }

    fn run(&mut self, place: &Place, rounds: usize) -> Done {
        for round in 0..rounds {
            let mut failed = Vec::new();
            // Nobody always comes after the same one.
            for turn in 0..self.entrants.len() {
                let index = (turn + round) % self.entrants.len();
                let entrant = &mut self.entrants[index];
                material::clear(&place.out)?;
                let result = (entrant.run)().and_then(|spent| {
                    material::same(&place.source, &place.target())?;
                    Ok(spent)
                });
                match result {
                    Ok(spent) => entrant.spent.push(spent),
                    Err(error) if entrant.own => {
                        return Err(format!("{}: {error}", entrant.name).into());
                    }
                    Err(error) => failed.push((entrant.name.clone(), error.to_string())),
                }
            }
            self.entrants.retain(|entrant| failed.iter().all(|(name, _)| name != &entrant.name));
            self.absent.append(&mut failed);
        }
        material::clear(&place.out)
    }

    /// `work` is how much was moved, in GiB or in millions of files.
    fn table(self, title: String, head: &[&'static str; 5], work: f64) -> Table {
        let mut table = Table::new(title, head);
        let measure: Vec<_> = self
            .entrants
            .first()
            .map(|first| first.spent.iter().map(|spent| spent.time).collect())
            .unwrap_or_default();
        for Entrant { name, spent, .. } in &self.entrants {
            let ratios: Vec<_> =
                measure.iter().zip(spent).map(|(measure, spent)| measure / spent.time).collect();
            let least = ratios.iter().copied().reduce(f64::min);
            let most = ratios.iter().copied().reduce(f64::max);
            let range = least.zip(most).map(|(least, most)| format!("{least:.2}–{most:.2}"));
            table.row(vec![
                Cell::text(name),
                Cell::number(median(ratios), 2),
                Cell::text(range.unwrap_or_default()),
                Cell::number(median(spent.iter().map(|spent| spent.time / work)), 2),
                Cell::number(median(spent.iter().filter_map(|spent| Some(spent.cpu? / work))), 2),
            ]);
        }
        self.absent.into_iter().for_each(|(name, why)| table.skip(name, why));
        table
    }

    /// Our program, and the other build of it.
    fn ours(&mut self, bench: &Bench, place: &Place, sync: &[&str]) -> Done {
        let parent = place.source.parent().ok_or("no directory")?.to_owned();
        for (program, which) in bench.programs() {
            for sync in sync {
                let server = Server::start(program, &place.out, sync)?;
                let (source, program) = (place.source.clone(), program.clone());
                self.own(&format!("put, sync {sync}{which}"), move || {
                    spend(Some(&server.job), Vec::new(), || {
                        let mut command = ours::put(&program, server.port, &source);
                        Ok(vec![crate::process::start(&mut command)?])
                    })
                });
            }
            let server = Server::start(program, &parent, "never")?;
            let (place, program) = (place.clone(), program.clone());
            self.own(&format!("get, sync never{which}"), move || {
                spend(Some(&server.job), Vec::new(), || {
                    let mut command = ours::get(&program, server.port, place.name(), &place.out);
                    Ok(vec![crate::process::start(&mut command)?])
                })
            });
        }
        Ok(())
    }

    /// The same, with a key.
    fn encrypted(&mut self, bench: &Bench, place: &Place) -> Done {
        let key = place.scratch.join("shared-key");
        ours::make_key(&bench.program, &key)?;
        for (program, which) in bench.programs() {
            let server = Server::start_with(program, &place.out, "never", Some(&key))?;
            let (source, program, key) = (place.source.clone(), program.clone(), key.clone());
            self.own(&format!("put, encrypted, sync never{which}"), move || {
                spend(Some(&server.job), Vec::new(), || {
                    let mut command = ours::put(&program, server.port, &source);
                    Ok(vec![crate::process::start(command.arg("--key").arg(&key))?])
                })
            });
        }
        Ok(())
    }

    fn rsync(&mut self, place: &Place) {
        let (push, pull) = ("rsync daemon, push", "rsync daemon, pull");
        match Rsync::start(place) {
            Ok(rsync) => {
                let rsync = Rc::new(rsync);
                let (other, to, from) = (Rc::clone(&rsync), place.clone(), place.clone());
                self.rival(push, Ok(Box::new(move || rsync.push(&to, &Ok))));
                self.rival(pull, Ok(Box::new(move || other.pull(&from))));
            }
            Err(error) => {
                self.absent.push((push.to_owned(), error.to_string()));
                self.absent.push((pull.to_owned(), error.to_string()));
            }
        }
    }
}

/// Rooms for a source, for where it goes, and for settings.
pub(crate) fn rooms(bench: &Bench, name: &str, source: &str) -> Done<Place> {
    let room = bench.room(name)?;
    let [here, out, scratch] = ["here", "out", "scratch"].map(|name| room.join(name));
    for dir in [&here, &out, &scratch] {
        fs::create_dir(dir)?;
    }
    Ok(Place { source: here.join(source), out, scratch })
}

/// One large file.
pub(crate) fn large(bench: &Bench) -> Done<Vec<Table>> {
    let mib = bench.args.mib.unwrap_or(bench.size(128, 1024));
    let place = rooms(bench, "large", "large.bin")?;
    material::file(&place.source, mib << 20)?;
    let mut race = Race::default();
    let loops = |send: &'static str, receive: &'static str| {
        let place = place.clone();
        move || rivals::raw(&place, send, receive, &Ok)
    };
    race.own("plain loop, 64 KiB", loops("send", "receive"));
    if cfg!(target_os = "linux") {
        race.own("sendfile, splice", loops("sendfile", "splice"));
    }
    race.ours(bench, &place, &["never", "end"])?;
    race.encrypted(bench, &place)?;
    if !bench.args.alone {
        race.rival("nc", rivals::nc(&place));
        race.rival("socat", rivals::socat(&place));
        race.rival("curl from nginx", rivals::web(&place));
        race.rsync(&place);
        race.rival("scp, aes128-gcm", rivals::scp(&place));
        race.rival("sz, rz (ZMODEM)", rivals::zmodem(&place));
        race.rival("cp, no network", rivals::cp(&place));
    }
    race.run(&place, bench.rounds(5, 7))?;
    let head = ["way", "ratio", "range", "s/GiB", "processor s/GiB"];
    let title = format!("One file of {mib} MiB, loopback; plain loop = 1.00, more is faster");
    let table = race.table(title, &head, mib as f64 / 1024.0);
    fs::remove_file(&place.source)?;
    Ok(vec![table])
}

/// Many small files.
pub(crate) fn small(bench: &Bench) -> Done<Vec<Table>> {
    let files = bench.size(2_000, 20_000);
    let place = rooms(bench, "small", "tree")?;
    material::tree(&place.source, files)?;
    let mut race = Race::default();
    let tree = place.clone();
    race.rival("tar, nc, tar", Ok(Box::new(move || rivals::tar(&tree, &Ok))));
    race.ours(bench, &place, &["never", "end", "each"])?;
    if !bench.args.alone {
        race.rival("cp -r, no network", rivals::cp(&place));
        race.rsync(&place);
        race.rival("scp -r, aes128-gcm", rivals::scp(&place));
    }
    race.run(&place, bench.rounds(5, 7))?;
    let head = ["way", "ratio", "range", "µs/file", "processor µs/file"];
    let title = format!("{files} files of 100 to 4,000 bytes; tar, nc, tar = 1.00, more is faster");
    let table = race.table(title, &head, files as f64 / 1e6);
    fs::remove_dir_all(&place.source)?;
    Ok(vec![table])
}
