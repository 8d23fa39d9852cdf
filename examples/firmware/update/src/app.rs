//! An application that takes its own successor over the UART: `tinyferry put app.signed -e serial:///dev/ttyUSB0`. It
//! accepts an image that is signed, restarts, and runs on trial until a client has read `version.txt`: such a client
//! shows that the next update can be sent.
#![no_std]
#![no_main]

mod partitions;
#[path = "../../mps2/src/uart.rs"]
mod uart;

use core::cell::Cell;

use cortex_m::peripheral::SCB;
use embassy_executor::Spawner;
use tinyferry_core::device::{Device, Event};
use tinyferry_core::{Config, Profile, Reason, Standard, Store};
use tinyferry_stores::image::{EmbassyBoot, Signed, Slot, State};

use partitions::Partition;

#[cfg(feature = "faulty")]
const VERSION: &str = "3.0";
#[cfg(all(feature = "second", not(feature = "faulty")))]
const VERSION: &str = "2.0";
#[cfg(not(any(feature = "second", feature = "faulty")))]
const VERSION: &str = "1.0";

/// The public key for the signatures of images. An example: its private key is in the test of the boards.
const PUBLIC_KEY: [u8; 32] = [
    0xD4, 0xF2, 0x60, 0x69, 0x83, 0xC5, 0x05, 0x4F, 0xDB, 0x70, 0xB4, 0xFC, 0xD6, 0xF6, 0xF1, 0x6E,
    0x2A, 0xE1, 0x5E, 0x00, 0x33, 0xA6, 0xF7, 0xB7, 0x21, 0x6C, 0xEB, 0xFB, 0x15, 0x1D, 0x12, 0xC3,
];

/// The line may lose bytes, and has no flow control.
const CONFIG: Config = Config::LOSSY.recv_buffer::<{ uart::RECV_BUFFER }>();

/// A client is told why its image is refused.
#[derive(Debug)]
struct Board;

impl Profile for Board {
    type Checksums = <Standard as Profile>::Checksums;
    type Sha256 = <Standard as Profile>::Sha256;
    type Buffer = <Standard as Profile>::Buffer;
    const MESSAGES: bool = true;
}

type Image = Slot<EmbassyBoot<Partition, Partition, Partition>, Signed>;

/// The store of images, as this application uses it.
struct Application<'a> {
    image: Image,
    /// Whether the boot loader was asked to swap, so that a restart is due.
    is_due: &'a Cell<bool>,
}

impl Store for Application<'_> {
    fn inner(&mut self) -> Option<&mut dyn Store> {
        Some(&mut self.image)
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.image.commit()?;
        self.is_due.set(self.image.state()? == State::SwapRequested);
        Ok(())
    }

    /// A client has read the version: the application can be reached.
    fn check(&mut self) -> Result<(), Reason> {
        if cfg!(feature = "faulty") { Ok(()) } else { self.image.confirm() }
    }
}

#[embassy_executor::main]
async fn main(_spawner: Spawner) -> ! {
    let (mut reader, mut writer, mut clock) = uart::start();
    let boot_loader = EmbassyBoot::new(Partition::ACTIVE, Partition::DOWNLOAD, Partition::STATE);
    let Ok(signed) = Signed::new(&PUBLIC_KEY) else { SCB::sys_reset() };
    let is_due = Cell::new(false);
    let image = Slot::new(boot_loader, signed, VERSION);
    let mut store = Application { image, is_due: &is_due };
    let mut device: Device<Board> = Device::new(CONFIG);
    loop {
        let ends = (&mut reader, &mut writer, &mut clock);
        let served = device.serve_async(ends.0, ends.1, ends.2, &mut store, |_, event| {
            // The client has its answer.
            if matches!(event, Event::Idle) && is_due.get() {
                SCB::sys_reset();
            }
        });
        // It returns only if the line fails.
        let _ = served.await;
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The boot loader swaps back if this image is on trial.
    SCB::sys_reset()
}
