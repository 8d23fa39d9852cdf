//! A session, and the other end of its line in the hands of a test.

use core::num::NonZeroU32;
use std::string::{String, ToString};
use std::vec::Vec;

use super::*;
use crate::store::answer;
use crate::wire::Body;

pub(super) const NUMBER: u32 = 0x1234_5678;

pub(super) fn number() -> NonZeroU32 {
    NonZeroU32::new(NUMBER).expect("it is not 0")
}

/// A session, and the other end of its line.
pub(super) struct Line<P: Profile = Standard> {
    pub(super) session: Session<P>,
    pub(super) store: OneFile,
    pub(super) now: Millis,
    pub(super) has_clock: bool,
    /// The number of steps that read while they write.
    pub(super) exchanges: u32,
}

pub(super) fn server(config: Config) -> Line {
    Line::of(Session::server(config))
}

pub(super) fn client(config: Config, name: &str, content: &[u8]) -> Line {
    let store = OneFile { name: name.into(), content: content.into(), ..OneFile::default() };
    Line { store, ..Line::of(Session::client(number(), config)) }
}

impl<P: Profile> Line<P> {
    /// A session of any profile.
    pub(super) fn of(session: Session<P>) -> Self {
        Self { session, store: OneFile::default(), now: 1, has_clock: true, exchanges: 0 }
    }

    fn time(&self) -> Option<Millis> {
        self.has_clock.then_some(self.now)
    }

    /// The session receives these frames. Returns the frames that it sends until it waits.
    pub(super) fn receive(&mut self, frames: &[Vec<u8>]) -> Vec<String> {
        let bytes = frames.concat();
        let (mut rest, mut out) = (bytes.as_slice(), Vec::new());
        loop {
            let now = self.time();
            match self.session.poll() {
                Step::Receive(into) | Step::Exchange { into, .. } if !rest.is_empty() => {
                    let count = into.len().min(rest.len());
                    into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                    rest = rest.get(count..).unwrap_or_default();
                    self.session.received(count, now);
                }
                Step::Transmit(bytes) => {
                    out.extend_from_slice(bytes);
                    let count = bytes.len();
                    self.session.transmitted(count, now);
                }
                Step::Exchange { out: bytes, .. } => {
                    out.extend_from_slice(bytes);
                    self.exchanges += u32::from(!bytes.is_empty());
                    let count = bytes.len();
                    self.session.transmitted(count, now);
                }
                Step::Pause => self.session.transmitted(0, now),
                Step::Text(_) => self.session.text_taken(),
                Step::Storage(request) => {
                    let reply = answer(&mut self.store, request);
                    self.session.answered(reply, now);
                }
                Step::Receive(_) | Step::Over(_) => return self.sent(&out),
            }
        }
    }

    /// Nothing comes until the deadline of the session.
    pub(super) fn wait(&mut self) -> Vec<String> {
        self.now = self.session.deadline().unwrap_or(self.now);
        self.session.timed_out(self.time());
        self.receive(&[])
    }

    fn sent(&self, mut bytes: &[u8]) -> Vec<String> {
        let mut frames = Vec::new();
        let seeds = self.session.seeds();
        while let Some(header) = bytes.first_chunk::<HEADER_LEN>() {
            let length = match (Header::parse(header), bytes.first_chunk::<SIGNAL_LEN>()) {
                (Some(header), _) => {
                    let kind = if header.metadata { "metadata" } else { "chunk" };
                    frames.push(std::format!("{kind} {} +{}", header.position, header.length));
                    header.frame_len()
                }
                (None, Some(signal)) => {
                    let signal = Signal::parse::<Tables>(seeds.sending, signal);
                    frames.push(signal.map_or("damaged".to_string(), |signal| show(&signal)));
                    SIGNAL_LEN
                }
                (None, None) => break,
            };
            bytes = bytes.get(length..).unwrap_or_default();
        }
        frames
    }
}

