//! The store of a firmware image, with a loss of power at every erase and write.

use std::cell::RefCell;
use std::rc::Rc;

use ed25519_dalek::{Signer, SigningKey};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use tinyferry_core::error::Reason;
use tinyferry_core::{Config, Failure, GetRequest, Task};
use tinyferry_kit::{Flash, Memory, Pair, Random, content};
use tinyferry_stores::image::{BootLoader, Signed, Slot, State};

mod embassy_boot;
mod mcuboot;
mod signatures;

/// A line as that of the boards.
const CONFIG: Config = Config::LOSSY.credit(4);
/// Words of 4 bytes, sectors of 1024.
type Micro = Flash<4, 1024>;
/// The version of the running image in these tests.
const VERSION: &str = "1.0";

/// A partition of a flash that has several.
#[derive(Debug, Clone)]
struct Partition {
    flash: Rc<RefCell<Micro>>,
    start: u32,
    length: u32,
}

impl Partition {
    fn bytes(&self, length: usize) -> Vec<u8> {
        self.flash.borrow().bytes[self.start as usize..][..length].to_vec()
    }
}

impl ErrorType for Partition {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Partition {
    const READ_SIZE: usize = Micro::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        assert!(offset + bytes.len() as u32 <= self.length, "a read past the partition");
        self.flash.borrow_mut().read(self.start + offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.length as usize
    }
}

impl NorFlash for Partition {
    const WRITE_SIZE: usize = Micro::WRITE_SIZE;
    const ERASE_SIZE: usize = Micro::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        assert!(to <= self.length, "an erase past the partition");
        self.flash.borrow_mut().erase(self.start + from, self.start + to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        assert!(offset + bytes.len() as u32 <= self.length, "a write past the partition");
        self.flash.borrow_mut().write(self.start + offset, bytes)
    }
}

/// The key that images are signed with.
fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// The check of the board.
fn check() -> Signed {
    Signed::new(key().verifying_key().as_bytes()).expect("a public key")
}

/// An image with its signature by `key`.
fn signed(length: usize, seed: u64, key: &SigningKey) -> Vec<u8> {
    let mut image = content(length, seed);
    let signature = key.sign(&image);
    image.extend(signature.to_bytes());
    image
}

/// A client with one image to put.
fn client(path: &str, image: &[u8]) -> Memory {
    let mut client = Memory::with([(path, image.to_vec())]);
    client.queue_file(path);
    client
}

/// The result of a put.
#[derive(Debug, PartialEq, Eq)]
enum Put {
    Done,
    Refused(Reason),
    Failed(Failure),
}

/// Puts an image. Returns also the number of bytes sent to the board.
fn put<B: BootLoader>(boot_loader: B, client: Memory, session: u32) -> (Put, u64) {
    let slot: Slot<B, Signed> = Slot::new(boot_loader, check(), VERSION);
    let mut pair = Pair::new(CONFIG, client, slot).numbered(session, CONFIG);
    let put = match pair.run(Task::Put).expect("it ends") {
        Ok(outcome) if outcome.refused == 0 => Put::Done,
        Ok(_) => panic!("a lone file that is refused ends the request"),
        Err(Failure::Refused(reason)) => Put::Refused(reason),
        Err(failure) => Put::Failed(failure),
    };
    (put, pair.up.carried)
}

/// The content of `version.txt`, and the names in the root.
fn status<B: BootLoader>(boot_loader: B) -> (String, Vec<String>) {
    let slot: Slot<B> = Slot::new(boot_loader, (), VERSION);
    let mut pair = Pair::new(CONFIG, Memory::default(), slot);
    for tree in [false, true] {
        let path = if tree { "" } else { "version.txt" };
        pair.run(Task::Get(GetRequest { tree, ..GetRequest::file(path) }))
            .expect("it ends")
            .expect("it succeeds");
    }
    let files = &pair.client.store.files;
    let text = String::from_utf8_lossy(&files["version.txt"].bytes).into_owned();
    (text, files.keys().cloned().collect())
}
