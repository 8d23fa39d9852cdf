//! `serve --metrics`: answers HTTP requests for the numbers of the server, one after another on one thread.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use tinyferry::describe;
use tinyferry::server::Metrics;
use tracing::{debug, info};

use crate::exit::{CliError, Exit};
use crate::json::reason_word;

/// How long one request may take, from the connection to the answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The pause after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest request that is read, in bytes.
const MAX_REQUEST: usize = 8 * 1024;

/// A socket that waits for requests.
pub(crate) struct Endpoint(TcpListener);

impl Endpoint {
    /// Listens at `HOST:PORT`, an address of this machine.
    pub(crate) fn bind(address: &str) -> Result<Self, CliError> {
        let failed = |why: &str| {
            let address = address.escape_debug();
            CliError::new(
                Exit::Local,
                format!("cannot listen for --metrics at tcp://{address}: {why}"),
            )
        };
        let listener =
            TcpListener::bind(address).map_err(|error| failed(&describe::os_error(&error)))?;
        let bound = listener.local_addr().map_err(|error| failed(&describe::os_error(&error)))?;
        if !bound.ip().is_loopback() {
            let why = "other machines could read the numbers; say tcp://127.0.0.1:PORT, and let a proxy with access \
                       control pass them on";
            return Err(failed(why));
        }
        Ok(Self(listener))
    }

    /// Answers requests until the program ends.
    pub(crate) fn serve(self, metrics: Metrics) -> io::Result<()> {
        info!("the numbers of the server are at http://{}/metrics", self.0.local_addr()?);
        let serve = move || {
            for stream in self.0.incoming() {
                if stream.is_err() {
                    // Of a shortage, as of descriptors, the next call would fail at once too.
                    thread::sleep(PAUSE);
                }
                let answered = stream.and_then(|stream| answer(stream, &metrics));
                if let Err(error) = answered {
                    debug!("a request for the numbers has failed: {}", describe::os_error(&error));
                }
            }
        };
        thread::Builder::new().name("metrics".to_owned()).spawn(serve).map(drop)
    }
}

/// Reads one request and answers it.
fn answer(mut stream: TcpStream, metrics: &Metrics) -> io::Result<()> {
    let end = Instant::now() + TIMEOUT;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || request.len() > MAX_REQUEST {
            return Err(ErrorKind::InvalidData.into());
        }
        stream.set_read_timeout(Some(left))?;
        let mut some = [0; 1024];
        match stream.read(&mut some)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            count => request.extend_from_slice(some.get(..count).unwrap_or_default()),
        }
    }
    let mut words = request.split(|byte| byte.is_ascii_whitespace());
    let (status, body) = match (words.next(), words.next()) {
        (Some(b"GET"), Some(b"/metrics")) => ("200 OK", metrics.text(reason_word)),
        (Some(b"GET"), _) => ("404 Not Found", "The numbers are at /metrics.\n".to_owned()),
        _ => ("405 Method Not Allowed", "Only GET is answered.\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}
