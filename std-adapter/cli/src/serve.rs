//! `tinyferry serve`.

use std::thread;

use tinyferry::Endpoint;
use tinyferry::auth::{Admission, KeyFile};
use tinyferry::fs::Rights;
use tinyferry::server::{Options, Server};
use tracing::info;

use crate::args::ServeArgs;
use crate::exit::{Exit, Problem};
use crate::signals;

/// Lets the program open as many files as the system lets it.
fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // Some systems have a maximum of their own below this one: then the limit stays.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

pub(crate) fn serve(args: &ServeArgs) -> Result<Exit, Problem> {
    raise_limit();
    let admission = match &args.key {
        Some(file) => Admission::Keys(KeyFile::new(file)),
        None if args.insecure => Admission::Anybody,
        None => Admission::Local,
    };
    let mut limits = args.limits.limits();
    limits.partials = args.max_partials;
    let options = Options {
        limits,
        admission,
        clients: args.clients,
        clients_per_address: args.clients_per_address,
        greeting: args.greeting,
        rights: Rights { read: !args.write_only, write: !args.read_only },
        may_close: args.allow_close,
        idle: args.idle,
        grace: args.grace,
        sync: args.sync.into(),
        keep_partials: args.keep_partials,
    };
    let endpoints = if args.stdio { &vec![Endpoint::Stdio] } else { &args.listen };
    let mut servers: Vec<Server> = Vec::new();
    for endpoint in endpoints {
        let server = match servers.first() {
            Some(first) => first.bind_too(endpoint)?,
            None => Server::bind(endpoint, &args.directory, options.clone())?,
        };
        servers.push(server);
    }
    if let Some(key) = servers.first().and_then(Server::public_key) {
        info!("public key of this server: {key}");
    }
    let stoppers: Vec<_> = servers.iter().map(Server::stopper).collect();
    let on_signal = stoppers.clone();
    signals::on_end(move || {
        info!("shutting down: active transfers may finish");
        on_signal.iter().for_each(tinyferry::server::Stopper::stop);
    })?;
    let running: Vec<_> = servers
        .into_iter()
        .map(|server| {
            let directory = args.directory.display().to_string();
            info!("serving \"{}\" at {}", directory.escape_debug(), server.endpoint());
            let stoppers = stoppers.clone();
            Ok(thread::spawn(move || {
                let result = server.run();
                // Closed at one endpoint, closed at all.
                stoppers.iter().for_each(tinyferry::server::Stopper::stop);
                result
            }))
        })
        .collect::<std::io::Result<_>>()?;
    for thread in running {
        match thread.join() {
            Ok(result) => result?,
            Err(_) => {
                return Err(Problem::new(
                    Exit::Local,
                    "internal error: a thread of the server failed",
                ));
            }
        }
    }
    info!("shut down");
    Ok(Exit::Done)
}
