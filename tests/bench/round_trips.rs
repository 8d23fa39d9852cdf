//! What distance costs a tree: 1,000 small files through a proxy that delays each direction.
//!
//! `cargo run --release -p tinyferry-tests --example round-trips`
//!
//! Ends with an error if the tree takes more than eight round trips more than without the delay.

use std::collections::VecDeque;
use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::client::Client;
use tinyferry::directory::{Directory, Source};
use tinyferry::server::{Options, Server};

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
    let server = Server::bind(&"tcp://127.0.0.1:0".parse()?, &served, Options::default())?;
    let address = server.address()?;
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
        let proxy = proxy(server, delay)?;
        let remote = format!("{}-{round}", delay.as_millis());
        let source = Source { local: here.to_owned(), remote: String::new() };
        let begin = Instant::now();
        let mut client = Client::connect(&format!("tcp://{proxy}").parse()?)?;
        let outcome = client.put(&mut Directory::sending_tree(remote, vec![source], ()))?;
        times.push(begin.elapsed());
        if outcome.refused > 0 || outcome.entries as usize != FILES {
            return Err("not all files went".into());
        }
    }
    times.sort();
    Ok(times[times.len() / 2])
}

/// Takes one connection and passes it on, each byte as much later. Connecting counts as well: the
/// greeting waits for a round trip of its own.
fn proxy(server: SocketAddr, delay: Duration) -> Result<SocketAddr, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || -> std::io::Result<()> {
        let (near, _) = listener.accept()?;
        thread::sleep(delay * 2);
        let far = TcpStream::connect(server)?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let back = (far.try_clone()?, near.try_clone()?);
        pass_on(near, far, delay);
        pass_on(back.0, back.1, delay);
        Ok(())
    });
    Ok(address)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (sender, arriving) = channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if sender.send((Instant::now() + delay, buffer[..count].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        let mut held = VecDeque::new();
        while let Ok(next) = arriving.recv() {
            held.push_back(next);
            while let Some((at, bytes)) = held.pop_front() {
                thread::sleep(at.saturating_duration_since(Instant::now()));
                if to.write_all(&bytes).is_err() {
                    return;
                }
                held.extend(arriving.try_iter());
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}
