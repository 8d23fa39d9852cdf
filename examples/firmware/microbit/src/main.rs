//! A BBC micro:bit (nRF51822: Cortex-M0, 16 KiB of RAM, 256 KiB of flash) that keeps a firmware image
//! in its own flash: `tinyferry put app.bin -e serial:///dev/ttyACM0`, and `get` it back.
#![no_std]
#![no_main]

#[cfg(feature = "console")]
mod console;
mod flash;
mod uart;

use cortex_m_rt::entry;
use tinyferry_core::Config;
use tinyferry_core::device::Device;
use tinyferry_stores::slots::Slots;

use flash::Flash;
use uart::Uart;

/// The line may lose bytes, and has no flow control.
const CONFIG: Config = Config::LOSSY.recv_buffer::<{ uart::RECV_BUFFER }>();

#[entry]
fn main() -> ! {
    static mut DEVICE: Device = Device::new(CONFIG);
    let (link, store): (Uart, Slots<Flash>) = (Uart::start(), Slots::new(Flash));
    #[cfg(feature = "defmt")]
    let (link, store) = (logged::LoggedLink::new(link), logged::LoggedStore(store));
    #[cfg(feature = "console")]
    let link = tinyferry_core::driver::blocking::WithConsole(link, &console::CONSOLE);
    let (mut link, mut store) = (link, store);
    loop {
        // It returns only if the line fails.
        let _ = DEVICE.serve(&mut link, &mut store, |_control, _event| {
            #[cfg(feature = "defmt")]
            logged::event(&_event);
        });
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    #[cfg(feature = "defmt")]
    defmt::error!("panic");
    loop {
        cortex_m::asm::wfi();
    }
}

#[cfg(feature = "defmt")]
use defmt_semihosting as _;
#[cfg(feature = "defmt")]
use portable_atomic as _;
