//! The lines DTR and RTS of a serial port: as an endpoint sets them, and the reset of a board.
//!
//! The system turns both on when it opens a port. Two transistors of boards of Espressif connect them to EN and
//! GPIO0: DTR off and RTS on is the reset, DTR on and RTS off selects the boot loader at a reset, and equal lines
//! do nothing. So the state of a reset is no passing one on the way between two others.

use std::io::{self, ErrorKind};
use std::time::Duration;

use serial2::SerialPort;

use crate::endpoint::{Reset, SerialSettings};

/// The length of a reset.
const RESET_PULSE: Duration = Duration::from_millis(100);

/// The lines of a port that this end sets.
pub(crate) trait ControlLines {
    fn set_dtr(&mut self, is_on: bool) -> io::Result<()>;
    fn set_rts(&mut self, is_on: bool) -> io::Result<()>;
    fn wait(&mut self, time: Duration);
}

impl ControlLines for SerialPort {
    fn set_dtr(&mut self, is_on: bool) -> io::Result<()> {
        Self::set_dtr(self, is_on)
    }

    fn set_rts(&mut self, is_on: bool) -> io::Result<()> {
        Self::set_rts(self, is_on)
    }

    fn wait(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// Resets the board and sets the lines as `settings` says; without settings the lines are not touched.
///
/// # Errors
/// The port has no such lines, or those of the system.
pub(crate) fn set(lines: &mut impl ControlLines, settings: &SerialSettings) -> io::Result<()> {
    let SerialSettings { dtr, rts, .. } = *settings;
    let result = reset(lines, settings.reset).and_then(|()| set_both(lines, dtr, rts));
    result.map_err(|error| if has_none(&error) { without_lines() } else { error })
}

fn reset(lines: &mut impl ControlLines, reset: Reset) -> io::Result<()> {
    match reset {
        Reset::None => Ok(()),
        Reset::Dtr => {
            lines.set_dtr(false)?;
            lines.wait(RESET_PULSE);
            lines.set_dtr(true)
        }
        Reset::Esp => {
            lines.set_dtr(false)?;
            lines.set_rts(true)?;
            lines.wait(RESET_PULSE);
            lines.set_rts(false)
        }
    }
}

/// RTS goes off before DTR, and on behind it.
fn set_both(lines: &mut impl ControlLines, dtr: Option<bool>, rts: Option<bool>) -> io::Result<()> {
    if rts == Some(false) {
        lines.set_rts(false)?;
    }
    if let Some(is_on) = dtr {
        lines.set_dtr(is_on)?;
    }
    if rts == Some(true) {
        lines.set_rts(true)?;
    }
    Ok(())
}

/// Whether the error is that of a terminal without lines.
fn has_none(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let errno = Errno::from_io_error(error);
        errno.is_some_and(|errno| matches!(errno, Errno::NOTTY | Errno::INVAL))
    }
    #[cfg(not(unix))]
    {
        matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported)
    }
}

