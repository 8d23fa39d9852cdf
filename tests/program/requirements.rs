//! Requirements of single tests: a test without them is skipped, and its output says so.

use std::process::Command;

/// Whether the environment asks for the tests that take long or much space, as the gate does; prints
/// that the test is skipped where not.
pub(crate) fn runs_long_tests() -> bool {
    let wanted = std::env::var_os("TINYFERRY_LONG").is_some();
    if !wanted {
        println!("skipped: TINYFERRY_LONG is not set");
    }
    wanted
}

/// Whether there is a `strace` that may trace a program; prints that the test is skipped where not.
pub(crate) fn has_strace() -> bool {
    let probe = Command::new("strace").args(["-qq", "true"]).output();
    let is_able = cfg!(target_os = "linux") && probe.is_ok_and(|probe| probe.status.success());
    if !is_able {
        println!("skipped: there is no strace that may trace a program");
    }
    is_able
}
