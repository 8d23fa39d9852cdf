//! `tinyferry serve`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tinyferry::Endpoint;
use tinyferry::describe;
use tinyferry::fs::{Policy, Rights};
use tinyferry::server::{Server, ServerBuilder, Stopper};
use tracing::info;

use crate::args::ServeArgs;
use crate::exit::{CliError, Exit};
use crate::logging::LogQueue;
use crate::metrics;
#[cfg(unix)]
use crate::on_file::Commands;
#[cfg(unix)]
use crate::service;
use crate::signals;

pub(crate) fn serve(args: &ServeArgs, log: &LogQueue) -> Result<Exit, CliError> {
    #[cfg(unix)]
    crate::descriptors::raise_limit();
    let mut limits = args.limits.limits();
    limits.partials = args.max_partials;
    limits.reserve = args.reserve;
    let mut server = builder(args)?
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
    #[cfg(unix)]
    for socket in service::sockets()? {
        server = server.listen_at(socket);
    }
    let endpoints = if args.stdio { &vec![Endpoint::Stdio] } else { &args.listen };
    for endpoint in endpoints {
        server = server.listen(endpoint.clone());
    }
    signals::restore_ports_while_stopped()?;
    if !args.is_on_terminal() {
        run(server, args)?;
        info!("the server has shut down");
        return Ok(Exit::Done);
    }
    // Lines between the frames would delay them.
    log.hold();
    let result = run(server, args);
    log.release();
    result?;
    Ok(Exit::Done)
}

/// The begin of a URL of a bucket.
const BUCKET: &str = "s3://";

/// A server of the directory, or of the bucket that is in its place.
fn builder(args: &ServeArgs) -> Result<ServerBuilder, CliError> {
    match args.directory.to_str() {
        #[cfg(unix)]
        Some(url) if url.starts_with(BUCKET) && args.on_file.on_file.is_some() => {
            let sentence = "--on-file needs a directory: it cannot be used with a bucket";
            Err(CliError::new(Exit::Usage, sentence))
        }
        Some(url) if url.starts_with(BUCKET) => bucket(url),
        _ => Ok(Server::builder(&args.directory)),
    }
}

#[cfg(feature = "s3")]
fn bucket(url: &str) -> Result<ServerBuilder, CliError> {
    use tinyferry::s3::{Bucket, Location};
    let location: Location = url.parse().map_err(|why| {
        // It may contain a password.
        let shown = url.split_once('@').map_or(url, |(_, behind)| behind).escape_debug();
        CliError::new(Exit::Usage, format!("cannot serve \"{shown}\": {why}"))
    })?;
    let bucket =
        Bucket::open(location).map_err(|why| CliError::new(Exit::Local, why.to_string()))?;
    Ok(Server::bucket(bucket))
}

#[cfg(not(feature = "s3"))]
fn bucket(_: &str) -> Result<ServerBuilder, CliError> {
    let sentence = "this program was built without object storage; build it with --features s3, or serve a directory";
    Err(CliError::new(Exit::Usage, sentence))
}

/// Serves until the server is stopped.
fn run(server: ServerBuilder, args: &ServeArgs) -> Result<(), CliError> {
    // Before the server takes a terminal: after a signal that has its settings again.
    let stop = Arc::new(Stop::default());
    let signalled = Arc::clone(&stop);
    let grace = args.grace.as_secs();
    signals::on_end(move || {
        info!(
            "the server shuts down; active transfers may finish within {grace} s (--grace); another Ctrl-C ends them"
        );
        #[cfg(unix)]
        service::stopping();
        signalled.request();
    })?;
    #[cfg(unix)]
    let commands = Commands::start(&args.on_file, &args.directory)?;
    #[cfg(unix)]
    let server = match &commands {
        Some(commands) => server.journal(commands.journal.clone()),
        None => server,
    };
    let metrics = args.metrics.as_deref().map(metrics::Endpoint::bind).transpose()?;
    let server = server.bind()?;
    if let Some(metrics) = metrics {
        metrics.serve(server.metrics())?;
    }
    stop.set(server.stopper());
    if let Some(key) = server.public_key() {
        info!("the public key of this server is {key}");
    }
    if !args.is_on_terminal() {
        let directory = describe::path(&args.directory);
        for endpoint in server.endpoints() {
            info!("serving \"{directory}\" at {endpoint}");
        }
    }
    #[cfg(unix)]
    {
        signals::on_reload(server.key_check())?;
        service::ready();
    }
    let result = server.run();
    #[cfg(unix)]
    service::stopping();
    #[cfg(unix)]
    if let Some(commands) = commands {
        commands.finish(args.grace);
    }
    Ok(result?)
}

/// Stops a server that may not have begun yet.
#[derive(Default)]
struct Stop {
    stopper: OnceLock<Stopper>,
    is_requested: AtomicBool,
}

impl Stop {
    fn request(&self) {
        self.is_requested.store(true, Ordering::SeqCst);
        if let Some(stopper) = self.stopper.get() {
            stopper.stop();
        }
    }

    fn set(&self, stopper: Stopper) {
        let stopper = self.stopper.get_or_init(|| stopper);
        if self.is_requested.load(Ordering::SeqCst) {
            stopper.stop();
        }
    }
}
