//! One role of the core over stubs of a UART and a storage; without a role, the stubs alone.
#![no_std]
#![no_main]

use core::convert::Infallible;
use core::panic::PanicInfo;
use core::ptr::{read_volatile, write_volatile};

use cortex_m_rt::entry;

/// A register that nobody knows the value of.
const REGISTER: *mut u8 = 0x4000_0000 as *mut u8;

struct Uart;

impl embedded_io::ErrorType for Uart {
    type Error = Infallible;
}

impl embedded_io::Read for Uart {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Infallible> {
        let Some(first) = into.first_mut() else { return Ok(0) };
        *first = unsafe { read_volatile(REGISTER) };
        Ok(1)
    }
}

impl embedded_io::Write for Uart {
    fn write(&mut self, from: &[u8]) -> Result<usize, Infallible> {
        let Some(first) = from.first() else { return Ok(0) };
        unsafe { write_volatile(REGISTER, *first) };
        Ok(1)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

#[cfg(any(feature = "receive", feature = "send"))]
mod role {
    #[cfg(feature = "chunk-256")]
    use tinyferry_core::buffer::Buffer256;
    #[cfg(not(feature = "chunk-256"))]
    use tinyferry_core::buffer::Buffer1024;
    #[cfg(not(feature = "sha256"))]
    use tinyferry_core::checksum::NoSha256;
    use tinyferry_core::checksum::Small;
    #[cfg(feature = "sha256")]
    use tinyferry_core::checksum::SoftSha256;
    use tinyferry_core::driver::blocking::{HalfDuplex, drive};
    #[cfg(feature = "receive")]
    use tinyferry_core::store::{Accepted, Offer};
    #[cfg(feature = "send")]
    use tinyferry_core::store::{Entry, Kind};
    use tinyferry_core::{Config, Profile, Reason, Session, Store};

    use super::*;

    #[derive(Debug, Clone, Copy)]
    struct Role;

    impl Profile for Role {
        type Checksums = Small;
        #[cfg(feature = "sha256")]
        type Sha256 = SoftSha256;
        #[cfg(not(feature = "sha256"))]
        type Sha256 = NoSha256;
        #[cfg(feature = "chunk-256")]
        type Buffer = Buffer256;
        #[cfg(not(feature = "chunk-256"))]
        type Buffer = Buffer1024;
        const SENDS: bool = cfg!(feature = "send");
        const RECEIVES: bool = cfg!(feature = "receive");
        const TREES: bool = cfg!(feature = "tree");
        const CLIENT: bool = false;
        const RELIABLE: bool = false;
        const PENDS: bool = cfg!(feature = "complete");
        const STEPS: bool = cfg!(feature = "complete");
        const DUPLEX: bool = cfg!(feature = "complete");
        const CLOCK: bool = cfg!(feature = "complete");
        const STALLS: bool = cfg!(feature = "complete");
        const RESUMES: bool = cfg!(feature = "complete");
    }

    struct Memory;

    impl Store for Memory {
        #[cfg(feature = "receive")]
        fn offer(&mut self, _: &Offer<'_>) -> Result<Accepted, Reason> {
            Ok(Accepted { prefix: 0, in_order: false })
        }
        #[cfg(feature = "receive")]
        fn store(&mut self, position: u64, bytes: &[u8]) -> Result<usize, Reason> {
            for byte in bytes {
                unsafe { write_volatile(REGISTER.wrapping_add(position as usize), *byte) };
            }
            Ok(bytes.len())
        }
        fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
            for byte in into.iter_mut() {
                *byte = unsafe { read_volatile(REGISTER.wrapping_add(position as usize)) };
            }
            Ok(into.len())
        }
        #[cfg(feature = "send")]
        fn open(&mut self, _: &str, _: bool) -> Result<(), Reason> {
            Ok(())
        }
        #[cfg(feature = "send")]
        fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
            let Some(first) = path.first_mut() else { return Ok(None) };
            *first = unsafe { read_volatile(REGISTER) };
            let size = Some(unsafe { read_volatile(REGISTER) }.into());
            let kind = Kind::File;
            let entry = Entry {
                kind,
                path: 1,
                size,
                modified: None,
                mode: None,
                resumable: Role::RESUMES,
                broken: None,
                content: None,
                operation: None,
            };
            Ok((size != Some(0)).then_some(entry))
        }
        #[cfg(feature = "receive")]
        fn commit(&mut self) -> Result<(), Reason> {
            Ok(())
        }
    }

    /// Its length tells how much RAM a session takes.
    #[used]
    #[unsafe(no_mangle)]
    static mut SESSION_SIZE: [u8; size_of::<Session<Role>>()] = [0; size_of::<Session<Role>>()];

