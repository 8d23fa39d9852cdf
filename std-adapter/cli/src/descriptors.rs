//! The descriptors of the program: their limit, and the table of the system for them.

use std::io;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The usual limit of open files.
const USUAL_LIMIT: i32 = 1024;

/// Lets the system's table of descriptors grow to the usual limit of open files. Linux lets a program with several threads
/// wait for 10 to 30 ms each time that the table grows: a receiver of small files would wait so several times.
///
/// To be called before the first thread is started.
pub(crate) fn grow_table() {
    // It fails where the limit is lower: then the table grows later, or never.
    drop(fcntl_dupfd_cloexec(io::stdin(), USUAL_LIMIT - 1));
}

/// Raises the limit of open files to the system's maximum.
pub(crate) fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Some systems have a maximum of their own below this one: then the limit stays.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