pub(crate) fn without_lines() -> io::Error {
    let sentence = "it has no lines DTR and RTS; leave out dtr, rts and reset";
    io::Error::new(ErrorKind::InvalidInput, sentence)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::Endpoint;

    /// Lines as the system opens a port, and all states since.
    struct Recorded {
        states: RefCell<Vec<(bool, bool)>>,
        waits: RefCell<Vec<(bool, bool)>>,
    }

    impl Recorded {
        fn last(&self) -> (bool, bool) {
            *self.states.borrow().last().expect("the first state")
        }
    }

    impl ControlLines for Recorded {
        fn set_dtr(&mut self, is_on: bool) -> io::Result<()> {
            let (_, rts) = self.last();
            self.states.borrow_mut().push((is_on, rts));
            Ok(())
        }

        fn set_rts(&mut self, is_on: bool) -> io::Result<()> {
            let (dtr, _) = self.last();
            self.states.borrow_mut().push((dtr, is_on));
            Ok(())
        }

        fn wait(&mut self, time: Duration) {
            assert!(time >= Duration::from_millis(50), "too short for the capacitor at EN");
            self.waits.borrow_mut().push(self.last());
        }
    }

    /// The states of DTR and RTS behind the first one, and those that lasted.
    fn states(url: &str) -> [Vec<(bool, bool)>; 2] {
        let Ok(Endpoint::Serial(serial)) = url.parse() else { panic!("{url}") };
        let mut lines =
            Recorded { states: RefCell::new(vec![(true, true)]), waits: RefCell::default() };
        set(&mut lines, &serial.settings).expect("it has lines");
        [lines.states.into_inner().split_off(1), lines.waits.into_inner()]
    }

    const ESP_RESET: (bool, bool) = (false, true);

    #[test]
    fn lines_without_settings_are_not_touched() {
        assert_eq!(states("serial:"), [vec![], vec![]]);
        assert_eq!(states("serial:?reset=none"), [vec![], vec![]]);
    }

    #[test]
    fn settings_reset_no_board_on_their_way() {
        for (settings, last) in [
            ("dtr=off&rts=off", (false, false)),
            ("dtr=on&rts=off", (true, false)),
            ("dtr=on&rts=on", (true, true)),
            ("rts=off", (true, false)),
            ("dtr=on", (true, true)),
        ] {
            let [states, _] = states(&format!("serial:?{settings}"));
            assert_eq!(states.last(), Some(&last), "{settings}");
            assert!(!states.contains(&ESP_RESET), "{settings}: {states:?}");
        }
        // Both on behind both off.
        let mut lines =
            Recorded { states: RefCell::new(vec![(false, false)]), waits: RefCell::default() };
        set_both(&mut lines, Some(true), Some(true)).expect("it has lines");
        assert_eq!(lines.states.into_inner(), [(false, false), (true, false), (true, true)]);
    }

    #[test]
    fn a_reset_of_an_arduino_is_one_pulse_of_dtr() {
        let [states, lasted] = states("serial:?reset=dtr");
        assert_eq!(states.iter().map(|(dtr, _)| *dtr).collect::<Vec<_>>(), [false, true]);
        assert_eq!(lasted.iter().map(|(dtr, _)| *dtr).collect::<Vec<_>>(), [false]);
    }

    /// GPIO0 is high when EN rises: the board does not stay in the boot loader.
    #[test]
    fn a_reset_of_an_esp_board_starts_its_firmware() {
        let [esp, lasted] = states("serial:?reset=esp");
        assert_eq!(lasted, [ESP_RESET]);
        assert_eq!(esp.last(), Some(&(false, false)));
        assert!(!esp.contains(&(true, false)), "{esp:?}");
        let [after, _] = states("serial:?reset=esp&dtr=on&rts=on");
        assert_eq!(after.last(), Some(&(true, true)));
        let resets = after.windows(2).filter(|two| two[0] == ESP_RESET && two[1] != ESP_RESET);
        assert_eq!(resets.count(), 1, "{after:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_port_without_lines_is_told_so() {
        struct Without(i32);
        impl ControlLines for Without {
            fn set_dtr(&mut self, _: bool) -> io::Result<()> {
                Err(io::Error::from_raw_os_error(self.0))
            }
            fn set_rts(&mut self, _: bool) -> io::Result<()> {
                Err(io::Error::from_raw_os_error(self.0))
            }
            fn wait(&mut self, _: Duration) {}
        }
        let error = |errno: rustix::io::Errno, setting: &str| {
            let Ok(Endpoint::Serial(serial)) = format!("serial:?{setting}").parse() else {
                panic!("{setting}")
            };
            set(&mut Without(errno.raw_os_error()), &serial.settings)
        };
        for setting in ["dtr=off", "rts=on", "reset=dtr", "reset=esp"] {
            for errno in [rustix::io::Errno::NOTTY, rustix::io::Errno::INVAL] {
                let error = error(errno, setting).expect_err(setting);
                assert!(error.to_string().contains("no lines DTR and RTS"), "{error}");
            }
        }
        let gone = error(rustix::io::Errno::IO, "dtr=on").expect_err("an error");
        assert!(!gone.to_string().contains("no lines"), "{gone}");
        assert!(error(rustix::io::Errno::NOTTY, "baud=9600").is_ok());
    }
}
