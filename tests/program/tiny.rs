//! The real program and a server of `tinyferry-tiny`, as in a boot loader, at the two ends of a cable.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use embedded_io::ErrorKind;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tinyferry_kit::Faults;
use tinyferry_tiny::{Lossy, Reason, Receiver, Sender, Server, Source, Store, serve};

use crate::harness::{Place, client, content};
use crate::serial::{CLEAN, lay, urls};

/// A serial port whose reads time out after 20 ms, and end once the board is stopped.
struct Port {
    file: File,
    is_stopped: Arc<AtomicBool>,
}

impl embedded_io::ErrorType for Port {
    type Error = ErrorKind;
}

impl embedded_io::Read for Port {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        if self.is_stopped.load(Ordering::Relaxed) {
            return Ok(0);
        }
        let silence = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let mut files = [PollFd::new(&self.file, PollFlags::IN)];
        match poll(&mut files, Some(&silence)) {
            Ok(0) => Err(ErrorKind::TimedOut),
            Ok(_) => self.file.read(into).map_err(|_| ErrorKind::Other),
            Err(_) => Err(ErrorKind::Other),
        }
    }
}

impl embedded_io::Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.file.write(bytes).map_err(|_| ErrorKind::Other)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// Flash for one image, which keeps the partial of the next one.
#[derive(Default)]
pub(crate) struct Flash<const RESUMES: bool> {
    pub(crate) image: Vec<u8>,
    pub(crate) next: Vec<u8>,
    /// Bytes of `next` that are stored.
    pub(crate) stored: u32,
    /// Bytes that were there from before.
    pub(crate) resumed: u32,
}

impl<const RESUMES: bool> Store for Flash<RESUMES> {
    const RESUMES: bool = RESUMES;

    fn offer(&mut self, path: &[u8], size: u32) -> Result<(), Reason> {
        match path {
            b"image" if size <= 200_000 => self.next.resize(size as usize, 0xFF),
            b"image" => return Err(Reason::TooLarge),
            _ => return Err(Reason::NotFound),
        }
        Ok(())
    }

    fn store(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason> {
        self.next[position as usize..][..bytes.len()].copy_from_slice(bytes);
        self.stored = position + bytes.len() as u32;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.image = std::mem::take(&mut self.next);
        self.stored = 0;
        Ok(())
    }

    fn prefix(&mut self, limit: u32) -> u32 {
        self.resumed = self.stored.min(limit);
        self.resumed
    }

    fn discard(&mut self) {
        self.stored = 0;
    }

    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<(), Reason> {
        into.copy_from_slice(&self.next[position as usize..][..into.len()]);
        Ok(())
    }
}

impl<const RESUMES: bool> Source for Flash<RESUMES> {
    fn open(&mut self, path: &[u8]) -> Result<Option<u32>, Reason> {
        if path == b"image" { Ok(Some(self.image.len() as u32)) } else { Err(Reason::NotFound) }
    }

    fn path(&self) -> &[u8] {
        b"image"
    }

