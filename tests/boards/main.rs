//! The real program against firmware on emulated boards, over QEMU's UARTs. Correctness only: an
//! emulator says nothing about rates.
//!
//! `cargo test -p tinyferry-cli --test boards -- --ignored` builds the firmware by itself. It needs
//! `qemu-system-arm` and a compiler for the boards: `examples/firmware/board-cargo` says which.

mod boot_loader;
mod card;
mod console;
mod littlefs;
mod live;
mod log;
mod logs;
mod microbit;
mod restart;
mod secure;
mod update;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tinyferry_kit::{Cable, Faults, Line};

/// A board, and its firmware.
struct Board {
    machine: &'static str,
    target: &'static str,
    package: &'static str,
    /// One of its images, and the needs of that.
    binary: &'static str,
    features: &'static str,
}

const MICROBIT: Board = Board {
    machine: "microbit",
    target: "thumbv6m-none-eabi",
    package: "microbit",
    binary: "microbit",
    features: "",
};

/// Sends its image too.
const SENDING_MICROBIT: Board = Board { features: "send", ..MICROBIT };

const BOOT: Board = Board { binary: "boot", ..MICROBIT };

const LOG: Board = Board { binary: "log", ..MICROBIT };

const LIVE: Board = Board { binary: "live", ..MICROBIT };

const MPS2: Board = Board {
    machine: "mps2-an386",
    target: "thumbv7em-none-eabihf",
    package: "mps2",
    binary: "mps2",
    features: "",
};

/// Has flow control, and a console.
const USB: Board = Board { binary: "mps2-usb", features: "usb", ..MPS2 };

const SECURE: Board = Board { binary: "mps2-secure", features: "secure", ..MPS2 };

/// Images of one package with different features have one name: they are built one after another,
/// and each is copied before the next.
static BUILDING: Mutex<()> = Mutex::new(());

impl Board {
    /// Builds the firmware; the image, in a directory that lives as long.
    fn build(&self) -> (TempDir, PathBuf) {
        let _alone = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/firmware");
        let output = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| workspace.join("target"), |all| Path::new(&all).join("boards"));
        let built = Command::new("./board-cargo")
            .args([self.target, "build", "--locked", "--release", "-p", self.package])
            .args(["--bin", self.binary, "--features", self.features])
            .env("CARGO_TARGET_DIR", &output)
            .env("DEFMT_LOG", "debug")
            .env_remove("RUSTFLAGS")
            .current_dir(&workspace)
            .status();
        assert!(built.expect("the wrapper is there").success(), "{} is not built", self.binary);
        let place = TempDir::new().expect("a directory");
        let image = place.path().join(self.binary);
        let built = output.join(self.target).join("release").join(self.binary);
        fs::copy(built, &image).expect("it can be copied");
        (place, image)
    }

    fn start(&self, image: &Path, serial: &[&str]) -> Running {
        let child = Command::new("qemu-system-arm")
            .args(["-M", self.machine, "-display", "none", "-monitor", "none"])
            .args(serial)
            .arg("-kernel")
            .arg(image)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("qemu-system-arm is installed");
        Running(child)
    }
}

/// An emulator, which ends with its test.
struct Running(Child);

