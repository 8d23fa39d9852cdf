//! A board that loses its power in the middle of a put: the same command goes on when the board is back.

use tinyferry_kit::content;

use super::*;

/// The size of the file, in bytes.
const SIZE: usize = 150_000;

#[test]
#[ignore = "needs qemu-system-arm and a compiler for Cortex-M"]
fn a_put_goes_on_with_a_board_that_restarted() {
    let (_place, image) = MPS2.build();
    let (address, serial) = free_address();
    let url = format!("tcp://{address}?lossy=true");
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    let bytes = content(SIZE, 4);
    fs::write(here.join("B.BIN"), &bytes).expect("a file");
    let first = MPS2.start(&image, &["-serial", &serial]);
    thread::sleep(Duration::from_millis(700));
    let said = here.join("said");
    let mut put = Command::new(env!("CARGO_BIN_EXE_tinyferry"))
        .args(["put", "-e", &url, "--retry", "8", "B.BIN"])
        .current_dir(here)
        .stdout(Stdio::null())
        .stderr(fs::File::create(&said).expect("a file"))
        .spawn()
        .expect("the program starts");
    wait_until_read(&mut put, SIZE as u64 / 2);
    assert!(put.try_wait().expect("it can be waited for").is_none(), "the put was too fast");
    drop(first);
    thread::sleep(Duration::from_millis(300));
    let _second = MPS2.start(&image, &["-serial", &serial]);
    let code = exit_code(&mut put);
    let said = fs::read_to_string(said).expect("it is there");
    assert!(code == Some(0) && said.contains(" s (try 1 of 8)"), "{code:?} {said}");
    well(&url, here, &["get", "B.BIN", "--into", "back"]);
    assert!(fs::read(here.join("back/B.BIN")).expect("it came back") == bytes, "{said}");
}
