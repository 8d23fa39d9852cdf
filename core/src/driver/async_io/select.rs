//! Waiting for the first of two events.

use core::future::{Future, pending, poll_fn};
use core::pin::pin;
use core::task::Poll;

use embedded_io_async::Write;

use super::Clock;
use crate::time::Millis;

/// Ends at the deadline, if there is one.
pub(super) async fn reached(clock: &mut impl Clock, deadline: Option<Millis>) {
    match deadline {
        Some(deadline) => clock.wait_until(deadline).await,
        None => pending().await,
    }
}

/// Writes; without bytes it yields and flushes. A store that works elsewhere may need this thread.
pub(super) async fn write<W: Write>(writer: &mut W, out: &[u8]) -> Result<usize, W::Error> {
    if out.is_empty() {
        yield_now().await;
        return writer.flush().await.map(|()| 0);
    }
    writer.write(out).await
}

/// Yields once to the executor.
pub(super) async fn yield_now() {
    let mut has_waited = false;
    poll_fn(|context| {
        if core::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

pub(super) enum First<A, B> {
    A(A),
    B(B),
}

/// Waits for the first of two futures, `a` if both are ready. The other one is dropped.
pub(super) async fn first<A: Future, B: Future>(a: A, b: B) -> First<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|context| {
        if let Poll::Ready(output) = a.as_mut().poll(context) {
            return Poll::Ready(First::A(output));
        }
        b.as_mut().poll(context).map(First::B)
    })
    .await
}
