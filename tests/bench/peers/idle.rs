//! Many idle clients of one server: the cost of each, and the delay of the active ones.

use std::net::TcpStream;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::Endpoint;
use tinyferry::client::Client;
use tinyferry::fs::{Directory, Source};

use crate::Done;
use crate::clients::idle_client;
use crate::material;
use crate::ours::{Server, make_key};
use crate::program::Bench;
use crate::race::rooms;
use crate::report::{Cell, Table, median};
use crate::rivals::Place;

/// One client in this number wakes.
const WAKING: usize = 10;
/// The size of the file that each of them puts, in KiB.
const FILE_KIB: u64 = 64;
/// Threads that connect.
const CONNECTING: usize = 8;
/// The requests of one active client, and the pause before each: longer than a server keeps a thread for it.
const PINGS: usize = 300;
const PAUSE: Duration = Duration::from_millis(15);
/// The longest wait for the server to park all clients.
const PARKING: Duration = Duration::from_secs(20);

/// The idle clients in this process: those that wake speak the whole protocol, the others only a hello.
struct Crowd {
    waking: Vec<Client>,
    others: Vec<TcpStream>,
}

pub(crate) fn idle(bench: &Bench) -> Done<Vec<Table>> {
    let count = bench.size(1_000, 10_000);
    let with_keys = bench.size(200, 10_000);
    let place = rooms(bench, "idle", "file.bin")?;
    material::file(&place.source, FILE_KIB << 10)?;
    let key = bench.dir.join("idle.key");
    make_key(&bench.program, &key)?;
    let head = [
        "idle clients",
        "s to accept",
        "KiB resident each",
        "threads of the server",
        "s for the puts of a tenth",
        "ping, ms",
        "longest ping, ms",
    ];
    let title = format!(
        "Idle clients; a tenth of them wakes at once and puts {FILE_KIB} KiB each; one active client pings beside them"
    );
    let mut table = Table::new(title, &head);
    for (name, key, count) in
        [("1", None, 1), ("", None, count), (" with keys", Some(&*key), with_keys)]
    {
        let row = measure(bench, &place, key, count)?;
        let name = if count == 1 { name.to_owned() } else { format!("{count}{name}") };
        table.row([vec![Cell::text(name)], row].concat());
        material::clear(&place.out)?;
    }
    Ok(vec![table])
}

fn measure(bench: &Bench, place: &Place, key: Option<&Path>, count: usize) -> Done<Vec<Cell>> {
    let server = Server::start_for(&bench.program, &place.out, count + 10, key)?;
    let endpoint: Endpoint = format!("tcp://127.0.0.1:{}", server.port).parse()?;
    let client = || -> Result<Client, tinyferry::client::Error> {
        let builder = Client::builder(endpoint.clone());
        let mut client = match key {
            Some(key) => builder.key_file(key).connect()?,
            None => builder.connect()?,
        };
        client.ping()?;
        Ok(client)
    };
    // The first client costs what all of them share.
    let mut active = client()?;
    let base = server.job.resident();
    let clock = Instant::now();
    let connect = &|share: usize| -> Result<Crowd, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let mut crowd = Crowd { waking: Vec::new(), others: Vec::new() };
        for number in 0..share {
            if key.is_some() || number % WAKING == 0 {
                crowd.waking.push(client().map_err(|error| text(&error))?);
            } else {
                crowd.others.push(idle_client(server.port).map_err(|error| text(&error))?);
            }
        }
        Ok(crowd)
    };
    let mut crowd = Crowd { waking: Vec::new(), others: Vec::new() };
    thread::scope(|scope| -> Done {
        let shares =
            (0..CONNECTING).map(|it| count * (it + 1) / CONNECTING - count * it / CONNECTING);
        let threads: Vec<_> = shares.map(|share| scope.spawn(move || connect(share))).collect();
        for thread in threads {
            let part = thread.join().map_err(|_| "a thread of clients failed")??;
            crowd.waking.extend(part.waking);
            crowd.others.extend(part.others);
        }
        Ok(())
    })?;
    let accepted = clock.elapsed().as_secs_f64();
    let threads = await_parked(&server);
    let each = server
        .job
        .resident()
        .zip(base)
        .map(|(now, base)| now.saturating_sub(base) as f64 / count as f64 / 1024.0);
    let pings = ping(&mut active)?;
    let puts = wake(&mut crowd.waking, place, count.div_ceil(WAKING))?;
    for other in &crowd.others {
        other.set_nonblocking(true)?;
        match other.peek(&mut [0]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            _ => return Err("an idle client was disconnected".into()),
        }
    }
    let longest = pings.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        Cell::number(Some(accepted), 2),
        Cell::number(each.filter(|_| count > 1), 1),
        Cell::count(threads),
        Cell::number(Some(puts), 2),
        Cell::number(median(pings), 2),
        Cell::number(Some(longest), 2),
    ])
}

/// Waits until the server needs few threads, and returns their number.
fn await_parked(server: &Server) -> Option<u64> {
    let end = Instant::now() + PARKING;
    loop {
        let threads = server.job.threads();
        if threads.is_none_or(|threads| threads < 10) || Instant::now() >= end {
            return threads;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The response times of a client that pauses before each request, in ms.
fn ping(client: &mut Client) -> Done<Vec<f64>> {
    (0..PINGS)
        .map(|_| {
            thread::sleep(PAUSE);
            Ok(client.ping()?.as_secs_f64() * 1e3)
        })
        .collect()
}

/// Lets this number of clients put a file each at once, and compares the files. Returns the seconds.
fn wake(clients: &mut [Client], place: &Place, count: usize) -> Done<f64> {
    let awake = &mut clients[..count];
    let barrier = Barrier::new(awake.len() + 1);
    let mut time = 0.0;
    thread::scope(|scope| -> Done {
        let mut threads = Vec::new();
        for (number, client) in awake.iter_mut().enumerate() {
            let (barrier, local) = (&barrier, place.source.clone());
            let put = move || {
                barrier.wait();
                let source = Source { local, remote: number.to_string() };
                let put = client.put_store(|| Directory::sending_file(source.clone(), ()));
                put.map(drop).map_err(|error| error.to_string())
            };
            threads.push(thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, put)?);
        }
        barrier.wait();
        let clock = Instant::now();
        for thread in threads {
            thread.join().map_err(|_| "a client failed")??;
        }
        time = clock.elapsed().as_secs_f64();
        Ok(())
    })?;
    for number in 0..count {
        material::same(&place.source, &place.out.join(number.to_string()))?;
    }
    Ok(time)
}
