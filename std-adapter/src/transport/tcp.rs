//! TCP: resolves addresses and connects.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, SocketAddrV6, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::WRITE_TIMEOUT;

/// The usual timeout of a connection attempt to one address.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The delay after which the next address is tried in parallel (RFC 8305).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// The maximum number of addresses of a host that are tried.
const MAX_ADDRESSES: usize = 16;

/// The addresses of a `HOST:PORT`; an IPv6 address may have a zone: `[fe80::1%eth0]`.
///
/// # Errors
/// Those of the system; there is no address; an address lacks its zone.
pub fn look_up(address: &str) -> io::Result<Vec<SocketAddr>> {
    if let Some(zoned) = with_zone(address)? {
        return Ok(vec![SocketAddr::V6(zoned)]);
    }
    let found = address.to_socket_addrs().map_err(|error| match error.raw_os_error() {
        Some(_) => error,
        None => {
            let words = crate::describe::os_error(&error);
            let words = words.rsplit(": ").next().unwrap_or_default();
            let words = crate::describe::os_error(&io::Error::other(words.to_owned()));
            io::Error::new(error.kind(), format!("the host's address cannot be found: {words}"))
        }
    })?;
    let (zoneless, addresses): (Vec<_>, Vec<_>) = found.partition(lacks_zone);
    match (addresses.is_empty(), zoneless.first()) {
        (false, _) => Ok(addresses),
        (true, Some(address)) => {
            let sentence = format!(
                "{0} is an address of one link only: say which interface leads there, as in \
                 [{0}%eth0]",
                address.ip()
            );
            Err(io::Error::new(ErrorKind::InvalidInput, sentence))
        }
        (true, None) => Err(io::Error::new(ErrorKind::NotFound, "the host has no address")),
    }
}

fn lacks_zone(address: &SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.scope_id() == 0 && v6.ip().is_unicast_link_local())
}

/// `[ADDRESS%ZONE]:PORT`, if it is one.
fn with_zone(address: &str) -> io::Result<Option<SocketAddrV6>> {
    let Some((ip, rest)) = address.strip_prefix('[').and_then(|rest| rest.split_once('%')) else {
        return Ok(None);
    };
    let Some((zone, port)) = rest.rsplit_once("]:") else { return Ok(None) };
    let (Ok(ip), Ok(port)) = (ip.parse(), port.parse()) else { return Ok(None) };
    let index = match zone.parse() {
        Ok(index) => index,
        Err(_) => index_of(zone)?,
    };
    Ok(Some(SocketAddrV6::new(ip, port, 0, index)))
}

/// The number of a network interface.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn index_of(zone: &str) -> io::Result<u32> {
    // Any socket will do.
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    rustix::net::netdevice::name_to_index(&socket, zone).map_err(|errno| {
        let words = crate::describe::os_error(&errno.into());
        let zone = zone.escape_debug();
        io::Error::new(ErrorKind::NotFound, format!("there is no interface \"{zone}\": {words}"))
    })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn index_of(zone: &str) -> io::Result<u32> {
    let zone = zone.escape_debug();
    let sentence = format!("use the number of the interface \"{zone}\" instead of its name");
    Err(io::Error::new(ErrorKind::Unsupported, sentence))
}

/// Whether all of these addresses are of this machine only.
pub fn are_here(addresses: &[SocketAddr]) -> bool {
    addresses.iter().all(|address| address.ip().to_canonical().is_loopback())
}

