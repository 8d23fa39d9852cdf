//! Properties: of the wire for every value, of two machines for every setting, file and fault.
//!
//! Few cases by default; `PROPTEST_CASES` says how many in a campaign.

mod metadata;
mod sessions;
mod setting;
mod wire;

use proptest::test_runner::Config as Settings;

fn cases(few: u32) -> Settings {
    let many = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    Settings { cases: many.unwrap_or(few), failure_persistence: None, ..Settings::default() }
}
