//! The seed's server: files and trees both ways on 127.0.0.1:8080, for any number of clients.
//!
//! `cargo run --example server -- DIRECTORY`

use std::env;
use std::io;
use std::path::PathBuf;

use tinyferry::Endpoint;
use tinyferry::server::{Options, Server};

fn main() -> io::Result<()> {
    let directory = env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    // A client may end this server: CLS.
    let options = Options { may_close: true, ..Options::default() };
    let server = Server::bind(&Endpoint::default(), &directory, options)?;
    println!("serving {} at {}", directory.display(), server.endpoint());
    server.run()
}
