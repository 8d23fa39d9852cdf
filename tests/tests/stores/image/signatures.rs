//! The signature of an image.

use tinyferry_core::Store;
use tinyferry_stores::image::{BootLoader, InvalidKey, Mcuboot};

use super::*;

fn board() -> Mcuboot<Micro, Micro> {
    let mut slots = [Flash::new(16 << 10), Flash::new(16 << 10)];
    for slot in &mut slots {
        slot.erase(0, 16 << 10).expect("power");
    }
    let [primary, secondary] = slots;
    Mcuboot::new(primary, secondary, 16)
}

/// The message and the reason with which an image is refused.
fn refusal(image: &[u8]) -> (String, Result<(), Reason>) {
    let slot: Slot<_, Signed> = Slot::new(board(), check(), VERSION);
    let mut pair = Pair::new(CONFIG, client("app.bin", image), slot);
    let result = match pair.run(Task::Put).expect("it ends") {
        Ok(outcome) if outcome.refused == 0 => Ok(()),
        Err(Failure::Refused(reason)) => Err(reason),
        other => panic!("{other:?}"),
    };
    let slot = &mut pair.server.store;
    let state = slot.boot_loader().state().expect("it can be read");
    assert_eq!(state == State::SwapRequested, result.is_ok());
    (slot.refusal_message().to_owned(), result)
}

#[test]
fn a_signed_image_is_accepted_at_any_length() {
    for length in [0, 1, 3, 63, 64, 191, 192, 193, 255, 256, 257, 448, 8000] {
        assert_eq!(refusal(&signed(length, 5, &key())), (String::new(), Ok(())), "{length} bytes");
    }
}

#[test]
fn an_image_with_a_wrong_signature_is_refused_with_a_message() {
    let good = signed(3000, 5, &key());
    let mut bad: Vec<Vec<u8>> = [0, 1500, 2999, 3000, 3031, 3032, 3063]
        .map(|at| {
            let mut image = good.clone();
            image[at] ^= 1;
            image
        })
        .to_vec();
    bad.push(signed(3000, 5, &SigningKey::from_bytes(&[8; 32])));
    bad.push(content(3000, 5));
    bad.push([&good[..], &[0]].concat());
    bad.push([&good[..3000], &[0; 64]].concat());
    for image in bad {
        let (message, result) = refusal(&image);
        assert_eq!(result, Err(Reason::NotAllowed));
        assert!(message.starts_with("the signature of the image is wrong"), "{message}");
    }
    let (message, result) = refusal(&content(63, 1));
    assert_eq!(result, Err(Reason::NotAllowed));
    assert!(message.starts_with("the image has no signature"), "{message}");
}

/// A point of small order: any message has a signature by it.
#[test]
fn a_weak_key_is_no_key() {
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(Signed::new(&identity), Err(InvalidKey));
    assert_eq!(Signed::new(&[2; 32]).err(), Some(InvalidKey));
}
