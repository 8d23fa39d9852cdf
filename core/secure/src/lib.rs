//! An encrypted and authenticated stream over any reliable byte stream.
//!
//! ```text
//!  your protocol                                    your protocol
//!       |  plain bytes                                    |  plain bytes
//!  +----v---------+   handshake, then records   +---------v----+
//!  | SecureStream | <-------------------------> | SecureStream |
//!  +--------------+   over TCP, a UART, a pipe  +--------------+
//! ```
//!
//! [`SecureStream`] completes a Noise handshake, with a key that both ends have ([`SharedKey`]) or with
//! two key pairs, and carries encrypted records after that: by ChaCha20-Poly1305, or by AES-256-GCM where both
//! ends have AES in hardware ([`Ciphers`]). It knows nothing of the bytes that it carries. It needs no `std`, no allocation, no `unsafe` and no source of randomness: the
//! caller supplies the buffers and 32 random bytes for each handshake.
//!
//! - [`SecureStream`]: over `embedded-io`, blocking. `AsyncSecureStream` (feature `async`): over
//!   `embedded-io-async`; it can be split into two halves.
//! - [`Channel`]: the state machine without a stream. [`LossyChannel`]: the one for a line that loses bytes.
//! - [`Trust`]: looks up the keys of the other end; [`Identity`]: the key of this end.
//!
//! ```
//! use embedded_io::{Read, Write};
//! use tinyferry_secure::{Identity, PrivateKey, SecureStream, SharedKey, StreamError};
//!
//! fn ask<T: Read + Write>(
//!     uart: T,
//!     key: &SharedKey,
//!     random: [u8; 32], // from a hardware source of randomness
//! ) -> Result<[u8; 4], StreamError<T::Error>> {
//!     let (identity, random) = (Identity::Shared(key.clone()), PrivateKey::new(&random));
//!     let buffers = [[0; 1100]; 2];
//!     let mut stream: SecureStream<_, _> =
//!         SecureStream::connect(uart, &identity, random, &mut (), buffers)?;
//!     stream.write(b"what?")?;
//!     stream.flush()?;
//!     let mut answer = [0; 4];
//!     stream.read(&mut answer)?;
//!     stream.close()?;
//!     Ok(answer)
//! }
//! ```
#![doc = "\n---\n\n"]
#![doc = include_str!("../PROTOCOL.md")]
#![no_std]

#[cfg(feature = "async")]
mod async_stream;
mod blocking;
mod bytes;
mod channel;
mod ciphers;
mod error;
#[cfg(feature = "async")]
mod halves;
mod handshake;
mod keys;
mod lossy;
mod noise;
mod record;
mod step;
mod suite;

#[cfg(feature = "async")]
pub use async_stream::AsyncSecureStream;
pub use blocking::SecureStream;
pub use channel::{Channel, FULL_BUFFER, MIN_BUFFER, Suspended};
pub use ciphers::{Aead, Ciphers, HardwareAes, NoAes, Portable};
pub use error::{Error, Refusal, StreamError};
#[cfg(feature = "async")]
pub use halves::{Joined, ReadHalf, WriteHalf};
pub use handshake::{MAGIC, refusing};
pub use keys::{Identity, KeyId, PrivateKey, PublicKey, SharedKey, Trust};
pub use lossy::LossyChannel;
pub use step::Step;
