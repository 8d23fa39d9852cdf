//! The tasks of a client, and their start.

use super::*;

/// A client's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Task<'a> {
    /// Send the entries of the store.
    Put,
    /// Request a file or a tree.
    Get(GetRequest<'a>),
    /// Ask the server to end.
    Close,
    /// Ask whether the server answers.
    Ping,
}

impl<'a> Task<'a> {
    /// Requests the file at `path`.
    #[must_use]
    pub const fn get_file(path: &'a str) -> Self {
        Self::Get(GetRequest::file(path))
    }

    /// Requests the tree at `path`; empty: the root of the server.
    #[must_use]
    pub const fn get_tree(path: &'a str) -> Self {
        Self::Get(GetRequest::tree(path))
    }
}

/// A client's request for a file or a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct GetRequest<'a> {
    /// Its path at the other end.
    pub path: &'a str,
    /// Whether it is a tree.
    pub tree: bool,
    /// Whether only the offers are requested.
    pub names_only: bool,
    /// Options that the server must know; [`RequestOptions::fits`]. The session needs [`Profile::OPERATIONS`].
    pub options: Option<RequestOptions<'a>>,
}

impl<'a> GetRequest<'a> {
    /// A file with its content.
    #[must_use]
    pub const fn file(path: &'a str) -> Self {
        Self { path, tree: false, names_only: false, options: None }
    }

    /// A tree with the content of its files.
    #[must_use]
    pub const fn tree(path: &'a str) -> Self {
        Self { tree: true, ..Self::file(path) }
    }

    /// The same without content: only the offers.
    #[must_use]
    pub const fn names(self) -> Self {
        Self { names_only: true, ..self }
    }

    /// The same with options.
    #[must_use]
    pub const fn with(self, options: RequestOptions<'a>) -> Self {
        Self { options: Some(options), ..self }
    }
}

impl<P: Profile> Session<P> {
    /// Gives a client its next task, once the one before is completed. The first one begins with the
    /// handshake.
    ///
    /// # Errors
    /// [`Failure::ApiMisuse`] where a task is under way or this is a server, [`Failure::Refused`]
    /// where the path is not sound, [`Failure::InvalidOptions`] where the options do not fit, and the failure
    /// of a session that is closed.
    pub fn begin(&mut self, task: Task<'_>) -> Result<(), Failure> {
        match self.state {
            State::Idle(_) if self.is_client() => {}
            State::Closed(failure) => return Err(failure),
            _ => return Err(Failure::ApiMisuse),
        }
        let goal = match task {
            Task::Put => Goal::Put,
            Task::Close => Goal::Close,
            Task::Ping => Goal::Ping,
            Task::Get(GetRequest { path, tree, names_only, options }) => {
                let path = self.write_request(path, options.as_ref())?;
                Goal::Get(Get { tree, names_only, path })
            }
        };
        self.timer.restart();
        self.reader.clear();
        if self.negotiated.is_some() && !matches!(goal, Goal::Ping) {
            self.start(goal);
        } else {
            self.send_hello(goal);
        }
        self.drive();
        Ok(())
    }

    /// Writes the metadata of a request into the chunk buffer. Returns its length.
    fn write_request(
        &mut self,
        path: &str,
        options: Option<&RequestOptions<'_>>,
    ) -> Result<Option<u16>, Failure> {
        if !is_sound(path) || path.ends_with('/') {
            return Err(Failure::Refused(Reason::BadPath));
        }
        let payload = self.buffer.metadata_mut();
        if path.len() > payload.len() {
            return Err(Failure::Refused(Reason::NameTooLong));
        }
        payload.iter_mut().zip(path.bytes()).for_each(|(to, from)| *to = from);
        match options {
            None => Ok(u16::try_from(path.len()).ok()),
            Some(options) if options.follow && !P::has_pipes() => Err(Failure::InvalidOptions),
            Some(options) => match options.emit(payload, path.len()) {
                Some(length) => Ok(Some(length)),
                None => Err(Failure::InvalidOptions),
            },
        }
    }
}
