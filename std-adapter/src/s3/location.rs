//! The URL of a prefix in a bucket: `s3://BUCKET/PREFIX?endpoint=URL&region=NAME&profile=NAME&style=path`. Knows no
//! requests.

use std::fmt;
use std::str::FromStr;

use tinyferry_core::path::is_sound;
use url::Url;

/// The begin of each such URL.
const SCHEME: &str = "s3://";

/// Where a server keeps its files: the objects of a bucket whose keys begin with a prefix.
///
/// It is read from `s3://BUCKET/PREFIX?OPTIONS`. The options are `endpoint=URL` (default: AWS), `region=NAME`,
/// `profile=NAME` (of the files of credentials) and `style=path` or `style=virtual` (where the bucket's name stands
/// in requests; default: the path for an `endpoint`, else the host). Credentials cannot be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub(super) bucket: String,
    /// Without a `/` at either end; may be empty.
    pub(super) prefix: String,
    pub(super) endpoint: Option<Url>,
    pub(super) region: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) style: Option<Style>,
}

/// Where the name of the bucket stands in the URL of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Path,
    VirtualHost,
}

/// A URL that is no location: a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidLocation(String);

impl fmt::Display for InvalidLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidLocation {}

impl FromStr for Location {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, InvalidLocation> {
        let invalid = |why: String| Err(InvalidLocation(why));
        let form = "write s3://BUCKET/PREFIX?endpoint=URL";
        let url = match Url::parse(text) {
            Ok(url) if url.scheme() == "s3" => url,
            Ok(_) => return invalid(format!("it does not begin with {SCHEME}; {form}")),
            Err(why) => return invalid(format!("it is no URL: {why}; {form}")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return invalid(
                "a URL may not contain credentials, since other users can see it; set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, or use the file ~/.aws/credentials"
                    .to_owned(),
            );
        }
        let bucket = match url.host_str() {
            Some(bucket) if url.port().is_none() && is_bucket(bucket) => bucket.to_owned(),
            _ => return invalid(format!("it names no bucket; {form}")),
        };
        let Some(prefix) = decoded(url.path().trim_matches('/')) else {
            return invalid("the prefix is not UTF-8".to_owned());
        };
        if !prefix.is_empty() && !is_sound(&prefix) {
            let prefix = prefix.escape_debug();
            return invalid(format!(
                "the prefix \"{prefix}\" is not allowed: no name in it may be empty, \".\" or \"..\", or have control \
                 characters"
            ));
        }
        let mut location =
            Self { bucket, prefix, endpoint: None, region: None, profile: None, style: None };
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                ("endpoint", value) => location.endpoint = Some(endpoint(value)?),
                ("region", value) if is_word(value) => location.region = Some(value.to_owned()),
                ("profile", value) if !value.is_empty() => {
                    location.profile = Some(value.to_owned());
                }
                ("style", "path") => location.style = Some(Style::Path),
                ("style", "virtual") => location.style = Some(Style::VirtualHost),
                (name @ ("region" | "profile" | "style"), value) => {
                    let value = value.escape_debug();
                    return invalid(format!(
                        "the value \"{value}\" of the option {name} is not valid"
                    ));
                }
                (name, _) => {
                    let name = name.escape_debug();
                    return invalid(format!(
                        "it has no option \"{name}\"; the options are endpoint, region, profile and style"
                    ));
                }
            }
        }
        Ok(location)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.prefix.escape_debug())?;
        match &self.endpoint {
            Some(endpoint) => write!(f, " at {}", endpoint.as_str().trim_end_matches('/')),
            None => Ok(()),
        }
    }
}

/// The URL of a storage. A URL with credentials is not in the error.
pub(super) fn endpoint(text: &str) -> Result<Url, InvalidLocation> {
    let valid = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
    };
    Url::parse(text).ok().filter(valid).ok_or_else(|| {
        InvalidLocation(if text.contains('@') {
            "the endpoint may not contain credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use the \
             file ~/.aws/credentials"
                .to_owned()
        } else {
            let text = text.escape_debug();
            format!("the endpoint \"{text}\" is not valid; write https://HOST:PORT")
        })
    })
}

/// Letters, digits, `-`, `.` and `_`, at least three.
fn is_bucket(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The text with its `%NN`; `None`: it is not UTF-8.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let code = match (first, after) {
            (b'%', [high, low, ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                digit(high).zip(digit(low)).map(|(high, low)| (high << 4 | low) as u8)
            }
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        text.parse::<Location>().unwrap_err().to_string()
    }

    #[test]
    fn a_location_has_a_bucket_a_prefix_and_options() {
        let location: Location =
            "s3://logs/a%20b/c/?endpoint=http://127.0.0.1:9000&region=eu-1&profile=x y&style=virtual"
                .parse()
                .unwrap();
        assert_eq!((location.bucket.as_str(), location.prefix.as_str()), ("logs", "a b/c"));
        assert_eq!(location.endpoint.as_ref().unwrap().as_str(), "http://127.0.0.1:9000/");
        assert_eq!(location.region.as_deref(), Some("eu-1"));
        assert_eq!(location.profile.as_deref(), Some("x y"));
        assert_eq!(location.style, Some(Style::VirtualHost));
        assert_eq!(location.to_string(), "s3://logs/a b/c at http://127.0.0.1:9000");
        assert_eq!("s3://logs".parse::<Location>().unwrap().prefix, "");
    }

    #[test]
    fn other_urls_are_refused_with_the_reason() {
        for (text, part) in [
            ("s3://key:secret@logs/a", "may not contain credentials"),
            ("s3://", "names no bucket"),
            ("s3://ab", "names no bucket"),
            ("s3://logs:9000/a", "names no bucket"),
            ("s3://logs/a//b", "is not allowed"),
            ("s3://logs/%00", "is not allowed"),
            ("s3://logs/%ff", "not UTF-8"),
            ("s3://logs?endpoint=ftp://x", "the endpoint"),
            ("s3://logs?endpoint=http://me:pw@x", "the endpoint may not contain credentials"),
            ("s3://logs?style=x", "option style"),
            ("s3://logs?secret=x", "no option \"secret\""),
            ("http://logs", "does not begin with s3://"),
        ] {
            assert!(why(text).contains(part), "{text}: {}", why(text));
            assert!(!why(text).contains("me:pw"), "{}", why(text));
        }
    }

    #[test]
    fn percent_codes_are_decoded() {
        assert_eq!(decoded("a%2Fb%").as_deref(), Some("a/b%"));
        assert_eq!(decoded("%zz%4").as_deref(), Some("%zz%4"));
        assert_eq!(decoded("%ff"), None);
    }
}
