//! Options that leave out files which the receiver has.

use tinyferry::core::store::Skip;

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct SkipArgs {
    /// Leave out files that the receiver has with the same size, time and permission bits
    #[arg(short, long)]
    update: bool,
    /// Leave out files that the receiver has with the same content, time and permission bits; both ends read
    /// them
    #[arg(long)]
    checksum: bool,
    /// Leave out files that the receiver has, whatever is in them
    #[arg(long)]
    ignore_existing: bool,
    /// Leave out files that are not newer than those of the receiver
    #[arg(long)]
    newer: bool,
    /// Leave out files that the receiver does not have, and those with the same size, time and permission
    /// bits
    #[arg(long)]
    existing: bool,
    /// Send all files again; else those of a directory that the receiver has with the same size, time and
    /// permission bits are left out
    #[arg(long)]
    ignore_times: bool,
}

impl SkipArgs {
    /// Those of a mirror.
    pub(super) fn of_mirror(checksum: bool) -> Self {
        Self {
            update: !checksum,
            checksum,
            ignore_existing: false,
            newer: false,
            existing: false,
            ignore_times: false,
        }
    }

    /// The files that are left out; none if the digest of each file is printed (`prints_digests`). `None` without an
    /// option: those of [`usual_skip`](tinyferry::client::usual_skip).
    pub(crate) fn skip(&self, prints_digests: bool) -> Option<Skip> {
        [
            (self.update, Skip::SameTime),
            (self.checksum, Skip::SameContent),
            (self.ignore_existing, Skip::Existing),
            (self.newer, Skip::NotOlder),
            (self.existing, Skip::Missing),
            (self.ignore_times || prints_digests, Skip::Nothing),
        ]
        .into_iter()
        .find_map(|(is_given, skip)| is_given.then_some(skip))
    }
}
