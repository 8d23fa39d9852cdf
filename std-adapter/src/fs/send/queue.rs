//! One request on its way out: what was given, what comes next, what is to be given once more.
//! Knows nothing of the files' content.

use std::collections::VecDeque;

use tinyferry_core::error::Reason;
use tinyferry_core::path::is_sound;
use tinyferry_core::store::Kind;

use crate::fs::error::Trouble;
use crate::fs::event::Direction;
use crate::fs::event::Event;
use crate::fs::event::Observer;
use crate::fs::names::join;
use crate::fs::recv::partial;
use crate::fs::send::recent::Fate;
use crate::fs::send::recent::Recent;
use crate::fs::send::recent::Yielded;
use crate::fs::send::source::Origin;
use crate::fs::send::source::Reached;
use crate::fs::send::walk::Item;
use crate::fs::send::walk::Walk;
use crate::fs::send::walk::probe;
use crate::fs::send::walk::unfinished;
use crate::fs::sys::metadata::Facts;

#[derive(Debug)]
pub(crate) struct Job {
    /// Path of the tree that is offered; `None`: a file by itself.
    tree: Option<String>,
    stage: Stage,
    origins: Vec<Origin>,
    walk: Walk,
    names_only: bool,
    /// Which origin the entry given last is of.
    origin: usize,
    recent: Recent,
    again: VecDeque<(usize, String)>,
}

/// What comes when the walk is through.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Nothing was told of the tree.
    New,
    /// The tree itself, with what is known of the directory that is its root; then the first origin
    /// that was not begun.
    Tree { root: Option<Facts>, next: usize },
    /// An origin, if there are so many.
    Origin(usize),
    /// What is to be given once more.
    Again,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Next {
    Tree {
        mode: Option<u32>,
        modified: Option<i64>,
    },
    /// And whether it can be resumed.
    Item(Item, bool),
}

impl Job {
    /// Gives what stands at `origins`, as the entries of a tree if it has a path.
    pub(crate) fn new(tree: Option<String>, origins: Vec<Origin>, names_only: bool) -> Self {
        Self {
            stage: if tree.is_some() { Stage::New } else { Stage::Origin(0) },
            origins,
            walk: Walk::new(tree.as_deref(), names_only),
            names_only,
            tree,
            origin: 0,
            recent: Recent::default(),
            again: VecDeque::new(),
        }
    }

    /// The same, from a directory that this program serves.
    pub(super) fn serving(mut self) -> Self {
        self.walk.serve();
        self
    }

    /// Before the tree is offered: begins to read the directory that it is, if it is one.
    ///
    /// # Errors
    /// It cannot be read: there is no tree.
    pub(crate) fn begin(&mut self, observer: &mut impl Observer) -> Result<(), Trouble> {
        let Stage::New = self.stage else { return Ok(()) };
        let (mut root, mut next) = (None, 0);
        if let [origin] = self.origins.as_slice()
            && origin.remote.is_empty()
        {
            let Reached::Directory(dir, facts) = origin.reach("")? else {
                return Err(Reason::NotDirectory.into());
            };
            probe(&dir)?;
            (root, next) = (Some(facts), 1);
            self.begin_tree(observer);
            self.walk.begin(dir, observer)?;
        } else {
            self.begin_tree(observer);
        }
        self.stage = Stage::Tree { root, next };
        Ok(())
    }

    pub(crate) fn next(&mut self, observer: &mut impl Observer) -> Option<Next> {
        if let Stage::Tree { root, next } = self.stage {
            self.stage = Stage::Origin(next);
            let mode = root.and_then(|facts| facts.mode);
            let modified = root.and_then(|facts| facts.modified);
            return Some(Next::Tree { mode, modified });
        }
        loop {
            if let Some(item) = self.walk.next(observer) {
                return Some(Next::Item(item, true));
            }
            match self.stage {
                Stage::Origin(origin) if origin < self.origins.len() => {
                    self.stage = Stage::Origin(origin + 1);
                    self.origin = origin;
                    if let Some(item) = self.start(observer) {
                        return Some(Next::Item(item, true));
                    }
                }
                Stage::New | Stage::Tree { .. } | Stage::Origin(_) => self.stage = Stage::Again,
                Stage::Again => {
                    let (origin, path) = self.again.pop_front()?;
                    self.origin = origin;
                    self.walk.go_to(&path);
                    let item = match self.origins.get(origin)?.reach(&path) {
                        Ok(Reached::File(dir, name, metadata)) => {
                            Item::open(&dir, &name, &metadata)
                        }
                        Ok(Reached::Directory(_, facts)) => {
                            Item::Broken(Kind::File, Some(facts), Reason::IsDirectory.into())
                        }
                        Err(trouble) => Item::Broken(Kind::File, None, trouble),
                    };
                    return Some(Next::Item(item, false));
                }
            }
        }
    }

    /// Path of the tree; empty where there is none.
    pub(crate) fn tree_path(&self) -> &str {
        self.tree.as_deref().unwrap_or_default()
    }

