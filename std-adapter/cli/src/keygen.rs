//! `tinyferry keygen`.

use tinyferry::auth::{generate_pair, generate_shared};
use tinyferry::words::of_path;

use crate::args::KeygenArgs;
use crate::exit::{Exit, Problem};

pub(crate) fn keygen(args: &KeygenArgs) -> Result<Exit, Problem> {
    let failed = |error: tinyferry::auth::NoKeys| Problem::new(Exit::Local, error.to_string());
    let file = of_path(&args.file);
    if args.pair {
        let (public, _) = generate_pair(&args.file).map_err(failed)?;
        say!("\"{file}\" holds a private key: it stays here, for --key");
        say!("\"{}\" is a line for the server's file of keys", of_path(&public));
    } else {
        generate_shared(&args.file).map_err(failed)?;
        say!("\"{file}\" holds a key for both ends: take it there by a way that nobody else sees");
    }
    Ok(Exit::Done)
}
