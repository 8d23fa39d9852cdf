//! Frames of one end of a session, written by hand: for tests in which that end sends frames that no
//! session would send.

use tinyferry_core::Config;
use tinyferry_core::checksum::Tables;
use tinyferry_core::wire::{
    Code, FEATURE_HOLES, FRAME_MAX, HEADER_LEN, HOLE_LEN, Header, Hello, Hole, SIGNAL_LEN, Seeds,
    Signal, VERSION,
};

/// Frames of one end, one after another.
#[derive(Debug, Clone)]
pub struct Frames {
    /// The frames so far.
    pub bytes: Vec<u8>,
    session: u32,
    seed: u32,
    ends: Vec<usize>,
    /// Features of the hello besides those of the configuration.
    features: u16,
}

impl Frames {
    /// Those of a client in session `number`, which begin with its hello: the parameters of `config`.
    pub fn client(number: u32, config: Config) -> Self {
        let mut frames = Self::of(number, Seeds::client(number).sending);
        frames.hello(Code::Pin, config);
        frames
    }

    /// Those of a server, which begin with its hello.
    pub fn server(number: u32, config: Config) -> Self {
        let mut frames = Self::of(number, Seeds::server(number).sending);
        frames.hello(Code::Pon, config);
        frames
    }

    /// The frames of a client whose hello has the feature of holes.
    pub fn sparse_client(number: u32, config: Config) -> Self {
        let mut frames = Self::of(number, Seeds::client(number).sending);
        frames.features = FEATURE_HOLES;
        frames.hello(Code::Pin, config);
        frames
    }

    fn of(session: u32, seed: u32) -> Self {
        Self { bytes: Vec::new(), session, seed, ends: Vec::new(), features: 0 }
    }

    /// A hello.
    pub fn hello(&mut self, code: Code, config: Config) {
        let hello = Hello {
            session: self.session,
            version: VERSION,
            lossy: config.lossy,
            half_duplex: config.half_duplex,
            features: u16::from(config.sha256) | self.features,
            chunk: config.chunk,
            block: config.block,
            credit: config.credit,
        };
        self.signal(Signal::hello(code, &hello));
    }

    /// A signal.
    pub fn signal(&mut self, signal: Signal) {
        let mut frame = [0; SIGNAL_LEN];
        signal.emit::<Tables>(self.seed, &mut frame);
        self.bytes.extend(frame);
        self.ends.push(self.bytes.len());
    }

    /// A signal and its metadata.
    pub fn described(&mut self, signal: Signal, metadata: &[u8]) {
        let length = u16::try_from(metadata.len()).unwrap_or(u16::MAX);
        self.signal(Signal { metadata: length, ..signal });
        self.emit(signal.transfer, true, 0, metadata);
    }

    /// A chunk of the file of this transfer.
    pub fn chunk(&mut self, transfer: u16, position: u64, payload: &[u8]) {
        self.emit(transfer, false, position, payload);
    }

    /// A hole of the file of this transfer.
    pub fn hole(&mut self, transfer: u16, position: u64, length: u64) {
        let mut frame = [0; FRAME_MAX];
        let hole = Hole { transfer: transfer as u8, position, length };
        hole.emit::<Tables>(self.seed, &mut frame);
        self.bytes.extend(&frame[..HOLE_LEN]);
        self.ends.push(self.bytes.len());
    }

    fn emit(&mut self, transfer: u16, metadata: bool, position: u64, payload: &[u8]) {
        if payload.is_empty() {
            return;
        }
        let mut frame = [0; FRAME_MAX];
        frame[HEADER_LEN..][..payload.len()].copy_from_slice(payload);
        let header = Header {
            transfer: transfer as u8,
            metadata,
            length: payload.len() as u16,
            position: position as u32,
        };
        header.emit::<Tables>(if transfer == 0 { 0 } else { self.seed }, &mut frame);
        self.bytes.extend(&frame[..HEADER_LEN + payload.len()]);
        self.ends.push(self.bytes.len());
    }

    /// Where the last frame begins.
    pub fn last(&self) -> usize {
        self.ends.iter().rev().nth(1).copied().unwrap_or(0)
    }

    /// The frames so far; none are left.
    pub fn take(&mut self) -> Vec<u8> {
        self.ends.clear();
        std::mem::take(&mut self.bytes)
    }
}

/// The code of each signal, and the transfer that it names.
pub fn outline(said: &[Signal]) -> Vec<(Code, u16)> {
    said.iter().map(|signal| (signal.code, signal.transfer)).collect()
}
