//! The short forms of endpoints.

use std::net::Ipv6Addr;

use super::host::is_name;
use super::{Endpoint, FORMS, Serial, Ssh, Tcp};

/// Parses a text that is no URL.
pub(super) fn parse(text: &str) -> Result<Endpoint, String> {
    let port = text.strip_prefix(':').unwrap_or(text);
    if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("it is a port without a host: say tcp://127.0.0.1:{port}"));
    }
    let (path, _) = text.split_once('?').unwrap_or((text, ""));
    if path.starts_with("/dev/") || is_windows_port(path) {
        return Serial::parse(text).map(Endpoint::Serial);
    }
    if path.starts_with(['/', '.', '~']) {
        return Err(
            "a path may be a socket or a serial port: say unix:///PATH or serial:///PATH".into()
        );
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Tcp::parse(&format!("[{text}]")).map(Endpoint::Tcp);
    }
    if text.contains('@') {
        return Ssh::parse(text).map(Endpoint::Ssh).ok_or_else(|| FORMS.into());
    }
    match text.rsplit_once(':') {
        Some((host, rest))
            if is_name(host) && !rest.starts_with(|first: char| first.is_ascii_digit()) =>
        {
            Err(format!(
                "it may be a host with a port, or a directory that SSH reaches: say {host}:PORT or \
                 USER@{text}"
            ))
        }
        Some((host, _)) if is_name(host) || host.starts_with('[') => {
            Tcp::parse(text).map(Endpoint::Tcp)
        }
        None if is_name(text) || text.starts_with('[') => Tcp::parse(text).map(Endpoint::Tcp),
        _ => Err(FORMS.into()),
    }
}

/// Whether it is a serial port of Windows: COM3.
fn is_windows_port(text: &str) -> bool {
    text.split_at_checked(3).is_some_and(|(name, number)| {
        name.eq_ignore_ascii_case("COM")
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}
