/// The number of seeds of a test: `few`, or as many as the variable `TINYFERRY_SEEDS` says in a campaign. A text that is no
/// number counts as absent.
pub fn seeds(few: u64) -> u64 {
    std::env::var("TINYFERRY_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(few)
}
