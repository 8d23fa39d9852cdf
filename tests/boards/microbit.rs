//! The images of the micro:bit with the core: one receives, the other sends too.

use std::fs;

use tempfile::TempDir;
use tinyferry_kit::content;

use crate::{MICROBIT, SENDING_MICROBIT, over_a_pty, over_noise, over_tcp, tinyferry, well};

/// `ping`, `put`, `get`, an image in the place of another, and refusals.
pub(super) fn images_go_there_and_back(url: &str) {
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    well(url, here, &["ping", "-v"]);
    for (seed, size) in [(1, 20_001), (2, 60_000), (3, 1)] {
        let bytes = content(size, seed);
        fs::write(here.join("app.bin"), &bytes).expect("a file");
        well(url, here, &["put", "app.bin"]);
        well(url, here, &["put", "app.bin"]);
        well(url, here, &["get", "app.bin", "--into", "back"]);
        assert!(fs::read(here.join("back/app.bin")).expect("it came back") == bytes, "{url}");
        fs::remove_dir_all(here.join("back")).expect("it is there");
    }
    let (code, said) = tinyferry(url, here, &["get", "other.bin"]);
    assert!(code == Some(6) && said.contains("no file of that name"), "{url}: {code:?} {said}");
    fs::write(here.join("big.bin"), content(64 << 10, 9)).expect("a file");
    let (code, said) = tinyferry(url, here, &["put", "big.bin"]);
    assert!(code == Some(6) && said.contains("larger than is allowed"), "{url}: {code:?} {said}");
    // The refused file has not changed the image in place.
    well(url, here, &["get", "app.bin", "--into", "back"]);
    assert!(fs::read(here.join("back/app.bin")).expect("it came back") == content(1, 3), "{url}");
}

/// `ping`, and images in the place of one another, of which the board sends none.
fn images_are_received(url: &str) {
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    well(url, here, &["ping", "-v"]);
    for (seed, size) in [(1, 20_001), (2, 60_000), (3, 1)] {
        fs::write(here.join("app.bin"), content(size, seed)).expect("a file");
        well(url, here, &["put", "app.bin"]);
        // The client compares the CRC-64 of the flash: nothing is sent again.
        let (code, said) = tinyferry(url, here, &["put", "app.bin", "--json"]);
        assert!(code == Some(0) && said.contains("\"bytes\":0,"), "{url}: {code:?} {said}");
    }
    let (code, said) = tinyferry(url, here, &["get", "app.bin"]);
    assert!(code == Some(6) && said.contains("gives no files"), "{url}: {code:?} {said}");
}

#[test]
#[ignore = "needs qemu-system-arm and a compiler for Cortex-M"]
fn a_cortex_m0_receives_images_for_its_flash() {
    let (_place, image) = MICROBIT.build();
    over_tcp(&MICROBIT, &image, images_are_received);
    over_a_pty(&MICROBIT, &image, images_are_received);
    over_noise(&MICROBIT, &image, images_are_received);
}

#[test]
#[ignore = "needs qemu-system-arm and a compiler for Cortex-M"]
fn a_cortex_m0_receives_and_sends_the_image_in_its_flash() {
    let (_place, image) = SENDING_MICROBIT.build();
    over_tcp(&SENDING_MICROBIT, &image, images_go_there_and_back);
    over_a_pty(&SENDING_MICROBIT, &image, images_go_there_and_back);
    over_noise(&SENDING_MICROBIT, &image, images_go_there_and_back);
}
