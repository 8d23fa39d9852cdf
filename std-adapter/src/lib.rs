//! Copies files and directory trees over any byte stream: sockets, serial lines, pipes of a command.
//!
//! ```text
//!  +-----------+      +---------+                     +---------+      +-----------+
//!  | Directory | <--> | Client  | <-- one endpoint -> | Server  | <--> | Directory |
//!  | (files)   |      |         |   tcp, unix, exec,  |         |      | (files)   |
//!  +-----------+      +---------+   serial, stdio     +---------+      +-----------+
//! ```
//!
//! A [`Server`](server::Server) serves one directory to any number of clients. A
//! [`Client`](client::Client) sends and receives files and trees over one connection. A
//! [`Directory`](fs::Directory) is the store of either end: it resumes interrupted transfers, and gives a
//! file its name when it is complete and verified.
//!
//! A client does one task after another:
//!
//! ```no_run
//! use tinyferry::client::Client;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = Client::builder("tcp://box:8080".parse()?).key_file("key").connect()?;
//! client.put("photo.jpg", "inbox/photo.jpg")?; // a file or a directory
//! client.get("backup/src", "restored")?;
//! for entry in client.list("backup")? {
//!     println!("{}", entry.path.escape_debug());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A server runs until it is stopped:
//!
//! ```no_run
//! use tinyferry::server::Server;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::builder("incoming").listen("tcp://127.0.0.1:0".parse()?).bind()?;
//! println!("listening at {}", server.endpoint());
//! server.run()?;
//! # Ok(())
//! # }
//! ```
//!
//! Other stores and links: the protocol is in [`core`] (`tinyferry-core`), which takes any
//! [`Store`](core::Store) and any [`Link`](core::driver::blocking::Link);
//! [`Client::put_store`](client::Client::put_store) and
//! [`Client::get_store`](client::Client::get_store) take a store of your own. For a session of your own over
//! a TCP connection, `transport::stream::StreamLink::new(tcp::prepare(socket)?, Arc::default())` is the link.
//!
//! A server reports its clients and transfers by `tracing`; a client by
//! [`ClientBuilder::on_event`](client::ClientBuilder::on_event).

pub mod auth;
pub mod checksum;
pub mod client;
pub mod describe;
pub mod diagnosis;
pub mod endpoint;
mod error;
pub mod fs;
mod loss;
pub mod pipe;
#[cfg(feature = "s3")]
pub mod s3;
pub mod server;
mod settings;
pub mod transport;

pub use endpoint::Endpoint;
pub use settings::settings_directory;
pub use tinyferry_core as core;
