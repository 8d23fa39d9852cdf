//! TCP: whom an address reaches, and connecting.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long one address may take to answer.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// What a `HOST:PORT` stands for.
///
/// # Errors
/// Those of the system, and that there is nothing.
pub fn look_up(address: &str) -> io::Result<Vec<SocketAddr>> {
    let addresses: Vec<_> = address.to_socket_addrs()?.collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
    }
    Ok(addresses)
}

/// Whether nobody but this machine is reached at any of these.
pub fn are_here(addresses: &[SocketAddr]) -> bool {
    addresses.iter().all(|address| address.ip().to_canonical().is_loopback())
}

/// Connects to the first address that answers.
///
/// # Errors
/// That of the last address tried.
pub fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match TcpStream::connect_timeout(address, CONNECT_PATIENCE) {
            Ok(stream) => return prepare(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// So much may wait to be sent in the system, in bytes. What waits there goes out when the receiver
/// acknowledges, and over loopback at the receiver's cost, which is the busier end.
#[cfg(any(target_os = "linux", target_os = "android"))]
const WAITING: u32 = 16 * 1024;

/// Frames are batched by the link; what it hands out is to go at once.
///
/// # Errors
/// Those of the system.
pub fn prepare(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    // A system without the option is only slower.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(WAITING);
    Ok(stream)
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn little_waits_to_be_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = connect(&[listener.local_addr().unwrap()]).unwrap();
        assert_eq!(socket2::SockRef::from(&stream).tcp_notsent_lowat().unwrap(), WAITING);
    }
}
