//! Hosts and ports.

/// Whether a host of a short form can have this name.
pub(super) fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.bytes().all(is_plain)
}

/// Parses `HOST:PORT`, or `HOST` if there is a usual port. `example`: a correct URL.
pub(super) fn parse(text: &str, usual: Option<u16>, example: &str) -> Result<String, String> {
    match (text.rsplit_once(':'), usual) {
        (Some((host, port)), _) if is_host(host) => match port.parse::<u16>() {
            Ok(_) => Ok(text.to_owned()),
            Err(_) => {
                let port = port.escape_debug();
                Err(format!("\"{port}\" is no port: one is a number up to 65535"))
            }
        },
        (_, Some(port)) if is_host(text) => Ok(format!("{text}:{port}")),
        _ => Err(format!("one looks like {example}")),
    }
}

fn is_host(host: &str) -> bool {
    let bracketed = host.starts_with('[') && host.ends_with(']');
    !host.is_empty() && !host.contains('/') && (bracketed || !host.contains(':'))
}
