//! A connection to a board with MicroPython or CircuitPython: the server is started there before the first session, and
//! the board gets its prompt back at the end, also if a signal ends the program.

use std::io::{self, ErrorKind};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tinyferry_core::driver::blocking;
use tinyferry_core::{Config, Outcome, Session, Store};
use tracing::debug;

use super::paced::over;
#[cfg(unix)]
use super::started::to_board;
use super::{Connection, TextListener, Watch};
use crate::checksum::Desktop;
use crate::client::Error;
use crate::endpoint::{Endpoint, Port, Repl, ReplLine, Serial};
use crate::transport::repl::{Entry, Fault, Leaving, READY, Ready, Step, packed, plain};
use crate::transport::serial::SerialLink;
use crate::transport::stream::Traffic;
#[cfg(unix)]
use crate::transport::{command, stream::StreamLink};

mod line;

pub(super) use self::line::end_all;
use self::line::{Line, Shared, forget};

/// Opens the line, and starts the server on the board.
pub(super) fn open(
    repl: &Repl,
    endpoint: &Endpoint,
    rate: Option<NonZeroU64>,
) -> Result<Box<dyn Connection>, Error> {
    let failed = |error| Error::Connect(endpoint.clone(), error);
    let opened = match &repl.line {
        ReplLine::Serial(serial) => serial_line(serial, repl, rate).map_err(failed)?,
        #[cfg(unix)]
        ReplLine::Command(command) => command_line(command, repl, rate).map_err(failed)?,
        #[cfg(not(unix))]
        ReplLine::Command(_) => return Err(failed(crate::transport::only_on_unix("commands"))),
    };
    let Opened { line, connection, is_uart, chosen } = opened;
    let is_lossy = repl.lossy.unwrap_or(is_uart);
    let restarts = repl.restarts;
    let mut board = Board { connection, line, restarts, is_lossy, is_escaped: false, runs: true };
    board.start(repl).map_err(|error| match chosen {
        Some(port) => failed(io::Error::new(error.kind(), format!("{port}: {error}"))),
        None => failed(error),
    })?;
    debug!("started the server on the board at {endpoint}; lossy {is_lossy}");
    Ok(Box::new(board))
}

/// A line that is open.
struct Opened {
    line: Arc<Line>,
    connection: Box<dyn Connection>,
    /// Whether it belongs to a UART, whose board may lose bytes.
    is_uart: bool,
    /// The port, if the endpoint does not name it.
    chosen: Option<String>,
}

/// Opens a serial port.
fn serial_line(serial: &Serial, repl: &Repl, rate: Option<NonZeroU64>) -> io::Result<Opened> {
    let link = SerialLink::open(serial, Default::default())?;
    let path = link.path().escape_debug().to_string();
    debug!("opened {path} for a board");
    let is_uart = is_uart(link.path());
    let line = Line::new(link.second_handle()?, repl.restarts);
    let connection = over(Shared::new(link, &line), rate);
    let chosen = (!matches!(serial.port, Port::Path(_))).then_some(path);
    Ok(Opened { line, connection, is_uart, chosen })
}

/// Starts a command that leads to a board.
#[cfg(unix)]
fn command_line(command: &str, repl: &Repl, rate: Option<NonZeroU64>) -> io::Result<Opened> {
    let (socket, program) = command::start(command)?;
    let line = Line::new(socket.try_clone()?, repl.restarts);
    let link = StreamLink::new(socket, Default::default()).eager();
    let connection = to_board(over(Shared::new(link, &line), rate), program);
    Ok(Opened { line, connection, is_uart: false, chosen: None })
}

/// Whether the port is a UART or a converter to one, by the name that Linux and macOS give it. A port of USB itself
/// (`ttyACM0`, `cu.usbmodem101`) loses no bytes.
fn is_uart(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let begins = ["ttyUSB", "ttyS", "ttyAMA", "cu.usbserial", "cu.SLAB", "cu.wchusb"];
    begins.iter().any(|begin| name.starts_with(begin))
}

/// The connection to a board whose server runs.
struct Board {
    connection: Box<dyn Connection>,
    line: Arc<Line>,
    restarts: bool,
    /// Whether the line may lose bytes.
    is_lossy: bool,
    /// Whether the server cannot disable Ctrl-C.
    is_escaped: bool,
    /// Whether the line works, so that the board can get its prompt back.
    runs: bool,
}

