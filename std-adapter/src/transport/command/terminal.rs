//! The settings of the terminal, which a command may change and not restore: a program that asks for a
//! password and is killed leaves a terminal without echo.

use std::fs::File;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

use super::processes::own_group;

/// The controlling terminal of this program, and its settings.
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

    /// Restores the settings of the terminal, if they have changed.
    pub(super) fn restore(&self) {
        // A process in the background would be stopped.
        let is_foreground =
            tcgetpgrp(&self.terminal).is_ok_and(|group| Some(group.as_raw_pid()) == own_group());
        let modes =
            |set: &Termios| (set.input_modes, set.output_modes, set.control_modes, set.local_modes);
        if is_foreground
            && tcgetattr(&self.terminal).is_ok_and(|now| modes(&now) != modes(&self.found))
        {
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.found);
        }
    }
}
