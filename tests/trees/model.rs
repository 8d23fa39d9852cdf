//! The tree that a mirror is to make.

use std::collections::BTreeSet;

use super::{Content, Node, Pair, Tree};

/// Which files of the source are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skips {
    /// Those of the same size, time and permission bits.
    SameTime,
    /// Those of the same content; their time and permission bits are set.
    SameContent,
    /// Those that exist.
    Existing,
    /// Those that are not older at the target.
    NotOlder,
    /// Those that do not exist there, and those of the same time.
    Missing,
}

/// The options of a mirror.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) skips: Skips,
    pub(crate) patterns: Vec<String>,
    /// Whether the entries that the source lacks are removed.
    pub(crate) removes: bool,
}

impl Rules {
    /// Whether the filter leaves out the entry, or a directory above it.
    pub(crate) fn excludes(&self, path: &str, is_directory: bool) -> bool {
        let ends =
            path.match_indices('/').map(|(at, _)| (at, true)).chain([(path.len(), is_directory)]);
        ends.into_iter().any(|(end, is_directory)| {
            let path = &path[..end];
            let name = path.rsplit('/').next().unwrap_or(path);
            self.patterns.iter().any(|pattern| match pattern.as_str() {
                "*.o" => name.ends_with(".o"),
                "/a" => path == "a",
                "b/" => name == "b" && is_directory,
                "ü" => name == "ü",
                other => unreachable!("the pattern {other}"),
            })
        })
    }
}

fn is_directory(node: &Node) -> bool {
    matches!(node, Node::Directory { .. })
}

/// Whether one of two entries of one path is a directory: neither replaces the other.
pub(crate) fn is_clash(a: &Node, b: &Node) -> bool {
    is_directory(a) != is_directory(b)
}

/// Times before 1980 and after 2038 are not compared.
pub(super) fn compared(time: i64) -> Option<i64> {
    const SECOND: i64 = 1_000_000_000;
    (315_583_200 * SECOND..2_147_483_647 * SECOND).contains(&time).then_some(time)
}

/// Whether the entry of the source replaces the one of the target.
fn is_replaced(skips: Skips, ours: &Node, theirs: &Node) -> bool {
    let (
        Node::File { content, time, mode },
        Node::File { content: its, time: its_time, mode: its_mode },
    ) = (ours, theirs)
    else {
        // A link has no time that could be compared with that of a file.
        let is_kept = skips == Skips::NotOlder
            && matches!((ours, theirs), (Node::Link { .. }, Node::File { .. }));
        return skips != Skips::Existing && !is_kept && ours != theirs;
    };
    let same_facts =
        content.size == its.size && compared(*time) == compared(*its_time) && mode == its_mode;
    match skips {
        Skips::SameTime | Skips::Missing => !same_facts,
        Skips::SameContent => !same_facts || content != its,
        Skips::Existing => false,
        Skips::NotOlder => !same_facts && time > its_time,
    }
}

/// The target after a mirror; `None` if the mirror cannot be complete, since an excluded entry is in the way.
pub(crate) fn expected(source: &Tree, target: &Tree, rules: &Rules) -> Option<Tree> {
    let is_sent = |path: &str, node: &Node| !rules.excludes(path, is_directory(node));
    let stays = |path: &str, node: &Node| {
        let below = format!("{path}/");
        let is_above_excluded = || {
            target.iter().any(|(path, node)| {
                path.starts_with(&below) && rules.excludes(path, is_directory(node))
            })
        };
        rules.excludes(path, is_directory(node)) || is_above_excluded()
    };
    let mut result = Tree::new();
    for (path, theirs) in target {
        match source.get(path).filter(|ours| is_sent(path, ours)) {
            Some(ours) if is_clash(ours, theirs) && (!rules.removes || stays(path, theirs)) => {
                return None;
            }
            Some(ours) if is_clash(ours, theirs) => {}
            Some(_) => drop(result.insert(path.clone(), theirs.clone())),
            None if !rules.removes || stays(path, theirs) => {
                result.insert(path.clone(), theirs.clone());
            }
            None => {}
        }
    }
    for (path, ours) in source.iter().filter(|(path, ours)| is_sent(path, ours)) {
        match result.get(path) {
            None if rules.skips == Skips::Missing => {}
            None => drop(result.insert(path.clone(), ours.clone())),
            Some(theirs) if is_replaced(rules.skips, ours, theirs) => {
                result.insert(path.clone(), ours.clone());
            }
            Some(_) => {}
        }
    }
    Some(result)
}

/// The contents of all files.
pub(crate) fn contents(trees: &Pair) -> BTreeSet<Content> {
    let nodes = trees.source.values().chain(trees.target.values());
    let contents = nodes.filter_map(|node| match node {
        Node::File { content, .. } => Some(*content),
        _ => None,
    });
    contents.collect()
}

/// Whether two entries are the same. A mirror may set a time that is not compared, and need not.
fn is_same(a: &Node, b: &Node) -> bool {
    match (a, b) {
        (
            Node::File { content, time, mode },
            Node::File { content: other_content, time: other_time, mode: other_mode },
        ) => {
            let is_same_time =
                time == other_time || compared(*time).is_none() && compared(*other_time).is_none();
            content == other_content && mode == other_mode && is_same_time
        }
        _ => a == b,
    }
}

/// Fails unless the trees are the same; names the entries that differ.
#[track_caller]
pub(crate) fn assert_trees(found: &Tree, expected: &Tree) {
    let paths: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let differ = paths.into_iter().map(|path| (path, found.get(path), expected.get(path)));
    let differs = |a: Option<&Node>, b: Option<&Node>| match (a, b) {
        (Some(a), Some(b)) => !is_same(a, b),
        _ => a.is_some() || b.is_some(),
    };
    let differ: Vec<_> = differ.filter(|(_, found, expected)| differs(*found, *expected)).collect();
    assert!(differ.is_empty(), "path, found, expected: {differ:#?}");
}

/// While or after a transfer was cut: each name has its old or its new entry, content, time and permission
/// bits.
#[track_caller]
pub(crate) fn check_names(old: &Tree, new: &Tree, found: &Tree) {
    let is_kept = |a: &Node, b: &Node| is_directory(a) && is_directory(b) || is_same(a, b);
    for (path, found) in found {
        let [old, new] = [old, new].map(|tree| tree.get(path));
        let is_one = [old, new].into_iter().flatten().any(|node| is_kept(node, found));
        // Where the content is the same, time and permission bits are set one after the other.
        let content = |node: Option<&Node>| match node {
            Some(Node::File { content, .. }) => Some(*content),
            _ => None,
        };
        let [old, new, now] = [old, new, Some(found)].map(content);
        let keeps_content = now.is_some() && old == now && new == now;
        assert!(is_one || keeps_content, "{path:?} is neither the old nor the new one: {found:?}");
    }
    for (path, old) in old {
        let may_go = new.get(path).is_none_or(|new| is_clash(old, new));
        assert!(may_go || found.contains_key(path), "{path:?} is gone");
    }
}
