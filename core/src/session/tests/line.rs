//! A session, and the other end of its line in the hands of a test.

use core::num::NonZeroU32;
use std::string::{String, ToString};
use std::vec::Vec;

use super::*;
use crate::store::answer;
use crate::wire::Body;

pub(super) const NUMBER: u32 = 0x1234_5678;

/// One file in memory, which is sent or received.
#[derive(Default)]
pub(super) struct OneFile {
    pub(super) name: String,
    pub(super) content: Vec<u8>,
    pub(super) is_given: bool,
    pub(super) is_committed: bool,
    pub(super) refuses: Option<Reason>,
}

impl Store for OneFile {
    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.name = offer.path.into();
        self.refuses.map_or(Ok(Accepted { prefix: 0, in_order: false }), Err)
    }

    fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
        let from = position as usize;
        self.content.resize(self.content.len().max(from + bytes.len()), 0);
        self.content.splice(from..from + bytes.len(), bytes.iter().copied());
        Ok(bytes.len())
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        let rest = self.content.get(position as usize..).unwrap_or_default();
        into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(into.len().min(rest.len()))
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.is_committed = true;
        Ok(())
    }

    fn open(&mut self, path: &str, _: bool) -> Result<(), Reason> {
        if path == self.name { Ok(()) } else { Err(Reason::NotFound) }
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        if core::mem::replace(&mut self.is_given, true) {
            return Ok(None);
        }
        path.iter_mut().zip(self.name.bytes()).for_each(|(to, from)| *to = from);
        let (path, size) = (self.name.len(), Some(self.content.len() as u64));
        let kind = Kind::File;
        let (modified, mode, broken) = (None, None, None);
        Ok(Some(Entry {
            kind,
            path,
            size,
            modified,
            mode,
            resumable: false,
            broken,
            operation: None,
        }))
    }
}

/// A session, and the other end of its line.
pub(super) struct Line {
    pub(super) session: Session,
    pub(super) store: OneFile,
    pub(super) now: Millis,
}

pub(super) fn server(config: Config) -> Line {
    Line { session: Session::server(config), store: OneFile::default(), now: 1 }
}

pub(super) fn client(config: Config, name: &str, content: &[u8]) -> Line {
    let store = OneFile { name: name.into(), content: content.into(), ..OneFile::default() };
    Line {
        session: Session::client(NonZeroU32::new(NUMBER).expect("it is not 0"), config),
        store,
        now: 1,
    }
}

impl Line {
    /// The session receives these frames. Returns the frames that it sends until it waits.
    pub(super) fn receive(&mut self, frames: &[Vec<u8>]) -> Vec<String> {
        let bytes = frames.concat();
        let (mut rest, mut out) = (bytes.as_slice(), Vec::new());
        loop {
            match self.session.poll() {
                Step::Receive(into) | Step::Exchange { into, .. } if !rest.is_empty() => {
                    let count = into.len().min(rest.len());
                    into.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                    rest = rest.get(count..).unwrap_or_default();
                    self.session.received(count, Some(self.now));
                }
                Step::Transmit(bytes) | Step::Exchange { out: bytes, .. } => {
                    out.extend_from_slice(bytes);
                    let count = bytes.len();
                    self.session.transmitted(count, Some(self.now));
                }
                Step::Pause => self.session.transmitted(0, Some(self.now)),
                Step::Storage(request) => {
                    let reply = answer(&mut self.store, request);
                    self.session.answered(reply, Some(self.now));
                }
                Step::Receive(_) | Step::Over(_) => return self.sent(&out),
            }
        }
    }

    /// Nothing comes until the deadline of the session.
    pub(super) fn wait(&mut self) -> Vec<String> {
        self.now = self.session.deadline().unwrap_or(self.now);
        self.session.timed_out(Some(self.now));
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
    let mut frame = [0; FRAME_MAX];
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
    assert!(client.session.begin(Task::Get { path: "f", tree: false, names_only: false }).is_ok());
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
    let offer = Signal { metadata: 1, ..Signal::offer(id, 0, size, 5) };
    [from_client(offer), chunk(id as u8, true, 0, b"f")].concat()
}
