//! A machine with serial ports of USB devices: the program runs with a `/sys/class/tty` and a `/dev` of its
//! own, whose ports are pseudo-terminals.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{Ended, Place};

/// A USB device with a port.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usb {
    pub(crate) ids: (&'static str, &'static str),
    pub(crate) serial_number: Option<&'static str>,
    pub(crate) name: &'static str,
    /// Whether it is a converter.
    pub(crate) is_bridge: bool,
}

pub(crate) const PICO: Usb = Usb {
    ids: ("2e8a", "0005"),
    serial_number: Some("e6614c311b6b2f31"),
    name: "Board in FS mode",
    is_bridge: false,
};

pub(crate) const CP2102: Usb = Usb {
    ids: ("10c4", "ea60"),
    serial_number: Some("0001"),
    name: "CP2102 USB to UART",
    is_bridge: true,
};

pub(crate) const CH340: Usb =
    Usb { ids: ("1a86", "7523"), serial_number: None, name: "USB\u{1b}Serial", is_bridge: true };

/// Mounts both directories in a mount namespace of the program.
const SCRIPT: &str = "set -e; sys=$1; dev=$2; shift 2; \
                      mount --bind /dev/null \"$dev/null\"; mount --rbind /dev/pts \"$dev/pts\"; \
                      mount --rbind \"$dev\" /dev; mount --bind \"$sys\" /sys/class/tty; exec \"$@\"";

pub(crate) struct Machine {
    sys: PathBuf,
    dev: PathBuf,
}

impl Machine {
    /// A machine without ports; `None` where no program can have directories of its own.
    pub(crate) fn new(place: &Place) -> Option<Self> {
        let [sys, dev] = ["sys", "dev"].map(|name| place.root.path().join(name));
        for directory in [&sys, &dev.join("pts")] {
            fs::create_dir_all(directory).expect("a directory");
        }
        fs::write(dev.join("null"), "").expect("a file");
        let machine = Self { sys, dev };
        let probe = machine.run(&["true"]).stderr(Stdio::null()).status();
        if !probe.is_ok_and(|status| status.success()) {
            println!("skipped: this test cannot give a program a /dev of its own here");
            return None;
        }
        Some(machine)
    }

    /// The pseudo-terminal `port` becomes the port `name` of a device.
    pub(crate) fn plug(&self, name: &str, usb: Option<&Usb>, port: &Path) {
        let terminal = self.sys.join(name);
        fs::create_dir(&terminal).expect("a directory");
        // A directory without a device: no terminal of its own.
        let device = self.sys.join(format!(".{name}"));
        let mut lowest = device.clone();
        if let Some(usb) = usb {
            let interface = device.join("1-1:1.0");
            lowest = if usb.is_bridge { interface.join(name) } else { interface.clone() };
            fs::create_dir_all(&lowest).expect("a directory");
            let (vendor, product) = usb.ids;
            let number = usb.serial_number.map(|number| ("serial", number));
            let facts = [("idVendor", vendor), ("idProduct", product), ("product", usb.name)];
            for (file, text) in facts.into_iter().chain(number) {
                fs::write(device.join(file), format!("{text}\n")).expect("a file");
            }
            fs::write(interface.join("bInterfaceNumber"), "00\n").expect("a file");
        } else {
            fs::create_dir(&device).expect("a directory");
            fs::write(terminal.join("type"), "4\n").expect("a file");
        }
        let below = lowest.strip_prefix(&self.sys).expect("it is below");
        symlink(Path::new("..").join(below), terminal.join("device")).expect("a link");
        symlink(port, self.dev.join(name)).expect("a link");
    }

    pub(crate) fn unplug(&self, name: &str) {
        fs::remove_file(self.dev.join(name)).expect("it is there");
        fs::remove_dir_all(self.sys.join(name)).expect("it is there");
        fs::remove_dir_all(self.sys.join(format!(".{name}"))).expect("it is there");
    }

    fn run(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", SCRIPT, "sh"]).args([&self.sys, &self.dev]).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// The program on this machine.
    pub(crate) fn program(&self, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = self.run(&[&[env!("CARGO_BIN_EXE_tinyferry")], arguments].concat());
        command.current_dir(directory).env("TINYFERRY_CONFIG", "").env_remove("TINYFERRY_ENDPOINT");
        command
    }

    /// The program on this machine, to its end.
    pub(crate) fn ended(&self, directory: &Path, arguments: &[&str]) -> Ended {
        self.program(directory, arguments).output().expect("the program starts").into()
    }
}
