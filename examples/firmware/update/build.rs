//! Hands the linker the memory map: the boot loader begins at 0, the application in the active partition.

use std::{env, fs, path::Path};

const BOOT: &str =
    "MEMORY { FLASH : ORIGIN = 0, LENGTH = 4M RAM : ORIGIN = 0x20000000, LENGTH = 4M }";
/// `src/partitions.rs` has the same address and length.
const APP: &str =
    "MEMORY { FLASH : ORIGIN = 0x21000000, LENGTH = 256K RAM : ORIGIN = 0x20000000, LENGTH = 4M }";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = env::var("OUT_DIR")?;
    let is_app = env::var_os("CARGO_FEATURE_APP").is_some();
    fs::write(Path::new(&out).join("memory.x"), if is_app { APP } else { BOOT })?;
    println!("cargo:rustc-link-search={out}");
    println!("cargo:rerun-if-changed=build.rs");
    Ok(())
}
