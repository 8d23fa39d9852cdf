//! The facts of an object, and the headers that carry them. Times and permission bits are in the metadata `mtime`
//! (seconds since 1970 with a fraction) and `mode` (octal), as rclone has them. Those of a directory are in the type of
//! its marker instead: not every storage keeps metadata of a key that ends with `/`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ureq::http::HeaderMap;

use super::http::header;

/// Nanoseconds in a second.
const SECOND: i128 = 1_000_000_000;
/// The type of a marker, before the attributes of the directory.
const DIRECTORY: &str = "application/x-directory";
/// The maximum number of objects whose facts are kept.
const CACHE_MAX: usize = 50_000;
/// The age in nanoseconds at which an object's time of upload identifies it: a storage may tell it in seconds.
const SETTLED: i64 = 3_000_000_000;

/// The time and the permission bits that an object gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Attributes {
    /// Nanoseconds since 1970.
    pub(super) modified: Option<i64>,
    pub(super) mode: Option<u32>,
}

/// An object in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// In bytes.
    pub(super) size: u64,
    /// Its own time or, without one, that of its upload.
    pub(super) attributes: Attributes,
    /// CRC-64/NVME of the whole, if the storage has it.
    pub(super) crc64: Option<u64>,
    /// Identifies the content; empty if it is not known.
    pub(super) etag: String,
}

impl Attributes {
    /// The type of a directory's marker.
    pub(super) fn directory_type(self) -> String {
        let mode = self.mode.map(|mode| format!("; mode={mode:04o}")).unwrap_or_default();
        let time = self.modified.map(|time| format!("; mtime={}", written(time)));
        [DIRECTORY, &mode, &time.unwrap_or_default()].concat()
    }

    /// As headers, sorted by name.
    pub(super) fn headers(self) -> impl Iterator<Item = (&'static str, String)> {
        let mode = self.mode.map(|mode| ("x-amz-meta-mode", format!("{mode:04o}")));
        let modified = self.modified.map(|time| ("x-amz-meta-mtime", written(time)));
        mode.into_iter().chain(modified)
    }
}

impl Facts {
    pub(super) fn read(headers: &HeaderMap, size: u64) -> Self {
        let of = |name| header(headers, name);
        let directory = of("content-type").and_then(|kind| kind.strip_prefix(DIRECTORY));
        let in_type = |name: &str| {
            let mut words = directory?.split(';').filter_map(|word| word.trim().split_once('='));
            words.find(|(found, _)| *found == name).map(|(_, value)| value)
        };
        let own = of("x-amz-meta-mtime").or_else(|| in_type("mtime")).and_then(time);
        let uploaded = || of("last-modified").and_then(http_date);
        let mode = of("x-amz-meta-mode").or_else(|| in_type("mode"));
        let mode = mode.and_then(|mode| u32::from_str_radix(mode, 8).ok());
        let is_whole = of("x-amz-checksum-type").is_none_or(|kind| kind == "FULL_OBJECT");
        Self {
            size,
            attributes: Attributes {
                modified: own.or_else(uploaded),
                mode: mode.map(|mode| mode & 0o777),
            },
            crc64: of(CRC64).filter(|_| is_whole).and_then(from_base64),
            etag: of("etag").unwrap_or_default().to_owned(),
        }
    }
}

/// The header with a CRC-64/NVME: base64 of its eight bytes, the highest first.
pub(super) const CRC64: &str = "x-amz-checksum-crc64nvme";

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn to_base64(crc: u64) -> String {
    // 64 bits and two zeros are eleven digits.
    let bits = u128::from(crc) << 2;
    let digit = |at: u32| DIGITS[(bits >> (60 - 6 * at)) as usize & 63];
    (0..11).map(digit).chain([b'=']).map(char::from).collect()
}

pub(super) fn from_base64(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('=').filter(|digits| digits.len() == 11)?;
    let bits = digits.bytes().try_fold(0_u128, |bits, byte| {
        let digit = DIGITS.iter().position(|digit| *digit == byte)?;
        Some(bits << 6 | digit as u128)
    })?;
    u64::try_from(bits >> 2).ok()
}

fn written(time: i64) -> String {
    let (sign, whole) = (if time < 0 { "-" } else { "" }, i128::from(time).abs());
    format!("{sign}{}.{:09}", whole / SECOND, whole % SECOND)
}

fn time(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let whole =
        i128::from(seconds.parse::<u64>().ok()?) * SECOND + nanoseconds.parse::<i128>().ok()?;
    i64::try_from(sign * whole).ok()
}

fn http_date(text: &str) -> Option<i64> {
    let parsed = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    i64::try_from(parsed.as_nanosecond()).ok()
}

/// A time as lists have it, in nanoseconds since 1970.
pub(super) fn list_date(text: &str) -> Option<i64> {
    i64::try_from(text.parse::<jiff::Timestamp>().ok()?.as_nanosecond()).ok()
}

/// The facts of objects that were asked for before. A list tells which objects have not changed since.
#[derive(Debug, Default)]
pub(super) struct FactsCache(Mutex<HashMap<String, (Version, Facts)>>);

/// What a list says of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Version {
    pub(super) etag: String,
    /// The time of the upload, in nanoseconds since 1970.
    pub(super) uploaded: Option<i64>,
}

impl FactsCache {
    pub(super) fn find(&self, key: &str, version: &Version) -> Option<Facts> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|(known, _)| known == version).map(|(_, facts)| facts.clone())
    }

    pub(super) fn add(&self, key: &str, version: Version, facts: Facts) {
        let now = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
        let is_settled = version.uploaded.is_some_and(|time| time < now - SETTLED);
        if is_settled && !version.etag.is_empty() {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= CACHE_MAX {
                known.clear();
            }
            known.insert(key.to_owned(), (version, facts));
        }
    }

    pub(super) fn forget(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_have_the_text_of_s3() {
        assert_eq!(to_base64(0xAE8B_1486_0A79_9888), "rosUhgp5mIg=");
        for crc in [0, 1, u64::MAX, 0xAE8B_1486_0A79_9888] {
            assert_eq!(from_base64(&to_base64(crc)), Some(crc));
        }
        for text in ["", "=", "rosUhgp5mIg", "rosUhgp5mI!=", "rosUhgp5mIgA="] {
            assert_eq!(from_base64(text), None, "{text}");
        }
    }

    #[test]
    fn the_type_of_a_marker_has_the_attributes_of_the_directory() {
        for attributes in [
            Attributes::default(),
            Attributes { modified: Some(1_700_000_001_123_456_789), mode: Some(0o750) },
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("content-type", attributes.directory_type().parse().unwrap());
            assert_eq!(Facts::read(&headers, 0).attributes, attributes);
        }
    }

    #[test]
    fn times_keep_their_nanoseconds_and_those_of_others_are_read() {
        for value in [0, 1, -1, -1_500_000_000, 1_700_000_001_123_456_789, i64::MAX, i64::MIN + 1] {
            assert_eq!(time(&written(value)), Some(value));
        }
        assert_eq!(time("1700000001.5"), Some(1_700_000_001_500_000_000));
        assert_eq!(time("1700000001"), Some(1_700_000_001_000_000_000));
        assert_eq!(time("1e9"), None);
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:02 GMT"), Some(2_000_000_000));
        assert_eq!(list_date("1970-01-01T00:00:02.500Z"), Some(2_500_000_000));
    }
}
