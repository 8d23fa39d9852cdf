//! Messages of the other calls that may refuse, and messages that do not come as a whole.

use std::task::Poll;

use tinyferry_core::store::{CommitFailed, Deferral, Kind, Operation, Stat};
use tinyferry_kit::{End, Pair, session_number};

use super::*;

const NUMBER: u32 = 0xC0FF_EE01;

type Refusals = Vec<(u32, Reason, String)>;

/// Fails at one call, with a message. It gives its entries, and remembers their refusals.
#[derive(Debug, Clone, Default)]
struct Explained {
    fails_at: &'static str,
    message: &'static str,
    entries: Vec<(Kind, &'static str)>,
    refused: Refusals,
    /// The open file whose commit will be deferred, and the one whose commit is.
    offered: Option<u16>,
    deferred: Option<u16>,
}

impl Explained {
    fn failing(fails_at: &'static str, message: &'static str) -> Self {
        Self { fails_at, message, ..Self::default() }
    }

    fn giving<const N: usize>(entries: [(Kind, &'static str); N]) -> Self {
        Self { entries: entries.into_iter().rev().collect(), ..Self::default() }
    }

    fn fails(&self, call: &str) -> Result<(), Reason> {
        if self.fails_at == call { Err(Reason::Storage) } else { Ok(()) }
    }
}

impl Store for Explained {
    fn deferral(&mut self) -> Option<&mut dyn Deferral> {
        Some(self)
    }

    fn offer(&mut self, offer: &Offer<'_>) -> Result<Accepted, Reason> {
        self.fails("offer")?;
        if self.fails_at == "flush" && offer.path == "second" {
            self.offered = offer.commit_id;
        }
        Ok(Accepted { prefix: 0, in_order: false })
    }

    fn store(&mut self, _: u64, bytes: &[u8]) -> Result<usize, Reason> {
        self.fails("store").map(|()| bytes.len())
    }

    fn commit(&mut self) -> Result<(), Reason> {
        self.deferred = self.offered.take().or(self.deferred);
        self.fails("commit")
    }

    fn open(&mut self, _: &str, _: bool) -> Result<(), Reason> {
        self.fails("open")
    }

    fn next(&mut self, path: &mut [u8]) -> Result<Option<Entry>, Reason> {
        self.fails("next")?;
        let Some((kind, name)) = self.entries.pop() else { return Ok(None) };
        path[..name.len()].copy_from_slice(name.as_bytes());
        let size = (kind == Kind::File).then_some(2000);
        Ok(Some(Entry { kind, size, ..Entry::file(name.len(), 0) }))
    }

    fn load(&mut self, position: u64, into: &mut [u8]) -> Result<usize, Reason> {
        Ok(into.len().min(2000_usize.saturating_sub(position as usize)))
    }

    fn refused(&mut self, entry: u32, reason: Reason, message: &str) -> bool {
        self.refused.push((entry, reason, message.to_owned()));
        false
    }

    fn refusal_message(&mut self) -> &str {
        self.message
    }
}

impl Deferral for Explained {
    fn poll_offer(&mut self, offer: &Offer<'_>) -> Poll<Result<Accepted, Reason>> {
        Poll::Ready(self.offer(offer))
    }

    fn poll_operate(
        &mut self,
        path: &str,
        kind: Kind,
        operation: &Operation<'_>,
    ) -> Poll<Result<Stat, Reason>> {
        Poll::Ready(self.operate(path, kind, operation))
    }

    fn poll_commit(&mut self) -> Poll<Result<(), Reason>> {
        Poll::Ready(self.commit())
    }

    fn poll_flush_commits(&mut self) -> Poll<Result<(), CommitFailed>> {
        let failed = |commit_id| CommitFailed { commit_id, reason: Reason::Storage };
        Poll::Ready(self.deferred.take().map_or(Ok(()), |commit_id| Err(failed(commit_id))))
    }
}

/// Runs the task. The refusals at the client and at the server, and the message at the client.
fn run(config: Config, [here, there]: [Explained; 2], task: Task<'_>) -> ([Refusals; 2], String) {
    let client = End::of(Session::<Explains>::client(session_number(NUMBER), config), here);
    let server = End::of(Session::<Explains>::server(config), there);
    let mut pair = Pair::of(client, server);
    let _ = pair.run(task).expect("it ends");
    let refused = [pair.client.store.refused, pair.server.store.refused];
    (refused, pair.client.session.message().to_owned())
}

const CONFIGS: [Config; 4] = [RELIABLE, LOSSY, Config::RELIABLE, Config::LOSSY];
const GET: Task<'_> = Task::get_file("f");
const GET_TREE: Task<'_> = Task::get_tree("t");

fn storage(entry: u32, message: &str) -> Refusals {
    vec![(entry, Reason::Storage, message.to_owned())]
}

#[test]
fn a_failed_deferred_commit_comes_with_the_message_of_the_store() {
    for config in [RELIABLE, Config::RELIABLE] {
        let files = [(Kind::Tree, "t"), (Kind::File, "first"), (Kind::File, "second")];
        let there = Explained::failing("flush", "the disk is full");
        let (refused, _) = run(config, [Explained::giving(files), there], Task::Put);
        assert_eq!(refused[0], storage(1, "the disk is full"), "{config:?}");
    }
}

#[test]
fn a_source_that_fails_at_the_first_entry_explains_it_to_the_client() {
    for config in CONFIGS {
        for task in [GET, GET_TREE] {
            let there = Explained::failing("next", "the disk is gone");
            let (_, message) = run(config, [Explained::default(), there], task);
            assert_eq!(message, "the disk is gone", "{config:?} {task:?}");
        }
    }
}

#[test]
fn the_refusal_of_a_client_in_a_get_comes_with_its_message() {
    for config in CONFIGS {
        for call in ["store", "commit"] {
            let stores = || {
                let there = Explained::giving([(Kind::File, "f")]);
                [Explained::failing(call, "no space here"), there]
            };
            let (refused, _) = run(config, stores(), GET);
            assert_eq!(refused[1], storage(0, "no space here"), "{config:?} {call}");
        }
    }
}

#[test]
fn a_message_ends_at_its_first_nul() {
    for config in CONFIGS {
        for (message, sent) in [("one\0two", "one"), ("\0two", ""), ("one\0", "one")] {
            let there = Explained::failing("open", message);
            assert_eq!(run(config, [Explained::default(), there], GET).1, sent);
            let there = Explained::failing("commit", message);
            let here = Explained::giving([(Kind::File, "f")]);
            assert_eq!(run(config, [here, there], Task::Put).0[0], storage(0, sent));
        }
    }
}
