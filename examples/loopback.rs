//! Server and client in one process, over real TCP: puts and gets a file and a tree, verifies them,
//! and prints the totals.
//!
//! `cargo run --release --example loopback`

use std::error::Error;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Instant;

use tinyferry::client::Client;
use tinyferry::server::Server;

const MEGABYTES: usize = 64;
const FILES: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    let [here, served, back] = ["here", "served", "back"].map(|name| place.path().join(name));
    for directory in [&here, &served, &back] {
        fs::create_dir(directory)?;
    }

    // A file, and a tree with a directory that is empty and names that are not plain.
    let content: Vec<u8> = (0..MEGABYTES << 20).map(|i| (i ^ (i >> 8) ^ (i >> 16)) as u8).collect();
    fs::write(here.join("file.bin"), &content)?;
    fs::create_dir_all(here.join("tree/an empty directory"))?;
    for number in 0..FILES {
        let directory = here.join(format!("tree/{}", number % 10));
        fs::create_dir_all(&directory)?;
        let content = format!("this is file {number}\n").repeat(number % 50);
        fs::write(directory.join(format!("file \"{number}\" é.txt")), content)?;
    }

    // Port 0: whichever is free.
    let server = Server::builder(&served).listen("tcp://127.0.0.1:0".parse()?);
    let server = server.allow_close(true).bind()?;
    let endpoint = server.endpoint().clone();
    println!("server at {endpoint}");
    let server = thread::spawn(move || server.run());

    let mut client = Client::connect(endpoint)?;
    println!("PIN, PON: it answers in {} µs", client.ping()?.as_micros());

    timed("SAF: put a file", content.len(), || client.put(here.join("file.bin"), "file.bin"))?;
    timed("SAR: put a tree", 0, || client.put(here.join("tree"), "tree"))?;
    timed("RAF: get the file", content.len(), || client.get("file.bin", back.join("file.bin")))?;
    timed("RAR: get the tree", 0, || client.get("tree", back.join("tree")))?;

    client.close()?;
    server.join().map_err(|_| "the server panicked")??;
    println!("CLS: the server has ended");

    let files = compare(&here, &served)?;
    compare(&here, &back)?;
    println!("verified: {files} files are the same there and back again");
    Ok(())
}

fn timed(
    what: &str,
    bytes: usize,
    work: impl FnOnce() -> Result<tinyferry::core::Outcome, tinyferry::client::Error>,
) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let outcome = work()?;
    let seconds = begin.elapsed().as_secs_f64();
    if outcome.refused > 0 {
        return Err(format!("{what}: {} entries were refused", outcome.refused).into());
    }
    match bytes {
        0 => println!("{what}: {} entries in {:.0} ms", outcome.entries, seconds * 1e3),
        _ => println!("{what}: {:.0} MB/s", bytes as f64 / seconds / 1e6),
    }
    Ok(())
}

/// Fails unless both directories have the same content; counts the files.
fn compare(a: &Path, b: &Path) -> Result<usize, Box<dyn Error>> {
    let names = |path: &Path| -> std::io::Result<Vec<_>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.push(entry?.file_name());
        }
        names.sort();
        Ok(names)
    };
    let mut files = 0;
    if names(a)? != names(b)? {
        return Err(format!("{} and {} differ", a.display(), b.display()).into());
    }
    for name in names(a)? {
        let (a, b) = (a.join(&name), b.join(&name));
        if a.is_dir() {
            files += compare(&a, &b)?;
        } else {
            if fs::read(&a)? != fs::read(&b)? {
                return Err(format!("{} and {} differ", a.display(), b.display()).into());
            }
            files += 1;
        }
    }
    Ok(files)
}
