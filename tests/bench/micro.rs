//! Pieces by themselves: the wire's codec, checksums, and two machines in memory.
//!
//! `cargo bench -p tinyferry-tests --bench micro`

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tinyferry::checksum::{Desktop, Fast};
use tinyferry_core::checksum::{Checksums, Sha256, Small, SoftSha256, Tables};
use tinyferry_core::error::Reason;
use tinyferry_core::store::{Accepted, Entry, Kind, Offer};
use tinyferry_core::wire::{FRAME_MAX, HEADER_LEN, Header, PAYLOAD_MAX, SIGNAL_LEN, Signal};
use tinyferry_core::{Config, Millis, Profile, Session, Standard, Store, Task};
use tinyferry_kit::{Input, Port, Progress, content, perform, session_number};

fn codec(c: &mut Criterion) {
    let signal = Signal::offer(7, 0, 1 << 30, 1 << 60);
    let mut bytes = [0; SIGNAL_LEN];
    signal.emit::<Fast>(1, &mut bytes);
    let mut group = c.benchmark_group("codec");
    group.bench_function("signal out", |b| {
        b.iter(|| black_box(&signal).emit::<Fast>(1, black_box(&mut bytes)));
    });
    group.bench_function("signal in", |b| {
        b.iter(|| Signal::parse::<Fast>(1, black_box(&bytes)));
    });
    let header = Header { transfer: 7, metadata: false, length: 1024, position: 1 << 20 };
    let mut frame = [0; FRAME_MAX];
    group.throughput(Throughput::Bytes(PAYLOAD_MAX as u64));
    group.bench_function("chunk out", |b| {
        b.iter(|| black_box(&header).emit::<Fast>(1, black_box(&mut frame)));
    });
    group.bench_function("chunk in", |b| {
        b.iter(|| {
            let (header, payload) = black_box(&frame).split_first_chunk::<HEADER_LEN>()?;
            Header::parse(header)?;
            Some(Header::verify::<Fast>(1, header, payload))
        });
    });
    group.finish();
}

fn checksums(c: &mut Criterion) {
    let bytes = content(1024, 1);
    let mut group = c.benchmark_group("1 KiB");
    group.throughput(Throughput::Bytes(1024));
    macro_rules! ways {
        ($($name:literal $way:ty),*) => {$(
            group.bench_function(concat!("CRC-32 ", $name), |b| {
                b.iter(|| <$way>::crc32(1, black_box(&bytes)));
            });
            group.bench_function(concat!("CRC-64 ", $name), |b| {
                b.iter(|| <$way>::crc64(1, black_box(&bytes)));
            });
        )*};
    }
    ways!("small" Small, "tables" Tables, "desktop" Fast);
    group.bench_function("SHA-256", |b| {
        let mut state = SoftSha256::new();
        b.iter(|| state.update(black_box(&bytes)));
    });
    group.finish();
}

/// The file is kept in memory in pieces of this size, in bytes: a piece fits in the processor's
/// caches, so that memory has the least influence on the result.
const WINDOW: usize = 64 * 1024;
const LENGTH: u64 = 16 << 20;

/// A store of one file, which repeats itself.
struct One {
    window: Vec<u8>,
    /// In bytes, of the received content.
    length: u64,
    is_given: bool,
}

impl One {
    fn new(is_given: bool) -> Self {
        Self { window: content(WINDOW, 2), length: 0, is_given }
    }

    fn place(position: u64) -> usize {
        (position % WINDOW as u64) as usize
    }
}

impl Store for One {
    fn offer(&mut self, _: &Offer<'_>) -> Result<Accepted, Reason> {
        Ok(Accepted { prefix: 0, in_order: false })
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let rest = &mut self.window[Self::place(position)..];
        let count = rest.len().min(bytes.len());
        rest[..count].copy_from_slice(&bytes[..count]);
        self.length += count as u64;
        Ok(count)
    }

