//! Endpoints: the URLs that a server listens at and a client connects to, and their short forms.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use tinyferry_core::Config;

/// The address of the other end.
///
/// Besides URLs, [`str::parse`] takes the short forms that other programs use: `HOST` and `HOST:PORT` for TCP,
/// `USER@HOST:DIR` for SSH, `/dev/ttyUSB0` and `COM3` for a serial port. A text that may mean two of them is
/// an error.
///
/// ```
/// use tinyferry::Endpoint;
///
/// let endpoint: Endpoint = "box".parse()?;
/// assert_eq!(endpoint.to_string(), "tcp://box:8080");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// `tcp://HOST:PORT`
    Tcp(String),
    /// `unix:///PATH`: a socket in the file system.
    Unix(String),
    /// `serial://PORT?baud=N&flow=none|hardware&lossy=true|false`
    Serial(Serial),
    /// `exec:COMMAND`: the standard streams of a command that the shell starts. For clients.
    Exec(String),
    /// `USER@HOST:DIR`: a directory of another machine, served by a program that SSH starts there. For
    /// clients.
    Ssh(Ssh),
    /// `stdio:`: this program's own standard streams. For servers.
    Stdio,
}

/// A directory that a user of another machine may access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// The user and the host: `USER@HOST`.
    pub host: String,
    /// The directory, relative to the user's home directory; empty: the home directory.
    pub directory: String,
}

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

impl Endpoint {
    /// Whether the link can lose or change bytes.
    pub fn is_lossy(&self) -> bool {
        matches!(self, Self::Serial(Serial { lossy: true, .. }))
    }

    /// The configuration of a session over this endpoint.
    pub fn config(&self) -> Config {
        if self.is_lossy() { Config::LOSSY } else { Config::RELIABLE }
    }
}

impl Default for Endpoint {
    /// `tcp://127.0.0.1:8080`
    fn default() -> Self {
        Self::Tcp("127.0.0.1:8080".to_owned())
    }
}

impl Ssh {
    /// Parses `USER@HOST`, `USER@HOST:` and `USER@HOST:DIR`.
    fn parse(text: &str) -> Option<Self> {
        let (host, directory) = text.split_once(':').unwrap_or((text, ""));
        let (user, name) = host.split_once('@')?;
        let is_valid = is_name(user) && is_name(name) && !directory.contains('\0');
        is_valid.then(|| Self { host: host.to_owned(), directory: directory.to_owned() })
    }

    /// The command for the shell. Who may log in there may remove files there: the server allows it.
    pub(crate) fn command(&self) -> String {
        let directory = match self.directory.strip_prefix("~/").unwrap_or(&self.directory) {
            "" | "~" => ".".to_owned(),
            directory if directory.starts_with('-') => format!("./{directory}"),
            directory => directory.to_owned(),
        };
        let remote = format!("tinyferry serve --stdio --allow-remove {}", quoted(&directory));
        format!("exec ssh -T -- {} {}", self.host, quoted(&remote))
    }
}

/// A word of the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

impl Serial {
    /// A port with the default settings of a URL: 115,200 baud, no flow control,
    /// lossy.
    pub fn new(port: &str) -> Self {
        Self { port: port.to_owned(), baud: 115_200, flow: Flow::None, lossy: true }
    }

    /// Parses the part after `serial://`.
    fn parse(rest: &str) -> Result<Self, String> {
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

/// The reason why a text is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointError {
    text: String,
    why: String,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is no endpoint: {}", self.text.escape_debug(), self.why)
    }
}

impl std::error::Error for EndpointError {}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let no = |why: String| EndpointError { text: text.to_owned(), why };
        if let Some(command) = text.strip_prefix("exec:") {
            let is_empty = command.trim().is_empty();
            let command = (!is_empty).then(|| Self::Exec(command.to_owned()));
            return command.ok_or_else(|| no("it names no command".into()));
        }
        match text.split_once("://") {
            Some(("tcp", rest)) => parse_tcp(rest.strip_suffix('/').unwrap_or(rest)),
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(path.to_owned())),
            Some(("unix", _)) => Err("a path begins with /, as in unix:///run/ferry.sock".into()),
            Some(("serial", rest)) => Serial::parse(rest).map(Self::Serial),
            Some(_) => Err(FORMS.into()),
            None if text == "stdio:" => Ok(Self::Stdio),
            None => parse_short(text),
        }
        .map_err(no)
    }
}

/// The forms of an endpoint, for a text that is none of them.
const FORMS: &str = "one looks like box, box:8080, tcp://127.0.0.1:8080, unix:///run/ferry.sock, \
                     serial:///dev/ttyUSB0?baud=921600, user@box:DIR or \"exec:ssh box tinyferry serve \
                     --stdio DIR\"";

/// Parses a text that is no URL.
fn parse_short(text: &str) -> Result<Endpoint, String> {
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
        return Ok(Endpoint::Tcp(format!("[{text}]:8080")));
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
        Some((host, _)) if is_name(host) || host.starts_with('[') => parse_tcp(text),
        None if is_name(text) || text.starts_with('[') => parse_tcp(text),
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

/// Whether a host of a short form can have this name.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.bytes().all(is_plain)
}