    fn load(&mut self, position: u32, into: &mut [u8]) -> Result<usize, Reason> {
        let rest = &self.image[position as usize..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// A board with this flash at a serial port.
pub(crate) struct Board<const RESUMES: bool> {
    is_stopped: Arc<AtomicBool>,
    thread: JoinHandle<Flash<RESUMES>>,
}

impl<const RESUMES: bool> Board<RESUMES> {
    /// Receives an image.
    pub(crate) fn receive(port: &Path, flash: Flash<RESUMES>) -> Self {
        Self::start(port, flash, |port, flash| {
            let mut buffer = [0; 268];
            let receiver: Receiver<'_, Lossy> = Receiver::new(&mut buffer, 8);
            run(receiver, port, flash);
        })
    }

    /// Sends its image.
    pub(crate) fn send(port: &Path, flash: Flash<RESUMES>) -> Self {
        Self::start(port, flash, |port, flash| {
            let mut buffer = [0; 268];
            let sender: Sender<'_, Lossy> = Sender::new(&mut buffer, 8);
            run(sender, port, flash);
        })
    }

    fn start(
        port: &Path,
        mut flash: Flash<RESUMES>,
        serve: fn(&mut Port, &mut Flash<RESUMES>),
    ) -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let file = OpenOptions::new().read(true).write(true).open(port).expect("a port");
        let mut port = Port { file, is_stopped: is_stopped.clone() };
        let thread = thread::spawn(move || {
            serve(&mut port, &mut flash);
            flash
        });
        Self { is_stopped, thread }
    }

    pub(crate) fn stop(self) -> Flash<RESUMES> {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.thread.join().expect("it ends")
    }
}

fn run<F>(mut server: impl Server<F>, port: &mut Port, files: &mut F) {
    serve(&mut server, port, files).expect("the port works");
}

fn loads_an_image(faults: Faults) {
    let place = Place::new();
    let here = place.here("");
    let image = content(100_000, 1);
    fs::write(place.here("image"), &image).expect("a file");
    fs::write(place.here("large"), content(300_000, 1)).expect("a file");
    let cable = lay(faults);
    let board = Board::<false>::receive(cable.ports()[1], Flash::default());
    let [_, url] = urls(&cable);
    client(&url, &here, &["ping"]).well();
    client(&url, &here, &["put", "image"]).well();
    // The requests that it refuses, by name.
    client(&url, &here, &["put", "large"]).with(6, &["large", "no file of that name"]);
    client(&url, &here, &["put", "large", "--as", "image"]).with(6, &["larger than is allowed"]);
    client(&url, &here, &["get", "image", "--into", "back"]).with(6, &["gives no files"]);
    client(&url, &here, &["close"]).with(6, &["not allowed"]);
    // And again.
    client(&url, &here, &["put", "image"]).well();
    assert!(board.stop().image == image);
}

/// R97.
#[test]
fn a_boot_loader_receives_an_image_over_a_clean_line() {
    loads_an_image(CLEAN);
}

#[test]
fn a_boot_loader_receives_an_image_over_a_line_with_bit_errors() {
    loads_an_image(Faults { flip: 1e-5, ..CLEAN });
}

#[test]
fn a_boot_loader_sends_its_image_over_a_line_with_bit_errors() {
    let place = Place::new();
    let here = place.here("");
    let image = content(60_000, 1);
    fs::write(place.here("x"), "x").expect("a file");
    let cable = lay(Faults { flip: 1e-5, ..CLEAN });
    let [_, url] = urls(&cable);
    let flash = Flash::<false> { image: image.clone(), ..Flash::default() };
    let board = Board::send(cable.ports()[1], flash);
    client(&url, &here, &["get", "image", "--into", "back"]).well();
    assert!(fs::read(place.here("back/image")).expect("it is there") == image);
    client(&url, &here, &["get", "other"]).with(6, &["no file of that name"]);
    client(&url, &here, &["put", "x"]).with(6, &["takes no files"]);
    client(&url, &here, &["ping"]).well();
    board.stop();
}

#[test]
fn a_boot_loader_that_was_reset_resumes() {
    let place = Place::new();
    let image = content(150_000, 2);
    fs::write(place.here("image"), &image).expect("a file");
    let cable = lay(CLEAN);
    let [_, url] = urls(&cable);
    // As after a reset: the flash has the beginning of the image.
    let flash =
        Flash::<true> { next: image[..102_400].to_vec(), stored: 102_400, ..Flash::default() };
    let board = Board::receive(cable.ports()[1], flash);
    client(&url, &place.here(""), &["put", "image"]).well();
    let flash = board.stop();
    assert!(flash.image == image);
    assert_eq!(flash.resumed, 102_400);
    // The beginning of another image: all of it comes again.
    let flash = Flash::<true> { next: content(102_400, 3), stored: 102_400, ..Flash::default() };
    let board = Board::receive(cable.ports()[1], flash);
    client(&url, &place.here(""), &["put", "image"]).well();
    assert!(board.stop().image == image);
}
