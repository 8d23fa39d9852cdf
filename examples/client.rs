//! A client whose commands are named by the signals that they send.
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
use std::process::ExitCode;

use tinyferry::Endpoint;
use tinyferry::client::Client;

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
    let mut client = Client::connect(Endpoint::default())?;
    let outcome = match words {
        ["PIN"] => {
            println!("the server answers in {} µs", client.ping()?.as_micros());
            return Ok(());
        }
        ["CLS"] => return Ok(client.close()?),
        ["SAF" | "SAR", path] => client.put(path, &name_of(path)?)?,
        ["RAF" | "RAR", path] => client.get(path, path.rsplit('/').next().unwrap_or_default())?,
        _ => return Err("say SAF, SAR, RAF or RAR and a path, or PIN, or CLS".into()),
    };
    println!("{} entries, {} of them refused", outcome.entries, outcome.refused);
    Ok(())
}

/// The last name of a path on this side.
fn name_of(path: &str) -> Result<String, Box<dyn Error>> {
    let path = std::path::absolute(path)?;
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(ToOwned::to_owned).ok_or_else(|| "the path has no name".into())
}
