//! With the slots of MCUboot: each byte of the trailers is compared with its documentation
//! (`docs/design.md` there, "Image trailer" and "Image trailers").

use tinyferry_stores::image::Mcuboot;

use super::*;

const SLOT: u32 = 16 << 10;
const SIZE: usize = 9_000;
/// `BOOT_MAX_IMG_SECTORS`.
const SECTORS: u32 = 16;
/// The magic of the documentation, for a `BOOT_MAX_ALIGN` of 8.
const MAGIC: [u32; 4] = [0xF395_C277, 0x7FEF_D260, 0x0F50_5235, 0x8079_B62C];

/// The magic as bytes.
fn magic() -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, word) in bytes.chunks_mut(4).zip(MAGIC) {
        to.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

/// The decision of the boot loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SwapType {
    None,
    Test,
    Revert,
}

/// The fields of a trailer of the documentation.
#[derive(Debug, PartialEq, Eq)]
struct Trailer {
    swap_info: u8,
    copy_done: u8,
    image_ok: u8,
    is_magic: bool,
}

#[derive(Debug, Clone)]
struct Board {
    flash: Rc<RefCell<Micro>>,
}

impl Board {
    fn running(image: &[u8]) -> Self {
        let board = Self { flash: Rc::new(RefCell::new(Flash::new(2 * SLOT as usize))) };
        for mut slot in board.slots() {
            slot.erase(0, SLOT).expect("power");
        }
        board.program(0, image);
        board
    }

    fn copy(&self) -> Self {
        Self { flash: Rc::new(RefCell::new(self.flash.borrow().clone())) }
    }

    fn slots(&self) -> [Partition; 2] {
        [0, SLOT].map(|start| Partition { flash: self.flash.clone(), start, length: SLOT })
    }

    fn boot_loader(&self) -> Mcuboot<Partition, Partition> {
        let [primary, secondary] = self.slots();
        Mcuboot::new(primary, secondary, SECTORS)
    }

    fn slot(&self) -> Slot<Mcuboot<Partition, Partition>, Signed> {
        Slot::new(self.boot_loader(), check(), VERSION)
    }

    fn put(&self, image: &[u8], session: u32) -> Put {
        put(self.boot_loader(), client("app.bin", image), session).0
    }

    /// Writes bytes without regard to the rules of flash: the boot loader is not under test.
    fn program(&self, at: u32, bytes: &[u8]) {
        self.flash.borrow_mut().bytes[at as usize..][..bytes.len()].copy_from_slice(bytes);
    }

    fn trailer(&self, slot: usize) -> Trailer {
        let slot = self.slots()[slot].bytes(SLOT as usize);
        let end = slot.len();
        Trailer {
            swap_info: slot[end - 40],
            copy_done: slot[end - 32],
            image_ok: slot[end - 24],
            is_magic: slot[end - 16..] == magic(),
        }
    }

    /// The tables of states I to IV, in their order.
    fn swap_type(&self) -> SwapType {
        let [primary, secondary] = [0, 1].map(|slot| self.trailer(slot));
        if secondary.is_magic {
            assert_eq!(secondary.image_ok, 0xFF, "nobody asked for a permanent swap");
            SwapType::Test
        } else if primary.is_magic && primary.image_ok == 0xFF && primary.copy_done == 1 {
            SwapType::Revert
        } else {
            SwapType::None
        }
    }

    /// The board starts: the boot loader swaps, and leaves the trailers that the documentation names.
    fn start(&self) -> SwapType {
        let swap_type = self.swap_type();
        if swap_type != SwapType::None {
            let usable = (SLOT - 2048) as usize;
            let [primary, secondary] = self.slots().map(|slot| slot.bytes(usable));
            for mut slot in self.slots() {
                slot.erase(0, SLOT).expect("power");
            }
            self.program(0, &secondary);
            self.program(SLOT, &primary);
            self.program(SLOT - 16, &magic());
            self.program(SLOT - 32, &[1]);
            if swap_type == SwapType::Revert {
                self.program(SLOT - 24, &[1]);
            }
        }
        swap_type
    }

    fn runs(&self, image: &[u8]) -> bool {
        self.slots()[0].bytes(image.len()) == image
    }

    fn state(&self) -> State {
        self.slot().state().expect("power")
    }
}

fn images() -> (Vec<u8>, Vec<u8>) {
    (signed(SIZE, 1, &key()), signed(SIZE + 77, 2, &key()))
}

