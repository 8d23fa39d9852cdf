//! The owners of partials.

/// The owner of the partials that a transfer may resume from. The digest of a prefix reveals something
/// about its content.
#[derive(Debug, Clone, Default)]
pub(crate) enum PartialOwner {
    /// Any client: the other end may read all content.
    #[default]
    Any,
    /// One client, with this label in the names.
    Client(String),
    /// None: the client may not read, and is not identified.
    None,
}

impl PartialOwner {
    /// The partials of a client that is known by `id`, digits of its key.
    pub(crate) fn client(id: &str) -> Self {
        Self::Client(format!("~k{id}"))
    }

    /// The labels in a partial's name: none or the client's label, and the number of this
    /// user where another one has a file of that name.
    pub(crate) fn labels(&self) -> impl Iterator<Item = String> {
        let label = match self {
            Self::Any => Some(String::new()),
            Self::Client(label) => Some(label.clone()),
            Self::None => None,
        };
        #[cfg(unix)]
        let user = |label| format!("{label}~u{}", rustix::process::geteuid().as_raw());
        #[cfg(not(unix))]
        let user = |label: String| label;
        label.clone().into_iter().chain(label.map(user))
    }
}
