use std::fs;
use std::time::Duration;

use tinyferry_core::error::Reason;
use tinyferry_core::store::Kind;

use super::shared::MAX_REMEMBERED;
use super::*;
use crate::fs::{Direction, Event, Observer};

/// A journal, and the directory that is served.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.0.path().join("served")).unwrap();
        place
    }

    fn open(&self) -> Journal {
        Journal::open(self.0.path().join("journal"), self.0.path().join("served")).unwrap()
    }

    fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.0.path().join("served").join(name), content).unwrap();
    }

    fn entries(&self) -> usize {
        fs::read_dir(self.0.path().join("journal")).unwrap().count() - 1
    }
}

fn committing(recorder: &mut Recorder, path: &str, size: u64) {
    recorder.event(Event::Committing { path, size });
}

fn done(recorder: &mut Recorder, path: &str) {
    let (kind, size, prefix, sha256) = (Kind::File, 0, 0, None);
    recorder.event(Event::Done { path, kind, size, prefix, sha256 });
}

/// The paths of all files that wait; they count as handled.
fn handle(journal: &Journal) -> Vec<String> {
    journal.finish(Duration::ZERO);
    let mut paths = Vec::new();
    while let Some(job) = journal.take() {
        let records = fs::read_to_string(&job.entry).unwrap();
        let path = records.split('\0').find_map(|record| record.strip_prefix("TINYFERRY_PATH="));
        paths.push(path.unwrap().to_owned());
        fs::remove_file(&job.entry).unwrap();
        journal.handled(&job);
    }
    paths
}

#[test]
fn a_file_is_handed_out_once_it_is_in_place_and_not_again() {
    let place = Place::new();
    let journal = place.open();
    let mut recorder = journal.recorder("box", "client", Some("alice"));
    committing(&mut recorder, "a", 3);
    committing(&mut recorder, "b", 3);
    done(&mut recorder, "a");
    recorder.event(Event::Failed {
        path: "b",
        direction: Direction::Receiving,
        reason: Reason::Storage,
        detail: "",
        at_peer: false,
    });
    // A file that was the same, and was not committed.
    done(&mut recorder, "c");
    assert_eq!(handle(&journal), ["box/a"]);
    assert_eq!(place.entries(), 0);
    assert!(Journal::open(place.0.path().join("journal"), place.0.path()).is_err());
    drop((journal, recorder));
    assert!(handle(&place.open()).is_empty());
}

#[test]
fn after_a_kill_a_file_that_is_in_place_is_handed_out() {
    let place = Place::new();
    place.put("old", b"123");
    place.put("other", b"123");
    let journal = place.open();
    std::thread::sleep(Duration::from_millis(20));
    let mut recorder = journal.recorder("", "client", None);
    for path in ["new", "old", "other", "absent", "taken"] {
        committing(&mut recorder, path, 3);
    }
    done(&mut recorder, "taken");
    let taken = journal.take().unwrap();
    place.put("new", b"123");
    place.put("other", b"of another size");
    // Neither is dropped, as in a killed program, but for the lock.
    std::mem::forget(recorder);
    drop(taken);
    let lock = journal.0._lock.try_clone().unwrap();
    lock.unlock().unwrap();
    std::mem::forget(journal);
    assert_eq!(handle(&place.open()), ["new", "taken"]);
    assert_eq!(place.entries(), 0);
}

#[test]
fn a_commit_that_outlives_its_session_is_found() {
    let place = Place::new();
    let journal = place.open();
    let mut recorder = journal.recorder("", "client", None);
    committing(&mut recorder, "late", 4);
    drop(recorder);
    place.put("late", b"1234");
    let job = journal.take().unwrap();
    assert!(fs::read_to_string(&job.entry).unwrap().contains("TINYFERRY_SIZE=4\0"));
}

#[test]
fn more_files_wait_than_are_remembered() {
    let place = Place::new();
    let journal = place.open();
    let mut recorder = journal.recorder("", "client", None);
    let count = MAX_REMEMBERED + 100;
    for number in 0..count {
        let path = number.to_string();
        committing(&mut recorder, &path, 0);
        done(&mut recorder, &path);
    }
    assert!(journal.0.state().waiting.len() <= MAX_REMEMBERED);
    assert_eq!(handle(&journal).len(), count);
}

#[test]
fn no_file_is_handed_out_twice_while_the_directory_is_searched() {
    const FILES: usize = 3 * MAX_REMEMBERED;
    let place = Place::new();
    let journal = place.open();
    let record = |client: usize, count: usize| {
        let mut recorder = journal.recorder("", "client", None);
        for number in 0..count {
            let path = format!("{client}-{number}");
            committing(&mut recorder, &path, 0);
            done(&mut recorder, &path);
        }
    };
    // More than are remembered: the further ones are searched for.
    record(0, MAX_REMEMBERED + 1);
    let take = || {
        let mut taken = Vec::new();
        while let Some(job) = journal.take() {
            fs::remove_file(&job.entry).expect("it is handed out once");
            taken.push(job.entry.clone());
            journal.handled(&job);
        }
        taken.len()
    };
    let taken = std::thread::scope(|scope| {
        let takers = [(); 2].map(|()| scope.spawn(take));
        let recorders = [1, 2].map(|client| scope.spawn(move || record(client, FILES)));
        recorders.into_iter().for_each(|recorder| recorder.join().expect("it records"));
        journal.finish(Duration::from_secs(60));
        takers.map(|taker| taker.join().expect("it takes")).iter().sum::<usize>()
    });
    assert_eq!(taken, MAX_REMEMBERED + 1 + 2 * FILES);
    assert_eq!(place.entries(), 0);
}

#[test]
fn the_end_of_a_search_that_finds_nothing_is_waited_for_no_longer() {
    let place = Place::new();
    let journal = place.open();
    let begin = std::time::Instant::now();
    std::thread::scope(|scope| {
        let finishing = scope.spawn(|| journal.finish(Duration::from_secs(60)));
        while !journal.0.state().is_ending {
            std::thread::yield_now();
        }
        assert!(journal.take().is_none());
        finishing.join().expect("it ends");
    });
    assert!(begin.elapsed() < Duration::from_secs(30));
}
