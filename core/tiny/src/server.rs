use crate::{Link, Receiver, Sender, Source, Step, Store};

/// A [`Receiver`] or a [`Sender`], for the drivers. `F` has its files: a [`Store`] or a [`Source`].
pub trait Server<F>: sealed::Sealed {
    /// Handles received bytes, and returns the next step of the driver.
    fn poll(&mut self, files: &mut F) -> Step<'_>;

    /// `count` bytes were read, as [`Step::Receive`] asked for.
    fn received(&mut self, count: usize);

    /// No byte came for 20 ms.
    fn silence(&mut self);
}

mod sealed {
    pub trait Sealed {}
}

impl<L: Link> sealed::Sealed for Receiver<'_, L> {}
impl<L: Link> sealed::Sealed for Sender<'_, L> {}

impl<L: Link, S: Store> Server<S> for Receiver<'_, L> {
    fn poll(&mut self, files: &mut S) -> Step<'_> {
        self.poll(files)
    }

    fn received(&mut self, count: usize) {
        self.received(count);
    }

    fn silence(&mut self) {
        self.silence();
    }
}

impl<L: Link, S: Source> Server<S> for Sender<'_, L> {
    fn poll(&mut self, files: &mut S) -> Step<'_> {
        self.poll(files)
    }

    fn received(&mut self, count: usize) {
        self.received(count);
    }

    fn silence(&mut self) {
        self.silence();
    }
}