    fn digest(&mut self, start: u64, position: u64, end: u64) -> Option<u64> {
        let (from, to) = (Self::place(position), Self::place(end));
        Some(if from < to {
            Fast::crc64(start, &self.window[from..to])
        } else {
            Fast::crc64(Fast::crc64(start, &self.window[from..]), &self.window[..to])
        })
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let rest = &self.window[Self::place(position)..];
        let left = usize::try_from(LENGTH - position).unwrap_or(WINDOW);
        let count = rest.len().min(into.len()).min(left);
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn commit(&mut self) -> Result<(), Reason> {
        Ok(())
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        if std::mem::replace(&mut self.is_given, true) {
            return Ok(None);
        }
        path[0] = b'f';
        Ok(Some(Entry {
            kind: Kind::File,
            path: 1,
            size: Some(LENGTH),
            modified: None,
            mode: None,
            resumable: true,
            broken: None,
            content: None,
            operation: None,
        }))
    }
}

/// One direction of a pipe.
#[derive(Default)]
struct Pipe {
    bytes: Vec<u8>,
    read: usize,
}

impl Pipe {
    fn write(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn buffered(&self) -> &[u8] {
        &self.bytes[self.read..]
    }

    fn consume(&mut self, count: usize) {
        self.read += count;
        if self.read == self.bytes.len() {
            self.bytes.clear();
            self.read = 0;
        }
    }

    fn read(&mut self, into: &mut [u8]) -> usize {
        let count = self.buffered().len().min(into.len());
        into[..count].copy_from_slice(&self.buffered()[..count]);
        self.consume(count);
        count
    }
}

/// The pipes of one end. `takes`: chunks are taken from the driver's own buffer.
struct Pipes<'a> {
    from: &'a mut Pipe,
    to: &'a mut Pipe,
    takes: bool,
}

impl Port for Pipes<'_> {
    fn now(&self) -> Option<Millis> {
        Some(0)
    }

    fn read(&mut self, into: &mut [u8]) -> Input {
        match self.from.read(into) {
            0 => Input::Nothing,
            count => Input::Bytes(count),
        }
    }

    fn write(&mut self, out: &[u8]) -> usize {
        self.to.write(out);
        out.len()
    }

    fn buffered(&mut self) -> &[u8] {
        if self.takes { self.from.buffered() } else { &[] }
    }

    fn consume(&mut self, count: usize) {
        self.from.consume(count);
    }
}

/// Runs one end until it has to wait, or has written a batch. Returns whether its task is over.
fn turn<P: Profile>(session: &mut Session<P>, store: &mut One, mut pipes: Pipes<'_>) -> bool {
    while pipes.to.bytes.len() < 1 << 16 {
        match perform(session, store, &mut pipes) {
            Progress::Moved => {}
            Progress::Over(result) => return result.is_ok(),
            _ => return false,
        }
    }
    false
}

fn machines(c: &mut Criterion) {
    let mut group = c.benchmark_group("machines, 16 MiB");
    group.throughput(Throughput::Bytes(LENGTH));
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    macro_rules! profiles {
        ($($name:literal $profile:ty, $takes:literal);*) => {$(
            group.bench_function($name, |b| b.iter_batched(
                || (One::new(false), One::new(true)),
                |(mut file, mut taken)| {
                    let mut client = Session::<$profile>::client(session_number(7), Config::RELIABLE);
                    let mut server = Session::<$profile>::server(Config::RELIABLE);
                    let (mut up, mut down) = (Pipe::default(), Pipe::default());
                    client.begin(Task::Put).expect("an idle client");
                    loop {
                        let pipes = Pipes { from: &mut down, to: &mut up, takes: false };
                        if turn(&mut client, &mut file, pipes) {
                            break;
                        }
                        let pipes = Pipes { from: &mut up, to: &mut down, takes: $takes };
                        turn(&mut server, &mut taken, pipes);
                    }
                    assert_eq!((taken.length, &taken.window), (LENGTH, &file.window));
                },
                BatchSize::PerIteration,
            ));
        )*};
    }
    profiles!(
        "put, tables" Standard, false;
        "put, desktop" Desktop, false;
        "put, desktop, from the driver's buffer" Desktop, true
    );
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = codec, checksums, machines
}
criterion_main!(benches);
