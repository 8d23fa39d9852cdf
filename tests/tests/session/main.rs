//! Sessions: the handshake, requests, refusals, messages and the end.

mod buffers;
mod handshake;
mod id_wraparound;
mod messages;
mod misplaced_frames;
mod profiles;
mod progress;
mod ready_profiles;
mod rules;
mod shutdown;
