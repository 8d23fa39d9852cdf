//! Many clients of one server: all arrive; the cost of each; a bad one slows nobody.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::Endpoint;
use tinyferry::client::Client;
use tinyferry::core::Config;
use tinyferry::core::checksum::Tables;
use tinyferry::core::wire::{
    Code, FRAME_MAX, HEADER_LEN, Header, Hello, SIGNAL_LEN, Seeds, Signal, VERSION,
};
use tinyferry::fs::{Directory, Source};

use crate::Done;
use crate::material;
use crate::ours::Server;
use crate::program::Bench;
use crate::race::rooms;
use crate::report::{Cell, Table, median};
use crate::rivals::Place;

/// Any but 0.
const SESSION: u32 = 0x5eed_1e55;

/// The cost of this number of clients at once.
struct Crowd {
    time: f64,
    idle: Option<u64>,
    busy: Option<u64>,
    threads: Option<u64>,
}

pub(crate) fn clients(bench: &Bench) -> Done<Vec<Table>> {
    let kib = bench.size(256, 1024);
    let place = rooms(bench, "clients", "file.bin")?;
    material::file(&place.source, kib << 10)?;
    let head = [
        "clients at once",
        "s",
        "MiB/s",
        "threads per client",
        "KiB per idle client",
        "KiB per busy client, at most",
    ];
    let title =
        format!("Clients at once, each putting {kib} KiB; memory is the server's, resident");
    let mut table = Table::new(title, &head);
    for count in [1, 16, 64, 1000] {
        let server = Server::start(&bench.program, &place.out, "never")?;
        let (base, threads) = (server.job.resident(), server.job.threads());
        let crowd = crowd(&server, &place, count)?;
        material::clear(&place.out)?;
        let each = |now: Option<u64>| {
            now.zip(base).map(|(now, base)| now.saturating_sub(base) as f64 / count as f64 / 1024.0)
        };
        let more = crowd.threads.zip(threads).map(|(now, before)| now.saturating_sub(before));
        table.row(vec![
            Cell::count(Some(count)),
            Cell::number(Some(crowd.time), 3),
            Cell::number(Some(count as f64 * kib as f64 / 1024.0 / crowd.time), 0),
            Cell::number(more.map(|more| more as f64 / count as f64), 2),
            Cell::number(each(crowd.idle), 0),
            Cell::number(each(crowd.busy), 0),
        ]);
    }
    Ok(vec![table, beside_bad_ones(bench, &place)?])
}

/// Connects this number of clients, leaves all of them idle for a while, then lets all of them put at once.
fn crowd(server: &Server, place: &Place, count: u64) -> Done<Crowd> {
    let barrier = Barrier::new(count as usize + 1);
    let endpoint: Endpoint = format!("tcp://127.0.0.1:{}", server.port).parse()?;
    let mut crowd = Crowd { time: 0.0, idle: None, busy: None, threads: None };
    let all_went = thread::scope(|scope| -> Done<bool> {
        let mut threads = Vec::new();
        for number in 0..count {
            let (barrier, endpoint, local) = (&barrier, &endpoint, place.source.clone());
            let work = move || -> Result<(), String> {
                let client = Client::connect(endpoint.clone()).and_then(|mut client| {
                    client.ping()?;
                    Ok(client)
                });
                barrier.wait();
                barrier.wait();
                let source = Source { local, remote: number.to_string() };
                let put = client.and_then(|mut client| {
                    client.put_store(|| Directory::sending_file(source.clone(), ()))
                });
                put.map(drop).map_err(|error| error.to_string())
            };
            let thread = thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, work)?;
            threads.push(thread);
        }
        barrier.wait();
        crowd.idle = server.job.resident();
        crowd.threads = server.job.threads();
        let clock = Instant::now();
        barrier.wait();
        let mut all_went = true;
        for thread in threads {
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    eprintln!("a client failed: {error}");
                    all_went = false;
                }
                Err(_) => all_went = false,
            }
        }
        crowd.time = clock.elapsed().as_secs_f64();
        crowd.busy = server.job.peak();
        Ok(all_went)
    })?;
    if !all_went {
        return Err("not all clients arrived".into());
    }
    for number in 0..count {
        material::same(&place.source, &place.out.join(number.to_string()))?;
    }
    Ok(crowd)
}

