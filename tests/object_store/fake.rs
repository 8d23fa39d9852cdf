//! A storage that answers as a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Ends with the program of the tests.
pub(crate) struct Fake {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The key or, for the bucket itself, an empty text; encoded.
    pub(crate) key: String,
    /// All lines, in lower case.
    pub(crate) head: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
    /// What the header tells, if that is not the length of the body.
    pub(crate) length: Option<u64>,
}

impl Answer {
    pub(crate) fn of(status: u16, headers: &[&str], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers.iter().map(|line| (*line).to_owned()).collect();
        Self { status, headers, body: body.into(), length: None }
    }

    /// A list of keys as they are in the XML, each of an object of this size.
    pub(crate) fn list(keys: &[&str], size: u64) -> Self {
        let object = |key: &&str| {
            format!("<Contents><Key>{key}</Key><Size>{size}</Size><ETag>\"1\"</ETag></Contents>")
        };
        let objects: String = keys.iter().map(object).collect();
        let body = format!(
            "<ListBucketResult><EncodingType>url</EncodingType>{objects}</ListBucketResult>"
        );
        Self::of(200, &[], body)
    }
}

impl Fake {
    pub(crate) fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (all, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                let (all, answer) = (Arc::clone(&all), Arc::clone(&answer));
                thread::spawn(move || {
                    if let Some(request) = read(&socket) {
                        all.lock().unwrap().push(request.clone());
                        // The other end may have gone.
                        let _ = write(&socket, &request, &answer(&request));
                    }
                });
            }
        });
        Self { port, requests }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn read(socket: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let (method, rest) = head.split_once(' ')?;
    let target = rest.split([' ', '?']).next()?;
    let key = target.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key);
    let (method, key, head) = (method.to_owned(), key.to_owned(), head.to_lowercase());
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |length| length.trim().parse().unwrap());
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()?;
    Some(Request { method, key, head })
}

fn write(mut socket: &TcpStream, request: &Request, answer: &Answer) -> std::io::Result<()> {
    let Answer { status, headers, body, length } = answer;
    let length = length.unwrap_or(body.len() as u64);
    write!(socket, "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n")?;
    for line in headers {
        write!(socket, "{line}\r\n")?;
    }
    write!(socket, "\r\n")?;
    if request.method != "HEAD" {
        socket.write_all(body)?;
    }
    Ok(())
}
