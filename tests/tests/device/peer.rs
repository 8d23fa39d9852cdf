//! The link of a device whose reads run a client, in virtual time. Output that is not flushed does not arrive.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::rc::Rc;

use super::cancel::Refusals;
use embedded_io::{ErrorKind, ErrorType, Read, Write};
use tinyferry_core::device::{Control, Device, Event};
use tinyferry_core::driver::blocking::Link;
use tinyferry_core::store::Kind;
use tinyferry_core::{Config, Failure, Millis, Outcome, Profile, Reason, Session, Store, Task};
use tinyferry_kit::{Input, Memory, Operates, Port, Progress, perform, session_number};

/// A client with its tasks, and the two lines between it and the device.
pub(super) struct Peer<P: Profile = Operates> {
    pub(super) client: Session<P>,
    /// The refusals that the store of the client was told.
    pub(super) refusals: Vec<(Reason, String)>,
    pub(super) store: Memory,
    pub(super) tasks: VecDeque<Task<'static>>,
    /// The results of the tasks, each with the message of its refusal.
    pub(super) results: Vec<(Result<Outcome, Failure>, String)>,
    /// Bytes that each read and write moves at most.
    pub(super) grain: usize,
    pub(super) output: Rc<RefCell<Output>>,
    taken: usize,
    to_device: VecDeque<u8>,
    pub(super) now: Millis,
    deadline: Option<Millis>,
    is_busy: bool,
    /// The number of endings from the device that are lost.
    pub(super) lose_answers: usize,
}

/// The output of the device.
#[derive(Default)]
pub(super) struct Output {
    pub(super) written: Vec<u8>,
    /// The number of bytes that have arrived.
    pub(super) flushed: usize,
}

impl Output {
    /// The signals that have arrived, as code and transfer.
    pub(super) fn arrived(&self) -> Vec<(String, u16)> {
        let mut rest = &self.written[..self.flushed];
        let mut found = Vec::new();
        while rest.len() >= 12 {
            if rest[0] == 0xFA {
                let length = usize::from(u16::from_le_bytes([rest[2], rest[3]]) & 0x7FF);
                rest = rest.get(12 + length..).unwrap_or_default();
                continue;
            }
            let code = String::from_utf8_lossy(&rest[..3]).into_owned();
            found.push((code, u16::from_le_bytes([rest[4], rest[5]])));
            rest = rest.get(36..).unwrap_or_default();
        }
        found
    }

    /// Whether the last signal that has arrived is this one.
    pub(super) fn ends_with(&self, code: &str, transfer: u16) -> bool {
        self.flushed == self.written.len()
            && self.arrived().last() == Some(&(code.to_owned(), transfer))
    }
}

impl Peer {
    pub(super) fn new<const N: usize>(
        config: Config,
        store: Memory,
        tasks: [Task<'static>; N],
    ) -> Self {
        Self::of(config, store, tasks)
    }
}

impl<P: Profile> Peer<P> {
    pub(super) fn of<const N: usize>(
        config: Config,
        store: Memory,
        tasks: [Task<'static>; N],
    ) -> Self {
        Self {
            refusals: Vec::new(),
            client: Session::client(session_number(5), config),
            store,
            tasks: tasks.into(),
            results: Vec::new(),
            grain: usize::MAX,
            output: Rc::default(),
            taken: 0,
            to_device: VecDeque::new(),
            now: 0,
            deadline: None,
            is_busy: false,
            lose_answers: 0,
        }
    }

    /// Whether all tasks of the client are completed.
    pub(super) fn is_done(&self) -> bool {
        !self.is_busy && self.tasks.is_empty()
    }

    /// The number of bytes that the client has sent and the device has not read.
    pub(super) fn waiting_output(&self) -> usize {
        self.to_device.len()
    }

    /// The bytes that the client has sent, as many as there is room for.
    pub(super) fn take_input(&mut self, into: &mut [u8]) -> usize {
        let count = into.len().min(self.to_device.len()).min(self.grain);
        into.iter_mut().zip(self.to_device.drain(..count)).for_each(|(to, from)| *to = from);
        count
    }

    /// Runs the client until it waits. Whether it has made a step.
    pub(super) fn run_client(&mut self) -> bool {
        if !self.is_busy {
            let Some(task) = self.tasks.pop_front() else { return false };
            self.client.begin(task).expect("it may begin");
            self.is_busy = true;
        }
        let output = self.output.borrow();
        let waiting = &output.written[self.taken..output.flushed];
        if self.lose_answers > 0
            && waiting.len() >= 36
            && (waiting.starts_with(b"DON") || waiting.starts_with(b"ERR"))
        {
            self.lose_answers -= 1;
            self.taken += 36;
        }
        let mut port = ClientPort {
            now: self.now,
            input: &output.written[self.taken..output.flushed],
            taken: 0,
            output: &mut self.to_device,
            grain: self.grain,
        };
        let progress = perform(
            &mut self.client,
            &mut Refusals(&mut self.store, &mut self.refusals),
            &mut port,
        );
        self.taken += port.taken;
        drop(output);
        match progress {
            Progress::Moved => true,
            Progress::Over(result) => {
                self.results.push((result, self.client.message().to_owned()));
                self.is_busy = false;
                true
            }
            _ => false,
        }
    }
}

struct ClientPort<'a> {
    now: Millis,
    input: &'a [u8],
    taken: usize,
    output: &'a mut VecDeque<u8>,
    grain: usize,
}

impl Port for ClientPort<'_> {
    fn now(&self) -> Option<Millis> {
        Some(self.now)
    }

