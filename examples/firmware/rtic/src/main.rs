//! A device under RTIC, on an LM3S6965 (Cortex-M3): the interrupt of the UART fills a queue, and the idle task serves one
//! file in RAM.
#![no_std]
#![no_main]

mod one_file;
mod uart;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[rtic::app(device = lm3s6965)]
mod app {
    use heapless::spsc::{Producer, Queue};
    use tinyferry_core::Config;
    use tinyferry_core::device::{Device, Event};

    use crate::one_file::OneFile;
    use crate::uart::{self, RECV_BUFFER, Uart};

    #[shared]
    struct Shared {}

    #[local]
    struct Local {
        received: Producer<'static, u8>,
        uart: Uart,
    }

    #[init(local = [queue: Queue<u8, { RECV_BUFFER + 1 }> = Queue::new()])]
    fn init(context: init::Context<'_>) -> (Shared, Local) {
        let (received, to_read) = context.local.queue.split();
        (Shared {}, Local { received, uart: Uart::start(to_read) })
    }

    #[task(binds = UART0, local = [received])]
    fn on_input(context: on_input::Context<'_>) {
        while let Some(byte) = uart::take_byte() {
            // A byte that finds no room is lost, and is sent again.
            let _ = context.local.received.enqueue(byte);
        }
    }

    #[idle(local = [uart, device: Device = Device::new(Config::LOSSY.recv_buffer::<RECV_BUFFER>())])]
    fn idle(context: idle::Context<'_>) -> ! {
        let mut store = OneFile::new();
        loop {
            let device = &mut *context.local.device;
            let _ = device.serve(context.local.uart, &mut store, |_, event| match event {
                Event::Stored { path: "restart", .. } => cortex_m::peripheral::SCB::sys_reset(),
                _ => {}
            });
        }
    }
}
