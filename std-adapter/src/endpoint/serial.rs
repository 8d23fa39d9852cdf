//! Serial ports: `serial://PORT?baud=N`.

/// A serial port and its settings, besides 8 data bits, no parity and one stop bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serial {
    /// Its name in the system: `/dev/ttyUSB0`, `COM3`.
    pub port: String,
    /// Bits a second.
    pub baud: u32,
    /// The flow control.
    pub flow: Flow,
    /// Whether the line may lose or change bytes.
    pub lossy: bool,
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

impl Serial {
    /// A port with the default settings of a URL: 115,200 baud, no flow control,
    /// lossy.
    pub fn new(port: &str) -> Self {
        Self { port: port.to_owned(), baud: 115_200, flow: Flow::None, lossy: true }
    }

    /// Parses the part after `serial://`.
    pub(super) fn parse(rest: &str) -> Result<Self, String> {
        let (port, settings) = rest.split_once('?').unwrap_or((rest, ""));
        if port.is_empty() {
            return Err("it names no serial port".to_owned());
        }
        let mut serial = Self::new(port);
        for setting in settings.split('&').filter(|setting| !setting.is_empty()) {
            let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
            let shown = value.escape_debug();
            match (name, value) {
                ("baud", _) => match value.parse() {
                    Ok(baud) if baud > 0 => serial.baud = baud,
                    _ => return Err(format!("\"{shown}\" is no baud rate")),
                },
                ("flow", "none") => serial.flow = Flow::None,
                ("flow", "hardware") => serial.flow = Flow::Hardware,
                ("flow", "software") => {
                    return Err("with flow=software two byte values cannot be sent; \
                                say flow=hardware or flow=none"
                        .to_owned());
                }
                ("flow", _) => return Err(format!("flow is none or hardware, not \"{shown}\"")),
                ("lossy", "true") => serial.lossy = true,
                ("lossy", "false") => serial.lossy = false,
                ("lossy", _) => return Err(format!("lossy is true or false, not \"{shown}\"")),
                _ => {
                    let name = name.escape_debug();
                    return Err(format!(
                        "a serial port has no setting \"{name}\", only baud, flow and lossy"
                    ));
                }
            }
        }
        Ok(serial)
    }
}
