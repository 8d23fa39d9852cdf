//! The serial ports of this machine, and the USB devices that they belong to.

use std::io;

use crate::transport::serial::boards;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod sysfs;

/// A serial port of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PortInfo {
    /// Its name in the system: `/dev/ttyACM0`, `COM3`.
    pub path: String,
    /// The USB device that it belongs to, if it belongs to one and the system states it (Linux).
    pub usb: Option<UsbDevice>,
}

/// The USB device of a serial port. Its texts are those of the device, and hostile: escape them before showing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsbDevice {
    /// The ID of the vendor.
    pub vendor: u16,
    /// The ID of the product, which the vendor assigns.
    pub product: u16,
    /// The number of the interface: a device may have several ports.
    pub interface: Option<u8>,
    /// The serial number, unless the device has none.
    pub serial_number: Option<String>,
    /// The name of the manufacturer, as the device states it.
    pub manufacturer: Option<String>,
    /// The name of the product, as the device states it.
    pub name: Option<String>,
    /// Whether it only converts USB to a serial line with DTR and RTS, and the board is behind that line.
    pub is_bridge: bool,
}

impl UsbDevice {
    /// The well-known board or converter with these IDs; of some vendors only the vendor.
    pub fn board(&self) -> Option<&'static str> {
        boards::find(self.vendor, self.product).map(|board| board.name)
    }

    /// Its name as the device states it, or that of the well-known board.
    pub(super) fn label(&self) -> Option<String> {
        self.name.clone().or_else(|| self.board().map(str::to_owned))
    }

    /// Whether the board may be reset when the system turns DTR on: by the circuit behind a converter.
    #[cfg(any(unix, test))]
    pub(super) fn is_reset_by_dtr(&self) -> bool {
        let board = boards::find(self.vendor, self.product);
        self.is_bridge || board.is_some_and(|board| board.is_reset_by_dtr)
    }

    /// Whether it is the same port of the same device, by its serial number; false without one.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let identity = |device: &Self| (device.vendor, device.product, device.interface);
        self.serial_number.is_some()
            && self.serial_number == other.serial_number
            && identity(self) == identity(other)
    }
}

/// The serial ports of this machine, by name. On Linux ports without hardware are left out, and so are virtual
/// and pseudo-terminals.
///
/// # Errors
/// Those of the system.
pub fn ports() -> io::Result<Vec<PortInfo>> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let mut ports = sysfs::ports(std::path::Path::new("/"))?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let mut ports: Vec<_> = serial2::SerialPort::available_ports()?
        .into_iter()
        .map(|path| PortInfo { path: path.to_string_lossy().into_owned(), usb: None })
        .collect();
    ports.sort_by(|one, other| order(&one.path).cmp(&order(&other.path)));
    Ok(ports)
}

/// `ttyUSB10` is behind `ttyUSB9`.
fn order(path: &str) -> (&str, u64, &str) {
    let name = path.trim_end_matches(|last: char| last.is_ascii_digit());
    let number = path.get(name.len()..).and_then(|digits| digits.parse().ok());
    (name, number.unwrap_or(0), path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_in_the_order_of_their_numbers() {
        let mut paths = ["/dev/ttyUSB10", "/dev/ttyACM2", "/dev/ttyUSB9", "/dev/a", "COM3"];
        paths.sort_by(|one, other| order(one).cmp(&order(other)));
        assert_eq!(paths, ["/dev/a", "/dev/ttyACM2", "/dev/ttyUSB9", "/dev/ttyUSB10", "COM3"]);
    }

    #[test]
    fn a_device_without_a_serial_number_is_never_the_same() {
        let device = |serial_number: Option<&str>, interface| UsbDevice {
            vendor: 0x1a86,
            product: 0x7523,
            interface,
            serial_number: serial_number.map(str::to_owned),
            manufacturer: None,
            name: None,
            is_bridge: true,
        };
        assert!(device(Some("1"), Some(0)).is_same(&device(Some("1"), Some(0))));
        assert!(!device(None, Some(0)).is_same(&device(None, Some(0))));
        assert!(!device(Some("1"), Some(0)).is_same(&device(Some("1"), Some(2))));
        assert!(!device(Some("1"), Some(0)).is_same(&device(Some("2"), Some(0))));
    }

    #[test]
    fn a_converter_resets_its_board_and_a_board_with_usb_does_not() {
        let device = |vendor, product, is_bridge| UsbDevice {
            vendor,
            product,
            interface: None,
            serial_number: None,
            manufacturer: None,
            name: None,
            is_bridge,
        };
        for (vendor, product, is_bridge, is_reset) in [
            (0x1a86, 0x7523, true, true),
            (0xffff, 0xffff, true, true),
            // An Arduino Uno: its converter is a microcontroller with the class CDC-ACM.
            (0x2341, 0x0043, false, true),
            (0x2341, 0x8036, false, false),
            (0x2e8a, 0x0005, false, false),
            (0xffff, 0xffff, false, false),
        ] {
            let found = device(vendor, product, is_bridge).is_reset_by_dtr();
            assert_eq!(found, is_reset, "{vendor:04x}:{product:04x}");
        }
    }
}
