use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

/// A root directory with the files of a system.
struct System(TempDir);

impl System {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary directory");
        for directory in ["sys/class/tty", "sys/devices", "dev"] {
            fs::create_dir_all(root.path().join(directory)).expect("a directory");
        }
        Self(root)
    }

    fn write(&self, directory: &str, files: &[(&str, &str)]) {
        let directory = self.0.path().join("sys/devices").join(directory);
        fs::create_dir_all(&directory).expect("a directory");
        for (file, text) in files {
            fs::write(directory.join(file), format!("{text}\n")).expect("a file");
        }
    }

    /// A terminal `name` whose device is this one, with a device file.
    fn terminal(&self, name: &str, device: Option<&str>, files: &[(&str, &str)]) {
        let parent = device
            .map_or_else(|| format!("virtual/tty/{name}"), |device| format!("{device}/tty/{name}"));
        self.write(&parent, files);
        let root = self.0.path();
        if device.is_some() {
            symlink("../..", root.join("sys/devices").join(&parent).join("device"))
                .expect("a link");
        }
        let link = format!("../../devices/{parent}");
        symlink(link, root.join("sys/class/tty").join(name)).expect("a link");
        fs::write(root.join("dev").join(name), "").expect("a device file");
    }

    fn ports(&self) -> Vec<PortInfo> {
        let mut ports = ports(self.0.path()).expect("a list");
        for port in &mut ports {
            let shorter = port.path.strip_prefix(self.0.path().to_str().expect("UTF-8"));
            port.path = shorter.expect("a path below the root").to_owned();
        }
        ports.sort_by(|one, other| one.path.cmp(&other.path));
        ports
    }

    fn paths(&self) -> Vec<String> {
        self.ports().into_iter().map(|port| port.path).collect()
    }
}

const PICO: &[(&str, &str)] = &[
    ("idVendor", "2e8a"),
    ("idProduct", "0005"),
    ("serial", "e6614c311b6b2f31"),
    ("manufacturer", "MicroPython"),
    ("product", "Board in FS mode"),
];

#[test]
fn only_terminals_with_hardware_are_ports() {
    let system = System::new();
    for number in 0..4 {
        let (name, chip) = (format!("ttyS{number}"), if number == 0 { "4" } else { "0" });
        let device = format!("platform/serial8250/{number}");
        system.terminal(&name, Some(&device), &[("type", chip)]);
        system.terminal(&format!("tty{number}"), None, &[]);
    }
    system.terminal("console", None, &[]);
    system.terminal("ttyAMA0", Some("platform/soc/serial"), &[("type", "32")]);
    system.terminal("rfcomm0", Some("virtual/bluetooth/hci0"), &[]);
    system.terminal("ttyGS0", None, &[]);
    assert_eq!(system.paths(), ["/dev/rfcomm0", "/dev/ttyAMA0", "/dev/ttyGS0", "/dev/ttyS0"]);
    fs::remove_file(system.0.path().join("dev/ttyS0")).expect("a device file");
    assert_eq!(system.paths(), ["/dev/rfcomm0", "/dev/ttyAMA0", "/dev/ttyGS0"]);
    assert!(system.ports().iter().all(|port| port.usb.is_none()));
}

#[test]
fn a_port_has_the_facts_of_its_usb_device() {
    let system = System::new();
    system.write("pci/usb1", &[("idVendor", "1d6b"), ("idProduct", "0002")]);
    system.write("pci/usb1/1-1", PICO);
    for (number, name) in [("00", "ttyACM0"), ("02", "ttyACM1")] {
        let interface = format!("pci/usb1/1-1/1-1:1.{number}");
        system.write(&interface, &[("bInterfaceNumber", number)]);
        system.terminal(name, Some(&interface), &[]);
    }
    let [first, second] = &system.ports()[..] else { panic!("two ports") };
    let usb = first.usb.clone().expect("a USB device");
    assert_eq!(first.path, "/dev/ttyACM0");
    assert_eq!((usb.vendor, usb.product, usb.interface), (0x2e8a, 5, Some(0)));
    assert_eq!(usb.serial_number.as_deref(), Some("e6614c311b6b2f31"));
    assert_eq!(usb.manufacturer.as_deref(), Some("MicroPython"));
    assert_eq!(usb.name.as_deref(), Some("Board in FS mode"));
    assert_eq!(usb.board(), Some("Raspberry Pi Pico, MicroPython"));
    assert!(!usb.is_bridge);
    assert_eq!(second.usb, Some(UsbDevice { interface: Some(2), ..usb }));
}

/// The driver of a converter has a device of its own below the interface.
#[test]
fn a_converter_is_a_bridge_and_may_lack_a_serial_number() {
    let system = System::new();
    let ch340 = [("idVendor", "1a86"), ("idProduct", "7523"), ("product", "USB\u{1b}2.0-Ser!")];
    system.write("pci/usb1/1-2", &ch340);
    system.write("pci/usb1/1-2/1-2:1.0", &[("bInterfaceNumber", "00")]);
    system.terminal("ttyUSB0", Some("pci/usb1/1-2/1-2:1.0/ttyUSB0"), &[]);
    let ports = system.ports();
    let usb = ports[0].usb.as_ref().expect("a USB device");
    assert_eq!(usb.board(), Some("WCH CH340"));
    assert_eq!((usb.serial_number.as_ref(), usb.is_bridge), (None, true));
    assert_eq!(usb.name.as_deref(), Some("USB\u{1b}2.0-Ser!"));
}

#[test]
fn a_system_without_terminals_has_no_ports() {
    let empty = tempfile::tempdir().expect("a temporary directory");
    assert_eq!(ports(empty.path()).expect("a list"), []);
    // A device that disappears while it is looked at.
    let system = System::new();
    symlink("../../devices/gone", system.0.path().join("sys/class/tty/ttyACM0")).expect("a link");
    assert_eq!(system.ports(), []);
}