/// Connects to the address that answers first. The two families alternate, and each attempt runs in
/// parallel with earlier ones that have not answered. `timeout` is that of one attempt.
///
/// # Errors
/// That of the first address.
pub fn connect(addresses: &[SocketAddr], timeout: Duration) -> io::Result<TcpStream> {
    let addresses = in_turns(addresses);
    if let [address] = addresses.as_slice() {
        return TcpStream::connect_timeout(address, timeout).and_then(prepare);
    }
    let (sender, answers) = channel();
    let mut waiting = addresses.iter().copied().enumerate();
    let mut failures: Vec<(usize, io::Error)> = Vec::new();
    let mut pending = 0usize;
    loop {
        if let Some((index, address)) = waiting.next() {
            let sender = sender.clone();
            thread::Builder::new().name("connect".into()).spawn(move || {
                let stream = TcpStream::connect_timeout(&address, timeout);
                // Another attempt may have been faster: then this one is closed.
                let _ = sender.send((index, stream));
            })?;
            pending += 1;
        }
        if pending == 0 {
            break;
        }
        let delay = if waiting.len() > 0 { ATTEMPT_DELAY } else { 2 * timeout };
        match answers.recv_timeout(delay) {
            Ok((_, Ok(stream))) => return prepare(stream),
            Ok((index, Err(error))) => {
                pending -= 1;
                failures.push((index, error));
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
    let first = failures.into_iter().min_by_key(|(index, _)| *index);
    Err(first.map_or_else(|| ErrorKind::NotFound.into(), |(_, error)| error))
}

/// The addresses with their families taking turns, the family of the first one first.
fn in_turns(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let is_first = |address: &&SocketAddr| {
        addresses.first().is_some_and(|first| first.is_ipv4() == address.is_ipv4())
    };
    let mut one = addresses.iter().filter(is_first);
    let mut other = addresses.iter().filter(|address| !is_first(address));
    let mut all = Vec::new();
    while all.len() < MAX_ADDRESSES {
        let before = all.len();
        all.extend(one.next());
        all.extend(other.next());
        if all.len() == before {
            break;
        }
    }
    all
}

/// The limit of unsent bytes in the system. They are sent when the receiver acknowledges, and over
/// loopback at the receiver's cost, which is the busier end.
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_UNSENT_BYTES: u32 = 16 * 1024;

/// Keepalive: a host that has vanished counts as lost after a minute without input, which releases its
/// client's files.
#[cfg(any(target_os = "linux", target_os = "android"))]
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
#[cfg(any(target_os = "linux", target_os = "android"))]
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
#[cfg(any(target_os = "linux", target_os = "android"))]
const KEEPALIVE_PROBES: u32 = 3;

/// Disables Nagle's algorithm: the link batches frames itself.
///
/// # Errors
/// Those of the system.
pub fn prepare(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    // A system without the option is only slower.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let socket = socket2::SockRef::from(&stream);
        let _ = socket.set_tcp_notsent_lowat(MAX_UNSENT_BYTES);
        let keepalive = socket2::TcpKeepalive::new()
            .with_time(KEEPALIVE_IDLE)
            .with_interval(KEEPALIVE_INTERVAL)
            .with_retries(KEEPALIVE_PROBES);
        let _ = socket.set_tcp_keepalive(&keepalive);
        // While output lacks its ack the system sends no keepalive, and retransmits for a quarter of an hour.
        let _ = socket.set_tcp_user_timeout(Some(WRITE_TIMEOUT));
    }
    Ok(stream)
}

/// As [`Socket::set_write_timeout`](super::socket::Socket::set_write_timeout): the timeout of [`prepare`] is also one for a peer
/// that acknowledges everything and has no room.
#[cfg(unix)]
pub(crate) fn set_write_timeout(stream: &TcpStream, timeout: Option<Duration>) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let _ = socket2::SockRef::from(stream).set_tcp_user_timeout(timeout);
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (stream, timeout);
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use std::net::TcpListener;
    use std::time::Instant;

    use socket2::{Domain, Socket, Type};

    use super::*;

    #[test]
    fn a_host_that_has_vanished_is_noticed_within_a_minute() {
        let (_listener, address) = listener();
        let stream = prepare(TcpStream::connect(address).unwrap()).unwrap();
        let socket = socket2::SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        let probes =
            socket.tcp_keepalive_interval().unwrap() * socket.tcp_keepalive_retries().unwrap();
        assert!(socket.tcp_keepalive_time().unwrap() + probes <= Duration::from_secs(60));
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_peer_without_room_is_waited_for_without_a_limit_until_a_timeout_is_set_again() {
        let (_listener, address) = listener();
        let stream = prepare(TcpStream::connect(address).unwrap()).unwrap();
        let timeout = || socket2::SockRef::from(&stream).tcp_user_timeout().unwrap();
        set_write_timeout(&stream, None);
        assert_eq!(timeout().unwrap_or_default(), Duration::ZERO);
        set_write_timeout(&stream, Some(WRITE_TIMEOUT));
        assert_eq!(timeout(), Some(WRITE_TIMEOUT));
    }

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// An address that answers nothing: its queue is full.
    fn silent() -> (Socket, Vec<Socket>, SocketAddr) {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let fills = (0..4).map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address);
            socket
        });
        let fills = fills.collect();
        (listener, fills, address.as_socket().unwrap())
    }

    #[test]
    fn the_system_buffers_few_unsent_bytes() {
        let (_listener, address) = listener();
        let stream = connect(&[address], CONNECT_TIMEOUT).unwrap();
        assert_eq!(socket2::SockRef::from(&stream).tcp_notsent_lowat().unwrap(), MAX_UNSENT_BYTES);
    }

    #[test]
    fn an_unreachable_address_does_not_delay_the_others() {
        let (_listener, live) = listener();
        let (_socket, _fills, dead) = silent();
        let gone = listener().1;
        for addresses in [&[dead, live][..], &[dead, gone, dead, live], &[live, dead]] {
            let begin = Instant::now();
            assert_eq!(connect(addresses, CONNECT_TIMEOUT).unwrap().peer_addr().unwrap(), live);
            assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        }
        assert_eq!(
            connect(&[gone, gone], CONNECT_TIMEOUT).unwrap_err().kind(),
            ErrorKind::ConnectionRefused
        );
        assert!(connect(&[], CONNECT_TIMEOUT).is_err());
    }

    #[test]
    fn address_families_alternate() {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let [a, b, c] = ["[::1]:1", "[::1]:2", "[::1]:3"].map(parse);
        let [d, e] = ["127.0.0.1:4", "127.0.0.1:5"].map(parse);
        assert_eq!(in_turns(&[a, b, c, d, e]), [a, d, b, e, c]);
        assert_eq!(in_turns(&[d, a, b]), [d, a, b]);
        assert_eq!(in_turns(&[a; 99]).len(), MAX_ADDRESSES);
    }

    #[test]
    fn an_ipv6_zone_is_a_name_or_a_number() {
        for text in ["[fe80::1%lo]:80", "[fe80::1%1]:80"] {
            let [SocketAddr::V6(found)] = look_up(text).unwrap()[..] else { panic!("{text}") };
            assert_eq!((found.scope_id(), found.port()), (1, 80));
        }
        let told = |text: &str| look_up(text).unwrap_err().to_string();
        assert!(told("[fe80::1%no\u{7}ne]:80").contains("no interface \"no\\u{7}ne\""));
        assert!(told("[fe80::1]:80").contains("say which interface"), "{}", told("[fe80::1]:80"));
        assert!(look_up("[::1%lo]:80").is_ok() && look_up("[::1]:80").is_ok());
    }
}
