//! Boards with MicroPython or CircuitPython, on which nothing is installed: `repl:`, `repl:///dev/ttyACM0`,
//! `repl+exec:COMMAND`.

use std::fmt;

use super::{Port, Serial, SerialSettings, settings};

/// A board whose Python prompt (REPL) a client uses to start a server in its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repl {
    /// The way to the prompt.
    pub line: ReplLine,
    /// Whether the line may lose or change bytes; `None`: as the kind of the port says. USB does not, the converters
    /// and pins of a UART do.
    pub lossy: Option<bool>,
    /// The directory of the board that is served; `None`: its current one, which is that of its flash.
    pub directory: Option<String>,
    /// Whether the board is restarted at the end (soft reset), so that it runs its program again.
    pub restarts: bool,
}

/// The way to the prompt of a board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplLine {
    /// A serial port. Of its settings, `lossy` has no meaning here.
    Serial(Serial),
    /// The standard streams of a command that the shell starts, on Unix.
    Command(String),
}

impl Repl {
    /// A board on this line, with the default settings.
    pub fn new(line: ReplLine) -> Self {
        Self { line, lossy: None, directory: None, restarts: false }
    }

    /// The serial port; `None`: the line is another one.
    pub fn serial(&self) -> Option<&Serial> {
        match &self.line {
            ReplLine::Serial(serial) => Some(serial),
            ReplLine::Command(_) => None,
        }
    }

    /// Parses the part after `repl`: `:`, `:?baud=N`, `://PORT?baud=N` and `+exec:COMMAND`.
    pub(super) fn parse(rest: &str) -> Result<Self, String> {
        if let Some(rest) = rest.strip_prefix("+exec") {
            let Some((settings, command)) = rest.split_once(':') else {
                return Err("it names no command".into());
            };
            let settings = match settings.strip_prefix('?') {
                Some(settings) => settings,
                None if settings.is_empty() => "",
                None => return Err("say \"repl+exec:COMMAND\"".into()),
            };
            if command.trim().is_empty() {
                return Err("it names no command".into());
            }
            let mut this = Self::new(ReplLine::Command(command.to_owned()));
            return match this.take(settings)?.first() {
                None => Ok(this),
                Some(setting) => Err(format!(
                    "repl+exec has no setting \"{}\", only dir, lossy and restart",
                    setting.escape_debug()
                )),
            };
        }
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        let (port, settings) = rest.split_once('?').unwrap_or((rest, ""));
        let port = match port.strip_prefix("//") {
            Some(port) => Port::parse(port).map_err(|why| why.replace("serial:", "repl:"))?,
            None if port.is_empty() => Port::Only,
            None => return Err(format!("say repl://{}", port.escape_debug())),
        };
        let mut this = Self::new(ReplLine::Serial(Serial::new(port)));
        let others = this.take(settings)?.join("&");
        if let ReplLine::Serial(serial) = &mut this.line {
            serial.settings = SerialSettings::parse(&others)?;
        }
        Ok(this)
    }

    /// Takes the settings of a board, and returns the others.
    fn take<'a>(&mut self, given: &'a str) -> Result<Vec<&'a str>, String> {
        let mut others = Vec::new();
        let pieces = given.split('&').filter(|piece| !piece.is_empty());
        for ((name, value), piece) in settings::each(given).zip(pieces) {
            match (name, value) {
                ("lossy", _) => self.lossy = Some(settings::lossy(value)?),
                ("dir", "") => return Err("dir names no directory of the board".into()),
                ("dir", _) if value.contains([':', '\0']) => {
                    return Err("the directory of a board has no colon".into());
                }
                ("dir", _) => self.directory = Some(value.to_owned()),
                ("restart", "true" | "false") => self.restarts = value == "true",
                ("restart", _) => {
                    let shown = value.escape_debug();
                    return Err(format!("restart is true or false, not \"{shown}\""));
                }
                _ => others.push(piece),
            }
        }
        Ok(others)
    }
}

impl fmt::Display for Repl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut settings = Vec::new();
        if let ReplLine::Serial(Serial { settings: line, .. }) = &self.line {
            // Shown below, if it is given.
            settings.push(SerialSettings { lossy: true, ..line.clone() }.to_string());
        }
        settings.extend(self.lossy.map(|lossy| format!("lossy={lossy}")));
        settings.extend(self.directory.as_ref().map(|dir| format!("dir={}", dir.escape_debug())));
        settings.extend(self.restarts.then(|| "restart=true".to_owned()));
        let settings = match settings.is_empty() {
            true => String::new(),
            false => format!("?{}", settings.join("&")),
        };
        match &self.line {
            ReplLine::Serial(serial) => {
                let port = serial.port.to_string();
                let port = port.strip_prefix("serial:").unwrap_or(&port);
                write!(f, "repl:{port}{settings}")
            }
            ReplLine::Command(command) => {
                write!(f, "repl+exec{settings}:{}", command.escape_debug())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Endpoint;

    #[test]
    fn the_urls_of_boards_are_read_and_shown() {
        for (text, shown) in [
            ("repl:", "repl:?baud=115200"),
            ("repl:?lossy=false&baud=9600", "repl:?baud=9600&lossy=false"),
            ("repl:///dev/ttyACM0", "repl:///dev/ttyACM0?baud=115200"),
            ("repl://usb:2e8a:5", "repl://usb:2e8a:0005?baud=115200"),
            (
                "repl://COM3?dir=/sd&reset=esp&lossy=true&restart=true",
                "repl://COM3?baud=115200&reset=esp&lossy=true&dir=/sd&restart=true",
            ),
            ("repl:?restart=false", "repl:?baud=115200"),
            ("repl+exec:ssh -tt box: x?", "repl+exec:ssh -tt box: x?"),
            ("repl+exec?dir=/sd&lossy=true:a b", "repl+exec?lossy=true&dir=/sd:a b"),
        ] {
            let endpoint = text.parse::<Endpoint>().expect("an endpoint");
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(shown.parse(), Ok(endpoint));
        }
    }

    #[test]
    fn an_invalid_url_of_a_board_is_refused_with_the_reason() {
        for (text, why) in [
            ("repl://", "the only port is repl:"),
            ("repl:/dev/ttyACM0", "say repl:///dev/ttyACM0"),
            ("repl:?dir=", "dir names no directory"),
            ("repl:?dir=a:b", "no colon"),
            ("repl:?restart", "restart is true or false, not \"\""),
            ("repl:?lossy=1", "lossy is true or false, not \"1\""),
            ("repl:?parity=even", "no setting \"parity\""),
            ("repl+exec: ", "names no command"),
            ("repl+exec", "names no command"),
            ("repl+execute:x", "say \"repl+exec:COMMAND\""),
            ("repl+exec?baud=9600:x", "repl+exec has no setting \"baud=9600\""),
        ] {
            let told = text.parse::<Endpoint>().expect_err(text).to_string();
            assert!(told.contains(why) && told.contains("is no endpoint"), "{told}");
        }
    }
}
