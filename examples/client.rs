//! The seed's client, its commands named by the signals that they send.
//!
//! ```text
//! cargo run --example client -- SAF FILE       send a file
//! cargo run --example client -- SAR DIRECTORY  send a tree
//! cargo run --example client -- RAF FILE       request a file
//! cargo run --example client -- RAR DIRECTORY  request a tree
//! cargo run --example client -- PIN            is the server there?
//! cargo run --example client -- CLS            close the server
//! ```

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use tinyferry::Endpoint;
use tinyferry::client::Client;
use tinyferry::fs::{Dir, Directory, Source, Sync, ambient_authority};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut client = Client::connect(&Endpoint::default())?;
    match words {
        ["PIN"] => println!("the server answers in {} µs", client.ping()?.as_micros()),
        ["CLS"] => client.close()?,
        ["SAF", path] => {
            let source = Source { local: PathBuf::from(path), remote: name_of(path)? };
            client.put(|| Directory::sending_file(source.clone(), ()))?;
        }
        ["SAR", path] => {
            // What lies in the directory becomes what lies in the tree of its name.
            let sources = vec![Source { local: PathBuf::from(path), remote: String::new() }];
            let name = name_of(path)?;
            let tree = || Directory::sending_tree(name.clone(), sources.clone(), ());
            let outcome = client.put(tree)?;
            println!("{} entries, {} of them refused", outcome.entries, outcome.refused);
        }
        ["RAF" | "RAR", path] => {
            let here = Dir::open_ambient_dir(".", ambient_authority())?;
            let name = path.rsplit('/').next().unwrap_or_default().to_owned();
            let mut store = Directory::receiving(here, name, Sync::default(), ());
            let outcome = client.get(path, &mut store)?;
            println!("{} entries, {} of them refused", outcome.entries, outcome.refused);
        }
        _ => return Err("say SAF, SAR, RAF or RAR and a path, or PIN, or CLS".into()),
    }
    Ok(())
}

/// The last name of a path on this side.
fn name_of(path: &str) -> Result<String, Box<dyn Error>> {
    let path = std::path::absolute(path)?;
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(ToOwned::to_owned).ok_or_else(|| "the path has no name".into())
}
