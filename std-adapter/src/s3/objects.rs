//! The requests about single objects.

use std::io::Read as _;
use std::time::Duration;

use rusty_s3::Method;

use super::bucket::{Bucket, Call, Response};
use super::facts::{Attributes, CRC64, Facts, to_base64};
use super::fault::{Cause, Fault};
use super::http::header;

/// The maximum size of an object that S3 copies, in bytes.
pub(super) const COPY_MAX: u64 = 5 << 30;

/// Content that is put under a key as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Put<'a> {
    pub(super) key: &'a str,
    pub(super) body: &'a [u8],
    /// Of the body: the storage verifies it.
    pub(super) crc64: u64,
    pub(super) attributes: Attributes,
    /// Whether it replaces an object.
    pub(super) replaces: bool,
}

impl Bucket {
    /// The object of a key; `None`: there is none.
    pub(super) fn head(&self, key: &str, patience: Duration) -> Result<Option<Facts>, Fault> {
        let call = Call {
            what: self.named("look for", key),
            key: Some(key),
            headers: vec![("x-amz-checksum-mode", "ENABLED".to_owned())],
            ..Call::default()
        };
        match self.call(Method::Head, &call, patience) {
            Ok(answer) => {
                let size = header(&answer.headers, "content-length").and_then(|n| n.parse().ok());
                let size = size.ok_or_else(|| Fault::wrong(&call.what, "its size is missing"))?;
                Ok(Some(Facts::read(&answer.headers, size)))
            }
            Err(fault) if fault.is_missing() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Stores an object. If an earlier attempt has stored it and the answer was lost, that is success.
    pub(super) fn put(&self, put: &Put<'_>, patience: Duration) -> Result<(), Fault> {
        let (is_marker, attributes) = (put.key.ends_with('/'), put.attributes);
        let mut headers = Vec::new();
        if is_marker {
            headers.push(("content-type", attributes.directory_type()));
        }
        if !put.replaces {
            headers.push(("if-none-match", "*".to_owned()));
        }
        headers.push((CRC64, to_base64(put.crc64)));
        if !is_marker {
            headers.extend(attributes.headers());
        }
        let call = Call {
            what: self.named("store", put.key),
            key: Some(put.key),
            headers,
            body: put.body,
            ..Call::default()
        };
        self.facts.forget(put.key);
        match self.call(Method::Put, &call, patience) {
            Err(fault) if fault.is(412) => {
                self.is_stored(put.key, put.body.len() as u64, put.crc64, fault, patience)
            }
            result => result.map(drop),
        }
    }

    /// Whether an object has this content; else `fault` stays.
    pub(super) fn is_stored(
        &self,
        key: &str,
        size: u64,
        crc64: u64,
        fault: Fault,
        patience: Duration,
    ) -> Result<(), Fault> {
        match self.head(key, patience)? {
            Some(found) if found.size == size && found.crc64 == Some(crc64) => Ok(()),
            _ => Err(fault),
        }
    }

    /// Begins to read an object from `start` on, as long as it is the one of this etag.
    pub(super) fn read_from(
        &self,
        key: &str,
        start: u64,
        etag: &str,
        patience: Duration,
    ) -> Result<Response, Fault> {
        let mut headers = Vec::new();
        if !etag.is_empty() {
            headers.push(("if-match", etag.to_owned()));
        }
        if start > 0 {
            headers.push(("range", format!("bytes={start}-")));
        }
        let (what, key) = (self.named("read", key), Some(key));
        self.begin(&Call { what, key, headers, ..Call::default() }, patience)
    }

    /// A small object as a whole; `None`: there is none.
    pub(super) fn fetch(
        &self,
        key: &str,
        largest: u64,
        patience: Duration,
    ) -> Result<Option<(Facts, Vec<u8>)>, Fault> {
        let call = Call {
            what: self.named("read", key),
            key: Some(key),
            headers: vec![("x-amz-checksum-mode", "ENABLED".to_owned())],
            ..Call::default()
        };
        let response = match self.begin(&call, patience) {
            Ok(response) => response,
            Err(fault) if fault.is_missing() => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let (parts, mut body) = response.into_parts();
        let mut bytes = Vec::new();
        let mut reader = body.as_reader().take(largest + 1);
        reader
            .read_to_end(&mut bytes)
            .map_err(|why| call.fault(Cause::Silent(crate::describe::os_error(&why))))?;
        let size = header(&parts.headers, "content-length").and_then(|size| size.parse().ok());
        let size = size.unwrap_or(bytes.len() as u64);
        Ok(Some((Facts::read(&parts.headers, size), bytes)))
    }

    /// Deletes an object; one that is missing counts as deleted.
    pub(super) fn delete(&self, key: &str, patience: Duration) -> Result<(), Fault> {
        let call = Call { what: self.named("delete", key), key: Some(key), ..Call::default() };
        self.facts.forget(key);
        match self.call(Method::Delete, &call, patience) {
            Err(fault) if !fault.is_missing() => Err(fault),
            _ => Ok(()),
        }
    }

    /// Copies an object inside the storage, as long as it is the one of this etag; with other attributes, if there are
    /// some.
    pub(super) fn copy(
        &self,
        (from, etag): (&str, &str),
        to: &str,
        attributes: Option<Attributes>,
        patience: Duration,
    ) -> Result<(), Fault> {
        let source = self.source(from);
        let mut headers = vec![
            ("x-amz-checksum-algorithm", "CRC64NVME".to_owned()),
            ("x-amz-copy-source", source),
        ];
        if !etag.is_empty() {
            headers.push(("x-amz-copy-source-if-match", etag.to_owned()));
        }
        headers.extend(attributes.into_iter().flat_map(Attributes::headers));
        let directive = if attributes.is_some() { "REPLACE" } else { "COPY" };
        headers.push(("x-amz-metadata-directive", directive.to_owned()));
        let call =
            Call { what: self.named("copy", from), key: Some(to), headers, ..Call::default() };
        self.facts.forget(to);
        self.call(Method::Put, &call, patience).map(drop)
    }
}
