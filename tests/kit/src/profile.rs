//! Profiles for tests.

use tinyferry_core::checksum::Tables;
use tinyferry_core::{Profile, Standard};

/// The standard profile with operations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operates;

impl Profile for Operates {
    type Checksums = Tables;
    type Sha256 = <Standard as Profile>::Sha256;
    type Buffer = <Standard as Profile>::Buffer;
    const OPERATIONS: bool = true;
}

/// The standard profile with holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sparse;

impl Profile for Sparse {
    type Checksums = Tables;
    type Sha256 = <Standard as Profile>::Sha256;
    type Buffer = <Standard as Profile>::Buffer;
    const HOLES: bool = true;
}

/// The standard profile with a console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Console;

impl Profile for Console {
    type Checksums = Tables;
    type Sha256 = <Standard as Profile>::Sha256;
    type Buffer = <Standard as Profile>::Buffer;
    const CONSOLE: bool = true;
}

/// The standard profile with stores that may be pipes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pipes;

impl Profile for Pipes {
    type Checksums = Tables;
    type Sha256 = <Standard as Profile>::Sha256;
    type Buffer = <Standard as Profile>::Buffer;
    const PIPES: bool = true;
}
