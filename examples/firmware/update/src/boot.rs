//! The boot loader: swaps both partitions if that was requested, swaps back if the new image has not confirmed itself,
//! and starts the application.
#![no_std]
#![no_main]

mod partitions;

use cortex_m_rt::entry;
use embassy_boot::{BootLoader, BootLoaderConfig};

use partitions::Partition;

#[entry]
fn main() -> ! {
    let config = BootLoaderConfig {
        active: Partition::ACTIVE,
        dfu: Partition::DOWNLOAD,
        state: Partition::STATE,
    };
    let mut buffer = [0; 4096];
    let prepared = BootLoader::new(config).prepare_boot(&mut buffer);
    let application = Partition::ACTIVE.start();
    if prepared.is_ok() {
        // SAFETY: the vector table of the application is at the start of its partition, and interrupts are off.
        unsafe {
            (*cortex_m::peripheral::SCB::PTR).vtor.write(application);
            cortex_m::asm::bootload(application as *const u32);
        }
    }
    // The memory has failed.
    cortex_m::peripheral::SCB::sys_reset()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}