    pub(crate) fn run_it(uart: Uart) {
        let mut session: Session<Role> = Session::server(Config::LOSSY.credit(4));
        let _ = drive(&mut session, &mut HalfDuplex(uart), &mut Memory);
    }
}

#[cfg(any(feature = "tiny-receive", feature = "tiny-send"))]
mod tiny {
    use tinyferry_tiny::{Lossy, Reason, serve};
    #[cfg(feature = "tiny-receive")]
    use tinyferry_tiny::{Receiver as Server, Store};
    #[cfg(feature = "tiny-send")]
    use tinyferry_tiny::{Sender as Server, Source};

    use super::*;

    struct Memory;

    #[cfg(feature = "tiny-receive")]
    impl Store for Memory {
        const RESUMES: bool = cfg!(feature = "resume");
        const OUT_OF_ORDER: bool = cfg!(feature = "map");
        fn offer(&mut self, _: &[u8], _: u32) -> Result<(), Reason> {
            Ok(())
        }
        fn store(&mut self, position: u32, bytes: &[u8]) -> Result<(), Reason> {
            for byte in bytes {
                unsafe { write_volatile(REGISTER.wrapping_add(position as usize), *byte) };
            }
            Ok(())
        }
        fn commit(&mut self) -> Result<(), Reason> {
            Ok(())
        }
        fn prefix(&mut self, _: u32) -> u32 {
            unsafe { read_volatile(REGISTER) }.into()
        }
        fn load(&mut self, position: u32, into: &mut [u8]) -> Result<(), Reason> {
            for byte in into.iter_mut() {
                *byte = unsafe { read_volatile(REGISTER.wrapping_add(position as usize)) };
            }
            Ok(())
        }
    }

    #[cfg(feature = "tiny-send")]
    impl Source for Memory {
        fn open(&mut self, path: &[u8]) -> Result<Option<u32>, Reason> {
            let name = unsafe { read_volatile(REGISTER) };
            if path == [name] { Ok(Some(name.into())) } else { Err(Reason::NotFound) }
        }
        fn path(&self) -> &[u8] {
            b"f"
        }
        fn load(&mut self, position: u32, into: &mut [u8]) -> Result<usize, Reason> {
            for byte in into.iter_mut() {
                *byte = unsafe { read_volatile(REGISTER.wrapping_add(position as usize)) };
            }
            Ok(into.len())
        }
    }

    const BUFFER: usize = 268;
    const SIZE: usize = size_of::<Server<'_, Lossy>>() + BUFFER;

    /// Its length tells how much RAM it takes with its buffer.
    #[used]
    #[unsafe(no_mangle)]
    static mut SESSION_SIZE: [u8; SIZE] = [0; SIZE];

    pub(crate) fn run_it(mut uart: TimedUart) {
        static mut FRAME: [u8; BUFFER] = [0; BUFFER];
        static mut SERVER: Server<'_, Lossy> = Server::new(unsafe { &mut *(&raw mut FRAME) }, 4);
        let _ = serve(unsafe { &mut *(&raw mut SERVER) }, &mut uart, &mut Memory);
    }

    /// The UART, whose reads time out.
    pub(crate) struct TimedUart(pub(crate) Uart);

    impl embedded_io::ErrorType for TimedUart {
        type Error = embedded_io::ErrorKind;
    }

    impl embedded_io::Read for TimedUart {
        fn read(&mut self, into: &mut [u8]) -> Result<usize, embedded_io::ErrorKind> {
            if unsafe { read_volatile(REGISTER.wrapping_add(1)) } == 0 {
                return Err(embedded_io::ErrorKind::TimedOut);
            }
            self.0.read(into).map_err(|error| match error {})
        }
    }

    impl embedded_io::Write for TimedUart {
        fn write(&mut self, from: &[u8]) -> Result<usize, embedded_io::ErrorKind> {
            self.0.write(from).map_err(|error| match error {})
        }

        fn flush(&mut self) -> Result<(), embedded_io::ErrorKind> {
            Ok(())
        }
    }
}

#[entry]
fn main() -> ! {
    let uart = Uart;
    #[cfg(any(feature = "receive", feature = "send"))]
    role::run_it(uart);
    #[cfg(any(feature = "tiny-receive", feature = "tiny-send"))]
    tiny::run_it(tiny::TimedUart(uart));
    #[cfg(not(any(
        feature = "receive",
        feature = "send",
        feature = "tiny-receive",
        feature = "tiny-send"
    )))]
    {
        use embedded_io::{Read, Write};
        let mut byte = [0];
        let mut uart = uart;
        let _ = uart.read(&mut byte);
        let _ = uart.write(&byte);
    }
    loop {}
}