#[test]
fn the_trailer_asks_for_a_test_swap_and_a_confirmation_keeps_it() {
    let (old, new) = images();
    let board = Board::running(&old);
    let untouched =
        || Trailer { swap_info: 0xFF, copy_done: 0xFF, image_ok: 0xFF, is_magic: false };
    assert_eq!([board.trailer(0), board.trailer(1)], [untouched(), untouched()]);
    assert_eq!(board.start(), SwapType::None);
    assert_eq!(board.put(&new, 1), Put::Done);
    // Swap info: 2 is a test swap, of image 0.
    let requested = Trailer { swap_info: 2, is_magic: true, ..untouched() };
    assert_eq!([board.trailer(0), board.trailer(1)], [untouched(), requested]);
    let slot = board.slots()[1].bytes(SLOT as usize);
    let (before, trailer) = slot.split_at(slot.len() - 40);
    let status = 3 * SECTORS as usize * 4;
    assert!(
        before[before.len() - 8 - status..].iter().all(|byte| *byte == 0xFF),
        "swap status and size"
    );
    let mut expected = [0xFF; 40];
    expected[0] = 2;
    expected[24..].copy_from_slice(&magic());
    assert_eq!(trailer, expected);
    assert_eq!((board.state(), board.start()), (State::SwapRequested, SwapType::Test));
    assert!(board.runs(&new));
    assert_eq!(board.state(), State::Trial);
    assert_eq!(board.put(&old, 2), Put::Refused(Reason::NotAllowed));
    board.slot().confirm().expect("power");
    board.slot().confirm().expect("power");
    let confirmed = Trailer { image_ok: 1, copy_done: 1, is_magic: true, swap_info: 0xFF };
    assert_eq!(board.trailer(0), confirmed);
    assert_eq!(
        (board.start(), board.runs(&new), board.state()),
        (SwapType::None, true, State::Confirmed)
    );
    // A second update goes the same way.
    assert_eq!(board.put(&signed(4000, 3, &key()), 3), Put::Done);
    assert_eq!(board.start(), SwapType::Test);
}

#[test]
fn an_image_that_does_not_confirm_is_swapped_back() {
    let (old, new) = images();
    let board = Board::running(&old);
    assert_eq!(board.put(&new, 1), Put::Done);
    assert_eq!((board.start(), board.runs(&new)), (SwapType::Test, true));
    assert_eq!((board.start(), board.runs(&old)), (SwapType::Revert, true));
    assert_eq!((board.start(), board.state()), (SwapType::None, State::Confirmed));
}

/// The magic of a larger alignment: the alignment, and 14 other bytes.
#[test]
fn the_trailer_of_a_larger_alignment_is_as_documented() {
    fn tail<const ALIGN: usize>() -> Vec<u8> {
        let [mut primary, mut secondary] = [Micro::new(8192), Micro::new(8192)];
        primary.erase(0, 8192).and_then(|()| secondary.erase(0, 8192)).expect("power");
        let mut boot_loader: Mcuboot<_, _, ALIGN> = Mcuboot::new(primary, secondary, SECTORS);
        boot_loader.request_swap().expect("power");
        assert_eq!(boot_loader.state(), Ok(State::SwapRequested));
        boot_loader.into_inner().1.bytes
    }
    let pattern =
        [0x2D, 0xE1, 0x5D, 0x29, 0x41, 0x0B, 0x8D, 0x77, 0x67, 0x9C, 0x11, 0x0F, 0x1F, 0x8A];
    for (bytes, align) in [(tail::<16>(), 16), (tail::<32>(), 32)] {
        let mut expected = vec![0xFF; 8192];
        let end = expected.len();
        expected[end - 16..][..2].copy_from_slice(&(align as u16).to_le_bytes());
        expected[end - 14..].copy_from_slice(&pattern);
        expected[end - 4 * align] = 2;
        assert!(bytes == expected, "an alignment of {align}");
    }
}

#[test]
fn after_each_power_cut_the_old_or_the_new_image_runs() {
    let (old, new) = images();
    let fresh = Board::running(&old);
    let whole = fresh.copy();
    let before = whole.flash.borrow().operations;
    assert_eq!(whole.put(&new, 1), Put::Done);
    let operations = whole.flash.borrow().operations - before;
    for power in 1..=operations {
        let board = fresh.copy();
        {
            let mut flash = board.flash.borrow_mut();
            (flash.power, flash.random) = (Some(power), Random::new(power));
        }
        assert!(board.put(&new, 1) != Put::Done, "cut {power} of {operations}");
        board.flash.borrow_mut().power = None;
        let swap_type = board.start();
        assert!(swap_type == SwapType::Test && board.runs(&new) || board.runs(&old), "cut {power}");
        if swap_type == SwapType::None {
            assert_eq!(board.put(&new, 2), Put::Done, "cut {power} of {operations}");
            board.start();
        }
        board.slot().confirm().expect("power");
        assert_eq!((board.start(), board.runs(&new)), (SwapType::None, true), "cut {power}");
    }
    println!("{operations} cuts of a put for MCUboot");
}