    /// Path of what was given last, from the other end's root.
    pub(crate) fn path(&self) -> &str {
        self.walk.path()
    }

    /// The same, below the tree's root.
    pub(crate) fn path_in_tree(&self) -> &str {
        self.walk.path_in_tree()
    }

    /// What came last goes out.
    pub(crate) fn given(
        &mut self,
        fate: Fate,
        kind: Kind,
        size: u64,
        observer: &mut impl Observer,
    ) {
        // Nothing that is said of a name makes a difference.
        if self.names_only {
            return;
        }
        let entry = Yielded::new(self.walk.path_in_tree(), self.origin, fate, kind, size);
        if let Some(oldest) = self.recent.push(entry) {
            self.tell_done(&oldest, observer);
        }
    }

    /// All of what came last went out.
    pub(crate) fn sent(&mut self, size: u64, sha256: Option<[u8; 32]>) {
        if let Some(last) = self.recent.last() {
            last.sent = true;
            last.size = size;
            last.sha256 = sha256.map(Box::new);
        }
    }

    /// The receiver had so much of an entry. How much that is, where the entry came last.
    pub(crate) fn resumed(&mut self, entry: u32, position: u64) -> Option<u64> {
        let found = self.recent.entry(entry)?;
        found.held = position.min(found.size);
        let held = found.held;
        self.recent.entry(entry.checked_add(1)?).is_none().then_some(held)
    }

    /// The receiver has all entries in place that it did not refuse.
    pub(crate) fn complete(&mut self, observer: &mut impl Observer) {
        while let Some(entry) = self.recent.pop() {
            self.tell_done(&entry, observer);
        }
        if let Some(path) = &self.tree {
            let kind = Kind::Tree;
            observer.event(Event::Done { path, kind, size: 0, held: 0, sha256: None });
        }
    }

    fn tell_done(&self, entry: &Yielded, observer: &mut impl Observer) {
        if entry.is_in_place() {
            let path = &join(self.tree_path(), &entry.path);
            let (kind, size, held) = (entry.kind, entry.size, entry.held);
            let sha256 = entry.sha256.as_deref().copied();
            observer.event(Event::Done { path, kind, size, held, sha256 });
        }
    }

    /// How many entries of the tree were not given, because no path names them.
    pub(crate) fn omitted(&self) -> u32 {
        self.walk.omitted()
    }

    /// What came last fails here, and that is told.
    pub(crate) fn fail(&mut self, trouble: Trouble, observer: &mut impl Observer) -> Reason {
        if let Some(last) = self.recent.last() {
            last.fate = Fate::Told;
        }
        trouble.tell(self.walk.path(), observer)
    }

    /// Whether it will be given once more.
    pub(crate) fn refused(
        &mut self,
        entry: u32,
        reason: Reason,
        words: &str,
        observer: &mut impl Observer,
    ) -> bool {
        let Some(given) = self.recent.entry(entry) else { return false };
        match given.fate {
            Fate::MayComeAgain if reason.wants_fresh_offer() => {
                given.fate = Fate::ComesAgain;
                self.again.push_back((given.origin, given.path.clone()));
                true
            }
            Fate::MayComeAgain | Fate::Final => {
                given.fate = Fate::Told;
                let path = join(self.tree.as_deref().unwrap_or_default(), &given.path);
                observer.event(Event::Failed { path: &path, reason, detail: words, at_peer: true });
                false
            }
            Fate::ComesAgain => true,
            Fate::Told => false,
        }
    }

    fn begin_tree(&self, observer: &mut impl Observer) {
        observer.event(Event::Begin {
            path: self.tree_path(),
            kind: Kind::Tree,
            size: None,
            held: 0,
            direction: Direction::Sending,
        });
    }

    /// Goes to the origin; its directory's content follows from the walk.
    fn start(&mut self, observer: &mut impl Observer) -> Option<Item> {
        let origin = self.origins.get(self.origin)?;
        let path = origin.remote.as_str();
        self.walk.go_to(path);
        let reached = match origin.reach(path) {
            _ if !is_sound(path) || path.ends_with('/') => Err(Reason::BadPath.into()),
            _ if path.split('/').any(partial::is_name) => Err(unfinished()),
            Ok(Reached::Directory(..)) if self.tree.is_none() => Err(Reason::IsDirectory.into()),
            Ok(Reached::File(..)) if path.is_empty() => Err(Reason::NotDirectory.into()),
            reached => reached,
        };
        match reached {
            Ok(Reached::Directory(dir, facts)) => match self.walk.begin(dir, observer) {
                Ok(()) => (!path.is_empty()).then_some(Item::Directory(facts)),
                Err(trouble) => self.walk.broken(Kind::Directory, Some(facts), trouble, observer),
            },
            Ok(Reached::File(_, _, metadata)) if self.names_only => {
                Some(Item::Named(Some(Facts::of(&metadata))))
            }
            Ok(Reached::File(dir, name, metadata)) => Some(Item::open(&dir, &name, &metadata)),
            Err(trouble) => self.walk.broken(Kind::File, None, trouble, observer),
        }
    }
}