impl Board {
    /// Starts the server: the compressed one, or the plain one if the board cannot decompress, for lack of a module or of
    /// memory.
    fn start(&mut self, repl: &Repl) -> io::Result<()> {
        let ready = self.enter_either(repl)?;
        let Ready { is_escaped } = ready.map_err(|fault| io::Error::other(fault.to_string()))?;
        self.is_escaped = is_escaped;
        self.line.set_escaped(is_escaped);
        Ok(())
    }

    fn enter_either(&mut self, repl: &Repl) -> io::Result<Result<Ready, Fault>> {
        if let Some(pieces) = packed(repl, self.is_lossy) {
            let entry = Entry::new(pieces, READY);
            let is_command = matches!(repl.line, ReplLine::Command(_));
            match self.enter(if is_command { entry.listening() } else { entry })? {
                Err(fault @ (Fault::Script(_) | Fault::NoPaste)) => {
                    debug!("the board does not take the compressed server: {fault}");
                }
                result => return Ok(result),
            }
        }
        self.enter(Entry::new(plain(repl, self.is_lossy), READY))
    }

    fn enter(&mut self, mut entry: Entry) -> io::Result<Result<Ready, Fault>> {
        loop {
            match entry.step() {
                Step::Exchange(bytes, time) => {
                    let begin = Instant::now();
                    let received = self.exchange(&bytes, time, &mut |bytes| !bytes.is_empty())?;
                    entry.received(&received, begin.elapsed());
                }
                Step::Over(result) => return Ok(result),
            }
        }
    }

    /// Ends the server.
    fn leave(&mut self) {
        self.line.set_escaped(false);
        let mut leaving = Leaving::new(self.restarts, self.is_escaped);
        loop {
            match leaving.step() {
                Step::Exchange(bytes, time) => {
                    let begin = Instant::now();
                    match self.exchange(&bytes, time, &mut |bytes| !bytes.is_empty()) {
                        Ok(received) => leaving.received(&received, begin.elapsed()),
                        Err(error) => return debug!("the line to the board has failed: {error}"),
                    }
                }
                Step::Over(true) => return debug!("the board has its prompt again"),
                Step::Over(false) => return debug!("the board does not show its prompt"),
            }
        }
    }
}

impl Connection for Board {
    fn run(
        &mut self,
        session: &mut Session<Desktop>,
        store: &mut dyn Store,
        watch: Option<&mut Watch>,
        text: &TextListener,
    ) -> Result<Outcome, blocking::Error<io::Error>> {
        let result = self.connection.run(session, store, watch, text);
        if let Err(blocking::Error::Link(_)) = result {
            self.runs = false;
        }
        result
    }

    fn exchange(
        &mut self,
        bytes: &[u8],
        time: Duration,
        is_enough: &mut dyn FnMut(&[u8]) -> bool,
    ) -> io::Result<Vec<u8>> {
        self.connection.exchange(bytes, time, is_enough).inspect_err(|error| {
            self.runs &= error.kind() == ErrorKind::Interrupted;
        })
    }

    /// Only the open port tells whether the line may lose bytes.
    fn bound(&self, config: Config) -> Config {
        let config = self.connection.bound(config).lossy(self.is_lossy);
        if self.is_lossy { config.credit(config.credit.min(Config::LOSSY.credit)) } else { config }
    }

    fn traffic(&self) -> Traffic {
        self.connection.traffic()
    }

    /// The line is closed when it is dropped, behind the end of the server.
    fn disconnect(&mut self, _leaves: bool) {}
}

impl Drop for Board {
    fn drop(&mut self) {
        if self.runs {
            self.leave();
        }
        forget(&self.line);
        self.connection.disconnect(false);
    }
}

#[cfg(test)]
mod tests {
    use super::is_uart;

    #[test]
    fn a_converter_is_a_uart_and_a_port_of_usb_is_none() {
        for path in ["/dev/ttyUSB0", "/dev/ttyS4", "/dev/ttyAMA0", "/dev/cu.usbserial-0001"] {
            assert!(is_uart(path), "{path}");
        }
        for path in ["/dev/ttyACM0", "/dev/cu.usbmodem101", "/dev/pts/3", "COM3"] {
            assert!(!is_uart(path), "{path}");
        }
    }
}
