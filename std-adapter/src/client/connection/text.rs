//! The text that the other end of a lossy link sends between frames.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use embedded_io::{ErrorType, Read, Write};
use tinyferry_core::Millis;
use tinyferry_core::driver::blocking::Link;

type Callback = dyn FnMut(&[u8]) + Send;

/// Receives text as it comes.
#[derive(Clone, Default)]
pub(crate) struct TextListener(Option<Arc<Mutex<Callback>>>);

impl TextListener {
    pub(crate) fn new(listener: impl FnMut(&[u8]) + Send + 'static) -> Self {
        Self(Some(Arc::new(Mutex::new(listener))))
    }

    /// The same link, whose text comes here.
    pub(super) fn of<'a, L>(&'a self, link: &'a mut L) -> WithText<'a, L> {
        WithText { link, listener: self }
    }

    fn text(&self, bytes: &[u8]) {
        if let Some(listener) = &self.0 {
            (listener.lock().unwrap_or_else(PoisonError::into_inner))(bytes);
        }
    }
}

impl fmt::Debug for TextListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "TextListener(set)" } else { "TextListener" })
    }
}

/// A link whose text a listener receives.
pub(super) struct WithText<'a, L> {
    link: &'a mut L,
    listener: &'a TextListener,
}

impl<L: Link<Error = io::Error>> ErrorType for WithText<'_, L> {
    type Error = io::Error;
}

impl<L: Link<Error = io::Error>> Read for WithText<'_, L> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.link.read(into)
    }
}

impl<L: Link<Error = io::Error>> Write for WithText<'_, L> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.link.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.link.flush()
    }
}

impl<L: Link<Error = io::Error>> Link for WithText<'_, L> {
    const HALF_DUPLEX: bool = L::HALF_DUPLEX;

    fn now(&mut self) -> Option<Millis> {
        self.link.now()
    }

    fn set_read_deadline(&mut self, deadline: Option<Millis>, is_idle: bool) {
        self.link.set_read_deadline(deadline, is_idle);
    }

    fn is_ready(&mut self) -> io::Result<bool> {
        self.link.is_ready()
    }

    fn check(&mut self) -> io::Result<()> {
        self.link.check()
    }

    fn take_buffered(&mut self, take: impl FnOnce(&[u8]) -> usize) {
        self.link.take_buffered(take);
    }

    fn text(&mut self, bytes: &[u8]) {
        self.listener.text(bytes);
    }
}
