//! Lists of objects.

use std::time::Duration;

use rusty_s3::Method;

use super::bucket::{Bucket, Call};
use super::facts::{Version, list_date};
use super::fault::Fault;
use super::location::decoded;
use super::xml;

/// The maximum number of entries of a page.
pub(super) const PAGE: u32 = 1000;

/// A part of a list, sorted by key.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<Listed>,
    /// The keys that go on behind the next `/`, up to that one.
    pub(super) prefixes: Vec<String>,
    /// The next page, if there is one.
    pub(super) next: Option<String>,
}

/// An object in a list.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) version: Version,
}

impl Bucket {
    /// The objects whose keys begin with `prefix`; `is_level`: only up to the next `/`.
    pub(super) fn list(
        &self,
        prefix: &str,
        is_level: bool,
        token: Option<&str>,
        most: u32,
        patience: Duration,
    ) -> Result<Page, Fault> {
        let mut query = Vec::new();
        if let Some(token) = token {
            query.push(("continuation-token", token.to_owned()));
        }
        if is_level {
            query.push(("delimiter", "/".to_owned()));
        }
        query.push(("encoding-type", "url".to_owned()));
        query.push(("list-type", "2".to_owned()));
        query.push(("max-keys", most.to_string()));
        query.push(("prefix", prefix.to_owned()));
        let call = Call { what: self.of_bucket("list"), query, ..Call::default() };
        let answer = self.call(Method::Get, &call, patience)?;
        page(&answer.body).ok_or_else(|| Fault::wrong(&call.what, "the list is no valid XML"))
    }
}

fn page(body: &[u8]) -> Option<Page> {
    xml::parse(body, |root| {
        let is_encoded = xml::text_of(root, "EncodingType") == Some("url");
        let key = |text: &str| match is_encoded {
            true => decoded(&text.replace('+', " ")),
            false => Some(text.to_owned()),
        };
        let mut page = Page::default();
        for node in xml::children(root, "Contents") {
            // A key that is not UTF-8 is no path.
            let Some(key) = key(xml::text_of(node, "Key")?) else { continue };
            let etag = xml::text_of(node, "ETag").unwrap_or_default().to_owned();
            let uploaded = xml::text_of(node, "LastModified").and_then(list_date);
            let size = xml::text_of(node, "Size")?.parse().ok()?;
            page.objects.push(Listed { key, size, version: Version { etag, uploaded } });
        }
        for node in xml::children(root, "CommonPrefixes") {
            page.prefixes.extend(key(xml::text_of(node, "Prefix")?));
        }
        if xml::text_of(root, "IsTruncated") == Some("true") {
            page.next = Some(xml::text_of(root, "NextContinuationToken")?.to_owned());
        }
        Some(page)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_objects_prefixes_and_the_next_page() {
        let body = br#"<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>
            <Contents><Key>a+b%2Bc</Key><Size>7</Size><ETag>"e"</ETag><LastModified>1970-01-01T00:00:01Z</LastModified></Contents>
            <Contents><Key>%ff</Key><Size>7</Size></Contents>
            <CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes></ListBucketResult>"#;
        let page = page(body).unwrap();
        assert_eq!(page.objects.len(), 1);
        assert_eq!((page.objects[0].key.as_str(), page.objects[0].size), ("a b+c", 7));
        assert_eq!(page.objects[0].version.uploaded, Some(1_000_000_000));
        assert_eq!((page.prefixes, page.next), (vec!["d/".to_owned()], Some("t".to_owned())));
        assert!(super::page(b"<ListBucketResult><Contents/></ListBucketResult>").is_none());
    }
}
