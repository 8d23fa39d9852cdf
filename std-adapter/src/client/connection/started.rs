//! A connection to a command that this program starts.

use std::io::{self, ErrorKind};
use std::num::NonZeroU64;
use std::time::Duration;

use tinyferry_core::driver::blocking;
use tinyferry_core::{Config, Failure, Outcome, Session, Store};
use tracing::debug;

use super::link::link;
use super::{Banners, Connection, TextListener, Watch};
use crate::auth::{AuthError, Error as Channel, Protection};
use crate::checksum::Desktop;
use crate::client::Error;
use crate::client::timeouts::Timeouts;
use crate::endpoint::Endpoint;
use crate::transport::banner::socket::{AfterBanner, Shared};
use crate::transport::banner::{Banner, First};
use crate::transport::command;
use crate::transport::command::Program;
use crate::transport::stream::Traffic;

/// Starts the command that is the other end.
pub(super) fn start(
    command: &str,
    endpoint: &Endpoint,
    protection: &Protection,
    timeouts: Timeouts,
    rate: Option<NonZeroU64>,
    banners: Banners,
) -> Result<Box<dyn Connection>, Error> {
    let failed = |error| Error::Connect(endpoint.clone(), error);
    let (socket, mut program) = command::start(command).map_err(failed)?;
    debug!("started {endpoint}");
    let first = match protection {
        Protection::Key(_) => First::Channel,
        Protection::Local | Protection::Insecure => First::Reply,
    };
    let listener = match banners {
        Banners::For(listener) => listener,
        Banners::ArePassed => {
            let link = link(socket, endpoint, protection, timeouts, rate)?;
            return Ok(Box::new(Started { link, program, banner: None }));
        }
    };
    let banner = Shared::new(Banner::new(first, listener));
    let socket = AfterBanner::new(socket, banner.clone());
    let link = link(socket, endpoint, protection, timeouts, rate).map_err(|error| {
        banner.lock().end();
        match error {
            _ if banner.lock().is_endless() => {
                Error::Session(Failure::NotTinyferry, banner.lock().begin())
            }
            // If the command has ended, that is the cause.
            Error::Secure(_, AuthError::Socket(_) | AuthError::Channel(Channel::Truncated)) => {
                ended(&mut program, Some(&banner)).map_or(error, failed)
            }
            error => error,
        }
    })?;
    Ok(Box::new(Started { link, program, banner: Some(banner) }))
}

/// The connection to a board over `link`, to which the started command `program` leads.
pub(super) fn to_board(link: Box<dyn Connection>, program: Program) -> Box<dyn Connection> {
    Box::new(Started { link, program, banner: None })
}

/// A command that was started to be the other end.
struct Started {
    link: Box<dyn Connection>,
    program: Program,
    /// The text before the first frame; none where that is input.
    banner: Option<Shared>,
}

impl Connection for Started {
    fn run(
        &mut self,
        session: &mut Session<Desktop>,
        store: &mut dyn Store,
        watch: Option<&mut Watch>,
        text: &TextListener,
    ) -> Result<Outcome, blocking::Error<io::Error>> {
        let result = self.link.run(session, store, watch, text);
        let is_gone = matches!(
            result,
            Err(blocking::Error::Link(_) | blocking::Error::Session(Failure::UnexpectedEof))
        );
        if result.is_ok() {
            self.program.set_established();
        } else {
            // A prompt has no line end.
            self.banner.iter().for_each(|banner| banner.lock().end());
        }
        if self.banner.as_ref().is_some_and(|banner| banner.lock().is_endless()) {
            return Err(blocking::Error::Session(Failure::NotTinyferry));
        }
        let ended = if is_gone { ended(&mut self.program, self.banner.as_ref()) } else { None };
        match ended {
            Some(error) => Err(blocking::Error::Link(error)),
            None => result,
        }
    }

    fn exchange(
        &mut self,
        bytes: &[u8],
        time: Duration,
        is_enough: &mut dyn FnMut(&[u8]) -> bool,
    ) -> io::Result<Vec<u8>> {
        self.link.exchange(bytes, time, is_enough).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error,
            _ => ended(&mut self.program, self.banner.as_ref()).unwrap_or(error),
        })
    }

    fn bound(&self, config: Config) -> Config {
        self.link.bound(config)
    }

    fn traffic(&self) -> Traffic {
        self.link.traffic()
    }

    fn banner(&self) -> String {
        self.banner.as_ref().map(|banner| banner.lock().begin()).unwrap_or_default()
    }

    fn may_be_terminal(&self) -> bool {
        true
    }

    /// The command is waited for when it is dropped.
    fn disconnect(&mut self, leaves: bool) {
        self.link.disconnect(leaves);
    }
}

/// The error that a command has ended, if so; with its text, unless a listener received that.
fn ended(program: &mut Program, banner: Option<&Shared>) -> Option<io::Error> {
    let ended = program.ended()?;
    Some(match banner.and_then(|banner| banner.lock().undelivered()) {
        Some(text) => io::Error::other(format!("{ended}; it printed {text}")),
        None => ended,
    })
}
