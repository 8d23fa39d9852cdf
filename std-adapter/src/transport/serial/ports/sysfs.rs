//! Serial ports of Linux, as sysfs describes them.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{PortInfo, UsbDevice};

#[cfg(test)]
mod tests;

/// Ports without a device of their own: the USB gadget of this machine, and the null modem tty0tty.
const WITHOUT_DEVICE: [&str; 2] = ["ttyGS", "tnt"];

/// The ports of the system whose root directory is `root`.
pub(super) fn ports(root: &Path) -> io::Result<Vec<PortInfo>> {
    let class = match fs::read_dir(root.join("sys/class/tty")) {
        // A system without sysfs, or without any terminal.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        class => class?,
    };
    // A port may disappear at any time: then it is none.
    Ok(class.filter_map(|entry| port(root, &entry.ok()?)).collect())
}

/// The port of an entry of the class, if there is hardware behind it and a device file for it.
fn port(root: &Path, entry: &fs::DirEntry) -> Option<PortInfo> {
    let name = entry.file_name().into_string().ok()?;
    let device = fs::canonicalize(entry.path().join("device")).ok();
    let is_port = match device {
        // Type 0 of a UART: the driver has reserved the name, and has found no chip.
        Some(_) => text(&entry.path(), "type").is_none_or(|uart| uart != "0"),
        None => WITHOUT_DEVICE.iter().any(|prefix| name.starts_with(prefix)),
    };
    // In the names of sysfs `!` replaces `/`.
    let path = root.join("dev").join(name.replace('!', "/"));
    (is_port && path.exists()).then_some(())?;
    let usb = device.as_deref().and_then(usb_device);
    Some(PortInfo { path: path.into_os_string().into_string().ok()?, usb })
}

/// The USB device that a device of sysfs belongs to.
fn usb_device(device: &Path) -> Option<UsbDevice> {
    let has =
        |file: &str| device.ancestors().find(|path| path.join(file).is_file()).map(Path::to_owned);
    let usb: PathBuf = has("idVendor")?;
    let interface = has("bInterfaceNumber");
    let id = |file| u16::from_str_radix(&text(&usb, file)?, 16).ok();
    Some(UsbDevice {
        vendor: id("idVendor")?,
        product: id("idProduct")?,
        interface: interface
            .as_deref()
            .and_then(|path| u8::from_str_radix(&text(path, "bInterfaceNumber")?, 16).ok()),
        serial_number: text(&usb, "serial"),
        manufacturer: text(&usb, "manufacturer"),
        name: text(&usb, "product"),
        // The drivers of converters put a port between the interface and the terminal (`usb-serial`).
        is_bridge: interface.is_some_and(|interface| interface != device),
    })
}

/// The text of an attribute; `None` if it is empty.
fn text(directory: &Path, file: &str) -> Option<String> {
    let text = fs::read(directory.join(file)).ok()?;
    let text = String::from_utf8_lossy(&text);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
