//! Devices: their events, which come after the answers, and requests that they cancel.

mod cancel;
mod events;
mod peer;
mod reset;
