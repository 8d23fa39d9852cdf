//! A proxy before the storage that counts the bytes towards it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Ends with the program of the tests.
pub(crate) struct Counting {
    pub(crate) port: u16,
    sent: Arc<AtomicU64>,
}

impl Counting {
    pub(crate) fn before(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { continue };
                let pair = client.try_clone().and_then(|it| Ok((it, server.try_clone()?)));
                let Ok((client_too, server_too)) = pair else { continue };
                let count = Arc::clone(&count);
                thread::spawn(move || copy(client, server, Some(&count)));
                thread::spawn(move || copy(server_too, client_too, None));
            }
        });
        Self { port, sent }
    }

    /// The bytes that went to the storage.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, count: Option<&AtomicU64>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if let Some(count) = count {
            count.fetch_add(length as u64, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
