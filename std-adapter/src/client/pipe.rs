//! Files from readers and into writers.

use std::io::{Read, Write};

use tinyferry_core::store::RequestOptions;
use tinyferry_core::{GetRequest, Outcome, Task};

use super::{Client, Error};
use crate::fs::Observer;
use crate::pipe::{ReaderStore, WriterStore};

impl Client {
    /// Sends the bytes of `reader`, up to its end, as the file at `remote`. Until the end has arrived, the server
    /// has no file of that name, or the earlier one. The size is not known before, so an interrupted transfer
    /// cannot be resumed.
    ///
    /// ```no_run
    /// use std::process::{Command, Stdio};
    ///
    /// use tinyferry::client::Client;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut client = Client::connect("tcp://127.0.0.1:8080".parse()?)?;
    /// let mut tar = Command::new("tar").args(["-c", "src"]).stdout(Stdio::piped()).spawn()?;
    /// if let Some(archive) = tar.stdout.take() {
    ///     client.put_reader(archive, "backup/src.tar")?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error`]: [`Error::Local`], if the reader fails: the server then keeps no part of the file.
    /// [`Error::Consumed`], if the connection failed after more was read than can be sent again.
    pub fn put_reader(&mut self, reader: impl Read, remote: &str) -> Result<Outcome, Error> {
        let mut store = ReaderStore::new(reader, remote, self.events.clone());
        self.put_reader_store(&mut store)
    }

    /// As [`Client::put_reader`]. After an error that [is transient](Error::is_transient) the same store can be
    /// sent again, also over another connection.
    ///
    /// # Errors
    /// Those of [`Client::put_reader`].
    pub fn put_reader_store<R: Read, O: Observer>(
        &mut self,
        store: &mut ReaderStore<R, O>,
    ) -> Result<Outcome, Error> {
        store.rewind();
        let result = match self.task(Task::Put, store) {
            Err(error) if self.needs_new_session(&error) && store.is_repeatable() => {
                store.rewind();
                self.task(Task::Put, store)
            }
            result => result,
        };
        result.map_err(|error| match store.failure() {
            Some(failure) => Error::Local(failure),
            None if error.is_transient() && !store.is_repeatable() => {
                Error::Consumed(Box::new(error))
            }
            None => error,
        })
    }

    /// Gets the file at `remote`, and writes its content into `writer`, in order and as it arrives. After an
    /// error the writer has a part of the file, and after [`Reason::DigestDiffers`] other content.
    ///
    /// ```no_run
    /// use tinyferry::client::Client;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut client = Client::connect("tcp://127.0.0.1:8080".parse()?)?;
    /// let mut notes = Vec::new();
    /// client.get_writer("notes.txt", &mut notes)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error`]: [`Error::Local`], if the writer fails; [`Reason::IsDirectory`].
    ///
    /// [`Reason::DigestDiffers`]: tinyferry_core::Reason::DigestDiffers
    /// [`Reason::IsDirectory`]: tinyferry_core::Reason::IsDirectory
    pub fn get_writer(&mut self, remote: &str, writer: impl Write) -> Result<Outcome, Error> {
        let store = WriterStore::new(writer, remote, self.events.clone());
        let mut store = store.limited(self.limits.clone());
        self.get_writer_store(remote, &mut store)
    }

    /// As [`Client::get_writer`]. After an error that [is transient](Error::is_transient) the file can be requested
    /// again with the same store, also over another connection: then the transfer continues where it stopped, with
    /// [`ClientBuilder::sha256`](super::ClientBuilder::sha256) from the beginning. Only the content that is missing
    /// is written.
    ///
    /// # Errors
    /// Those of [`Client::get_writer`].
    pub fn get_writer_store<W: Write, O: Observer>(
        &mut self,
        remote: &str,
        store: &mut WriterStore<W, O>,
    ) -> Result<Outcome, Error> {
        self.get_writer_task(Task::get_file(remote), store, false)
    }

    /// As [`Client::get_writer_store`], of a file that grows: the transfer waits for further content at its end, and
    /// writes it as soon as it comes. It ends when the server says that the file will not grow, or with an error.
    ///
    /// # Errors
    /// Those of [`Client::get_writer`]; [`Reason::Unsupported`] if the server cannot do that;
    /// [`Reason::PrefixDiffers`] if the file does not begin with the content that was written before;
    /// [`Reason::SourceChanged`] if the file was truncated, or another file has its name now; [`Reason::NotFound`] if
    /// it was removed.
    ///
    /// [`Reason::PrefixDiffers`]: tinyferry_core::Reason::PrefixDiffers
    /// [`Reason::Unsupported`]: tinyferry_core::Reason::Unsupported
    /// [`Reason::SourceChanged`]: tinyferry_core::Reason::SourceChanged
    /// [`Reason::NotFound`]: tinyferry_core::Reason::NotFound
    pub fn follow_writer_store<W: Write, O: Observer>(
        &mut self,
        remote: &str,
        store: &mut WriterStore<W, O>,
    ) -> Result<Outcome, Error> {
        let options = RequestOptions { follow: true, ..RequestOptions::default() };
        self.get_writer_task(Task::Get(GetRequest::file(remote).with(options)), store, true)
    }

    fn get_writer_task<W: Write, O: Observer>(
        &mut self,
        task: Task<'_>,
        store: &mut WriterStore<W, O>,
        follows: bool,
    ) -> Result<Outcome, Error> {
        self.ensure_established()?;
        store.prepare(!self.session.has_sha256(), follows);
        let result = self.persist(task, store);
        match store.failure() {
            Some(failure) => Err(Error::Local(failure)),
            None => result,
        }
    }
}
