//! `tinyferry keygen`.

use tinyferry::auth::{generate_pair, generate_shared};
use tinyferry::describe;

use crate::args::KeygenArgs;
use crate::exit::{CliError, Exit};
use crate::progress::Verbosity;

pub(crate) fn keygen(args: &KeygenArgs, verbosity: Verbosity) -> Result<Exit, CliError> {
    let failed =
        |error: tinyferry::auth::KeyFileError| CliError::new(Exit::Local, error.to_string());
    let is_quiet = verbosity == Verbosity::Quiet;
    let file = describe::path(&args.file);
    if args.pair {
        let (public, _) = generate_pair(&args.file).map_err(failed)?;
        if !is_quiet {
            print_line!(
                "\"{file}\" is the private key: keep it on this machine, and use it with --key"
            );
            print_line!(
                "\"{}\" is the public key: add its line to the key file of the other end",
                describe::path(&public)
            );
        }
    } else {
        generate_shared(&args.file).map_err(failed)?;
        if !is_quiet {
            print_line!(
                "\"{file}\" is a shared key: copy it to the other end by a secure way, such as scp, \
                 and use it with --key on both"
            );
        }
    }
    Ok(Exit::Done)
}
