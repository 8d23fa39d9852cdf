//! Hands the linker the memory map, and the sections of defmt.

use std::{env, fs, path::Path};

const MAP: &str =
    "MEMORY { FLASH : ORIGIN = 0, LENGTH = 4M RAM : ORIGIN = 0x20000000, LENGTH = 4M }";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("memory.x"), MAP)?;
    println!("cargo:rustc-link-search={out}");
    println!("cargo:rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_DEFMT").is_some() {
        println!("cargo:rustc-link-arg=-Tdefmt.x");
    }
    Ok(())
}
