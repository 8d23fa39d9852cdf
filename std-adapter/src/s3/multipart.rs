//! The requests about multipart uploads.

use std::time::Duration;

use rusty_s3::Method;

use super::bucket::{Bucket, Call};
use super::facts::{Attributes, CRC64, list_date, to_base64};
use super::fault::Fault;
use super::http::header;
use super::location::decoded;
use super::xml;

/// A part that the storage has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// In bytes.
    pub(super) size: u64,
    pub(super) etag: String,
}

/// An upload that is neither completed nor aborted.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) key: String,
    pub(super) id: String,
    /// In nanoseconds since 1970.
    pub(super) at: Option<i64>,
}

/// The whole file of an upload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole {
    pub(super) size: u64,
    /// The storage compares it with that of the parts.
    pub(super) crc64: u64,
    /// Whether it replaces an object.
    pub(super) replaces: bool,
}

impl Bucket {
    /// Begins an upload; returns its number.
    pub(super) fn begin_upload(
        &self,
        key: &str,
        attributes: Attributes,
        patience: Duration,
    ) -> Result<String, Fault> {
        let mut headers = vec![
            ("x-amz-checksum-algorithm", "CRC64NVME".to_owned()),
            ("x-amz-checksum-type", "FULL_OBJECT".to_owned()),
        ];
        headers.extend(attributes.headers());
        let call = Call {
            what: self.named("begin the upload of", key),
            key: Some(key),
            query: vec![("uploads", String::new())],
            headers,
            ..Call::default()
        };
        let answer = self.call(Method::Post, &call, patience)?;
        let id = xml::parse(&answer.body, |root| xml::text_of(root, "UploadId").map(str::to_owned));
        id.ok_or_else(|| Fault::wrong(&call.what, "the number of the upload is missing"))
    }

    /// Uploads a part, the number of which begins at 1.
    pub(super) fn put_part(
        &self,
        (key, id): (&str, &str),
        number: usize,
        (body, crc64): (&[u8], u64),
        patience: Duration,
    ) -> Result<Part, Fault> {
        let call = Call {
            what: self.named(&format!("upload part {number} of"), key),
            key: Some(key),
            query: vec![("partNumber", number.to_string()), ("uploadId", id.to_owned())],
            headers: vec![(CRC64, to_base64(crc64))],
            body,
        };
        let answer = self.call(Method::Put, &call, patience)?;
        let etag = header(&answer.headers, "etag")
            .ok_or_else(|| Fault::wrong(&call.what, "the etag of the part is missing"))?;
        Ok(Part { size: body.len() as u64, etag: etag.to_owned() })
    }

    /// The parts from the first one on, without a gap; `None`: there is no such upload.
    pub(super) fn parts(
        &self,
        (key, id): (&str, &str),
        patience: Duration,
    ) -> Result<Option<Vec<Part>>, Fault> {
        let mut parts = Vec::new();
        loop {
            let call = Call {
                what: self.named("list the parts of", key),
                key: Some(key),
                query: vec![
                    ("part-number-marker", parts.len().to_string()),
                    ("uploadId", id.to_owned()),
                ],
                ..Call::default()
            };
            let answer = match self.call(Method::Get, &call, patience) {
                Err(fault) if fault.is_missing() => return Ok(None),
                answer => answer?,
            };
            let before = parts.len();
            let is_truncated = xml::parse(&answer.body, |root| {
                for node in xml::children(root, "Part") {
                    let number: usize = xml::text_of(node, "PartNumber")?.parse().ok()?;
                    if number == parts.len() + 1 {
                        let size = xml::text_of(node, "Size")?.parse().ok()?;
                        parts.push(Part { size, etag: xml::text_of(node, "ETag")?.to_owned() });
                    }
                }
                Some(xml::text_of(root, "IsTruncated") == Some("true"))
            });
            let is_truncated =
                is_truncated.ok_or_else(|| Fault::wrong(&call.what, "the list is no valid XML"))?;
            if !is_truncated || parts.len() == before {
                return Ok(Some(parts));
            }
        }
    }

