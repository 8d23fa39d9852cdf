//! A boot loader with the receiver of `tinyferry-tiny`.

use std::fs;

use tempfile::TempDir;
use tinyferry_kit::content;

use crate::{BOOT, over_a_pty, over_noise, over_tcp, tinyferry, well};

/// Images one after another, each compared with the content of the flash, and files that the store refuses.
fn images_are_put(url: &str) {
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    well(url, here, &["ping", "-v"]);
    for (seed, size) in [(1, 20_001), (2, 60_000), (3, 60_000), (4, 0)] {
        fs::write(here.join("app.bin"), content(size, seed)).expect("a file");
        well(url, here, &["put", "app.bin"]);
        // The client compares the CRC-64 of the flash: nothing is sent again.
        let (code, said) = tinyferry(url, here, &["put", "app.bin", "--json"]);
        assert!(code == Some(0) && said.contains("\"bytes\":0,"), "{url}: {code:?} {said}");
    }
    fs::write(here.join("app.bin"), content(128 << 10, 9)).expect("a file");
    let (code, said) = tinyferry(url, here, &["put", "app.bin"]);
    assert!(code == Some(6) && said.contains("larger than is allowed"), "{url}: {code:?} {said}");
    let (code, said) = tinyferry(url, here, &["put", "app.bin", "--as", "other"]);
    assert!(code == Some(6) && said.contains("no file of that name"), "{url}: {code:?} {said}");
    let (code, said) = tinyferry(url, here, &["get", "app.bin"]);
    assert!(code == Some(6) && said.contains("gives no files"), "{url}: {code:?} {said}");
}

#[test]
#[ignore = "needs qemu-system-arm and a compiler for Cortex-M"]
fn a_boot_loader_of_a_cortex_m0_takes_images() {
    let (_place, image) = BOOT.build();
    over_tcp(&BOOT, &image, images_are_put);
    over_a_pty(&BOOT, &image, images_are_put);
    over_noise(&BOOT, &image, images_are_put);
}
