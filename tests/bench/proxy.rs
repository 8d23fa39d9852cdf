//! Distance on loopback: a proxy that passes each byte on later, and no faster than a rate.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// How far away the other end is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Distance {
    /// Each way.
    pub(crate) delay: Duration,
    /// Bits per second in each direction; `None`: as fast as it goes.
    pub(crate) rate: Option<f64>,
}

/// Takes one connection and passes it on to `server`. Connecting takes a round trip as well.
pub(crate) fn proxy(server: SocketAddr, distance: Distance) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || -> io::Result<()> {
        let (near, _) = listener.accept()?;
        thread::sleep(distance.delay * 2);
        let far = TcpStream::connect(server)?;
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        let back = (far.try_clone()?, near.try_clone()?);
        pass_on(near, far, distance);
        pass_on(back.0, back.1, distance);
        Ok(())
    });
    Ok(address)
}

/// Accepts one connection and forwards it to `server`. Also returns a function that counts the bytes of both
/// directions.
pub(crate) fn counted(server: SocketAddr) -> io::Result<(SocketAddr, impl Fn() -> u64)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let crossed = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&crossed);
    thread::spawn(move || -> io::Result<()> {
        let (near, _) = listener.accept()?;
        let far = TcpStream::connect(server)?;
        for (mut from, mut to) in [(near.try_clone()?, far.try_clone()?), (far, near)] {
            from.set_nodelay(true)?;
            let crossed = Arc::clone(&crossed);
            thread::spawn(move || {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = from.read(&mut buffer) {
                    crossed.fetch_add(count as u64, Ordering::Relaxed);
                    if to.write_all(&buffer[..count]).is_err() {
                        return;
                    }
                }
                let _ = to.shutdown(Shutdown::Write);
            });
        }
        Ok(())
    });
    Ok((address, move || seen.load(Ordering::Relaxed)))
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, distance: Distance) {
    let (sender, arriving) = channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        let mut free_at = Instant::now();
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let seconds = distance.rate.map_or(0.0, |rate| count as f64 * 8.0 / rate);
            free_at = free_at.max(Instant::now()) + Duration::from_secs_f64(seconds);
            if sender.send((free_at + distance.delay, buffer[..count].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        let mut delayed = VecDeque::new();
        while let Ok(next) = arriving.recv() {
            delayed.push_back(next);
            while let Some((at, bytes)) = delayed.pop_front() {
                thread::sleep(at.saturating_duration_since(Instant::now()));
                if to.write_all(&bytes).is_err() {
                    return;
                }
                delayed.extend(arriving.try_iter());
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}
