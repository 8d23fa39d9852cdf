//! Endpoints with one client at a time: a serial port, which has no end, and this program's standard
//! streams.

use std::io;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tracing::{info, warn};

use crate::describe;
use crate::endpoint::Endpoint;
use crate::server::access::Grant;
use crate::server::connection::Host;
#[cfg(unix)]
use crate::server::connection::Peer;
use crate::server::session::Ended;
use crate::transport::listener::Line;
use crate::transport::serial::SerialLink;
#[cfg(unix)]
use crate::transport::stdio::Output;

/// How often a serial port that is gone is looked for.
const LOOKING: Duration = Duration::from_millis(500);

impl Host {
    /// Serves a serial port until the server is stopped or closed. Clients are not told apart:
    /// whoever greets begins a session, and the one before is over.
    pub(crate) fn serve_line(&self, line: Line) -> io::Result<()> {
        let Line { serial, link, shutdown } = line;
        let number = self.registry.connect(&shutdown, None, Box::new(|_| ()));
        self.registry.set_beside(number);
        let host = self.clone();
        self.spawn(number, &serial.port.clone(), move || {
            let peer = serial.port.escape_debug().to_string();
            let config = Endpoint::Serial(serial.clone()).config();
            let mut open = Some(link);
            while !host.registry.is_stopping() {
                let Some(link) = &mut open else {
                    thread::sleep(LOOKING);
                    open = SerialLink::open(&serial, Arc::clone(&shutdown)).ok();
                    if open.is_some() {
                        info!("{peer}: the serial port is back");
                    }
                    continue;
                };
                let grant = match host.grant_to_all() {
                    // Who has the line is one and the same party.
                    Ok(grant) => Grant { id: Some("line".to_owned()), ..grant },
                    Err(error) => {
                        let line = format!("{peer}: {}", describe::os_error(&error));
                        host.logs.root.write(&line, |line| warn!("{line}"));
                        thread::sleep(LOOKING);
                        continue;
                    }
                };
                match host.serve(link, &peer, config, grant) {
                    Ended::Session => link.drop_input(),
                    Ended::Link if host.registry.is_stopping() => {}
                    Ended::Link => {
                        warn!("{peer}: the serial port is gone; the server waits until it is back");
                        open = None;
                    }
                }
            }
        })?;
        self.registry.wait_for_stop();
        Ok(())
    }

    /// Serves the one client that has this program's standard streams, until it has gone.
    #[cfg(unix)]
    pub(crate) fn serve_one(&self, socket: UnixStream, output: &Output) -> io::Result<()> {
        let peer = Peer { name: "standard input".to_owned(), address: None };
        self.connected(Arc::new(socket), &peer)?;
        self.registry.wait_for_all();
        self.drain();
        // What was said last is to arrive.
        output.wait(self.options.grace);
        Ok(())
    }
}
