//! `tinyferry ports`.

use tinyferry::describe;
use tinyferry::transport::serial::{PortInfo, ports as all_ports};

use crate::exit::{CliError, Exit};
use crate::json::{self, Event, Port};
use crate::progress::Verbosity;

const HEADINGS: [&str; 5] = ["PORT", "USB ID", "SERIAL NUMBER", "BOARD", "PRODUCT"];

pub(crate) fn ports(verbosity: Verbosity) -> Result<Exit, CliError> {
    let ports = all_ports().map_err(|error| {
        let why = describe::os_error(&error);
        CliError::new(Exit::Local, format!("the serial ports cannot be listed: {why}"))
    })?;
    if json::is_on() {
        for port in &ports {
            json::emit(&Event::Port(Port::from(port)));
        }
    } else if !ports.is_empty() {
        table(&ports);
    }
    if ports.is_empty() && verbosity > Verbosity::Quiet {
        print_error!("tinyferry: there is no serial port");
    }
    Ok(Exit::Done)
}

impl<'a> From<&'a PortInfo> for Port<'a> {
    fn from(port: &'a PortInfo) -> Self {
        let usb = port.usb.as_ref();
        Self {
            path: &port.path,
            vid: usb.map(|usb| format!("{:04x}", usb.vendor)),
            pid: usb.map(|usb| format!("{:04x}", usb.product)),
            interface: usb.and_then(|usb| usb.interface),
            serial_number: usb.and_then(|usb| usb.serial_number.as_deref()),
            manufacturer: usb.and_then(|usb| usb.manufacturer.as_deref()),
            product: usb.and_then(|usb| usb.name.as_deref()),
            board: usb.and_then(|usb| usb.board()),
        }
    }
}

/// Prints the ports in columns below headings.
fn table(ports: &[PortInfo]) {
    let rows: Vec<_> =
        std::iter::once(HEADINGS.map(str::to_owned)).chain(ports.iter().map(row)).collect();
    let widths: [usize; HEADINGS.len()] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        print_line!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// The facts of a port, escaped; `-` for an unknown one.
fn row(port: &PortInfo) -> [String; HEADINGS.len()] {
    let usb = port.usb.as_ref();
    let product = usb.and_then(|usb| match (&usb.name, &usb.manufacturer) {
        (Some(name), Some(manufacturer)) => Some(format!("{name} ({manufacturer})")),
        (name, manufacturer) => name.as_ref().or(manufacturer.as_ref()).cloned(),
    });
    let cells = [
        Some(port.path.clone()),
        usb.map(|usb| format!("{:04x}:{:04x}", usb.vendor, usb.product)),
        usb.and_then(|usb| usb.serial_number.clone()),
        usb.and_then(|usb| usb.board()).map(str::to_owned),
        product,
    ];
    cells.map(|cell| cell.map_or_else(|| "-".to_owned(), |cell| cell.escape_debug().to_string()))
}
