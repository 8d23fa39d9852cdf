//! Random pairs of trees for tests of the mirror, and the tree that it is to make. Shared by the tests of the
//! library and of the program.

mod disk;
mod model;

use std::collections::BTreeMap;
use std::fmt;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) use self::disk::{partials, read, write};
pub(crate) use self::model::{Rules, Skips, assert_trees, check_names, contents, expected};

/// The entries below a root, by path.
pub(crate) type Tree = BTreeMap<String, Node>;

/// An entry. Times are nanoseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    File { content: Content, time: i64, mode: u32 },
    Directory { mode: u32 },
    Link { target: String },
}

/// The content of a file, by a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Content {
    pub(crate) size: usize,
    pub(crate) seed: u8,
}

impl Content {
    /// Of short contents, some seeds give the same one: the smallest of these.
    pub(crate) fn new(size: usize, seed: u8) -> Self {
        let content = Self { size, seed };
        let smaller = (0..seed).map(|seed| Self { size, seed });
        let same = smaller.into_iter().find(|other| other.bytes() == content.bytes());
        same.unwrap_or(content)
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut state = u64::from(self.seed) << 32 | self.size as u64 | 1;
        let next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        std::iter::repeat_with(next).take(self.size).collect()
    }
}

/// Names of all kinds; few, so that two trees have many in common.
const NAMES: [&str; 14] = [
    "a",
    "b",
    "c.o",
    "keep.o",
    "-dash",
    "two words",
    " ",
    "ü",
    "u\u{308}",
    "日本",
    "B",
    "*",
    ".dot",
    "'q\"",
];

const SECOND: i64 = 1_000_000_000;

fn times() -> impl Strategy<Value = i64> {
    let year_2020 = 1_577_836_800 * SECOND;
    prop_oneof![
        4 => (0..40_i64).prop_map(move |step| year_2020 + step * SECOND / 3),
        // Those that not all file systems keep.
        1 => proptest::sample::select(vec![0, -SECOND / 2, SECOND, 4_102_444_800 * SECOND, 315_532_799 * SECOND]),
    ]
}

fn modes() -> impl Strategy<Value = u32> {
    proptest::sample::select(vec![0o644, 0o600, 0o755, 0o440])
}

fn file_contents() -> impl Strategy<Value = Content> {
    let sizes = prop_oneof![0..3_usize, 1020..1030_usize, Just(5_000), Just(40_000)];
    (sizes, 0..4_u8).prop_map(|(size, seed)| Content::new(size, seed))
}

/// Symbolic links to places in the tree, from any directory: to other entries, to themselves, to nothing.
fn links() -> impl Strategy<Value = Node> {
    proptest::sample::select(vec!["a", "b/c.o", ".", "ü", "no where/at all"])
        .prop_map(|target| Node::Link { target: target.to_owned() })
}

fn nodes() -> impl Strategy<Value = Node> {
    prop_oneof![
        5 => (file_contents(), times(), modes())
            .prop_map(|(content, time, mode)| Node::File { content, time, mode }),
        1 => proptest::sample::select(vec![0o755, 0o700]).prop_map(|mode| Node::Directory { mode }),
        1 => links(),
    ]
}

fn paths() -> impl Strategy<Value = String> {
    vec(0..NAMES.len(), 1..4)
        .prop_map(|names| names.into_iter().map(|name| NAMES[name]).collect::<Vec<_>>().join("/"))
}

/// Adds an entry and the directories above it, unless something else is there.
fn add(tree: &mut Tree, path: &str, node: Node) {
    let above: Vec<_> = path.match_indices('/').map(|(at, _)| &path[..at]).collect();
    let is_free = |above: &&str| matches!(tree.get(*above), None | Some(Node::Directory { .. }));
    if tree.contains_key(path) || !above.iter().all(is_free) {
        return;
    }
    for above in above {
        tree.entry(above.to_owned()).or_insert(Node::Directory { mode: 0o755 });
    }
    tree.insert(path.to_owned(), node);
}

