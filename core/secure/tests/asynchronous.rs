//! The asynchronous stream: two ends as two futures of one thread.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(clippy::panic)]

mod common;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use common::{keys, private};
use embedded_io_async::{ErrorType, Read, Write};
use tinyferry_secure::{AsyncSecureStream, Channel, Joined, ReadHalf, WriteHalf};

type Pipe = Rc<RefCell<VecDeque<u8>>>;

struct Ends {
    from: Pipe,
    to: Pipe,
}

impl ErrorType for Ends {
    type Error = Infallible;
}

impl Read for Ends {
    async fn read(&mut self, into: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            let mut from = self.from.borrow_mut();
            let count = into.len().min(from.len()).min(100);
            if count == 0 {
                return Poll::Pending;
            }
            for (to, from) in into.iter_mut().zip(from.drain(..count)) {
                *to = from;
            }
            Poll::Ready(Ok(count))
        })
        .await
    }
}

impl Write for Ends {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            let mut to = self.to.borrow_mut();
            let count = bytes.len().min(250usize.saturating_sub(to.len()));
            if count == 0 {
                return Poll::Pending;
            }
            to.extend(&bytes[..count]);
            Poll::Ready(Ok(count))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Both futures, as one.
async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(result) = one.as_mut().poll(context)
        {
            first = Some(result);
        }
        if second.is_none()
            && let Poll::Ready(result) = other.as_mut().poll(context)
        {
            second = Some(result);
        }
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}

/// Runs both to their end.
fn run<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let mut all = pin!(both(one, other));
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000_000 {
        if let Poll::Ready(results) = all.as_mut().poll(&mut context) {
            return results;
        }
    }
    panic!("they wait for each other");
}

#[test]
fn a_conversation_carries_its_content_both_ways() {
    for is_pair in [false, true] {
        let (there, back) = (Pipe::default(), Pipe::default());
        let one = Ends { from: back.clone(), to: there.clone() };
        let other = Ends { from: there, to: back };
        let (identity, mut trusting, mut serving) = keys(is_pair);
        let content: Vec<u8> = (0..50_000u32).map(|byte| (byte / 3) as u8).collect();
        let client = async {
            let buffers = [[0; 300]; 2];
            let mut stream: AsyncSecureStream<_, _> =
                AsyncSecureStream::connect(one, &identity, private(4), &mut trusting, buffers)
                    .await
                    .unwrap();
            stream.write_all(&content).await.unwrap();
            stream.close().await.unwrap();
            let mut answer = [0; 6];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(stream.read(&mut [0; 1]).await, Ok(0));
            answer
        };
        let server = async {
            let buffers = [[0; 200]; 2];
            let mut stream: AsyncSecureStream<_, _> =
                AsyncSecureStream::accept(other, private(3), &mut serving, buffers).await.unwrap();
            let mut bytes = Vec::new();
            loop {
                let mut some = [0; 64];
                match stream.read(&mut some).await.unwrap() {
                    0 => break,
                    count => bytes.extend_from_slice(&some[..count]),
                }
            }
            stream.write_all(b"enough").await.unwrap();
            stream.close().await.unwrap();
            bytes
        };
        let (answer, bytes) = run(client, server);
        assert_eq!(&answer, b"enough");
        assert_eq!(bytes, content);
    }
}

/// Looks once whether a future is ready, and drops it; then the others have their turn.
async fn glance<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut looked = None;
    poll_fn(|context| match looked {
        None => {
            looked = Some(future.as_mut().poll(context));
            Poll::Pending
        }
        Some(_) => Poll::Ready(()),
    })
    .await;
    match looked {
        Some(Poll::Ready(output)) => Some(output),
        _ => None,
    }
}

/// Writes all of `content` and reads as much, at the same time.
async fn talk(ends: Ends, channel: Channel<[u8; 200]>, content: &[u8]) -> Vec<u8> {
    let channel = RefCell::new(channel);
    let nothing = Pipe::default();
    let mut reader = ReadHalf::new(Ends { from: ends.from, to: nothing.clone() }, &channel);
    let mut writer = WriteHalf::new(Ends { from: nothing, to: ends.to }, &channel);
    let mut received = vec![0; content.len()];
    let hearing = async {
        let mut at = 0;
        while at < received.len() {
            if let Some(count) = glance(reader.read(&mut received[at..])).await {
                at += count.unwrap();
            }
        }
    };
    let saying = async {
        let mut left = content;
        while !left.is_empty() {
            if let Some(count) = glance(writer.write(left)).await {
                left = &left[count.unwrap()..];
            }
        }
        writer.flush().await.unwrap();
    };
    both(hearing, saying).await;
    writer.close().await.unwrap();
    assert_eq!(reader.read(&mut [0; 1]).await, Ok(0));
    received
}

#[test]
fn both_ends_speak_at_the_same_time() {
    let (there, back) = (Pipe::default(), Pipe::default());
    let (identity, mut trusting, mut serving) = keys(false);
    let content: Vec<u8> = (0..20_000u32).map(|byte| (byte / 3) as u8).collect();
    let (one, other) = (Ends { from: back.clone(), to: there.clone() }, [there, back]);
    let buffers = [[0; 200]; 2];
    let client = async {
        let stream: AsyncSecureStream<_, _> =
            AsyncSecureStream::connect(one, &identity, private(4), &mut trusting, buffers)
                .await
                .unwrap();
        let (ends, channel) = stream.into_parts();
        talk(ends, channel, &content).await
    };
    let server = async {
        let [from, to] = other;
        let nothing = Pipe::default();
        let reader = Ends { from: from.clone(), to: nothing.clone() };
        let joined = Joined(reader, Ends { from: nothing, to: to.clone() });
        let stream: AsyncSecureStream<_, _> =
            AsyncSecureStream::accept(joined, private(3), &mut serving, buffers).await.unwrap();
        talk(Ends { from, to }, stream.into_parts().1, &content).await
    };
    let (back, there) = run(client, server);
    assert!(back == content && there == content);
}