    /// Completes an upload with these parts: the object is in place, if the storage finds the checksum of the whole.
    pub(super) fn complete(
        &self,
        (key, id): (&str, &str),
        etags: &[String],
        whole: Whole,
        patience: Duration,
    ) -> Result<(), Fault> {
        let mut body = String::from(
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
        );
        for (index, etag) in etags.iter().enumerate() {
            let (number, etag) = (index + 1, escaped(etag));
            body.push_str(&format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            ));
        }
        body.push_str("</CompleteMultipartUpload>");
        let mut headers = Vec::new();
        if !whole.replaces {
            headers.push(("if-none-match", "*".to_owned()));
        }
        headers.push((CRC64, to_base64(whole.crc64)));
        headers.push(("x-amz-checksum-type", "FULL_OBJECT".to_owned()));
        let call = Call {
            what: self.named("complete", key),
            key: Some(key),
            query: vec![("uploadId", id.to_owned())],
            headers,
            body: body.as_bytes(),
        };
        self.facts.forget(key);
        match self.call(Method::Post, &call, patience) {
            // An earlier attempt may have completed it, and its answer was lost.
            Err(fault) if fault.is(412) || fault.is_missing() => {
                self.is_stored(key, whole.size, whole.crc64, fault, patience)
            }
            result => result.map(drop),
        }
    }

    /// Ends an upload and removes its parts; one that is missing counts as ended.
    pub(super) fn abort(&self, (key, id): (&str, &str), patience: Duration) -> Result<(), Fault> {
        let call = Call {
            what: self.named("abort the upload of", key),
            key: Some(key),
            query: vec![("uploadId", id.to_owned())],
            ..Call::default()
        };
        match self.call(Method::Delete, &call, patience) {
            Err(fault) if !fault.is_missing() => Err(fault),
            _ => Ok(()),
        }
    }

    /// The uploads below a prefix that are neither completed nor aborted, up to the first 10,000.
    pub(super) fn uploads(&self, prefix: &str, patience: Duration) -> Result<Vec<Begun>, Fault> {
        let mut uploads: Vec<Begun> = Vec::new();
        let mut marker: Option<(String, String)> = None;
        for _ in 0..10 {
            let mut query = vec![("encoding-type", "url".to_owned())];
            if let Some((key, _)) = &marker {
                query.push(("key-marker", key.clone()));
            }
            query.push(("prefix", prefix.to_owned()));
            if let Some((_, id)) = &marker {
                query.push(("upload-id-marker", id.clone()));
            }
            query.push(("uploads", String::new()));
            let call =
                Call { what: self.of_bucket("list the uploads in"), query, ..Call::default() };
            let answer = self.call(Method::Get, &call, patience)?;
            let next = xml::parse(&answer.body, |root| {
                let is_encoded = xml::text_of(root, "EncodingType") == Some("url");
                let key = |text: &str| match is_encoded {
                    true => decoded(&text.replace('+', " ")),
                    false => Some(text.to_owned()),
                };
                for node in xml::children(root, "Upload") {
                    let Some(key) = key(xml::text_of(node, "Key")?) else { continue };
                    let id = xml::text_of(node, "UploadId")?.to_owned();
                    let at = xml::text_of(node, "Initiated").and_then(list_date);
                    uploads.push(Begun { key, id, at });
                }
                let next = || {
                    let id = xml::text_of(root, "NextUploadIdMarker")?.to_owned();
                    Some((key(xml::text_of(root, "NextKeyMarker")?)?, id))
                };
                let is_truncated = xml::text_of(root, "IsTruncated") == Some("true");
                Some(if is_truncated { next() } else { None })
            });
            marker = next.ok_or_else(|| Fault::wrong(&call.what, "the list is no valid XML"))?;
            if marker.is_none() {
                break;
            }
        }
        Ok(uploads)
    }
}

/// The text inside an element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
