//! The MPS2 board and its FAT card, for holders of a key only: all that goes over its UART is encrypted
//! (`tinyferry put FILE --key KEY -e serial:///dev/ttyUSB0`). The line may lose bytes.
#![no_std]
#![no_main]

#[cfg(feature = "console")]
#[allow(dead_code, reason = "this image prints nothing")]
mod console;
mod ram_card;
mod uart;

use core::cell::RefCell;
use core::convert::Infallible;

use embassy_executor::Spawner;
use embedded_io_async::{ErrorType, Read, Write};
use tinyferry_core::driver::async_io::drive;
use tinyferry_core::{Config, Session};
use tinyferry_secure::{KeyId, LossyChannel, PrivateKey, SharedKey, Trust};
use tinyferry_stores::card::Card;

use ram_card::{BLOCKS, Bytes, RamCard};
use uart::{Reader, Writer};

/// The receive queue holds twelve frames and as many signals, each in a record of its own.
const CONFIG: Config = Config::LOSSY.credit(12);
const _: () = assert!(12 * (RECORD + 100) <= uart::RECV_BUFFER);
/// A frame and the overhead of its encryption.
const RECORD: usize = 1100;
/// An example. A product has a key of its own, not in its image, and other products have others.
const KEY: [u8; 32] = *b"an example: never use it at home";

static mut CARD: Bytes = [0; BLOCKS * 512];

type Channel = LossyChannel<[u8; RECORD]>;

#[embassy_executor::main]
async fn main(_spawner: Spawner) -> ! {
    // SAFETY: this is the only use, and it is run once.
    let card = RamCard::format(unsafe { &mut *(&raw mut CARD) });
    let (mut line, writer, mut clock) = uart::start();
    let mut store = Card::new(card);
    // An emulated board has no generator. A product takes 32 bytes of its hardware's generator for
    // each handshake, never a seed, or each recorded session can be decrypted.
    let (writer, mut random) = (RefCell::new(writer), Seeded(0x5EED));
    loop {
        let Ok(channel) = Channel::server([[0; RECORD]; 2]) else { continue };
        let channel = RefCell::new(channel);
        let (mut session, writer): (Session, _) = (Session::server(CONFIG), &writer);
        let mut outgoing = Outgoing { writer, channel: &channel };
        let (line, random) = (&mut line, &mut random);
        let mut incoming = Incoming { line, writer, channel: &channel, random, is_over: false };
        while !incoming.is_over {
            let ends = (&mut incoming, &mut outgoing, &mut clock);
            let _ = drive(&mut session, ends.0, ends.1, ends.2, &mut store).await;
            session.restart();
        }
    }
}

/// The decrypted input.
struct Incoming<'a> {
    line: &'a mut Reader,
    /// For the answers to hellos.
    writer: &'a RefCell<Writer>,
    channel: &'a RefCell<Channel>,
    random: &'a mut Seeded,
    /// Whether another client follows: the next channel begins.
    is_over: bool,
}

/// The output, encrypted: each write is a record, which is sent before the next one.
struct Outgoing<'a> {
    writer: &'a RefCell<Writer>,
    channel: &'a RefCell<Channel>,
}

impl ErrorType for Incoming<'_> {
    type Error = Infallible;
}

impl Read for Incoming<'_> {
    /// 0 when another client follows.
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Infallible> {
        loop {
            let read = self.channel.borrow_mut().read(into);
            match read {
                Ok(Some(count)) if count > 0 => return Ok(count),
                Ok(None) => {}
                _ => {
                    self.is_over = true;
                    return Ok(0);
                }
            }
            let mut bytes = [0; 64];
            let room = self.channel.borrow_mut().room().len().min(bytes.len());
            let count = self.line.read(&mut bytes[..room]).await?;
            {
                let mut channel = self.channel.borrow_mut();
                channel.room()[..count].copy_from_slice(&bytes[..count]);
                // A server's channel has no error here.
                let _ = channel.received(count, &mut Holder, &mut || Some(self.random.private()));
            }
            // If a record goes out now, the answer goes out behind it.
            if let Ok(mut writer) = self.writer.try_borrow_mut() {
                send(&mut writer, self.channel).await;
            }
        }
    }
}

impl ErrorType for Outgoing<'_> {
    type Error = Infallible;
}

impl Write for Outgoing<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.flush().await?;
        let mut channel = self.channel.borrow_mut();
        let count = channel.write(bytes);
        // After 2^32 records the line is silent until the next client.
        let _ = channel.seal();
        Ok(count)
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        if let Ok(mut writer) = self.writer.try_borrow_mut() {
            send(&mut writer, self.channel).await;
        }
        Ok(())
    }
}

/// Sends the pending bytes of the channel. It may be dropped at any time.
async fn send(writer: &mut Writer, channel: &RefCell<Channel>) {
    loop {
        let Some(byte) = channel.borrow().pending().first().copied() else { return };
        let Ok(count) = writer.write(&[byte]).await;
        channel.borrow_mut().transmitted(count);
    }
}

/// Knows one key.
struct Holder;

impl Trust for Holder {
    fn shared(&mut self, id: KeyId) -> Option<SharedKey> {
        let key = SharedKey::new(&KEY);
        (key.id() == id).then_some(key)
    }
}

/// SplitMix64: with the seed all its output is known. For an example only.
struct Seeded(u64);

impl Seeded {
    fn private(&mut self) -> PrivateKey {
        let mut bytes = [0; 32];
        for eight in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            eight.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
        }
        PrivateKey::new(&bytes)
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}
