//! A device of the core at a TCP port, against the real program: requests that it cancels, and a reset.

use std::io::{ErrorKind as StdKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use embedded_io::{ErrorKind, ErrorType, Read, Write};
use tinyferry::core::device::{Control, Device, Event};
use tinyferry::core::driver::blocking::Link;
use tinyferry::core::{Config, Millis, Profile, Reason, Standard};
use tinyferry_kit::Memory;

use crate::harness::{Place, client, content};

const BATTERY: Reason = Reason::application(7);

/// A profile of a device, with messages.
#[derive(Debug)]
struct Board;

impl Profile for Board {
    type Checksums = <Standard as Profile>::Checksums;
    type Sha256 = <Standard as Profile>::Sha256;
    type Buffer = <Standard as Profile>::Buffer;
    const OPERATIONS: bool = true;
    const MESSAGES: bool = true;
}

/// A socket with a clock.
struct Socket {
    stream: TcpStream,
    begun: Instant,
}

impl ErrorType for Socket {
    type Error = ErrorKind;
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        self.stream.read(into).map_err(|error| match error.kind() {
            StdKind::WouldBlock | StdKind::TimedOut => ErrorKind::TimedOut,
            _ => ErrorKind::ConnectionReset,
        })
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.stream.write(bytes).map_err(|_| ErrorKind::BrokenPipe)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Link for Socket {
    const HALF_DUPLEX: bool = false;

    fn now(&mut self) -> Option<Millis> {
        Some(self.begun.elapsed().as_millis() as Millis)
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, _: bool) {
        let now = self.begun.elapsed().as_millis() as Millis;
        let wait = deadline.map(|deadline| deadline.wrapping_sub(now).clamp(1, 60_000));
        let wait = wait.map(|wait| Duration::from_millis(wait.into()));
        self.stream.set_read_timeout(wait).expect("a timeout that is not 0");
    }

    fn is_ready(&mut self) -> Result<bool, ErrorKind> {
        self.stream.set_nonblocking(true).map_err(|_| ErrorKind::Other)?;
        let is_ready = self.stream.peek(&mut [0]).is_ok();
        self.stream.set_nonblocking(false).map_err(|_| ErrorKind::Other)?;
        Ok(is_ready)
    }
}

/// Serves one connection, and returns the store.
fn serve(
    config: Config,
    mut store: Memory,
    mut on_event: impl FnMut(&mut Control<'_, Board>, Event<'_, ErrorKind>, &TcpStream) + Send + 'static,
) -> (String, JoinHandle<Memory>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    // On a busy machine the message may follow its signal late. R71: such a pause does not damage it.
    let lossy = if config.lossy { "?lossy=true&gap=500ms" } else { "" };
    let url = format!("tcp://{}{lossy}", listener.local_addr().expect("it is bound"));
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let other = stream.try_clone().expect("a second handle");
        let mut socket = Socket { stream, begun: Instant::now() };
        let mut device: Device<Board> = Device::new(config);
        let _ = device.serve(&mut socket, &mut store, |control, event| {
            on_event(control, event, &other);
        });
        store
    });
    (url, serving)
}

const CONFIGS: [Config; 2] = [Config::RELIABLE, Config::LOSSY];

/// Cancels in the middle of a file.
fn cancel(control: &mut Control<'_, Board>, event: Event<'_, ErrorKind>, _: &TcpStream) {
    if matches!(event, Event::Progress { position: 20_480.., .. }) {
        control.cancel(BATTERY, "the battery is low");
    }
}

#[test]
fn a_put_that_a_device_cancels_ends_with_its_reason_and_its_message() {
    for config in CONFIGS {
        let place = Place::new();
        std::fs::write(place.here("file"), content(3_000_000, 1)).expect("a file");
        std::fs::create_dir(place.here("tree")).expect("a directory");
        std::fs::write(place.here("tree/file"), content(3_000_000, 1)).expect("a file");
        for name in ["file", "tree"] {
            let (url, serving) = serve(config, Memory::default(), cancel);
            let said = client(&url, &place.here(""), &["put", name]);
            said.with(6, &[name, "the battery is low", "reason 32775 of the application"]);
            assert!(serving.join().expect("it ends").files.is_empty());
        }
    }
}

#[test]
fn a_get_that_a_device_cancels_ends_with_its_reason_and_its_message() {
    for config in CONFIGS {
        let place = Place::new();
        for arguments in
            [&["get", "t/file"] as &[&str], &["get", "t"], &["get", "t/file", "-o", "-"]]
        {
            let store = Memory::with([("t/file", content(3_000_000, 1))]);
            let (url, serving) = serve(config, store, cancel);
            let said = client(&url, &place.here(""), arguments);
            said.with(6, &["the battery is low", "reason 32775 of the application"]);
            serving.join().expect("it ends");
        }
    }
}

#[test]
fn a_device_that_is_reset_after_a_put_leaves_the_client_with_success() {
    for config in CONFIGS {
        let place = Place::new();
        std::fs::write(place.here("file"), content(100_000, 1)).expect("a file");
        let (url, serving) = serve(config, Memory::default(), |_, event, stream| {
            if matches!(event, Event::Stored { path: "file", .. }) {
                stream.shutdown(Shutdown::Both).expect("it is open");
            }
        });
        client(&url, &place.here(""), &["put", "file"]).well();
        assert!(serving.join().expect("it ends").files.contains_key("file"));
    }
}
