//! The servers of `tinyferry-tiny` and the second peer, written in Python from the specification alone, over TCP.

use std::fs;
use std::io::{ErrorKind as Kind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread::{self, JoinHandle};

use embedded_io::ErrorKind;
use tinyferry_kit::Random;
use tinyferry_tiny::{Receiver, Reliable, Sender, serve};

use crate::harness::{Place, content};
use crate::python_peer::python;
use crate::tiny::Flash;

const SIZES: [usize; 8] = [0, 1, 255, 256, 257, 1023, 1025, 20_000];

/// A connection that ends after a number of received bytes.
struct Port {
    stream: TcpStream,
    left: usize,
}

impl embedded_io::ErrorType for Port {
    type Error = ErrorKind;
}

impl embedded_io::Read for Port {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, ErrorKind> {
        let most = into.len().min(self.left);
        match self.stream.read(&mut into[..most]) {
            Ok(count) => {
                self.left -= count;
                Ok(count)
            }
            // The client has left without reading everything.
            Err(error) if error.kind() == Kind::ConnectionReset => Ok(0),
            Err(_) => Err(ErrorKind::Other),
        }
    }
}

impl embedded_io::Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.stream.write(bytes).map_err(|_| ErrorKind::Other)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// Serves one connection for each of `cuts`, which are the numbers of bytes after which they end, one after another.
fn start<const RESUMES: bool>(
    mut flash: Flash<RESUMES>,
    cuts: Vec<usize>,
    serve: fn(&mut Port, &mut Flash<RESUMES>),
) -> (String, JoinHandle<Flash<RESUMES>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("an address");
    let port = format!("tcp://{}", listener.local_addr().expect("an address"));
    let thread = thread::spawn(move || {
        for left in cuts {
            let (stream, _) = listener.accept().expect("a client");
            stream.set_nodelay(true).expect("an option");
            serve(&mut Port { stream, left }, &mut flash);
        }
        flash
    });
    (port, thread)
}

fn receive<const RESUMES: bool>(port: &mut Port, flash: &mut Flash<RESUMES>) {
    let mut buffer = [0; 268];
    let mut receiver: Receiver<'_, Reliable> = Receiver::new(&mut buffer, 8);
    // A client that was refused may leave before its answer is read.
    let _ = serve(&mut receiver, port, flash);
}

fn send(port: &mut Port, flash: &mut Flash<false>) {
    let mut buffer = [0; 268];
    let mut sender: Sender<'_, Reliable> = Sender::new(&mut buffer, 8);
    let _ = serve(&mut sender, port, flash);
}

/// Runs the peer; `None`: there is no Python. Whether it succeeded, and its errors.
fn run(directory: &Path, port: &str, task: &[&str]) -> Option<(bool, String)> {
    let output = python(directory, task)?.args(["-e", port]).output().expect("it starts");
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// R97.
#[test]
fn the_python_client_puts_files_of_each_size_to_a_tiny_receiver() {
    let place = Place::new();
    for size in SIZES {
        let bytes = content(size, 1);
        fs::write(place.here("file"), &bytes).expect("a file");
        let (port, board) = start(Flash::<false>::default(), vec![usize::MAX; 3], receive);
        for task in [&["ping"][..], &["put", "file", "image"], &["put", "file", "image"]] {
            let Some((is_well, said)) = run(&place.here(""), &port, task) else { return };
            assert!(is_well, "{size} {task:?}: {said}");
        }
        assert!(board.join().expect("it ends").image == bytes, "{size}");
    }
}

/// R97.
#[test]
fn the_python_client_is_told_why_a_tiny_receiver_refuses() {
    let place = Place::new();
    fs::create_dir(place.here("tree")).expect("a directory");
    fs::write(place.here("file"), content(200_001, 1)).expect("a file");
    let long = "n".repeat(250);
    let too_long = [long.as_str(); 3].join("/");
    let refusals: [(&[&str], u32); 8] = [
        (&["put", "file", "other"], 3),
        (&["put", "file", "image"], 11),
        (&["put", "file", &too_long], 9),
        (&["get", "image", "back"], 18),
        (&["get", &too_long, "back"], 18),
        (&["put", "tree", "tree"], 20),
        (&["ls", "tree"], 18),
        (&["close"], 19),
    ];
    let (port, board) = start(Flash::<false>::default(), vec![usize::MAX; refusals.len()], receive);
    for (task, reason) in refusals {
        let Some((is_well, said)) = run(&place.here(""), &port, task) else { return };
        let is_told = said.contains(&format!("(reason {reason})"));
        assert!(!is_well && is_told, "{task:?}: {said}");
    }
    assert!(board.join().expect("it ends").image.is_empty());
}

#[test]
fn the_python_client_gets_files_of_each_size_from_a_tiny_sender() {
    let place = Place::new();
    fs::write(place.here("file"), "x").expect("a file");
    for size in SIZES {
        let flash = Flash::<false> { image: content(size, 2), ..Flash::default() };
        let image = flash.image.clone();
        let (port, board) = start(flash, vec![usize::MAX; 4], send);
        let Some((is_well, said)) = run(&place.here(""), &port, &["get", "image", "back"]) else {
            return;
        };
        assert!(is_well, "{size}: {said}");
        assert!(fs::read(place.here("back")).expect("a file") == image, "{size}");
        for (task, reason) in [
            (&["get", "other", "none"][..], 3),
            (&["put", "file", "image"], 17),
            (&["mkdir", "image"], 17),
        ] {
            let told = run(&place.here(""), &port, task);
            let (is_well, said) = told.expect("there is Python");
            let reason = format!("(reason {reason})");
            assert!(!is_well && said.contains(&reason), "{task:?}: {said}");
        }
        board.join().expect("it ends");
    }
}

/// R60, R61.
#[test]
fn a_put_of_the_python_client_that_was_cut_resumes_at_a_tiny_receiver() {
    let place = Place::new();
    let bytes = content(30_000, 3);
    fs::write(place.here("file"), &bytes).expect("a file");
    let put = ["put", "file", "image"];
    for seed in 0..6 {
        let mut random = Random::new(seed);
        let cuts = [0, 1].map(|_| random.below(31_000));
        let cuts = vec![cuts[0], cuts[1], usize::MAX];
        let (port, board) = start(Flash::<true>::default(), cuts.clone(), receive);
        let results = [0; 3].map(|_| run(&place.here(""), &port, &put));
        let [Some(_), Some(_), Some((is_well, said))] = results else { return };
        assert!(is_well, "{seed}, {cuts:?}: {said}");
        let flash = board.join().expect("it ends");
        assert!(flash.image == bytes, "{seed}, {cuts:?}");
        // Both may have been enough. A frame at the cut is lost, and so is the part of a kibibyte.
        let first = cuts[0].max(cuts[1]);
        let expected = (first * 256 / 268).saturating_sub(4096) as u32;
        let is_whole = cuts[0] + cuts[1] > 30_000;
        assert!(is_whole || flash.resumed >= expected, "{seed}, {cuts:?}: at {}", flash.resumed);
    }
}
