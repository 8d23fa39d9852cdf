//! The MPS2 board and its FAT card, for holders of a key only: all that goes over the line is
//! encrypted (`tinyferry put FILE --key KEY -e tcp://HOST:PORT`, the line behind a TCP server). The
//! line must lose nothing.
#![no_std]
#![no_main]

#[cfg(feature = "console")]
#[allow(dead_code, reason = "this image prints nothing")]
mod console;
mod ram_card;
mod uart;

use core::cell::RefCell;
use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embassy_executor::Spawner;
use embedded_io_async::{ErrorType, Read};
use tinyferry_core::driver::async_io::{Clock, NoClock, drive};
use tinyferry_core::{Config, Session};
use tinyferry_secure::{
    AsyncSecureStream, Joined, KeyId, PrivateKey, ReadHalf, SharedKey, StreamError, Trust,
    WriteHalf,
};
use tinyferry_stores::card::Card;

use ram_card::{BLOCKS, Bytes, RamCard};
use uart::{Reader, Ticks, Writer};

/// The receive queue holds twelve frames and as many signals, each in a record of its own.
const CONFIG: Config = Config::RELIABLE.credit(12);
const _: () = assert!(12 * (RECORD + 100) <= uart::RECV_BUFFER);
/// A frame and the overhead of its encryption.
const RECORD: usize = 1100;
/// A line that was silent for so long, in ms, is one whose other end has left.
const SILENCE: u32 = 5_000;
/// The first bytes of every client.
const HELLO: [u8; 4] = *b"TFS\x01";
/// An example. A product has a key of its own, not in its image, and other products have others.
const KEY: [u8; 32] = *b"an example: never use it at home";

static mut CARD: Bytes = [0; BLOCKS * 512];

#[embassy_executor::main]
async fn main(_spawner: Spawner) -> ! {
    // SAFETY: this is the only use, and it is run once.
    let card = RamCard::format(unsafe { &mut *(&raw mut CARD) });
    let (reader, mut writer, clock) = uart::start();
    let mut line = Line { reader, clock, input: &[] };
    let mut store = Card::new(card);
    // An emulated board has no generator. A product takes 32 bytes of its hardware's generator for
    // each handshake, never a seed, or each recorded session can be decrypted.
    let mut random = Seeded(0x5EED);
    loop {
        line.wait_for_hello().await;
        // Whatever it was, the next one begins anew.
        let _ = serve(&mut line, &mut writer, &mut store, random.private()).await;
    }
}

/// Shakes hands with one client, and serves it until it leaves.
async fn serve(
    line: &mut Line,
    writer: &mut Writer,
    store: &mut Card<RamCard<'static>>,
    random: PrivateKey,
) -> Result<(), StreamError<Infallible>> {
    let [mut incoming, mut outgoing] = [[0; RECORD]; 2];
    let (joined, buffers) = (Joined(&mut *line, &mut *writer), [&mut incoming[..], &mut outgoing]);
    let stream: AsyncSecureStream<_, _> =
        AsyncSecureStream::accept(joined, random, &mut Holder, buffers).await?;
    let channel = RefCell::new(stream.into_parts().1);
    let mut reader = ReadHalf::new(line, &channel);
    let mut writer = WriteHalf::new(writer, &channel);
    let mut session: Session = Session::server(CONFIG);
    let _ = drive(&mut session, &mut reader, &mut writer, &mut NoClock, store).await;
    writer.close().await
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

/// A line as a stream: it has no connections.
struct Line {
    reader: Reader,
    clock: Ticks,
    /// The bytes of a hello that were read to find it.
    input: &'static [u8],
}

impl Line {
    /// Drops all bytes before the hello of a client.
    async fn wait_for_hello(&mut self) {
        self.input = &[];
        let mut last = [0; HELLO.len()];
        while last != HELLO {
            let mut byte = [0];
            if self.read(&mut byte).await == Ok(1) {
                last.rotate_left(1);
                last[HELLO.len() - 1] = byte[0];
            }
        }
        self.input = &HELLO;
    }
}

impl ErrorType for Line {
    type Error = Infallible;
}

impl Read for Line {
    /// 0 after a silence.
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Infallible> {
        if !self.input.is_empty() {
            return self.input.read(into).await;
        }
        let end = self.clock.now().unwrap_or_default().wrapping_add(SILENCE);
        let (mut read, mut silence) =
            (pin!(self.reader.read(into)), pin!(self.clock.wait_until(end)));
        poll_fn(|context| match read.as_mut().poll(context) {
            Poll::Pending => silence.as_mut().poll(context).map(|()| Ok(0)),
            came => came,
        })
        .await
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}
