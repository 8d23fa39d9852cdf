//! The terminal that standard input is, set to pass each key as it is pressed. Its earlier settings are restored at the
//! end, also after a panic, before a signal ends the program, and while the program is stopped.

#[cfg(unix)]
pub(crate) use self::unix::{Keyboard, restore};

#[cfg(not(unix))]
pub(crate) use self::other::{Keyboard, restore};

#[cfg(unix)]
mod unix {
    use std::io::{self, stdin};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use rustix::termios::{
        InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
    };

    use crate::signals;

    /// The settings before, while each key is passed.
    static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

    fn saved() -> MutexGuard<'static, Option<Termios>> {
        SAVED.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each key is passed until this is dropped.
    #[derive(Debug)]
    pub(crate) struct Keyboard(());

    impl Keyboard {
        /// # Errors
        /// Those of the system.
        pub(crate) fn start() -> io::Result<Option<Self>> {
            *saved() = Some(tcgetattr(stdin())?);
            let keyboard = Self(());
            set()?;
            signals::around_stops(restore, || drop(set()))?;
            Ok(Some(keyboard))
        }
    }

    impl Drop for Keyboard {
        fn drop(&mut self) {
            restore();
            *saved() = None;
        }
    }

    /// Passes each key. The output stays as it is: a line end of a board begins a line.
    fn set() -> io::Result<()> {
        let Some(mut settings) = saved().clone() else { return Ok(()) };
        settings.input_modes -= InputModes::ICRNL
            | InputModes::INLCR
            | InputModes::IGNCR
            | InputModes::IXON
            | InputModes::ISTRIP
            | InputModes::BRKINT;
        settings.local_modes -=
            LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        settings.special_codes[SpecialCodeIndex::VMIN] = 1;
        settings.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(tcsetattr(stdin(), OptionalActions::Now, &settings)?)
    }

    /// Restores the settings, if keys are passed.
    pub(crate) fn restore() {
        if let Some(settings) = &*saved() {
            // The terminal may be gone.
            let _ = tcsetattr(stdin(), OptionalActions::Now, settings);
        }
    }
}

#[cfg(not(unix))]
mod other {
    use std::io;

    /// Lines are passed, as the system reads them.
    #[derive(Debug)]
    pub(crate) struct Keyboard(());

    impl Keyboard {
        /// # Errors
        /// None.
        pub(crate) fn start() -> io::Result<Option<Self>> {
            Ok(None)
        }
    }

    pub(crate) fn restore() {}
}
