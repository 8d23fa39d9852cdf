//! A device over async streams.

use embedded_io_async::{Read, Write};

use super::{Control, Device, Error, Event, Reporter};
use crate::driver::async_io::{self, Clock};
use crate::driver::console::NoText;
use crate::driver::{Text, restart};
use crate::profile::Profile;
use crate::store::AsyncStore;
use crate::transfer::Outcome;

impl<P: Profile, const PATH: usize> Device<P, PATH> {
    /// Serves one session after another, as [`Device::serve`] does. It may be dropped at any time and called
    /// again: no event is lost, and none comes twice. See [`async_io`] for the requirements on the streams.
    ///
    /// ```
    /// use embedded_io_async::{Read, Write};
    /// use tinyferry_core::device::{Device, Event};
    /// use tinyferry_core::driver::async_io::Clock;
    /// use tinyferry_core::store::AsyncStore;
    /// use tinyferry_core::Config;
    ///
    /// async fn run_board<R: Read, W: Write<Error = R::Error>>(
    ///     (mut reader, mut writer, mut clock): (R, W, impl Clock),
    ///     mut store: impl AsyncStore,
    /// ) {
    ///     let mut device: Device = Device::new(Config::LOSSY.recv_buffer::<4352>());
    ///     loop {
    ///         let ends = (&mut reader, &mut writer, &mut clock);
    ///         let served = device.serve_async(ends.0, ends.1, ends.2, &mut store, |_, event| match event {
    ///             Event::Connected => { /* LED on */ }
    ///             Event::Idle => { /* LED off */ }
    ///             _ => {}
    ///         });
    ///         let _ = served.await;
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of [`Device::serve`].
    pub async fn serve_async<R: Read, W: Write<Error = R::Error>, S: AsyncStore + ?Sized>(
        &mut self,
        reader: &mut R,
        writer: &mut W,
        clock: &mut impl Clock,
        store: &mut S,
        on_event: impl FnMut(&mut Control<'_, P>, Event<'_, R::Error>),
    ) -> Result<Outcome, Error<R::Error>> {
        self.serve_printing(reader, writer, clock, store, &NoText, on_event).await
    }

    /// The same with a console: see [`async_io::drive_printing`].
    ///
    /// # Errors
    /// Those of [`Device::serve`].
    pub async fn serve_printing<R: Read, W: Write<Error = R::Error>, S: AsyncStore + ?Sized>(
        &mut self,
        reader: &mut R,
        writer: &mut W,
        clock: &mut impl Clock,
        store: &mut S,
        console: &impl Text,
        mut on_event: impl FnMut(&mut Control<'_, P>, Event<'_, R::Error>),
    ) -> Result<Outcome, Error<R::Error>> {
        loop {
            let ends = (&mut *reader, &mut *writer);
            let served =
                self.serve_async_until(ends, clock, store, console, (&mut on_event, false));
            if let Some(result) = served.await {
                return result;
            }
        }
    }

    /// The same for one request, as [`Device::serve_request`].
    ///
    /// # Errors
    /// Those of [`Device::serve`].
    pub async fn serve_request_async<
        R: Read,
        W: Write<Error = R::Error>,
        S: AsyncStore + ?Sized,
    >(
        &mut self,
        reader: &mut R,
        writer: &mut W,
        clock: &mut impl Clock,
        store: &mut S,
        console: &impl Text,
        mut on_event: impl FnMut(&mut Control<'_, P>, Event<'_, R::Error>),
    ) -> Result<Option<Outcome>, Error<R::Error>> {
        let ends = (reader, writer);
        let served = self.serve_async_until(ends, clock, store, console, (&mut on_event, true));
        served.await.transpose()
    }

    async fn serve_async_until<R: Read, W: Write<Error = R::Error>, S: AsyncStore + ?Sized>(
        &mut self,
        (reader, writer): (&mut R, &mut W),
        clock: &mut impl Clock,
        store: &mut S,
        console: &impl Text,
        (on_event, is_one): (&mut impl FnMut(&mut Control<'_, P>, Event<'_, R::Error>), bool),
    ) -> Option<Result<Outcome, Error<R::Error>>> {
        loop {
            let mut reporter = Reporter::new(&mut self.journal, &mut *on_event, is_one);
            let (session, ends) = (&mut self.session, (&mut *reader, &mut *writer));
            let driven =
                async_io::drive_watched(session, ends, clock, store, console, &mut reporter);
            let result = driven.await?;
            reporter.closed(&self.session, &result);
            if !restart(&mut self.session, &result) {
                return Some(result);
            }
        }
    }
}
