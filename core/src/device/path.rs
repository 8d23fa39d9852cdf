//! The path of the present entry, in a buffer of fixed size.

/// The path of a tree and of its present entry, or of a lone file, and the path before a rename.
#[derive(Debug, Clone)]
pub(super) struct Paths<const PATH: usize> {
    text: heapless::String<PATH>,
    /// The length of the path of the open tree, in bytes.
    tree: Option<usize>,
    /// Where the path before a rename begins.
    from: usize,
}

impl<const PATH: usize> Paths<PATH> {
    pub(super) const fn new() -> Self {
        Self { text: heapless::String::new(), tree: None, from: 0 }
    }

    /// The path of the present entry, or of the tree.
    pub(super) fn path(&self) -> &str {
        self.text.get(..self.from).unwrap_or_default()
    }

    /// The path before the rename.
    pub(super) fn from(&self) -> &str {
        self.text.get(self.from..).unwrap_or_default()
    }

    /// Whether a tree is open.
    pub(super) fn is_in_tree(&self) -> bool {
        self.tree.is_some()
    }

    /// A tree begins.
    pub(super) fn begin_tree(&mut self, path: &str) {
        self.tree = None;
        self.set_entry(path);
        self.tree = Some(self.text.len());
    }

    /// No entry of the tree is open.
    pub(super) fn leave_entry(&mut self) {
        if let Some(tree) = self.tree {
            shorten(&mut self.text, tree);
            self.from = tree;
        }
    }

    /// The tree has ended. Its path stays until the next one.
    pub(super) fn end_tree(&mut self) {
        self.leave_entry();
        self.tree = None;
    }

    /// An entry of the open tree begins, or a lone file.
    pub(super) fn set_entry(&mut self, path: &str) {
        shorten(&mut self.text, self.tree.unwrap_or(0));
        let separator = if self.text.is_empty() || path.is_empty() { "" } else { "/" };
        append(&mut self.text, [separator, path]);
        self.from = self.text.len();
    }

    /// The path before the rename, in the same tree.
    pub(super) fn set_from(&mut self, path: &str) {
        let entry = self.text.clone();
        let tree = entry.get(..self.tree.unwrap_or(0)).unwrap_or_default();
        let separator = if tree.is_empty() { "" } else { "/" };
        append(&mut self.text, [tree, separator, path]);
    }
}

/// Appends as many characters as there is room for.
fn append<const PATH: usize, const N: usize>(text: &mut heapless::String<PATH>, parts: [&str; N]) {
    for letter in parts.into_iter().flat_map(str::chars) {
        // A shorter letter behind one that did not fit would make another path.
        if text.push(letter).is_err() {
            break;
        }
    }
}

/// Removes characters from the end until there are `length` bytes at most. `String::truncate` would panic within a
/// character, and its code is in the image although that does not happen.
fn shorten<const PATH: usize>(text: &mut heapless::String<PATH>, length: usize) {
    while text.len() > length {
        text.pop();
    }
}
