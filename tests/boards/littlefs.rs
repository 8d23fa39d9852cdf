//! Trees on a littlefs, and a reset in the middle of a put.

use std::io::Write;
use std::os::unix::net::UnixStream;

use tinyferry_kit::content;

use super::*;

const LITTLEFS: Board = Board { binary: "mps2-littlefs", features: "littlefs", ..MPS2 };

/// `put`, `get`, `mirror`, `ls`, `mv`, `mkdir`, `rm` and `df`, and refusals.
fn trees_are_served(url: &str) {
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    well(url, here, &["ping", "-v"]);
    let files = [("tree/a long name.bin", 60_000), ("tree/sub/b.txt", 700), ("tree/sub/empty", 0)];
    for round in 0..2u64 {
        fs::create_dir_all(here.join("tree/sub/none")).expect("directories");
        for (path, size) in files {
            fs::write(here.join(path), content(size, round + 1)).expect("a file");
        }
        well(url, here, &["put", "tree"]);
        well(url, here, &["get", "tree", "--into", "back"]);
        for (path, size) in files {
            let back = fs::read(here.join("back").join(path)).expect("it came back");
            assert!(back == content(size, round + 1), "{url}: {path}");
        }
        assert!(here.join("back/tree/sub/none").is_dir(), "{url}");
        fs::remove_dir_all(here.join("back")).expect("it is there");
    }
    // A mirror removes the entries that the source has no more, and leaves out unchanged ones.
    fs::remove_file(here.join("tree/sub/b.txt")).expect("it is there");
    fs::write(here.join("tree/new"), content(5000, 7)).expect("a file");
    let mirror = ["mirror", "tree", "tree", "--max-delete", "100%"];
    well(url, here, &mirror);
    let (code, said) = tinyferry(url, here, &["mirror", "tree", "tree", "--json"]);
    assert!(code == Some(0) && said.contains("\"bytes\":0,"), "{url}: {code:?} {said}");
    let (_, listed) = tinyferry(url, here, &["ls", "-R", "tree"]);
    assert!(listed.contains("new") && !listed.contains("b.txt"), "{url}: {listed}");
    let (_, listed) = tinyferry(url, here, &["ls", "tree"]);
    assert!(listed.contains("a long name.bin") && !listed.contains("empty"), "{url}: {listed}");
    // Entries are moved between directories; a full directory stays.
    well(url, here, &["mkdir", "other"]);
    well(url, here, &["mv", "tree/new", "other/moved"]);
    well(url, here, &["get", "other/moved", "--into", "back"]);
    assert!(fs::read(here.join("back/moved")).expect("it came back") == content(5000, 7));
    let (code, said) = tinyferry(url, here, &["rm", "other"]);
    assert!(code == Some(6) && said.contains("is a directory with files in it"), "{url}: {said}");
    let (code, said) = tinyferry(url, here, &["df"]);
    assert!(code == Some(0) && said.contains("free of 1.00 MiB"), "{url}: {code:?} {said}");
    fs::write(here.join("large"), vec![1; 1 << 20]).expect("a file");
    let (code, said) = tinyferry(url, here, &["put", "large"]);
    assert!(code == Some(6) && said.contains("bytes are free"), "{url}: {code:?} {said}");
    for directory in ["tree", "other"] {
        well(url, here, &["rm", "-r", directory]);
    }
    let (code, said) = tinyferry(url, here, &["ls"]);
    assert!(code == Some(0) && !said.contains("tree") && !said.contains(".tinyferry"), "{said}");
}

#[test]
#[ignore = "needs qemu-system-arm, a compiler for Cortex-M and one of C"]
fn a_cortex_m4_serves_a_littlefs() {
    let (_place, image) = LITTLEFS.build();
    over_tcp(&LITTLEFS, &image, trees_are_served);
    over_noise(&LITTLEFS, &image, trees_are_served);
}

/// The size of the file, in bytes.
const SIZE: usize = 200_000;

/// The flash keeps its content: the put goes on in the partial.
#[test]
#[ignore = "needs qemu-system-arm, a compiler for Cortex-M and one of C"]
fn a_put_goes_on_in_the_partial_after_a_reset() {
    let (_place, image) = LITTLEFS.build();
    let (address, serial) = free_address();
    let url = format!("tcp://{address}?lossy=true");
    let place = TempDir::new().expect("a directory");
    let here = place.path();
    let monitor = here.join("monitor");
    let monitor_at = format!("unix:{},server=on,wait=off", monitor.display());
    let bytes = content(SIZE, 4);
    fs::write(here.join("b.bin"), &bytes).expect("a file");
    let _board = LITTLEFS.start(&image, &["-serial", &serial, "-monitor", &monitor_at]);
    thread::sleep(Duration::from_millis(700));
    fs::write(here.join("old"), content(3000, 5)).expect("a file");
    well(&url, here, &["put", "old", "--as", "d/b.bin"]);
    let said = here.join("said");
    let mut put = Command::new(env!("CARGO_BIN_EXE_tinyferry"))
        .args(["put", "-e", &url, "--retry", "8", "b.bin", "--as", "d/b.bin", "--json"])
        .current_dir(here)
        .stdout(fs::File::create(&said).expect("a file"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    wait_until_read(&mut put, SIZE as u64 / 2);
    assert!(put.try_wait().expect("it can be waited for").is_none(), "the put was too fast");
    let mut monitor = UnixStream::connect(monitor).expect("the emulator listens");
    monitor.write_all(b"system_reset\n").expect("it listens");
    let code = exit_code(&mut put);
    let said = fs::read_to_string(said).expect("it is there");
    assert!(code == Some(0) && said.contains("\"status\":\"resumed\""), "{code:?} {said}");
    well(&url, here, &["get", "d/b.bin", "--into", "back"]);
    assert!(fs::read(here.join("back/b.bin")).expect("it came back") == bytes, "{said}");
    let (_, listed) = tinyferry(&url, here, &["ls", "-R"]);
    assert!(!listed.contains(".tinyferry") && !listed.contains("old"), "{listed}");
}
