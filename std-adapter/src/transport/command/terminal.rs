//! The settings of the terminal, which a command may change and not put back: a program that asks for a
//! password and is killed leaves a terminal that shows nothing that is typed.

use std::fs::File;

use rustix::process::getpgrp;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// The controlling terminal of this program, and how it was set.
pub(super) struct Terminal {
    terminal: File,
    found: Termios,
}

impl Terminal {
    /// `None` if there is none.
    pub(super) fn open() -> Option<Self> {
        let terminal = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let found = tcgetattr(&terminal).ok()?;
        Some(Self { terminal, found })
    }

    /// Sets the terminal as it was found, if it is another now.
    pub(super) fn restore(&self) {
        // Who is not in the foreground would be stopped.
        let is_foreground = tcgetpgrp(&self.terminal).is_ok_and(|group| group == getpgrp());
        let modes =
            |set: &Termios| (set.input_modes, set.output_modes, set.control_modes, set.local_modes);
        if is_foreground
            && tcgetattr(&self.terminal).is_ok_and(|now| modes(&now) != modes(&self.found))
        {
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.found);
        }
    }
}
