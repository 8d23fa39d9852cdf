//! The examples of the pages are tests; here, since a package of the library has no page above it.

#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../std-adapter/README.md")]
    struct Library;
    #[doc = include_str!("../../core/README.md")]
    struct Core;
}
