//! A signed update with the boot loader of `embassy-boot`: confirmed, swapped back, refused, and after power cuts. The
//! flash is a file, which survives the emulator.

use std::os::unix::fs::FileExt;

use ed25519_dalek::{Signer, SigningKey};

use super::*;

const BOOT_LOADER: Board = Board { package: "update", binary: "update-boot", features: "", ..MPS2 };
const FIRST: Board = Board { package: "update", binary: "update-app", features: "app", ..MPS2 };
const SECOND: Board = Board { features: "app second", ..FIRST };
const FAULTY: Board = Board { features: "app faulty", ..FIRST };

/// The memory that the emulator keeps in a file, in bytes: `examples/firmware/update/src/partitions.rs`.
const MEMORY: usize = 16 << 20;
/// Where the state of the boot loader begins in it.
const STATE: u64 = (2 * 64 + 1) * 4096;
/// The application restarts the board after a silence of 3 seconds, of its own clock.
const RESTARTS_IN: Duration = Duration::from_secs(10);

/// A board with a boot loader and a flash in a file.
struct Device {
    place: TempDir,
    boot_loader: PathBuf,
    address: String,
    serial: String,
    running: Option<Running>,
}

impl Device {
    fn new(boot_loader: PathBuf, application: &[u8]) -> Self {
        let place = TempDir::new().expect("a directory");
        let mut memory = vec![0xFF; MEMORY];
        memory[..application.len()].copy_from_slice(application);
        fs::write(place.path().join("flash"), memory).expect("a file");
        let (address, serial) = free_address();
        let mut device = Self { place, boot_loader, address, serial, running: None };
        device.power_on();
        device
    }

    /// Starts the emulator, after the end of the one before.
    fn power_on(&mut self) {
        self.power_on_for(Duration::from_millis(700));
    }

    /// Starts the emulator and waits.
    fn power_on_for(&mut self, time: Duration) {
        self.running = None;
        let file = self.place.path().join("flash");
        let memory =
            format!("memory-backend-file,id=flash,size=16M,share=on,mem-path={}", file.display());
        let arguments =
            ["-serial", &self.serial, "-object", &memory, "-machine", "memory-backend=flash"];
        self.running = Some(BOOT_LOADER.start(&self.boot_loader, &arguments));
        thread::sleep(time);
    }

    /// The pages that the boot loader has copied since the last request.
    fn copied(&self) -> usize {
        let mut state = [0; 4096 - 8];
        let file = fs::File::open(self.place.path().join("flash")).expect("it is there");
        file.read_exact_at(&mut state, STATE + 8).expect("it is as long");
        state.chunks(4).take_while(|word| *word == [0; 4]).count()
    }

    /// Starts the emulator, and ends it when the boot loader has copied `pages` pages.
    fn cut_after(&mut self, pages: usize) -> usize {
        self.power_on_for(Duration::ZERO);
        let end = Instant::now() + Duration::from_secs(30);
        while self.copied() < pages {
            assert!(Instant::now() < end, "the boot loader does not swap");
        }
        self.running = None;
        self.copied()
    }

    fn url(&self) -> String {
        format!("tcp://{}?lossy=true", self.address)
    }

    /// Runs the program, again while the emulator does not listen yet.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let (code, said) = tinyferry(&self.url(), self.place.path(), arguments);
            if code != Some(4) || Instant::now() > end {
                return (code, said);
            }
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// The answer of `get version.txt`.
    fn version(&self) -> String {
        let (code, said) = self.run(&["get", "version.txt", "-q", "-o", "-"]);
        assert_eq!(code, Some(0), "{said}");
        said
    }

    /// Waits until the board has restarted by itself, which it does after a silence: until the version is another one.
    fn version_after_a_restart(&self, before: &str) -> String {
        for _ in 0..5 {
            thread::sleep(RESTARTS_IN);
            let version = self.version();
            if version != before {
                return version;
            }
        }
        panic!("the board has not restarted");
    }

    fn put(&self, image: &[u8]) -> (Option<i32>, String) {
        let path = self.place.path().join("app.signed");
        // The same file keeps its time.
        if fs::read(&path).ok().as_deref() != Some(image) {
            fs::write(path, image).expect("a file");
        }
        self.run(&["put", "app.signed"])
    }

