//! Profiles for tests.

use tinyferry_core::checksum::Tables;
use tinyferry_core::{Profile, Standard};

/// The standard profile with operations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operates;

impl Profile for Operates {
    type Checksums = Tables;
    type Sha256 = <Standard as Profile>::Sha256;
    const OPERATIONS: bool = true;
}
