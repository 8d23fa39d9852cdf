//! An MPS2 board (AN386: Cortex-M4) that serves a FAT card over its UART under an async executor:
//! `tinyferry put DIRECTORY -e serial:///dev/ttyUSB0`, and `get` it back. The card is one in RAM.
#![no_std]
#![no_main]

#[cfg(feature = "console")]
mod console;
mod ram_card;
mod uart;

use embassy_executor::Spawner;
use tinyferry_core::Config;
#[cfg(feature = "console")]
use tinyferry_core::UsbConsole as Board;
#[cfg(not(feature = "console"))]
use tinyferry_core::UsbDevice as Board;
use tinyferry_core::device::{Control, Device, Event};
use tinyferry_stores::card::Card;

use ram_card::{BLOCKS, Bytes, RamCard};

/// The line may lose bytes, and has no flow control. All else is as behind USB: trees, and clients that remove and
/// rename files.
const CONFIG: Config = Config::LOSSY.recv_buffer::<{ uart::RECV_BUFFER }>();

static mut CARD: Bytes = [0; BLOCKS * 512];

#[embassy_executor::main]
async fn main(_spawner: Spawner) -> ! {
    // SAFETY: this is the only use, and it is run once.
    let card = RamCard::format(unsafe { &mut *(&raw mut CARD) });
    let (mut reader, mut writer, mut clock) = uart::start();
    let store = Card::new(card);
    #[cfg(feature = "defmt")]
    let store = logged::LoggedStore(store);
    let mut store = store;
    let mut device: Device<Board> = Device::new(CONFIG);
    loop {
        let ends = (&mut reader, &mut writer, &mut clock);
        let on_event = |_control: &mut Control<'_, Board>, _event: Event<'_, _>| {
            #[cfg(feature = "defmt")]
            logged::event(&_event);
        };
        #[cfg(not(feature = "console"))]
        let result = device.serve_async(ends.0, ends.1, ends.2, &mut store, on_event);
        #[cfg(feature = "console")]
        let result = {
            let console = &console::CONSOLE;
            device.serve_printing(ends.0, ends.1, ends.2, &mut store, console, on_event)
        };
        // It returns only if the line fails.
        let _ = result.await;
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