/// The fate of an entry of the source in the target.
#[derive(Debug, Clone)]
enum Change {
    Missing,
    Same,
    /// The same size and time.
    Content(u8),
    Size(usize),
    Time(i64),
    Mode(u32),
    Kind,
    Link(Node),
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => Just(Change::Missing),
        4 => Just(Change::Same),
        1 => (0..4_u8).prop_map(Change::Content),
        1 => (0..2000_usize).prop_map(Change::Size),
        1 => times().prop_map(Change::Time),
        1 => modes().prop_map(Change::Mode),
        1 => Just(Change::Kind),
        1 => links().prop_map(Change::Link),
    ]
}

impl Change {
    fn of(&self, node: &Node) -> Option<Node> {
        let mut changed = node.clone();
        match (self, &mut changed) {
            (Self::Missing, _) => return None,
            (Self::Content(seed), Node::File { content, .. }) => {
                *content = Content::new(content.size, *seed);
            }
            (Self::Size(size), Node::File { content, .. }) => {
                *content = Content::new(*size, content.seed);
            }
            (Self::Time(new), Node::File { time, .. }) => *time = *new,
            (Self::Mode(new), Node::File { mode, .. }) => *mode = *new,
            (Self::Mode(_), Node::Directory { mode }) => *mode = 0o711,
            (Self::Link(link), Node::File { .. } | Node::Link { .. }) => changed = link.clone(),
            (Self::Kind, Node::File { .. } | Node::Link { .. }) => {
                changed = Node::Directory { mode: 0o755 }
            }
            (Self::Kind, Node::Directory { .. }) => {
                let content = Content::new(5, 3);
                changed = Node::File { content, time: 1_600_000_000 * SECOND, mode: 0o644 };
            }
            _ => {}
        }
        Some(changed)
    }
}

/// A source and a target, which have much in common.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) source: Tree,
    pub(crate) target: Tree,
}

impl Pair {
    /// No file differs in its content alone. Over a lossy line, such a file may be offered beside another one,
    /// and then its content is compared.
    pub(crate) fn without_hidden_changes(mut self) -> Self {
        for (path, node) in &mut self.target {
            if let (
                Node::File { content, time, .. },
                Some(Node::File { content: ours, time: our_time, .. }),
            ) = (node, self.source.get(path))
                && content.size == ours.size
                && model::compared(*time) == model::compared(*our_time)
            {
                *content = *ours;
            }
        }
        self
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, tree) in [("source", &self.source), ("target", &self.target)] {
            writeln!(f, "{name}:")?;
            for (path, node) in tree {
                writeln!(f, "  {path:?}: {node:?}")?;
            }
        }
        Ok(())
    }
}

/// Pairs of trees.
pub(crate) fn pairs() -> impl Strategy<Value = Pair> {
    let entries = || vec((paths(), nodes()), 0..14);
    (entries(), vec(changes(), 40), entries()).prop_map(|(entries, changes, others)| {
        let (mut source, mut target) = (Tree::new(), Tree::new());
        for (path, node) in entries {
            add(&mut source, &path, node);
        }
        for ((path, node), change) in source.iter().zip(changes.iter().cycle()) {
            if let Some(node) = change.of(node) {
                add(&mut target, path, node);
            }
        }
        for (path, node) in others.into_iter().take(5) {
            add(&mut target, &path, node);
        }
        Pair { source, target }
    })
}

/// Patterns of a filter, each with a meaning that [`Rules`] knows.
pub(crate) fn patterns() -> impl Strategy<Value = Vec<String>> {
    let pattern = proptest::sample::select(vec!["*.o", "/a", "b/", "ü"]);
    option::weighted(0.4, vec(pattern, 1..3))
        .prop_map(|patterns| patterns.unwrap_or_default().into_iter().map(str::to_owned).collect())
}