/// A signal in short.
pub(super) fn show(signal: &Signal) -> String {
    let id = signal.transfer;
    match signal.body() {
        Body::Hello(hello) => std::format!("{:?} 0: session {:x}", signal.code, hello.session),
        Body::Query { count, .. } => std::format!("Pin {id}: count {count}"),
        Body::Ack(ack) => {
            std::format!(
                "Pon {id}: at {}, credit {}, count {}",
                ack.position,
                ack.credit,
                ack.count
            )
        }
        Body::OfferFile { size, .. } => std::format!("Saf {id}: size {size}"),
        Body::Done { size, count, .. } => std::format!("Don {id}: size {size}, count {count}"),
        Body::Error { reason, .. } => std::format!("Err {id}: reason {}", reason.code()),
        _ => std::format!("{:?} {id}", signal.code),
    }
}

/// A signal of the client, or of the server.
pub(super) fn signal(signal: Signal, seeds: Seeds) -> Vec<u8> {
    let mut bytes = [0; SIGNAL_LEN];
    signal.emit::<Tables>(seeds.sending, &mut bytes);
    bytes.into()
}

pub(super) fn from_client(it: Signal) -> Vec<u8> {
    signal(it, Seeds::client(NUMBER))
}

pub(super) fn from_server(it: Signal) -> Vec<u8> {
    signal(it, Seeds::server(NUMBER))
}

/// A chunk of the client.
pub(super) fn chunk(transfer: u8, metadata: bool, position: u32, payload: &[u8]) -> Vec<u8> {
    chunk_of(Seeds::client(NUMBER), transfer, metadata, position, payload)
}

/// A chunk of the end with these seeds.
pub(super) fn chunk_of(
    seeds: Seeds,
    transfer: u8,
    metadata: bool,
    position: u32,
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = [0; crate::wire::FRAME_MAX];
    frame.iter_mut().skip(HEADER_LEN).zip(payload).for_each(|(to, from)| *to = *from);
    let header = Header { transfer, metadata, length: payload.len() as u16, position };
    header.emit::<Tables>(seeds.sending, &mut frame);
    frame.get(..HEADER_LEN + payload.len()).unwrap_or_default().into()
}

pub(super) fn hello(config: Config) -> Hello {
    config.hello::<Standard>(NUMBER)
}

/// A server that a client has connected to.
pub(super) fn established(config: Config) -> Line {
    let mut server = server(config);
    server.receive(&[from_client(Signal::hello(Code::Pin, &hello(config)))]);
    server
}

/// A client on a lossy link that has received the file "f" and asks whether the server knows it.
pub(super) fn complete_get() -> Line {
    let mut client = client(Config::LOSSY, "f", b"");
    assert!(client.session.begin(Task::get_file("f")).is_ok());
    client.receive(&[from_server(Signal::hello(Code::Pon, &hello(Config::LOSSY)))]);
    let seeds = Seeds::server(NUMBER);
    let offer = Signal { metadata: 1, ..Signal::offer(1, 0, 5, 5) };
    let offer = [from_server(offer), chunk_of(seeds, 1, true, 0, b"f")].concat();
    let done = from_server(Signal::done(1, 5, 2, Tables::crc64(0, b"hello")));
    let sent = client.receive(&[offer, chunk_of(seeds, 1, false, 0, b"hello"), done]);
    let asked = ["Pon 1: at 0, credit 128, count 0", "Don 1: size 5, count 2"];
    assert_eq!(sent, [&asked[..], &["Pin 0: session 12345678"]].concat());
    assert!(client.store.is_committed);
    client
}

/// The offer of a file named "f".
pub(super) fn offer(id: u16, size: u64) -> Vec<u8> {
    resumable_offer(id, 0, size)
}

/// The offer of a file named "f" that can be resumed up to this position.
pub(super) fn resumable_offer(id: u16, resume: u64, size: u64) -> Vec<u8> {
    let offer = Signal { metadata: 1, ..Signal::offer(id, resume, size, 5) };
    [from_client(offer), chunk(id as u8, true, 0, b"f")].concat()
}
