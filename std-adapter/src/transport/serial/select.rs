//! Finds the port that an endpoint selects, each time it is opened.

use std::fmt::Write;
use std::fs;
use std::io::{self, ErrorKind};
use std::sync::{Mutex, PoisonError};

use tracing::info;

use crate::endpoint::Port;
use crate::transport::serial::ports::{PortInfo, UsbDevice, ports};

#[cfg(test)]
mod tests;

/// The most ports in one message.
const LISTED: usize = 8;

/// Paths that were opened, and the USB devices that they were ports of.
static OPENED: Mutex<Vec<(String, UsbDevice)>> = Mutex::new(Vec::new());

/// Finds a port.
///
/// # Errors
/// There is no such port, or there are several; the message lists them. Those of the system.
pub(super) fn find(port: &Port) -> io::Result<PortInfo> {
    let Port::Path(path) = port else { return choose(port, &ports()?) };
    // Without a list of ports a path is still a path.
    let ports = ports().unwrap_or_default();
    // A link of udev is another name of a port.
    let real =
        fs::canonicalize(path).ok().and_then(|path| path.into_os_string().into_string().ok());
    let is_here = |port: &PortInfo| port.path == *path || real.as_ref() == Some(&port.path);
    let here = ports.iter().find(|port| is_here(port));
    let opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let device = opened.iter().find(|(opened, _)| opened == path).map(|(_, device)| device);
    if let Some(moved) = device.and_then(|device| moved(here, device, &ports)) {
        info!("the device of {} is now {}", path.escape_debug(), moved.path.escape_debug());
        return Ok(moved.clone());
    }
    Ok(PortInfo { path: path.clone(), usb: here.and_then(|port| port.usb.clone()) })
}

/// Remembers the device of a port that was opened, to find it again where it has another path.
pub(super) fn remember(port: &Port, found: &PortInfo) {
    if let (Port::Path(path), Some(device)) = (port, &found.usb) {
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|(opened, _)| opened != path);
        opened.push((path.clone(), device.clone()));
    }
}

/// The port of `device`, if it is another one than `here`.
fn moved<'a>(
    here: Option<&PortInfo>,
    device: &UsbDevice,
    ports: &'a [PortInfo],
) -> Option<&'a PortInfo> {
    let is_same = |port: &&PortInfo| port.usb.as_ref().is_some_and(|usb| usb.is_same(device));
    let mut same = ports.iter().filter(is_same);
    let first = same.next().filter(|port| Some(*port) != here)?;
    same.next().is_none().then_some(first)
}

/// The one of `ports` that a selector matches.
fn choose(port: &Port, ports: &[PortInfo]) -> io::Result<PortInfo> {
    let which = match port {
        Port::Path(path) => format!(" \"{}\"", path.escape_debug()),
        Port::UsbId { vendor, product } => format!(" with the USB ID {vendor:04x}:{product:04x}"),
        Port::SerialNumber(number) => {
            format!(" with the serial number \"{}\"", number.escape_debug())
        }
        Port::Only => String::new(),
    };
    let matching = matching(port, ports);
    let (kind, message) = match matching[..] {
        [port] => return Ok(port.clone()),
        [] if ports.is_empty() && which.is_empty() => {
            (ErrorKind::NotFound, "there is no serial port".to_owned())
        }
        [] if ports.is_empty() => {
            (ErrorKind::NotFound, format!("there is no serial port{which}, and no other one"))
        }
        [] => (ErrorKind::NotFound, format!("there is no serial port{which}; {}", list(ports))),
        _ => {
            let names = names(&matching, ports);
            let message = format!("there are several serial ports{which}: use one of {names}");
            (ErrorKind::InvalidInput, message)
        }
    };
    Err(io::Error::new(kind, message))
}

/// All of `ports` that a selector matches.
fn matching<'a>(port: &Port, ports: &'a [PortInfo]) -> Vec<&'a PortInfo> {
    let is_match = |listed: &PortInfo| match (port, &listed.usb) {
        (Port::Path(path), _) => listed.path == *path,
        (Port::UsbId { vendor, product }, Some(usb)) => {
            (usb.vendor, usb.product) == (*vendor, *product)
        }
        (Port::SerialNumber(number), Some(usb)) => {
            usb.serial_number.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(number))
        }
        (Port::Only, usb) => usb.is_some() || ports.iter().all(|port| port.usb.is_none()),
        (_, None) => false,
    };
    ports.iter().filter(|port| is_match(port)).collect()
}

/// The ports that there are, for a message about a missing one.
pub(super) fn others() -> String {
    let ports = ports().unwrap_or_default();
    if ports.is_empty() { String::new() } else { format!("; {}", list(&ports)) }
}

fn list(ports: &[PortInfo]) -> String {
    format!("this machine has {}", names(&ports.iter().collect::<Vec<_>>(), ports))
}

/// Ports, each as the URL that selects it alone, and its known attributes.
fn names(listed: &[&PortInfo], all: &[PortInfo]) -> String {
    let mut text = String::new();
    for (number, port) in listed.iter().take(LISTED).enumerate() {
        let separator = if number == 0 { "" } else { ", " };
        let selector = selector(port, all);
        let _ = write!(text, "{separator}{selector}");
        let path = (!matches!(selector, Port::Path(_))).then(|| port.path.clone());
        let usb = port.usb.as_ref().map(|usb| format!("{:04x}:{:04x}", usb.vendor, usb.product));
        let name = port.usb.as_ref().and_then(UsbDevice::label);
        let facts: Vec<_> = [path, usb, name].into_iter().flatten().collect();
        if !facts.is_empty() {
            let _ = write!(text, " ({})", facts.join(", ").escape_debug());
        }
    }
    let more = listed.len().saturating_sub(LISTED);
    if more > 0 {
        let _ = write!(text, ", and {more} more");
    }
    text
}

/// The port by the serial number of its device, if no other port has it and a URL can have it.
fn selector(port: &PortInfo, all: &[PortInfo]) -> Port {
    let number = port.usb.as_ref().and_then(|usb| usb.serial_number.clone());
    let is_plain =
        |number: &String| !number.contains('?') && number.escape_debug().eq(number.chars());
    number
        .filter(is_plain)
        .map(Port::SerialNumber)
        .filter(|selector| matching(selector, all).len() == 1)
        .unwrap_or_else(|| Port::Path(port.path.clone()))
}
