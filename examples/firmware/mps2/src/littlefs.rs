//! The MPS2 board with a littlefs, whose trees it serves over its UART: `tinyferry put`, `get`, `mirror`, `ls`, `rm`,
//! `mv`, `mkdir` and `df` with `-e serial:///dev/ttyUSB0`. The flash is one in RAM, which a reset keeps: a put that a
//! reset interrupts resumes.
#![no_std]
#![no_main]

mod c_strings;
mod ram_flash;
mod uart;

use embassy_executor::Spawner;
use littlefs2::fs::Filesystem;
use tinyferry_core::device::Device;
use tinyferry_core::{Config, UsbDevice};
use tinyferry_stores::files::FileStore;
use tinyferry_stores::littlefs::{Flash, LittleFs};

use ram_flash::{RamFlash, SECTORS};

/// The line may lose bytes, and has no flow control.
const CONFIG: Config = Config::LOSSY.recv_buffer::<{ uart::RECV_BUFFER }>();

#[embassy_executor::main]
async fn main(_spawner: Spawner) -> ! {
    let mut flash: Flash<RamFlash, SECTORS> = Flash::new(RamFlash::take());
    if !Filesystem::is_mountable(&mut flash) {
        // A flash that fails is reported below.
        let _ = Filesystem::format(&mut flash);
    }
    let mut allocation = Filesystem::allocate();
    let Ok(system) = Filesystem::mount(&mut allocation, &mut flash) else {
        panic!("the flash fails");
    };
    let mut store: FileStore<LittleFs<'_, _>> = FileStore::new(LittleFs::new(system));
    let (mut reader, mut writer, mut clock) = uart::start();
    let mut device: Device<UsbDevice> = Device::new(CONFIG);
    loop {
        let ends = (&mut reader, &mut writer, &mut clock);
        // It returns only if the line fails.
        let _ = device.serve_async(ends.0, ends.1, ends.2, &mut store, |_, _| {}).await;
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}
