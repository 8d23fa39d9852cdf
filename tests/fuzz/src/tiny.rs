//! A receiver and a sender of `tinyferry-tiny` against bytes of a client that the script damages and cuts.

use tinyferry_core::Config;
use tinyferry_core::wire::{Code, Signal};
use tinyferry_kit::{Frames, content};
use tinyferry_tiny::{
    Link, Lossy, Reason, Receiver, Reliable, Sender, Server, Source, Step, Store,
};

use crate::script::Script;

const SESSION: u32 = 0x1234_5678;
const SIZE: usize = 5000;

/// Storage that checks the order and the arguments of its calls.
struct Memory {
    bytes: Vec<u8>,
    is_stored: Vec<bool>,
    size: usize,
}

impl Store for Memory {
    const RESUMES: bool = true;
    const OUT_OF_ORDER: bool = true;

    fn offer(&mut self, path: &[u8], size: u32) -> Result<(), Reason> {
        assert!(!path.is_empty() && !path.ends_with(b"/") && !path.contains(&0));
        self.size = size as usize;
        if self.size > SIZE { Err(Reason::TooLarge) } else { Ok(()) }
    }

    fn store(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason> {
        let range = position as usize..position as usize + bytes.len();
        assert!(!bytes.is_empty() && range.end <= self.size);
        self.bytes[range.clone()].copy_from_slice(bytes);
        self.is_stored[range].fill(true);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Reason> {
        assert!(self.is_stored[..self.size].iter().all(|stored| *stored));
        self.is_stored.fill(false);
        Ok(())
    }

    fn prefix(&mut self, _: u32) -> u32 {
        self.is_stored.iter().take_while(|stored| **stored).count() as u32
    }

    fn discard(&mut self) {
        self.is_stored.fill(false);
    }

    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<(), Reason> {
        let range = position as usize..position as usize + into.len();
        assert!(self.is_stored[range.clone()].iter().all(|stored| *stored));
        into.copy_from_slice(&self.bytes[range]);
        Ok(())
    }
}

impl Source for Memory {
    fn open(&mut self, path: &[u8]) -> Result<Option<u32>, Reason> {
        Ok((path.len() % 2 == 0).then_some(SIZE as u32))
    }

    fn path(&self) -> &[u8] {
        b"f"
    }

    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<usize, Reason> {
        let rest = &self.bytes[position as usize..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Bytes that a client might send: whole frames, damaged ones and noise.
fn frames(script: &mut Script<'_>) -> Vec<u8> {
    let mut client = Frames::client(SESSION, Config::LOSSY);
    for _ in 0..40 {
        let [kind, number, a, b, c, noise] = script.front::<6>();
        let (number, position) = (u16::from(number % 4), u64::from(a) * 256);
        match kind % 5 {
            0 => client
                .described(Signal::offer(number, u64::from(b) * 64, u64::from(c) * 32, 0), b"f"),
            1 => client.chunk(number, position, &content(1 + usize::from(b) * 4, u64::from(c))),
            2 => client.described(Signal::request(number, false, b & 1 != 0), b"ff"),
            _ => {
                let codes = [Code::Don, Code::Pin, Code::Pon, Code::Err, Code::Saf, Code::Cls];
                let mut signal = Signal::done(number, position, b.into(), c.into());
                signal.code = codes[usize::from(kind / 5) % codes.len()];
                client.signal(signal);
            }
        }
        if noise & 7 == 7 {
            let at = client.bytes.len() - 1 - usize::from(noise) % client.bytes.len().min(30);
            client.bytes[at] ^= 1 << (noise >> 5);
        }
    }
    client.take()
}

fn run<F, S: Server<F>>(server: &mut S, files: &mut F, mut bytes: &[u8], grain: usize) {
    let mut silences = 200;
    // Each byte and each silence has a bounded number of answers.
    for _ in 0..200_000 {
        match server.poll(files) {
            Step::Broken => return,
            Step::Transmit(frame) => assert!(!frame.is_empty()),
            Step::Receive(_) if bytes.is_empty() => {
                server.silence();
                silences -= 1;
                if silences == 0 {
                    return;
                }
            }
            Step::Receive(into) => {
                assert!(!into.is_empty());
                let count = into.len().min(bytes.len()).min(grain);
                into[..count].copy_from_slice(&bytes[..count]);
                bytes = &bytes[count..];
                server.received(count);
            }
        }
    }
    panic!("it does not wait");
}

fn both<L: Link>(bytes: &[u8], length: usize, grain: usize) {
    let memory = || Memory { bytes: content(SIZE, 1), is_stored: vec![false; SIZE], size: 0 };
    let mut buffer = vec![0; length];
    run(&mut Receiver::<L>::new(&mut buffer, 4), &mut memory(), bytes, grain);
    run(&mut Sender::<L>::new(&mut buffer, 4), &mut memory(), bytes, grain);
}

/// Both ends, on both kinds of links.
pub fn tiny(data: &[u8]) {
    let mut script = Script::new(data);
    let [length, grain] = script.front::<2>();
    let (length, grain) = (268 + 4 * usize::from(length), 1 + usize::from(grain));
    let bytes = frames(&mut script);
    both::<Lossy>(&bytes, length, grain);
    both::<Reliable>(&bytes, length, grain);
    both::<Lossy>(data, length, grain);
}
