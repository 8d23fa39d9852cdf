//! Serial ports: `serial://PORT?baud=N`.

use std::fmt;

/// A serial port and its settings, besides 8 data bits, no parity and one stop bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serial {
    /// Which port.
    pub port: Port,
    /// Bits a second.
    pub baud: u32,
    /// The flow control.
    pub flow: Flow,
    /// Whether the line may lose or change bytes.
    pub lossy: bool,
    /// Sets the line DTR (true: on) each time the port is opened; `None`: as the system opens the port.
    pub dtr: Option<bool>,
    /// Sets the line RTS, in the same way; not with [`Flow::Hardware`], which uses it.
    pub rts: Option<bool>,
    /// How the board is reset each time the port is opened.
    pub reset: Reset,
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

/// Flow control of a serial line. XON and XOFF take two byte values for themselves, so files
/// cannot be sent with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flow {
    /// None: an end that is too slow loses bytes.
    #[default]
    None,
    /// The lines RTS and CTS.
    Hardware,
}

/// The reset of a board by the lines DTR and RTS. The board then starts its firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reset {
    /// None, besides that of boards which are reset when the system opens the port.
    #[default]
    None,
    /// A pulse of DTR: Arduino.
    Dtr,
    /// A pulse of RTS while DTR is off: boards of Espressif, whose two transistors connect the lines to EN
    /// and GPIO0. Afterwards both lines are off.
    Esp,
}

impl From<&str> for Port {
    fn from(path: &str) -> Self {
        Self::Path(path.to_owned())
    }
}

impl Port {
    /// Parses the part after `serial://`, without settings.
    fn parse(text: &str) -> Result<Self, String> {
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
    /// A port with the default settings of a URL: 115,200 baud, no flow control, lossy, and the lines DTR and
    /// RTS as the system opens the port.
    pub fn new(port: impl Into<Port>) -> Self {
        Self {
            port: port.into(),
            baud: 115_200,
            flow: Flow::None,
            lossy: true,
            dtr: None,
            rts: None,
            reset: Reset::None,
        }
    }

    /// Parses the part after `serial://`.
    pub(super) fn parse(rest: &str) -> Result<Self, String> {
        let (port, settings) = rest.split_once('?').unwrap_or((rest, ""));
        Self::new(Port::parse(port)?).set(settings)
    }

    /// Parses the part after `serial:`, which is no port.
    pub(super) fn parse_only(rest: &str) -> Result<Self, String> {
        match rest.strip_prefix('?') {
            Some(settings) => Self::new(Port::Only).set(settings),
            None if rest.is_empty() => Ok(Self::new(Port::Only)),
            None => Err(format!("say serial://{}", rest.escape_debug())),
        }
    }

    /// Applies the settings of a URL: `baud=9600&flow=hardware`.
    fn set(mut self, settings: &str) -> Result<Self, String> {
        for setting in settings.split('&').filter(|setting| !setting.is_empty()) {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            let shown = value.escape_debug();
            match (name, value) {
                ("baud", _) => match value.parse() {
                    Ok(baud) if baud > 0 => self.baud = baud,
                    _ => return Err(format!("\"{shown}\" is no baud rate")),
                },
                ("flow", "none") => self.flow = Flow::None,
                ("flow", "hardware") => self.flow = Flow::Hardware,
                ("flow", "software") => {
                    return Err("with flow=software two byte values cannot be sent; \
                                say flow=hardware or flow=none"
                        .to_owned());
                }
                ("flow", _) => return Err(format!("flow is none or hardware, not \"{shown}\"")),
                ("lossy", "true") => self.lossy = true,
                ("lossy", "false") => self.lossy = false,
                ("lossy", _) => return Err(format!("lossy is true or false, not \"{shown}\"")),
                ("dtr", "on" | "off") => self.dtr = Some(value == "on"),
                ("rts", "on" | "off") => self.rts = Some(value == "on"),
                ("dtr" | "rts", _) => return Err(format!("{name} is on or off, not \"{shown}\"")),
                ("reset", "none") => self.reset = Reset::None,
                ("reset", "dtr") => self.reset = Reset::Dtr,
                ("reset", "esp") => self.reset = Reset::Esp,
                ("reset", _) => {
                    return Err(format!("reset is none, dtr or esp, not \"{shown}\""));
                }
                _ => {
                    let name = name.escape_debug();
                    return Err(format!(
                        "a serial port has no setting \"{name}\", only baud, flow, lossy, dtr, rts \
                         and reset"
                    ));
                }
            }
        }
        if self.flow == Flow::Hardware && self.rts.is_some() {
            return Err("flow=hardware uses the line RTS; leave out rts or flow".to_owned());
        }
        Ok(self)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, baud, flow, lossy, dtr, rts, reset } = self;
        write!(f, "{port}?baud={baud}")?;
        if *flow == Flow::Hardware {
            f.write_str("&flow=hardware")?;
        }
        if !lossy {
            f.write_str("&lossy=false")?;
        }
        for (name, line) in [("dtr", dtr), ("rts", rts)] {
            if let Some(is_on) = line {
                write!(f, "&{name}={}", if *is_on { "on" } else { "off" })?;
            }
        }
        match reset {
            Reset::None => Ok(()),
            Reset::Dtr => f.write_str("&reset=dtr"),
            Reset::Esp => f.write_str("&reset=esp"),
        }
    }
}
