//! A device under Embassy. It runs on each chip whose HAL has a UART with `embedded-io-async`, such as `BufferedUart`.
#![no_std]

use embassy_time::{Instant, Timer};
use embedded_io_async::{Read, Write};
use tinyferry_core::device::{Device, Event};
use tinyferry_core::driver::async_io::Clock;
use tinyferry_core::store::AsyncStore;
use tinyferry_core::{Config, Millis};

/// The clock of `embassy-time`.
pub struct EmbassyClock;

impl Clock for EmbassyClock {
    fn now(&mut self) -> Option<Millis> {
        Some(Instant::now().as_millis() as Millis)
    }

    async fn wait_until(&mut self, deadline: Millis) {
        let left = deadline.wrapping_sub(Instant::now().as_millis() as Millis);
        if left < 1 << 31 {
            Timer::after_millis(left.into()).await;
        }
    }
}

/// Serves a UART whose receive buffer has 4352 bytes. It returns only if the UART fails. A firmware calls it in a task
/// of the executor, with the halves of its UART and its store.
pub async fn serve_files<R: Read, W: Write<Error = R::Error>>(
    mut reader: R,
    mut writer: W,
    mut store: impl AsyncStore,
    mut reset: impl FnMut(),
) {
    let mut device: Device = Device::new(Config::LOSSY.recv_buffer::<4352>());
    let mut is_updated = false;
    let (reader, writer, clock) = (&mut reader, &mut writer, &mut EmbassyClock);
    let served = device.serve_async(reader, writer, clock, &mut store, |_, event| match event {
        Event::Stored { path: "firmware.bin", .. } => is_updated = true,
        Event::Idle if is_updated => reset(),
        _ => {}
    });
    let _ = served.await;
}
