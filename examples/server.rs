//! A server: files and trees both ways on 127.0.0.1:8080, for any number of clients.
//!
//! `cargo run --example server -- DIRECTORY`

use std::env;
use std::io;
use std::path::PathBuf;

use tinyferry::server::Server;

fn main() -> io::Result<()> {
    let directory = env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    // A client may end this server: CLS, "close".
    let server = Server::builder(&directory).allow_close(true).bind()?;
    println!("serving {} at {}", directory.display(), server.endpoint());
    server.run()
}
