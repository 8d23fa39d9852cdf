//! With the boot loader of `embassy-boot` itself.

use ::embassy_boot::{BootError, BootLoaderConfig};
use tinyferry_stores::image::EmbassyBoot;

use super::*;

/// Pages of the active partition.
const PAGES: u32 = 16;
const PAGE: u32 = 1024;
/// The size of both images, in bytes, without their signatures.
const SIZE: usize = 10_000;

/// A board with a flash, and its two programs: boot loader and application.
#[derive(Debug, Clone)]
struct Board {
    flash: Rc<RefCell<Micro>>,
}

impl Board {
    /// A board that runs `image`.
    fn running(image: &[u8]) -> Self {
        let board =
            Self { flash: Rc::new(RefCell::new(Flash::new(((2 * PAGES + 2) * PAGE) as usize))) };
        let [mut active, mut download, mut state] = board.partitions();
        for partition in [&mut active, &mut download, &mut state] {
            partition.erase(0, partition.length).expect("power");
        }
        let words = [image, &[0xFF; 3]].concat();
        active.write(0, &words[..image.len().next_multiple_of(4)]).expect("power");
        board
    }

    /// The same content on another board.
    fn copy(&self) -> Self {
        Self { flash: Rc::new(RefCell::new(self.flash.borrow().clone())) }
    }

    /// Active, download and state.
    fn partitions(&self) -> [Partition; 3] {
        let pages = [(0, PAGES), (PAGES, PAGES + 1), (2 * PAGES + 1, 1)];
        pages.map(|(first, count)| Partition {
            flash: self.flash.clone(),
            start: first * PAGE,
            length: count * PAGE,
        })
    }

    fn boot_loader(&self) -> EmbassyBoot<Partition, Partition, Partition> {
        let [active, download, state] = self.partitions();
        EmbassyBoot::new(active, download, state)
    }

    fn slot(&self) -> Slot<EmbassyBoot<Partition, Partition, Partition>, Signed> {
        Slot::new(self.boot_loader(), check(), VERSION)
    }

    fn put(&self, image: &[u8], session: u32) -> Put {
        put(self.boot_loader(), client("app.bin", image), session).0
    }

    /// The board starts: the boot loader swaps if that was requested.
    fn start(&self) -> Result<(), BootError> {
        let [active, dfu, state] = self.partitions();
        let mut boot_loader =
            ::embassy_boot::BootLoader::new(BootLoaderConfig { active, dfu, state });
        boot_loader.prepare_boot(&mut [0; 256]).map(|_| ())
    }

    /// Whether the running image is the one, else it must be the other.
    fn runs(&self, new: &[u8], old: &[u8]) -> bool {
        let [active, ..] = self.partitions();
        let [is_new, is_old] = [new, old].map(|image| active.bytes(image.len()) == image);
        assert!(is_new != is_old, "the running image is neither the old one nor the new one");
        is_new
    }

    fn state(&self) -> State {
        self.slot().state().expect("power")
    }
}

fn images() -> (Vec<u8>, Vec<u8>) {
    (signed(SIZE, 1, &key()), signed(SIZE + 77, 2, &key()))
}

#[test]
fn a_new_image_runs_on_trial_and_stays_if_it_confirms() {
    let (old, new) = images();
    let board = Board::running(&old);
    board.start().expect("power");
    assert_eq!(status(board.boot_loader()), ("1.0 confirmed\n".into(), vec!["version.txt".into()]));
    assert_eq!(board.put(&new, 1), Put::Done);
    assert_eq!((board.state(), board.runs(&new, &old)), (State::SwapRequested, false));
    assert_eq!(status(board.boot_loader()).0, "1.0 swap requested\n");
    board.start().expect("power");
    assert_eq!((board.state(), board.runs(&new, &old)), (State::Trial, true));
    assert_eq!(status(board.boot_loader()).0, "1.0 on trial\n");
    board.slot().confirm().expect("power");
    board.start().expect("power");
    assert_eq!((board.state(), board.runs(&new, &old)), (State::Confirmed, true));
}

