//! Devices: their events, which come after the answers, and requests that they cancel.

mod async_store;
mod cancel;
mod events;
mod executor;
mod peer;
mod reset;
