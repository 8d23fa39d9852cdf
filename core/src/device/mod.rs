//! A device: a server that reports the requests of its clients to its firmware.
//!
//! A [`Device`] is a session with a journal. It serves over a blocking link by [`Device::serve`], and with the
//! feature `async` over async streams by [`Device::serve_async`]. Both report [`Event`]s to a callback.
//!
//! ```
//! use tinyferry_core::device::{Device, Event};
//! use tinyferry_core::driver::blocking::HalfDuplex;
//! use tinyferry_core::{Config, Store};
//!
//! const CONFIG: Config = Config::LOSSY.recv_buffer::<4352>();
//!
//! // The reads of this UART end with `ErrorKind::TimedOut` after 20 ms of silence: see `HalfDuplex`.
//! fn run_board(uart: impl embedded_io::Read + embedded_io::Write, mut store: impl Store) {
//!     let mut device: Device = Device::new(CONFIG);
//!     let mut is_new = false;
//!     // On a serial line it returns only if the UART fails.
//!     let _ = device.serve(&mut HalfDuplex(uart), &mut store, |_, event| match event {
//!         Event::Stored { path: "firmware.bin", .. } => is_new = true,
//!         Event::Idle if is_new => { /* reset */ }
//!         _ => {}
//!     });
//! }
//! # struct Nothing;
//! # impl embedded_io::ErrorType for Nothing { type Error = embedded_io::ErrorKind; }
//! # impl embedded_io::Read for Nothing {
//! #     fn read(&mut self, _: &mut [u8]) -> Result<usize, embedded_io::ErrorKind> { Ok(0) }
//! # }
//! # impl embedded_io::Write for Nothing {
//! #     fn write(&mut self, bytes: &[u8]) -> Result<usize, embedded_io::ErrorKind> { Ok(bytes.len()) }
//! #     fn flush(&mut self) -> Result<(), embedded_io::ErrorKind> { Ok(()) }
//! # }
//! # run_board(Nothing, ());
//! ```
//!
//! # When an event is reported
//!
//! [`Event::Stored`], [`Event::Removed`], [`Event::Renamed`] and [`Event::Refused`] are reported after the driver has
//! flushed the answer. The `flush` of the stream must wait until the last byte is on the wire. On a reliable link a
//! reset may follow at once. A lossy link may lose the answer, and the client asks again: there the reset must wait
//! for [`Event::Idle`].
//!
//! A store gets no [`Offer::commit_id`](crate::store::Offer::commit_id), so that each commit is complete when it is
//! reported.

use crate::config::Config;
use crate::driver::blocking::{self, Link};
use crate::driver::restart;
use crate::error::Reason;
use crate::profile::{Profile, Standard};
use crate::session::Session;
use crate::store::Store;
use crate::transfer::Outcome;

#[cfg(feature = "async")]
mod async_io;
mod event;
mod journal;
mod path;
mod progress;
mod report;

pub use self::event::{Control, Event};
pub use crate::driver::Error;

use self::event::Wish;
use self::journal::Journal;
use self::report::Reporter;

/// A server with a journal of the present request. `PATH` is the size of the buffer for paths, in bytes.
///
/// [`Device::new`] is `const`. A `static` that holds a device takes as many bytes of flash as of RAM: see
/// [`Session`].
#[derive(Debug, Clone)]
pub struct Device<P: Profile = Standard, const PATH: usize = 64> {
    session: Session<P>,
    journal: Journal<PATH>,
}

impl<P: Profile, const PATH: usize> Device<P, PATH> {
    /// A device that waits for its first client.
    pub const fn new(config: Config) -> Self {
        Self { session: Session::server(config), journal: Journal::new() }
    }

    /// The session.
    pub fn session(&self) -> &Session<P> {
        &self.session
    }

    /// Ends the request under way, if there is one, when it is served next: the client gets the reason, and with
    /// [`Profile::MESSAGES`] the message, of at most 240 bytes. A reason of the application is
    /// [`Reason::application`].
    ///
    /// [`Event::Refused`] follows if an entry was open. A request that is complete but for its answer ends as it is.
    pub fn cancel(&mut self, reason: Reason, message: &'static str) {
        self.journal.wish = Some(Wish { reason, message });
    }

    /// Serves one session after another. Returns the result of the last one when the stream has ended or
    /// failed, or when a client has closed the device ([`Config::may_close`]); then it may be called again.
    ///
    /// The session is made anew after each end. That also holds after a failure, since a serial line cannot be
    /// closed. For a stream that can, as a socket, call [`blocking::drive`] once for each connection and close
    /// it.
    ///
    /// # Errors
    /// [`Error::Link`] where the stream fails, [`Failure::UnexpectedEof`](crate::Failure) where it ends
    /// during a request. After other failures it goes on; [`Event::Closed`] reports each of them.
    pub fn serve<L: Link, S: Store + ?Sized>(
        &mut self,
        link: &mut L,
        store: &mut S,
        mut on_event: impl FnMut(&mut Control<'_, P>, Event<'_, L::Error>),
    ) -> Result<Outcome, Error<L::Error>> {
        loop {
            if let Some(result) = self.serve_until(link, store, &mut on_event, false) {
                return result;
            }
        }
    }

    /// The same, but returns `None` after each request in which the store had a part, once its answer is on
    /// the wire. Call it again to serve the next one. [`Event::Idle`] of a lossy link comes in that call.
    ///
    /// # Errors
    /// Those of [`Device::serve`].
    pub fn serve_request<L: Link, S: Store + ?Sized>(
        &mut self,
        link: &mut L,
        store: &mut S,
        mut on_event: impl FnMut(&mut Control<'_, P>, Event<'_, L::Error>),
    ) -> Result<Option<Outcome>, Error<L::Error>> {
        self.serve_until(link, store, &mut on_event, true).transpose()
    }

    /// Serves until the stream is over; with `is_one` also until a request is over: then it returns `None`.
    fn serve_until<L: Link, S: Store + ?Sized>(
        &mut self,
        link: &mut L,
        store: &mut S,
        on_event: &mut impl FnMut(&mut Control<'_, P>, Event<'_, L::Error>),
        is_one: bool,
    ) -> Option<Result<Outcome, Error<L::Error>>> {
        loop {
            let mut reporter = Reporter::new(&mut self.journal, &mut *on_event, is_one);
            let result = blocking::drive_watched(&mut self.session, link, store, &mut reporter)?;
            reporter.closed(&self.session, &result);
            if !restart(&mut self.session, &result) {
                return Some(result);
            }
        }
    }
}