    fn put_well(&self, image: &[u8]) {
        let (code, said) = self.put(image);
        assert_eq!(code, Some(0), "{said}");
    }
}

/// The program as the bytes that go to the flash.
fn binary(board: &Board) -> Vec<u8> {
    let (place, image) = board.build();
    let output = place.path().join("bytes");
    let status = Command::new("arm-none-eabi-objcopy")
        .args(["-O", "binary"])
        .args([&image, &output])
        .status()
        .expect("arm-none-eabi-objcopy is installed");
    assert!(status.success());
    fs::read(output).expect("it is written")
}

/// The image with the signature of the example's key.
fn signed(binary: &[u8], key: &[u8; 32]) -> Vec<u8> {
    let signature = SigningKey::from_bytes(key).sign(binary);
    [binary, &signature.to_bytes()].concat()
}

const KEY: &[u8; 32] = b"an example: never use it at home";

#[test]
#[ignore = "needs qemu-system-arm and a compiler for Cortex-M"]
fn a_signed_update_is_confirmed_or_swapped_back() {
    let (_place, boot_loader) = BOOT_LOADER.build();
    let [first, second, faulty] = [FIRST, SECOND, FAULTY].map(|board| binary(&board));
    let mut device = Device::new(boot_loader, &first);
    assert_eq!(device.version(), "1.0 confirmed\n");
    let (code, said) = device.run(&["ls"]);
    assert!(code == Some(0) && said.contains("version.txt"), "{code:?} {said}");

    let (code, said) = device.put(&signed(&second, &[7; 32]));
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("the signature of the image is wrong"), "{said}");
    assert_eq!(device.version(), "1.0 confirmed\n");

    device.put_well(&signed(&second, KEY));
    assert_eq!(device.version_after_a_restart("1.0 swap requested\n"), "2.0 on trial\n");
    assert_eq!(device.version(), "2.0 confirmed\n");
    device.power_on();
    assert_eq!(device.version(), "2.0 confirmed\n");
    // The board has it already.
    device.put_well(&signed(&second, KEY));
    assert_eq!(device.version(), "2.0 confirmed\n");

    // An image that never confirms itself.
    device.put_well(&signed(&faulty, KEY));
    assert_eq!(device.version_after_a_restart("2.0 swap requested\n"), "3.0 on trial\n");
    let (code, said) = device.put(&signed(&first, KEY));
    assert!(code == Some(6) && said.contains("on trial"), "{code:?} {said}");
    assert_eq!(device.version(), "3.0 on trial\n");
    device.power_on();
    assert_eq!(device.version(), "2.0 confirmed\n");
}

/// The power is cut in the middle of puts, and while the boot loader swaps.
#[test]
#[ignore = "needs qemu-system-arm and a compiler for Cortex-M"]
fn a_board_whose_power_is_cut_runs_the_old_image_or_the_new_one() {
    let (_place, boot_loader) = BOOT_LOADER.build();
    let [first, second] = [FIRST, SECOND].map(|board| binary(&board));
    let mut device = Device::new(boot_loader, &first);
    let image = signed(&second, KEY);
    fs::write(device.place.path().join("app.signed"), &image).expect("a file");
    for tenth in [1, 5, 9] {
        let mut put = Command::new(env!("CARGO_BIN_EXE_tinyferry"))
            .args(["put", "-e", &device.url(), "app.signed", "--quiet"])
            .current_dir(device.place.path())
            .spawn()
            .expect("the program starts");
        wait_until_read(&mut put, (image.len() * tenth / 10) as u64);
        device.power_on();
        let _ = put.kill().and_then(|()| put.wait());
        assert_eq!(device.version(), "1.0 confirmed\n", "cut after {tenth} tenths");
    }
    device.put_well(&image);
    // The answer is out, and the swap is requested. The boot loader is cut in the middle of the swap.
    device.running = None;
    for pages in [1, 20, 60, 100] {
        println!("cut after {} of 128 copies", device.cut_after(pages));
    }
    device.power_on();
    assert_eq!(device.version(), "2.0 on trial\n");
    assert_eq!(device.version(), "2.0 confirmed\n");
}
