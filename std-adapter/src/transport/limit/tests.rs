use std::collections::VecDeque;

use embedded_io::{Read, Write};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn rate(bytes: u64) -> NonZeroU64 {
    NonZeroU64::new(bytes).expect("a rate")
}

/// The time that pieces take, where each pause is as long as it has to be.
fn time_of(bucket: &mut Bucket, mut now: Duration, pieces: &[usize]) -> Duration {
    let begin = now;
    for piece in pieces {
        now += bucket.pause(now);
        bucket.take(*piece, now);
    }
    now + bucket.pause(now) - begin
}

#[test]
fn the_pieces_of_a_second_take_a_second() {
    for (bytes, piece) in [(1024, 1024), (1 << 20, 1036), (1 << 20, 36), (1 << 30, 65_536)] {
        let mut bucket = Bucket::new(rate(bytes));
        let pieces = vec![piece; (bytes as usize).div_ceil(piece)];
        let took = time_of(&mut bucket, Duration::ZERO, &pieces).as_secs_f64();
        let sent = (pieces.len() * piece) as f64;
        assert!(
            (took - sent / bytes as f64).abs() < 1e-3,
            "{bytes} in pieces of {piece}: {took} s"
        );
    }
}

#[test]
fn a_pause_allows_a_burst_of_a_tenth_of_a_second() {
    let mut bucket = Bucket::new(rate(1_000_000));
    // There is no burst at the begin.
    assert_eq!(time_of(&mut bucket, Duration::ZERO, &[1000; 100]), SECOND / 10);
    let took = time_of(&mut bucket, 60 * SECOND, &[1000; 300]);
    assert_eq!(took, SECOND / 5, "the burst is not 100,000 bytes");
}

#[test]
fn a_piece_passes_whole_and_delays_the_next_one() {
    let mut bucket = Bucket::new(rate(1000));
    bucket.take(1500, Duration::ZERO);
    assert_eq!(bucket.pause(Duration::ZERO), SECOND * 3 / 2);
    assert_eq!(bucket.pause(SECOND), SECOND / 2);
    assert_eq!(bucket.pause(2 * SECOND), Duration::ZERO);
}

/// A link in memory that takes some bytes at once.
#[derive(Default)]
struct Port {
    takes: VecDeque<usize>,
    written: usize,
    /// The clock was updated, so there was a pause.
    pauses: usize,
}

impl embedded_io::ErrorType for Port {
    type Error = io::Error;
}

impl Read for Port {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Ok(into.len())
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.takes.pop_front().unwrap_or(usize::MAX).min(bytes.len());
        self.written += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Link for Port {
    const HALF_DUPLEX: bool = false;

    fn is_ready(&mut self) -> io::Result<bool> {
        Ok(true)
    }
}

impl Pausable for Port {
    const LOSES_UNREAD: bool = true;

    fn update_clock(&mut self) {
        self.pauses += 1;
    }
}

#[test]
fn no_pause_cuts_a_frame() {
    let mut port = Port { takes: [10, 10].into(), ..Port::default() };
    let mut pacer = Pacer::new(rate(1024));
    let mut link = Limited::new(&mut port, &mut pacer, Loss::new(true));
    link.write_all(&[0; 40]).expect("it takes all");
    assert_eq!((port.written, port.pauses), (40, 0));
    let mut link = Limited::new(&mut port, &mut pacer, Loss::new(true));
    link.write_all(&[0; 4]).expect("it takes all");
    assert_eq!(port.pauses, 1, "the next frame was too early");
}

/// Where unread input is lost, reads do not pause, and the answer to them does.
#[test]
fn the_answer_pauses_for_input_that_would_be_lost() {
    let mut port = Port::default();
    let mut pacer = Pacer::new(rate(10_240));
    let mut link = Limited::new(&mut port, &mut pacer, Loss::new(true));
    for _ in 0..3 {
        assert_eq!(link.read(&mut [0; 100]).expect("input"), 100);
    }
    let begin = Instant::now();
    link.write_all(&[0; 36]).expect("it takes all");
    assert!(begin.elapsed() > Duration::from_millis(20));
    assert_eq!(port.pauses, 1);
}

#[test]
fn the_other_end_sends_at_most_a_second_ahead() {
    let credit = |bytes, config| Pacer::new(rate(bytes)).bound::<Port>(config).credit;
    assert_eq!(credit(1, Config::LOSSY), 1);
    assert_eq!(credit(2072, Config::LOSSY), 2);
    assert_eq!(credit(1 << 40, Config::LOSSY), 3);
    assert_eq!(credit(1 << 40, Config::LOSSY.credit(1)), 1);
}

#[test]
fn a_frame_takes_longer_at_a_lower_rate() {
    let frame = |bytes| Pacer::new(rate(bytes)).frame();
    assert_eq!(frame(FRAME_MAX as u64), SECOND);
    assert_eq!(frame(1), frame(MIN_RATE.get()));
    assert!(frame(u64::MAX) < Duration::from_micros(1));
}
