//! A BBC micro:bit (nRF51822: Cortex-M0, 16 KiB of RAM, 256 KiB of flash) that keeps a firmware image
//! in its own flash: `tinyferry put app.bin -e serial:///dev/ttyACM0`, and with the feature `send` `get` it back.
#![no_std]
#![no_main]

#[cfg(feature = "console")]
mod console;
mod flash;
mod uart;

use cortex_m_rt::entry;
use tinyferry_core::Config;
#[cfg(feature = "send")]
use tinyferry_core::SerialDevice as Role;
#[cfg(not(feature = "send"))]
use tinyferry_core::SerialReceiver as Role;
#[cfg(feature = "defmt")]
use tinyferry_core::device::Device;
#[cfg(not(feature = "defmt"))]
use tinyferry_core::{Session, driver::blocking::drive};
use tinyferry_stores::slots::Slots;

use flash::Flash;
use uart::Uart;

/// The line may lose bytes, and has no flow control.
const CONFIG: Config = Config::UART.recv_buffer::<{ uart::RECV_BUFFER }>();

#[entry]
fn main() -> ! {
    let (link, store): (Uart, Slots<Flash>) = (Uart::start(), Slots::new(Flash));
    #[cfg(feature = "defmt")]
    let (link, store) = (logged::LoggedLink::new(link), logged::LoggedStore(store));
    #[cfg(feature = "console")]
    let link = tinyferry_core::driver::blocking::WithConsole(link, &console::CONSOLE);
    let (mut link, mut store) = (link, store);
    // On the stack: a `static` that is not all zeros takes as many bytes of flash.
    #[cfg(feature = "defmt")]
    {
        let mut device: Device<Role> = Device::new(CONFIG);
        loop {
            // It returns only if the line fails.
            let _ = device.serve(&mut link, &mut store, |_, event| logged::event(&event));
        }
    }
    // Without events, which a `Device` reports, 4.6 kB of flash less.
    #[cfg(not(feature = "defmt"))]
    {
        let mut session: Session<Role> = Session::server(CONFIG);
        loop {
            // A session ends when a client is refused, is gone, or the line fails.
            let _ = drive(&mut session, &mut link, &mut store);
            session.restart();
        }
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