impl Running {
    /// The pseudo-terminal that it says it has.
    fn pty(&mut self) -> String {
        let stdout = self.0.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("/dev/pts/")).expect("it says its port");
        let name = line.split_whitespace().find(|word| word.starts_with("/dev/pts/"));
        name.expect("there is one").to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the program in a directory; returns its exit code and its output.
fn tinyferry(url: &str, directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let said = directory.join("said");
    let mut child = Command::new(env!("CARGO_BIN_EXE_tinyferry"))
        .args([arguments[0], "-e", url])
        .args(&arguments[1..])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(fs::File::create(&said).expect("a file"))
        .stderr(fs::File::options().append(true).open(&said).expect("a file"))
        .spawn()
        .expect("the program starts");
    (exit_code(&mut child), fs::read_to_string(&said).unwrap_or_default())
}

/// The exit code of a program; `None`: it did not end in time.
fn exit_code(child: &mut Child) -> Option<i32> {
    let end = Instant::now() + Duration::from_secs(120);
    loop {
        match child.try_wait().expect("it can be waited for") {
            Some(status) => return status.code(),
            None if Instant::now() > end => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}

#[track_caller]
fn well(url: &str, directory: &Path, arguments: &[&str]) {
    let (code, said) = tinyferry(url, directory, arguments);
    assert_eq!(code, Some(0), "{arguments:?} over {url}: {said}");
}

/// Waits until a process has read this number of bytes from files, or has ended.
fn wait_until_read(process: &mut Child, bytes: u64) {
    let path = format!("/proc/{}/io", process.id());
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let read = text.lines().find_map(|line| line.strip_prefix("rchar: ")?.parse().ok());
        let has_ended = process.try_wait().expect("it can be waited for").is_some();
        if has_ended || read.is_some_and(|read: u64| read >= bytes) {
            return;
        }
        assert!(Instant::now() < end, "the file is not sent: {text}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn over_a_pty(board: &Board, image: &Path, work: fn(&str)) {
    let mut running = board.start(image, &["-serial", "pty"]);
    let port = running.pty();
    // Only when the port is open does the emulator look, once a second, whether it is.
    let _open = serial(&port);
    thread::sleep(Duration::from_millis(1500));
    work(&format!("serial://{port}?baud=115200"));
}

/// Keeps a port open, raw.
fn serial(port: &str) -> fs::File {
    let set = Command::new("stty").args(["-F", port, "raw", "-echo"]).status();
    assert!(set.expect("stty is there").success());
    fs::File::options().read(true).write(true).open(port).expect("the port is there")
}

fn over_tcp(board: &Board, image: &Path, work: fn(&str)) {
    drop(on_a_socket(board, image, &[], work));
}

/// A free address, and the argument of an emulator whose port listens there.
fn free_address() -> (String, String) {
    // Taken and given back: the emulator cannot say which port it chose.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = port.expect("a port").to_string();
    // Without `nodelay` the first byte of a frame would be 40 ms ahead of the others: a silence in
    // which a lossy line takes a frame for damaged.
    let serial = format!("tcp:{address},server=on,wait=off,nodelay=on");
    (address, serial)
}

/// The emulator, once the work is done.
fn on_a_socket(board: &Board, image: &Path, more: &[&str], work: fn(&str)) -> Running {
    let (address, serial) = free_address();
    let running = board.start(image, &[&["-serial", &serial], more].concat());
    thread::sleep(Duration::from_millis(700));
    // A serial line behind a TCP port: the client repeats a hello that the board drops. On a busy machine the emulator
    // pauses inside frames: with the shortest gap the client takes such a frame for damaged, or for text.
    work(&format!("tcp://{address}?lossy=true&gap=500ms"));
    running
}

fn over_noise(board: &Board, image: &Path, work: fn(&str)) {
    let faults = Faults { flip: 1e-5, drop: 1e-4, insert: 1e-4, double: 1e-4, burst: 1e-5 };
    let [there, back] = [1, 2].map(|seed| {
        let mut line = Line::serial(460_800, seed);
        line.faults = faults;
        line
    });
    let cable = Cable::lay(there, back).expect("pseudo-terminals");
    let [client, server] = cable.ports().map(|port| port.display().to_string());
    let device = format!("serial,id=line,path={server}");
    let _running = board.start(image, &["-chardev", &device, "-serial", "chardev:line"]);
    thread::sleep(Duration::from_millis(700));
    work(&format!("serial://{client}?baud=460800"));
}

#[test]
#[ignore = "needs qemu-system-arm and a compiler for Cortex-M"]
fn a_cortex_m4_serves_a_card() {
    let (_place, image) = MPS2.build();
    over_tcp(&MPS2, &image, card::trees_go_there_and_back);
    over_a_pty(&MPS2, &image, card::trees_go_there_and_back);
    over_noise(&MPS2, &image, card::trees_go_there_and_back);
}

#[test]
#[ignore = "needs qemu-system-arm and a compiler for Cortex-M"]
fn a_board_prints_between_its_frames() {
    let (_place, image) = Board { features: "console,send", ..MICROBIT }.build();
    over_tcp(&MICROBIT, &image, console::images_and_text_share_a_line);
    let (_place, image) = Board { features: "console", ..MPS2 }.build();
    over_tcp(&MPS2, &image, console::a_card_and_text_share_a_line);
    over_a_pty(&MPS2, &image, console::a_card_and_text_share_a_line);
}

#[test]
#[ignore = "needs qemu-system-arm and a compiler for Cortex-M"]
fn a_usb_device_has_trees_and_a_console_on_one_line() {
    let (_place, image) = USB.build();
    over_tcp(&USB, &image, console::a_tree_and_text_share_a_line);
    over_a_pty(&USB, &image, console::a_tree_and_text_share_a_line);
}

#[test]
#[ignore = "needs qemu-system-arm and a compiler for Cortex-M"]
fn a_cortex_m4_serves_holders_of_a_key() {
    let (_place, image) = SECURE.build();
    over_tcp(&SECURE, &image, secure::holders_of_a_key_are_served);
    over_a_pty(&SECURE, &image, secure::holders_of_a_key_are_served);
    over_noise(&SECURE, &image, secure::holders_of_a_key_are_served);
}
