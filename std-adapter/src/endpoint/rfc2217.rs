//! Serial ports behind a Telnet server with the COM port option of RFC 2217: `rfc2217://HOST:PORT?baud=N`.

use std::fmt;

use super::{SerialSettings, host};

/// A serial port of another machine. Its server sets the port as the client requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rfc2217 {
    /// `HOST:PORT` of the server.
    pub address: String,
    /// How the port is set at each connection.
    pub settings: SerialSettings,
}

impl Rfc2217 {
    /// Parses the part after `rfc2217://`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (address, settings) = text.split_once('?').unwrap_or((text, ""));
        let address = address.strip_suffix('/').unwrap_or(address);
        let address = host::parse(address, None, "rfc2217://box:2217?baud=115200")?;
        Ok(Self { address, settings: SerialSettings::parse(settings)? })
    }
}

impl fmt::Display for Rfc2217 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rfc2217://{}?{}", self.address, self.settings)
    }
}
