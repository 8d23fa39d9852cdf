//! The MPS2 board as a USB device: trees in RAM, and a console on the same line. The board has no USB. Its UART in the
//! emulator stands for the endpoint of CDC-ACM: the emulator delivers no byte while the one before is not read, so that
//! no queue is needed and nothing is lost.
#![no_std]
#![no_main]

mod console;
#[allow(dead_code, reason = "there is no receive queue")]
mod uart;

use embassy_executor::Spawner;
use tinyferry_core::device::Device;
use tinyferry_core::{Config, UsbConsole};
use tinyferry_stores::files::{FileStore, RamDisk};

/// The size of the disk, in bytes.
const SIZE: usize = 1 << 20;
type Disk = RamDisk<SIZE, 64>;

static mut DISK: Disk = RamDisk::new();

#[embassy_executor::main]
async fn main(_spawner: Spawner) -> ! {
    // SAFETY: this is the only use, and it is run once.
    let disk: &'static mut Disk = unsafe { &mut *(&raw mut DISK) };
    let mut store: FileStore<&mut Disk> = FileStore::new(disk);
    let (mut reader, mut writer, mut clock) = uart::start_endpoint();
    let mut device: Device<UsbConsole> = Device::new(Config::USB);
    loop {
        let ends = (&mut reader, &mut writer, &mut clock);
        let console = &console::CONSOLE;
        // It returns only if the line fails.
        let _ = device.serve_printing(ends.0, ends.1, ends.2, &mut store, console, |_, _| {}).await;
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}
