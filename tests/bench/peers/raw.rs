//! The loops that everything is measured by: file to socket, socket to file, and nothing else.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use crate::Done;

const BUFFER: usize = 64 * 1024;

/// One end, as a process of its own: `send|sendfile|receive|splice PORT FILE`.
pub(crate) fn run(arguments: &[String]) -> Done {
    let [how, port, path] = arguments else { return Err("send|receive PORT FILE".into()) };
    let port: u16 = port.parse()?;
    let connect = || TcpStream::connect(("127.0.0.1", port));
    let accept = || TcpListener::bind(("127.0.0.1", port)).and_then(|door| door.accept());
    match how.as_str() {
        "send" => copy(File::open(path)?, connect()?),
        "receive" => copy(accept()?.0, File::create(path)?),
        #[cfg(target_os = "linux")]
        "sendfile" => {
            let (file, socket) = (File::open(path)?, connect()?);
            while rustix::fs::sendfile(&socket, &file, None, 1 << 20)? > 0 {}
            Ok(())
        }
        #[cfg(target_os = "linux")]
        "splice" => splice(accept()?.0, File::create(path)?),
        _ => Err("no such loop".into()),
    }
}

fn copy(mut from: impl Read, mut to: impl Write) -> Done {
    let mut buffer = vec![0; BUFFER];
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(()),
            count => to.write_all(&buffer[..count])?,
        }
    }
}

#[cfg(target_os = "linux")]
fn splice(from: TcpStream, to: File) -> Done {
    use rustix::pipe::{SpliceFlags, pipe};

    let (out, into) = pipe()?;
    let move_all = SpliceFlags::MOVE;
    loop {
        let mut count = rustix::pipe::splice(&from, None, &into, None, BUFFER, move_all)?;
        if count == 0 {
            return Ok(());
        }
        while count > 0 {
            count -= rustix::pipe::splice(&out, None, &to, None, count, move_all)?;
        }
    }
}
