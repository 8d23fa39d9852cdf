//! `tinyferry serve`.

use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tinyferry::Endpoint;
use tinyferry::directory::Rights;
use tinyferry::secure::{Admission, KeyFile};
use tinyferry::server::{Options, Server};
use tracing::info;

use super::args::ServeArgs;
use super::exit::{Exit, Problem};

pub(crate) fn serve(args: &ServeArgs) -> Result<Exit, Problem> {
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
    let mut servers = Vec::new();
    let endpoints = if args.stdio { &vec![Endpoint::Stdio] } else { &args.listen };
    for endpoint in endpoints {
        servers.push(Server::bind(endpoint, &args.directory, options.clone())?);
    }
    if let Some(key) = servers.first().and_then(Server::public_key) {
        info!("the public key of this server is {key}");
    }
    let stoppers: Vec<_> = servers.iter().map(Server::stopper).collect();
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let on_signal = stoppers.clone();
    thread::spawn(move || {
        // The first one ends in good order, the second one at once.
        let mut signals = signals.forever();
        if signals.next().is_some() {
            info!("ending: transfers under way may finish");
            on_signal.iter().for_each(tinyferry::server::Stopper::stop);
        }
        if let Some(signal) = signals.next() {
            let _ = signal_hook::low_level::emulate_default_handler(signal);
        }
    });
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
            Err(_) => return Err(Problem::new(Exit::Local, "the server failed inside")),
        }
    }
    info!("ended");
    Ok(Exit::Done)
}
