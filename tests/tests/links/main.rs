//! Links: drivers, flow control, damage, delays and timeouts.

mod async_driver;
mod async_serve;
mod async_tokio;
mod buffered_input;
mod burst_delivery;
mod console;
mod flow_control;
mod live_log;
mod liveness;
mod lost_replies;
mod reliable;
mod resync;
mod slow_peer;
mod slow_pipe;
mod slow_store;
mod small_socket_buffers;
mod stream_failure;
mod timeout_extension;
mod timers;