#[test]
fn an_image_that_does_not_confirm_is_swapped_back() {
    let (old, new) = images();
    let board = Board::running(&old);
    assert_eq!(board.put(&new, 1), Put::Done);
    board.start().expect("power");
    assert!(board.runs(&new, &old));
    // On trial the other partition has the image to go back to.
    assert_eq!(board.put(&signed(5000, 3, &key()), 2), Put::Refused(Reason::NotAllowed));
    board.start().expect("power");
    assert_eq!((board.state(), board.runs(&new, &old)), (State::Confirmed, false));
}

#[test]
fn an_image_that_the_board_has_is_not_sent_again() {
    let (old, new) = images();
    let board = Board::running(&old);
    let sending = client("app.bin", &new);
    let sent = |board: &Board| put(board.boot_loader(), sending.clone(), 2);
    let whole = sent(&board);
    assert!(whole.0 == Put::Done && whole.1 > new.len() as u64);
    // Downloaded, then running on trial, then swapped back, each time the same put.
    let again = sent(&board);
    assert!(again.0 == Put::Done && again.1 < 1000, "{} bytes", again.1);
    board.start().expect("power");
    let on_trial = sent(&board);
    assert!(on_trial.0 == Put::Done && on_trial.1 < 1000, "{} bytes", on_trial.1);
    assert_eq!(board.state(), State::Trial);
    board.start().expect("power");
    assert!(!board.runs(&new, &old));
    assert_eq!(sent(&board).0, Put::Done);
    board.start().expect("power");
    assert!(board.runs(&new, &old));
}

#[test]
fn another_image_takes_the_place_of_one_whose_swap_is_requested() {
    let (old, new) = images();
    let board = Board::running(&old);
    assert_eq!(board.put(&new, 1), Put::Done);
    let newer = signed(SIZE / 2, 3, &key());
    assert_eq!(board.put(&newer, 2), Put::Done);
    board.start().expect("power");
    assert!(board.runs(&newer, &old));
}

#[test]
fn an_image_that_does_not_fit_is_refused() {
    let (old, new) = images();
    let board = Board::running(&old);
    let room = board.slot().room() as usize;
    assert_eq!(room, ((PAGES - 1) * PAGE) as usize);
    assert_eq!(board.put(&signed(room - 63, 4, &key()), 1), Put::Refused(Reason::TooLarge));
    assert!(!board.runs(&new, &old));
    let largest = signed(room - 64, 4, &key());
    assert_eq!(board.put(&largest, 2), Put::Done);
    board.start().expect("power");
    assert!(board.runs(&largest, &old));
}

/// The steps of an update until one fails: put, swap, and either confirmation or a second start.
fn update(board: &Board, new: &[u8], confirms: bool) -> bool {
    board.put(new, 1) == Put::Done
        && board.start().is_ok()
        && if confirms { board.slot().confirm().is_ok() } else { board.start().is_ok() }
}

/// Cuts the power in each erase and write of an update. Returns the number of cuts.
fn cut_everywhere(confirms: bool) -> u64 {
    let (old, new) = images();
    let fresh = Board::running(&old);
    let whole = fresh.copy();
    let before = whole.flash.borrow().operations;
    assert!(update(&whole, &new, confirms));
    let operations = whole.flash.borrow().operations - before;
    for power in 1..=operations {
        let board = fresh.copy();
        {
            let mut flash = board.flash.borrow_mut();
            (flash.power, flash.random) = (Some(power), Random::new(power));
        }
        assert!(!update(&board, &new, confirms), "cut {power} of {operations}");
        board.flash.borrow_mut().power = None;
        board.start().expect("power");
        let is_new = board.runs(&new, &old);
        if !confirms {
            // Without a confirmation the old image comes back, at the latest with the next start.
            board.start().expect("power");
            assert!(!board.runs(&new, &old) || is_new && board.state() == State::Confirmed);
        }
        while !(board.runs(&new, &old) && board.state() == State::Confirmed) {
            if board.state() == State::Trial {
                board.slot().confirm().expect("power");
            } else {
                assert_eq!(board.put(&new, 2), Put::Done, "cut {power} of {operations}");
                board.start().expect("power");
            }
        }
    }
    operations
}

#[test]
fn after_each_power_cut_of_an_update_the_old_or_the_new_image_runs() {
    println!("{} cuts of an update with confirmation", cut_everywhere(true));
    println!("{} cuts of an update with rollback", cut_everywhere(false));
}
