//! The settings of a serial port, here or at a server of RFC 2217.

use std::fmt;

use crate::endpoint::settings;

/// The settings of a serial port, besides 8 data bits, no parity and one stop bit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialSettings {
    /// Bits a second.
    pub baud: u32,
    /// The flow control.
    pub flow: Flow,
    /// Whether the line may lose or change bytes.
    pub lossy: bool,
    /// The longest pause inside a frame that is not damaged, in ms, 20 to 500; `None`: 20. The session learns longer
    /// pauses.
    pub gap: Option<u16>,
    /// Sets the line DTR (true: on) each time the port is opened; `None`: as the system opens the port.
    pub dtr: Option<bool>,
    /// Sets the line RTS, in the same way; not with [`Flow::Hardware`], which uses it.
    pub rts: Option<bool>,
    /// How the board is reset each time the port is opened.
    pub reset: Reset,
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

impl Default for SerialSettings {
    /// 115,200 baud, no flow control, lossy, and the lines DTR and RTS as the system opens the port.
    fn default() -> Self {
        Self {
            baud: 115_200,
            flow: Flow::None,
            lossy: true,
            gap: None,
            dtr: None,
            rts: None,
            reset: Reset::None,
        }
    }
}

impl SerialSettings {
    /// Parses the settings of a URL: `baud=9600&flow=hardware`.
    pub(crate) fn parse(given: &str) -> Result<Self, String> {
        let mut this = Self::default();
        for (name, value) in settings::each(given) {
            let shown = value.escape_debug();
            match (name, value) {
                ("baud", _) => match value.parse() {
                    Ok(baud) if baud > 0 => this.baud = baud,
                    _ => return Err(format!("\"{shown}\" is no baud rate")),
                },
                ("flow", "none") => this.flow = Flow::None,
                ("flow", "hardware") => this.flow = Flow::Hardware,
                ("flow", "software") => {
                    return Err("with flow=software two byte values cannot be sent; \
                                say flow=hardware or flow=none"
                        .to_owned());
                }
                ("flow", _) => return Err(format!("flow is none or hardware, not \"{shown}\"")),
                ("lossy", _) => this.lossy = settings::lossy(value)?,
                ("gap", _) => this.gap = Some(settings::gap(value)?),
                ("dtr", "on" | "off") => this.dtr = Some(value == "on"),
                ("rts", "on" | "off") => this.rts = Some(value == "on"),
                ("dtr" | "rts", _) => return Err(format!("{name} is on or off, not \"{shown}\"")),
                ("reset", "none") => this.reset = Reset::None,
                ("reset", "dtr") => this.reset = Reset::Dtr,
                ("reset", "esp") => this.reset = Reset::Esp,
                ("reset", _) => {
                    return Err(format!("reset is none, dtr or esp, not \"{shown}\""));
                }
                _ => {
                    let name = name.escape_debug();
                    return Err(format!(
                        "a serial port has no setting \"{name}\", only baud, flow, lossy, gap, dtr, \
                         rts and reset"
                    ));
                }
            }
        }
        if this.flow == Flow::Hardware && this.rts.is_some() {
            return Err("flow=hardware uses the line RTS; leave out rts or flow".to_owned());
        }
        Ok(this)
    }
}

impl fmt::Display for SerialSettings {
    /// As in a URL: `baud=115200&dtr=off`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { baud, flow, lossy, gap, dtr, rts, reset } = self;
        write!(f, "baud={baud}")?;
        if *flow == Flow::Hardware {
            f.write_str("&flow=hardware")?;
        }
        if !lossy {
            f.write_str("&lossy=false")?;
        }
        if let Some(gap) = gap {
            write!(f, "&{}", settings::show_gap(*gap))?;
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
