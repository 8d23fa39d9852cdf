//! `--watch`: the command runs again after each change of its sources, since it transfers changes only.
//!
//! Knows files and their changes; knows nothing of servers.

mod burst;
mod changes;
mod sources;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use notify::{ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};
use tinyferry::describe;
use tinyferry::fs::Filter;

use self::changes::Changes;
use self::sources::Source;
use crate::exit::{CliError, Exit};
use crate::{output, rounds, signals};

/// How often the paths of the sources are looked at: the system reports no change of a directory further above.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Runs `round`, and again after each change of `paths`, until it fails as a whole. An entry that `filter` excludes
/// does not count.
pub(crate) fn run(
    paths: &[PathBuf],
    filter: &Filter,
    mut round: impl FnMut() -> Result<Exit, CliError>,
) -> Result<Exit, CliError> {
    let mut watch = Watch::new(paths, filter)?;
    loop {
        rounds::begin();
        match round() {
            Ok(_) => {}
            Err(problem) if rounds::is_further() && may_end(problem.exit) => problem.print(),
            Err(problem) => return Err(problem),
        }
        if output::has_failed() {
            return Ok(Exit::Local);
        }
        signals::waiting_for_changes();
        watch.wait()?;
        signals::transfers_begin();
    }
}

/// Whether a change of the sources may end a failure: a source is missing, cannot be read, or has the name of
/// another one.
fn may_end(exit: Exit) -> bool {
    matches!(exit, Exit::Local | Exit::Usage)
}

/// The sources, and the watcher of the system.
struct Watch {
    paths: Vec<PathBuf>,
    filter: Filter,
    changes: Arc<Changes>,
    begin: Instant,
    watcher: RecommendedWatcher,
    sources: Vec<Source>,
}

impl Watch {
    fn new(paths: &[PathBuf], filter: &Filter) -> Result<Self, CliError> {
        let (changes, begin) = (Arc::new(Changes::default()), Instant::now());
        let (watcher, sources) = watch(paths, filter, &changes, begin)?;
        let (paths, filter) = (paths.to_vec(), filter.clone());
        Ok(Self { paths, filter, changes, begin, watcher, sources })
    }

    /// Waits until there were changes, and no further ones for a while. Directories are watched before the sources are
    /// read again: no change is between both.
    fn wait(&mut self) -> Result<(), CliError> {
        let pending = loop {
            let reported = self.changes.wait(self.begin, LOOK_INTERVAL);
            // Also after a change: there may be one in each interval.
            let is_replaced = self.sources.iter().any(Source::is_replaced);
            if reported.is_some() || is_replaced {
                let mut pending = reported.unwrap_or_default();
                pending.is_everything |= is_replaced;
                break pending;
            }
        };
        if let Some(error) = pending.failed {
            return Err(in_words(&error));
        }
        if pending.is_everything {
            let (paths, filter) = (&self.paths, &self.filter);
            let all = watch(paths, filter, &self.changes, self.begin)?;
            (self.watcher, self.sources) = all;
            return Ok(());
        }
        for directory in pending.directories {
            if let Some(source) = self.sources.iter().find(|source| source.has(&directory)) {
                source.watch_below(&mut self.watcher, directory, &self.filter)?;
            }
        }
        Ok(())
    }
}

/// A watcher of `paths` that reports to `changes`.
fn watch(
    paths: &[PathBuf],
    filter: &Filter,
    changes: &Arc<Changes>,
    begin: Instant,
) -> Result<(RecommendedWatcher, Vec<Source>), CliError> {
    let sources = sources::find(paths);
    let handler = {
        let (changes, sources, filter) = (Arc::clone(changes), sources.clone(), filter.clone());
        move |event| changes.report(event, &sources, &filter, begin)
    };
    // A link in a directory is not followed.
    let config = notify::Config::default().with_follow_symlinks(false);
    let mut watcher = RecommendedWatcher::new(handler, config).map_err(|error| in_words(&error))?;
    // A directory may be that of one source and below another one: the recursive watch comes last.
    for directory in sources.iter().flat_map(Source::directories) {
        passing(watcher.watch(directory, RecursiveMode::NonRecursive))?;
    }
    for source in &sources {
        source.watch(&mut watcher, filter)?;
    }
    Ok((watcher, sources))
}

/// A directory that is gone or cannot be read is no failure: the transfer reports it.
fn passing(result: notify::Result<()>) -> Result<(), CliError> {
    match result {
        Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => Err(in_words(&error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The sentence about a failure of the watcher.
fn in_words(error: &notify::Error) -> CliError {
    const LIMITS: &str = "; close programs that watch files, exclude directories (--exclude), or raise the limit: \
                          sysctl fs.inotify.";
    let path = error.paths.first().map(|path| format!(" \"{}\"", describe::path(path)));
    let what = format!("cannot watch{} for changes", path.unwrap_or_default());
    let sentence = match &error.kind {
        ErrorKind::MaxFilesWatch => {
            format!(
                "{what}: the system watches no more directories{LIMITS}max_user_watches=1048576"
            )
        }
        ErrorKind::Io(error) if is_limit(error) => {
            format!("{what}: the system has no more watchers{LIMITS}max_user_instances=1024")
        }
        ErrorKind::Io(error) => format!("{what}: {}", describe::os_error(error)),
        _ => format!("{what}: {}", error.to_string().escape_debug()),
    };
    CliError::new(Exit::Local, sentence)
}

/// Whether the number of watchers or of open files is at its limit.
fn is_limit(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    {
        rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::MFILE)
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}
