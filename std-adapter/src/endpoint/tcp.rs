//! TCP: `tcp://HOST:PORT`, also to a serial line behind it.

use std::fmt;

use super::{host, settings};

/// The port without another one.
const USUAL_PORT: u16 = 8080;

/// A TCP connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tcp {
    /// `HOST:PORT`
    pub address: String,
    /// Whether bytes may be lost or changed: the other end is a serial line behind a TCP port, as of ser2net.
    pub lossy: bool,
    /// The longest pause inside a frame that is not damaged, in ms, 20 to 500, if bytes may be lost; `None`: 20. The
    /// session learns longer pauses.
    pub gap: Option<u16>,
}

impl Tcp {
    /// A connection to `HOST:PORT` that loses nothing.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), lossy: false, gap: None }
    }

    /// Parses the part after `tcp://`, or a short form.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (address, given) = text.split_once('?').unwrap_or((text, ""));
        let address = address.strip_suffix('/').unwrap_or(address);
        let address = host::parse(address, Some(USUAL_PORT), "tcp://127.0.0.1:8080")?;
        let mut tcp = Self::new(address);
        for (name, value) in settings::each(given) {
            match name {
                "lossy" => tcp.lossy = settings::lossy(value)?,
                "gap" => tcp.gap = Some(settings::gap(value)?),
                _ => {
                    let name = name.escape_debug();
                    return Err(format!("TCP has no setting \"{name}\", only lossy and gap"));
                }
            }
        }
        if tcp.gap.is_some() && !tcp.lossy {
            return Err("gap is for lines that may lose bytes; add lossy=true".to_owned());
        }
        Ok(tcp)
    }
}

impl fmt::Display for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tcp://{}{}", self.address, if self.lossy { "?lossy=true" } else { "" })?;
        self.gap.map_or(Ok(()), |gap| write!(f, "&{}", settings::show_gap(gap)))
    }
}
