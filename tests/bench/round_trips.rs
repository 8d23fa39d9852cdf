//! The cost of distance for a tree: 1,000 small files through a proxy that delays each direction.
//!
//! `cargo run --release -p tinyferry-tests --example round-trips`
//!
//! Ends with an error if the tree takes more than eight round trips more than without the delay.

#[allow(dead_code, reason = "each benchmark uses a part")]
mod proxy;

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::Endpoint;
use tinyferry::client::Client;
use tinyferry::endpoint::Tcp;
use tinyferry::fs::{Directory, Source};
use tinyferry::server::Server;

use proxy::{Distance, proxy};

const FILES: usize = 1000;
const ALLOWED: f64 = 8.0;

fn main() -> Result<(), Box<dyn Error>> {
    let place = tempfile::tempdir()?;
    let here = place.path().join("here");
    let served = place.path().join("served");
    fs::create_dir(&here)?;
    fs::create_dir(&served)?;
    for number in 0..FILES {
        fs::write(here.join(number.to_string()), vec![number as u8; 500])?;
    }
    let server = Server::builder(&served).listen("tcp://127.0.0.1:0".parse()?).bind()?;
    let Endpoint::Tcp(Tcp { address, .. }) = server.endpoint() else {
        return Err("it is TCP".into());
    };
    let address = address.parse()?;
    let stopper = server.stopper();
    let server = thread::spawn(move || server.run());

    println!("| delay each way | put of {FILES} files | round trips beyond no delay |");
    println!("|---|---|---|");
    let near = median(&here, address, Duration::ZERO)?;
    println!("| 0 ms | {:.0} ms | – |", near.as_secs_f64() * 1e3);
    let mut worst = 0.0f64;
    for milliseconds in [5, 20, 100] {
        let delay = Duration::from_millis(milliseconds);
        let far = median(&here, address, delay)?;
        let trips = (far.as_secs_f64() - near.as_secs_f64()) / (2.0 * delay.as_secs_f64());
        println!("| {milliseconds} ms | {:.0} ms | {trips:.1} |", far.as_secs_f64() * 1e3);
        // At 5 ms the time without delay is most of it, and noise is counted as round trips.
        if milliseconds >= 20 {
            worst = worst.max(trips);
        }
    }
    stopper.stop();
    server.join().map_err(|_| "the server panicked")??;
    if worst > ALLOWED {
        return Err(format!("{worst:.1} round trips are more than {ALLOWED}").into());
    }
    Ok(())
}

/// The median of five puts, each to a place of its own.
fn median(here: &Path, server: SocketAddr, delay: Duration) -> Result<Duration, Box<dyn Error>> {
    let mut times = Vec::new();
    for round in 0..5 {
        let proxy = proxy(server, Distance { delay, rate: None })?;
        let remote = format!("{}-{round}", delay.as_millis());
        let sources = vec![Source { local: here.to_owned(), remote: String::new() }];
        let begin = Instant::now();
        let mut client = Client::connect(format!("tcp://{proxy}").parse()?)?;
        let outcome =
            client.put_store(|| Directory::sending_tree(remote.clone(), sources.clone(), ()))?;
        times.push(begin.elapsed());
        if outcome.refused > 0 || outcome.entries as usize != FILES {
            return Err("not all files went".into());
        }
    }
    times.sort();
    Ok(times[times.len() / 2])
}
