//! Hosts and ports.

use super::Endpoint;

/// Whether a host of a short form can have this name.
pub(super) fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.bytes().all(is_plain)
}

/// Parses `HOST` or `HOST:PORT`.
pub(super) fn parse_tcp(address: &str) -> Result<Endpoint, String> {
    if has_port(address) {
        Ok(Endpoint::Tcp(address.to_owned()))
    } else if is_host(address) {
        Ok(Endpoint::Tcp(format!("{address}:8080")))
    } else if let Some((host, port)) = address.rsplit_once(':')
        && is_host(host)
    {
        let port = port.escape_debug();
        Err(format!("\"{port}\" is no port: one is a number up to 65535"))
    } else {
        Err("one looks like tcp://127.0.0.1:8080".to_owned())
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
