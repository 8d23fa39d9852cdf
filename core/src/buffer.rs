//! The buffers of a session, whose size limits its chunks and its metadata.
//!
//! | type | chunks | metadata received | paths sent | bytes of RAM |
//! |---|---|---|---|---|
//! | [`Buffer256`] | 256 bytes | 256 bytes | 192 bytes | 304 |
//! | [`Buffer512`] | 512 bytes | 512 bytes | 448 bytes | 560 |
//! | [`Buffer1024`] | 1024 bytes | 1024 bytes | 960 bytes | 1072 |
//!
//! The hello offers no larger chunk than the buffer holds. An offer or a request with longer metadata is
//! refused with [`Reason::NameTooLong`](crate::Reason::NameTooLong) (`PROTOCOL.md`, R97).

use crate::wire::path::PATH_MAX;
use crate::wire::{HEADER_LEN, PAYLOAD_MAX, SIGNAL_LEN};

mod sealed {
    use super::SIGNAL_LEN;

    /// Access to the bytes of the buffers.
    pub trait Frame: Sized {
        /// All bytes are zero.
        const EMPTY: Self;
        /// The incoming or the outgoing signal; the other buffer has the other one.
        fn signal(&self) -> &[u8; SIGNAL_LEN];
        /// The same to write.
        fn signal_mut(&mut self) -> &mut [u8; SIGNAL_LEN];
        /// The chunk: header and payload.
        fn frame(&self) -> &[u8];
        /// The same to write.
        fn frame_mut(&mut self) -> &mut [u8];
        /// The bytes of the chunk behind its header.
        fn payload_mut(&mut self) -> &mut [u8];
        /// As many of them as metadata that goes out may have: its signal is placed behind it.
        fn metadata_mut(&mut self) -> &mut [u8];
        /// The signal to write, and the chunk.
        fn split(&mut self) -> (&mut [u8; SIGNAL_LEN], &[u8]);
    }
}

pub(crate) use self::sealed::Frame;

/// Buffers for a signal and a chunk: [`Profile::Buffer`](crate::Profile::Buffer). It is one of those in this
/// module.
pub trait ChunkBuffer: Frame + Clone + core::fmt::Debug {
    /// The largest payload of a chunk, in bytes.
    const PAYLOAD: usize;
}

/// Constants that follow from the size of a buffer.
pub(crate) trait Limits: ChunkBuffer {
    /// The longest frame, in bytes.
    const FRAME: usize = HEADER_LEN.saturating_add(Self::PAYLOAD);
    /// The longest path that can be sent, in bytes: the tags and the signal need the same room in each buffer.
    const PATH: usize = PATH_MAX.saturating_sub(PAYLOAD_MAX.saturating_sub(Self::PAYLOAD));

    /// The largest payload that is not longer than `length` bytes and has room.
    fn limit(length: u16) -> u16 {
        if Self::lacks_room(length) { Self::PAYLOAD as u16 } else { length }
    }

    /// Whether a payload of `length` bytes has no room.
    fn lacks_room(length: u16) -> bool {
        Self::PAYLOAD < PAYLOAD_MAX && usize::from(length) > Self::PAYLOAD
    }
}

impl<B: ChunkBuffer> Limits for B {}

macro_rules! buffer {
    ($name:ident, $payload:literal) => {
        #[doc = concat!("Buffers for a signal and a chunk of up to ", $payload, " bytes.")]
        // On large machines the payload is aligned to 16 bytes: vector instructions then compute a checksum in
        // half the time.
        #[derive(Debug, Clone)]
        #[cfg_attr(feature = "model", derive(Hash))]
        #[cfg_attr(target_pointer_width = "64", repr(C, align(16)))]
        pub struct $name {
            signal: [u8; SIGNAL_LEN],
            frame: [u8; HEADER_LEN + $payload],
        }

        impl ChunkBuffer for $name {
            const PAYLOAD: usize = $payload;
        }

        impl Frame for $name {
            const EMPTY: Self = Self { signal: [0; SIGNAL_LEN], frame: [0; HEADER_LEN + $payload] };

            #[inline(always)]
            fn signal(&self) -> &[u8; SIGNAL_LEN] {
                &self.signal
            }

            #[inline(always)]
            fn signal_mut(&mut self) -> &mut [u8; SIGNAL_LEN] {
                &mut self.signal
            }

            #[inline(always)]
            fn frame(&self) -> &[u8] {
                &self.frame
            }

            #[inline(always)]
            fn frame_mut(&mut self) -> &mut [u8] {
                &mut self.frame
            }

            #[inline(always)]
            fn payload_mut(&mut self) -> &mut [u8] {
                self.frame.split_at_mut(HEADER_LEN).1
            }

            #[inline(always)]
            fn metadata_mut(&mut self) -> &mut [u8] {
                self.payload_mut().split_at_mut($payload - SIGNAL_LEN).0
            }

            #[inline(always)]
            fn split(&mut self) -> (&mut [u8; SIGNAL_LEN], &[u8]) {
                (&mut self.signal, &self.frame)
            }
        }
    };
}

/// The payload is aligned where the buffers are.
const _: () = assert!((SIGNAL_LEN + HEADER_LEN).is_multiple_of(16));

buffer!(Buffer256, 256);
buffer!(Buffer512, 512);
buffer!(Buffer1024, 1024);

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes<B: ChunkBuffer>() -> [usize; 4] {
        let mut buffer = B::EMPTY;
        let metadata = buffer.metadata_mut().len();
        assert_eq!(buffer.payload_mut().len(), B::PAYLOAD);
        assert_eq!(buffer.frame().len(), B::FRAME);
        [B::PAYLOAD, B::FRAME, metadata, B::PATH]
    }

    #[test]
    fn a_path_with_its_tags_and_its_signal_fits_each_buffer() {
        assert_eq!(sizes::<Buffer256>(), [256, 268, 220, 192]);
        assert_eq!(sizes::<Buffer512>(), [512, 524, 476, 448]);
        assert_eq!(sizes::<Buffer1024>(), [1024, 1036, 988, PATH_MAX]);
    }

    #[test]
    fn only_a_payload_that_is_too_long_lacks_room() {
        assert!(!Buffer256::lacks_room(256) && Buffer256::lacks_room(257));
        assert!(!Buffer512::lacks_room(512) && Buffer512::lacks_room(513));
        assert!(!Buffer1024::lacks_room(1024));
    }
}
