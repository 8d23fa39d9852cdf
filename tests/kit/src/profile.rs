//! Profiles for tests.

use tinyferry_core::{Profile, Standard};

macro_rules! standard_with {
    ($($(#[$documentation:meta])* $name:ident: $capability:ident),*) => {$(
        $(#[$documentation])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name;

        impl Profile for $name {
            type Checksums = <Standard as Profile>::Checksums;
            type Sha256 = <Standard as Profile>::Sha256;
            type Buffer = <Standard as Profile>::Buffer;
            const $capability: bool = true;
        }
    )*};
}

standard_with! {
    /// The standard profile with operations.
    Operates: OPERATIONS,
    /// The standard profile with holes.
    Sparse: HOLES,
    /// The standard profile with a console.
    Console: CONSOLE,
    /// The standard profile with stores that may be pipes.
    Pipes: PIPES
}
