//! `tinyferry serve`.

use tinyferry::Endpoint;
use tinyferry::describe;
use tinyferry::fs::{Policy, Rights};
use tinyferry::server::Server;
use tracing::info;

use crate::args::ServeArgs;
use crate::exit::{CliError, Exit};
use crate::signals;

/// Raises the limit of open files to the system's maximum.
pub(crate) fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // Some systems have a maximum of their own below this one: then the limit stays.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

pub(crate) fn serve(args: &ServeArgs) -> Result<Exit, CliError> {
    raise_limit();
    let mut limits = args.limits.limits();
    limits.partials = args.max_partials;
    let mut server = Server::builder(&args.directory)
        .insecure(args.insecure)
        .limits(limits)
        .policy(Policy {
            links: args.unsafe_links.accepted(args.links),
            hard_links: true,
            ..args.policy.policy(args.keep_both)?
        })
        .clients(args.clients)
        .clients_per_address(args.clients_per_address)
        .handshake_timeout(args.handshake_timeout)
        .rights(Rights {
            read: !args.write_only,
            write: !args.read_only,
            remove: args.allow_remove,
        })
        .allow_close(args.allow_close)
        .idle_timeout(args.idle)
        .grace_period(args.grace)
        .sync(args.sync.into())
        .keep_partials(args.keep_partials);
    if let Some(rate) = args.rate {
        server = server.rate_limit(rate);
    }
    if let Some(file) = &args.key {
        server = server.key_file(file);
    }
    let endpoints = if args.stdio { &vec![Endpoint::Stdio] } else { &args.listen };
    for endpoint in endpoints {
        server = server.listen(endpoint.clone());
    }
    let server = server.bind()?;
    if let Some(key) = server.public_key() {
        info!("the public key of this server is {key}");
    }
    let stopper = server.stopper();
    signals::on_end(move || {
        info!("the server shuts down; active transfers may finish");
        stopper.stop();
    })?;
    let directory = describe::path(&args.directory);
    for endpoint in server.endpoints() {
        info!("serving \"{directory}\" at {endpoint}");
    }
    server.run()?;
    info!("the server has shut down");
    Ok(Exit::Done)
}
