use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};

use super::select::yield_now;

#[test]
fn a_write_without_bytes_yields_once_so_that_a_store_on_the_same_thread_can_work() {
    let mut yields = pin!(yield_now());
    let mut context = Context::from_waker(Waker::noop());
    assert!(yields.as_mut().poll(&mut context).is_pending());
    assert!(yields.as_mut().poll(&mut context).is_ready());
}