    fn read(&mut self, into: &mut [u8]) -> Input {
        let count = into.len().min(self.input.len()).min(self.grain);
        into[..count].copy_from_slice(&self.input[..count]);
        self.input = &self.input[count..];
        self.taken += count;
        if count == 0 { Input::Nothing } else { Input::Bytes(count) }
    }

    fn write(&mut self, out: &[u8]) -> usize {
        let count = out.len().min(self.grain);
        self.output.extend(&out[..count]);
        count
    }
}

impl<P: Profile> ErrorType for Peer<P> {
    type Error = ErrorKind;
}

impl<P: Profile> Read for Peer<P> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        loop {
            if !self.to_device.is_empty() {
                return Ok(self.take_input(into));
            }
            if self.run_client() {
                continue;
            }
            let client = self.client.deadline().filter(|_| self.is_busy);
            match [client, self.deadline].into_iter().flatten().min() {
                // Nobody waits for anything: the client leaves.
                None => return Ok(0),
                Some(next) => self.now = self.now.max(next),
            }
            if client.is_some_and(|at| at <= self.now) {
                self.client.timed_out(Some(self.now));
            } else {
                return Err(ErrorKind::TimedOut);
            }
        }
    }
}

impl<P: Profile> Write for Peer<P> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let count = bytes.len().min(self.grain);
        self.output.borrow_mut().written.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        let mut output = self.output.borrow_mut();
        output.flushed = output.written.len();
        Ok(())
    }
}

impl<P: Profile> Link for Peer<P> {
    const HALF_DUPLEX: bool = false;

    fn now(&mut self) -> Option<Millis> {
        Some(self.now)
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, _: bool) {
        self.deadline = deadline;
    }

    fn is_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(!self.to_device.is_empty())
    }
}

/// An event, as a value of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Connected(Option<NonZeroU32>),
    Offered(String, Kind, Option<u64>, u64),
    Progress(u64),
    Stored(String, Kind, u64),
    Sent(String, u64),
    Removed(String),
    Renamed(String, String),
    Refused(String, Reason),
    Idle,
    Closed(Result<Outcome, Failure>),
}

impl Told {
    pub(super) fn of<P: Profile>(control: &Control<'_, P>, event: Event<'_, ErrorKind>) -> Self {
        match event {
            Event::Connected => Self::Connected(control.session().number()),
            Event::Offered { path, kind, size, prefix } => {
                Self::Offered(path.to_owned(), kind, size, prefix)
            }
            Event::Progress { position, .. } => Self::Progress(position),
            Event::Stored { path, kind, size } => Self::Stored(path.to_owned(), kind, size),
            Event::Sent { path, size } => Self::Sent(path.to_owned(), size),
            Event::Removed { path } => Self::Removed(path.to_owned()),
            Event::Renamed { from, path } => Self::Renamed(from.to_owned(), path.to_owned()),
            Event::Refused { path, reason } => Self::Refused(path.to_owned(), reason),
            Event::Idle => Self::Idle,
            Event::Closed(result) => {
                Self::Closed(result.as_ref().copied().map_err(|error| match error {
                    tinyferry_core::device::Error::Session(failure) => *failure,
                    error => panic!("the stream has failed: {error:?}"),
                }))
            }
            event => panic!("no test knows {event:?}"),
        }
    }
}

/// Serves until the client has left. Returns the events but for the progress.
pub(super) fn serve<S: Store>(peer: &mut Peer, store: &mut S, config: Config) -> Vec<Told> {
    let mut device: Device<Operates> = Device::new(config);
    let mut told = Vec::new();
    let _ = device.serve(peer, store, |control, event| told.push(Told::of(control, event)));
    told.retain(|event| !matches!(event, Told::Progress(_)));
    told
}