fn parse_tcp(address: &str) -> Result<Endpoint, String> {
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

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.escape_debug()),
            Self::Exec(command) => write!(f, "exec:{}", command.escape_debug()),
            Self::Ssh(Ssh { host, directory }) => {
                write!(f, "{host}:{}", directory.escape_debug())
            }
            Self::Stdio => f.write_str("stdio:"),
            Self::Serial(Serial { port, baud, flow, lossy }) => {
                write!(f, "serial://{}?baud={baud}", port.escape_debug())?;
                if *flow == Flow::Hardware {
                    f.write_str("&flow=hardware")?;
                }
                if *lossy { Ok(()) } else { f.write_str("&lossy=false") }
            }
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
            ("unix:///run/ferry.sock", "unix:///run/ferry.sock"),
            ("serial:///dev/ttyACM0", "serial:///dev/ttyACM0?baud=115200"),
            ("serial://COM3?baud=921600&lossy=true&flow=none", "serial://COM3?baud=921600"),
            (
                "serial:///dev/a?lossy=false&flow=hardware&baud=9600",
                "serial:///dev/a?baud=9600&flow=hardware&lossy=false",
            ),
            ("exec:ssh box cat unix:///a", "exec:ssh box cat unix:///a"),
            ("stdio:", "stdio:"),
            ("box", "tcp://box:8080"),
            ("box.example:99", "tcp://box.example:99"),
            ("127.0.0.1:8080", "tcp://127.0.0.1:8080"),
            ("[::1]:9", "tcp://[::1]:9"),
            ("[::1]", "tcp://[::1]:8080"),
            ("fe80::1", "tcp://[fe80::1]:8080"),
            ("/dev/ttyUSB0", "serial:///dev/ttyUSB0?baud=115200"),
            ("/dev/ttyACM0?baud=9600", "serial:///dev/ttyACM0?baud=9600"),
            ("COM3", "serial://COM3?baud=115200"),
            ("com12?baud=9600", "serial://com12?baud=9600"),
            ("me@box", "me@box:"),
            ("me@box:", "me@box:"),
            ("me@box.example:a b/c", "me@box.example:a b/c"),
            ("me@box:/srv:2", "me@box:/srv:2"),
        ] {
            let endpoint = text.parse::<Endpoint>().expect("an endpoint");
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(shown.parse(), Ok(endpoint));
        }
        for text in [
            "",
            "tcp://",
            "http://a:1",
            "tcp://a/b",
            "tcp://:80",
            "tcp://a:",
            "a b",
            "-x",
            "@",
            "a@",
            "@a",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_invalid_endpoint_is_refused_with_the_reason() {
        for (text, why) in [
            ("tcp://box:99999", "\"99999\" is no port"),
            ("tcp://box:http", "\"http\" is no port"),
            ("unix://ferry.sock", "a path begins with /"),
            ("serial://", "names no serial port"),
            ("serial://?baud=9600", "names no serial port"),
            ("serial:///dev/a?baud=fast", "\"fast\" is no baud rate"),
            ("serial:///dev/a?baud=0", "no baud rate"),
            ("serial:///dev/a?baud", "no baud rate"),
            ("serial:///dev/a?flow=both", "flow is none or hardware, not \"both\""),
            ("serial:///dev/a?flow=software", "two byte values cannot be sent"),
            ("serial:///dev/a?lossy=1", "lossy is true or false, not \"1\""),
            ("serial:///dev/a?parity=even", "no setting \"parity\""),
            ("exec: ", "names no command"),
            ("stdio:x", "may be a host with a port, or a directory that SSH reaches"),
            ("box:incoming", "say box:PORT or USER@box:incoming"),
            ("box:99999", "\"99999\" is no port"),
            ("./sock", "say unix:///PATH or serial:///PATH"),
            ("/run/sock", "say unix:///PATH or serial:///PATH"),
            ("-o@box:x", "one looks like"),
            ("me@-oProxyCommand=x:y", "one looks like"),
        ] {
            let told = text.parse::<Endpoint>().expect_err(text).to_string();
            assert!(told.contains(why) && told.contains("is no endpoint"), "{told}");
        }
    }
    /// The directory passes two shells as one word.
    #[test]
    fn a_directory_of_ssh_is_one_word_of_the_remote_shell() {
        let command = |text: &str| match text.parse() {
            Ok(Endpoint::Ssh(ssh)) => ssh.command(),
            other => panic!("{text}: {other:?}"),
        };
        let remote = |directory: &str| {
            format!(r"exec ssh -T -- me@box 'tinyferry serve --stdio --allow-remove {directory}'")
        };
        assert_eq!(command("me@box:a b"), remote(r"'\''a b'\''"));
        assert_eq!(command("me@box"), remote(r"'\''.'\''"));
        assert_eq!(command("me@box:~/a"), remote(r"'\''a'\''"));
        assert_eq!(command("me@box:-rf"), remote(r"'\''./-rf'\''"));
    }
}