/// Sixteen clients, alone and beside one that reads nothing and one that sends a byte a second.
fn beside_bad_ones(bench: &Bench, place: &Place) -> Done<Table> {
    const CLIENTS: u64 = 16;
    let head = ["16 clients", "ms", "ratio"];
    let title = "Beside a client that reads nothing and one that sends a byte a second";
    let mut table = Table::new(title, &head);
    let server = Server::start(&bench.program, &place.out, "never")?;
    material::file(&place.out.join("unread.bin"), 64 << 20)?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..bench.rounds(5, 9) {
        times[0].push(crowd(&server, place, CLIENTS)?.time);
        let is_over = Arc::new(AtomicBool::new(false));
        let deaf = ask(server.port, "unread.bin")?;
        let slow = thread::spawn({
            let (is_over, stream) = (Arc::clone(&is_over), idle_client(server.port)?);
            move || trickle(stream, &is_over)
        });
        // Bytes that nobody reads fill the buffers of the connection first.
        thread::sleep(Duration::from_millis(100));
        times[1].push(crowd(&server, place, CLIENTS)?.time);
        is_over.store(true, Ordering::SeqCst);
        drop(deaf);
        slow.join().map_err(|_| "the slow client failed")??;
    }
    let ratio = median(times[1].iter().zip(&times[0]).map(|(beside, alone)| alone / beside));
    let [alone, beside] = times.map(|times| median(times).map(|time| time * 1e3));
    table.row(vec![Cell::text("alone"), Cell::number(alone, 1), Cell::number(Some(1.0), 2)]);
    table.row(vec![Cell::text("beside them"), Cell::number(beside, 1), Cell::number(ratio, 2)]);
    material::clear(&place.out)?;
    Ok(table)
}

/// A connection whose hello is answered.
pub(crate) fn idle_client(port: u16) -> std::io::Result<TcpStream> {
    let Config { lossy, half_duplex, chunk, block, credit, .. } = Config::RELIABLE;
    let hello = Hello {
        session: SESSION,
        version: VERSION,
        lossy,
        half_duplex,
        features: 0,
        chunk,
        block,
        credit,
    };
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let mut bytes = [0; SIGNAL_LEN];
    Signal::hello(Code::Pin, &hello).emit::<Tables>(0, &mut bytes);
    stream.write_all(&bytes)?;
    stream.read_exact(&mut bytes)?;
    Ok(stream)
}

/// Asks for a file, to read nothing of it.
fn ask(port: u16, path: &str) -> std::io::Result<TcpStream> {
    let mut stream = idle_client(port)?;
    let seed = Seeds::client(SESSION).sending;
    let length = path.len() as u16;
    let mut signal = [0; SIGNAL_LEN];
    Signal { metadata: length, ..Signal::request(1, false, false) }
        .emit::<Tables>(seed, &mut signal);
    let mut frame = [0; FRAME_MAX];
    let end = HEADER_LEN + path.len();
    frame[HEADER_LEN..end].copy_from_slice(path.as_bytes());
    Header { transfer: 1, metadata: true, length, position: 0 }.emit::<Tables>(seed, &mut frame);
    stream.write_all(&[&signal, &frame[..end]].concat())?;
    Ok(stream)
}

/// Sends the front of a signal, a byte a second.
fn trickle(mut stream: TcpStream, is_over: &AtomicBool) -> std::io::Result<()> {
    let mut signal = [0; SIGNAL_LEN];
    let seed = Seeds::client(SESSION).sending;
    Signal { metadata: 1, ..Signal::request(1, false, false) }.emit::<Tables>(seed, &mut signal);
    for byte in signal {
        stream.write_all(&[byte])?;
        let next = Instant::now() + Duration::from_secs(1);
        while Instant::now() < next {
            if is_over.load(Ordering::SeqCst) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
    Ok(())
}
