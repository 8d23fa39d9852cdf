//! A connection with a limit of its bandwidth.

use std::io;
use std::num::NonZeroU64;
use std::time::Duration;

use tinyferry_core::driver::blocking;
use tinyferry_core::{Config, Outcome, Session, Store};

use super::{Connection, Direct, TextListener, Watch, watch};
use crate::checksum::Desktop;
use crate::loss::Loss;
use crate::transport::limit::{Limited, Pacer};
use crate::transport::stream::Traffic;

/// A connection with a limit of its bandwidth.
struct Paced<L> {
    link: L,
    pacer: Pacer,
}

impl<L: Direct> Connection for Paced<L> {
    fn run(
        &mut self,
        session: &mut Session<Desktop>,
        store: &mut dyn Store,
        mut watch: Option<&mut Watch>,
        text: &TextListener,
    ) -> Result<Outcome, blocking::Error<io::Error>> {
        self.link.update_clock();
        if let Some(watch) = &mut watch {
            watch.limit(self.pacer.frame());
        }
        // A command may have a terminal: only the handshake tells that its link is lossy.
        let loss = Loss::new(session.negotiated().is_some_and(|negotiated| negotiated.lossy));
        let mut link = Limited::new(&mut self.link, &mut self.pacer, loss);
        watch::run(&mut link, session, store, watch, text)
    }

    fn exchange(
        &mut self,
        bytes: &[u8],
        time: Duration,
        is_enough: &mut dyn FnMut(&[u8]) -> bool,
    ) -> io::Result<Vec<u8>> {
        self.link.exchange(bytes, time, is_enough)
    }

    fn bound(&self, config: Config) -> Config {
        self.pacer.bound::<L>(config)
    }

    fn traffic(&self) -> Traffic {
        Direct::traffic(&self.link)
    }

    fn disconnect(&mut self, leaves: bool) {
        self.link.disconnect(leaves);
    }
}

/// The connection over a link; `rate`: the limit, in bytes a second.
pub(super) fn over<L: Direct + 'static>(link: L, rate: Option<NonZeroU64>) -> Box<dyn Connection> {
    match rate {
        Some(rate) => Box::new(Paced { link, pacer: Pacer::new(rate) }),
        None => Box::new(link),
    }
}
