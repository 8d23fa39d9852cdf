//! Endpoints are URLs: where a server listens and a client connects.

use std::fmt;
use std::str::FromStr;

/// Where the other end is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// `tcp://HOST:PORT`
    Tcp(String),
}

impl Default for Endpoint {
    /// `tcp://127.0.0.1:8080`
    fn default() -> Self {
        Self::Tcp("127.0.0.1:8080".to_owned())
    }
}

/// Why a text is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoEndpoint(String);

impl fmt::Display for NoEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" is no endpoint; one looks like tcp://127.0.0.1:8080",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for NoEndpoint {}

impl FromStr for Endpoint {
    type Err = NoEndpoint;

    fn from_str(text: &str) -> Result<Self, NoEndpoint> {
        let address =
            text.strip_prefix("tcp://").map(|rest| rest.strip_suffix('/').unwrap_or(rest));
        match address {
            Some(address) if has_port(address) => Ok(Self::Tcp(address.to_owned())),
            Some(host) if is_host(host) => Ok(Self::Tcp(format!("{host}:8080"))),
            _ => Err(NoEndpoint(text.to_owned())),
        }
    }
}

fn is_host(host: &str) -> bool {
    let bracketed = host.starts_with('[') && host.ends_with(']');
    !host.is_empty() && !host.contains('/') && (bracketed || !host.contains(':'))
}

fn has_port(address: &str) -> bool {
    address
        .rsplit_once(':')
        .is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_shown() {
        for (text, shown) in [
            ("tcp://127.0.0.1:8080", "tcp://127.0.0.1:8080"),
            ("tcp://board", "tcp://board:8080"),
            ("tcp://[::1]:9/", "tcp://[::1]:9"),
        ] {
            assert_eq!(text.parse::<Endpoint>().map(|url| url.to_string()), Ok(shown.to_owned()));
        }
        for text in
            ["", "tcp://", "127.0.0.1:8080", "http://a:1", "tcp://a/b", "tcp://:80", "tcp://a:"]
        {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
