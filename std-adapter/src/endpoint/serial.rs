//! Serial ports: `serial://PORT?baud=N`.

mod settings;

use std::fmt;

pub use self::settings::{Flow, Reset, SerialSettings};

/// A serial port of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serial {
    /// Which port.
    pub port: Port,
    /// How it is set each time it is opened.
    pub settings: SerialSettings,
}

/// How to find a serial port. It is searched each time it is opened: a board that is plugged in again may
/// have another name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Port {
    /// Its name in the system: `/dev/ttyUSB0`, `COM3`.
    Path(String),
    /// `usb:VENDOR:PRODUCT`: the port of the USB device with these IDs.
    UsbId {
        /// The vendor.
        vendor: u16,
        /// The product of that vendor.
        product: u16,
    },
    /// `sn:NUMBER`: the port of the USB device with this serial number; upper and lower case are the same.
    SerialNumber(String),
    /// The only port of a USB device; without USB devices the only port.
    Only,
}

impl From<&str> for Port {
    fn from(path: &str) -> Self {
        Self::Path(path.to_owned())
    }
}

impl Port {
    /// Parses the part after `serial://`, without settings.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(ids) = text.strip_prefix("usb:") {
            let id = |text: &str| {
                let is_hex = text.bytes().all(|digit| digit.is_ascii_hexdigit());
                u16::from_str_radix(text, 16).ok().filter(|_| is_hex)
            };
            let ids = ids.split_once(':').and_then(|(vendor, product)| {
                Some(Self::UsbId { vendor: id(vendor)?, product: id(product)? })
            });
            return ids.ok_or_else(|| {
                "a USB ID is two hexadecimal numbers, as in serial://usb:303a:1001".to_owned()
            });
        }
        match text.strip_prefix("sn:") {
            Some("") => Err("it names no serial number".to_owned()),
            Some(number) => Ok(Self::SerialNumber(number.to_owned())),
            None if text.is_empty() => {
                Err("it names no serial port; the only port is serial:".to_owned())
            }
            None => Ok(Self::Path(text.to_owned())),
        }
    }
}

impl fmt::Display for Port {
    /// As in a URL, with the scheme: `serial:///dev/ttyUSB0`, `serial://usb:303a:1001`, `serial:`. Control
    /// characters are escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "serial://{}", path.escape_debug()),
            Self::UsbId { vendor, product } => write!(f, "serial://usb:{vendor:04x}:{product:04x}"),
            Self::SerialNumber(number) => write!(f, "serial://sn:{}", number.escape_debug()),
            Self::Only => f.write_str("serial:"),
        }
    }
}

impl Serial {
    /// A port with the default settings.
    pub fn new(port: impl Into<Port>) -> Self {
        Self { port: port.into(), settings: SerialSettings::default() }
    }

    /// Parses the part after `serial://`.
    pub(super) fn parse(rest: &str) -> Result<Self, String> {
        let (port, settings) = rest.split_once('?').unwrap_or((rest, ""));
        Ok(Self { port: Port::parse(port)?, settings: SerialSettings::parse(settings)? })
    }

    /// Parses the part after `serial:`, which is no port.
    pub(super) fn parse_only(rest: &str) -> Result<Self, String> {
        let settings = match rest.strip_prefix('?') {
            Some(settings) => settings,
            None if rest.is_empty() => "",
            None => return Err(format!("say serial://{}", rest.escape_debug())),
        };
        Ok(Self { port: Port::Only, settings: SerialSettings::parse(settings)? })
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}?{}", self.port, self.settings)
    }
}
