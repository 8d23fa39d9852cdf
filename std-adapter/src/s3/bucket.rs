//! A bucket: signs requests, sends them, and repeats those that may succeed later. Knows no files.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusty_s3::{Credentials, Method, UrlStyle};
use ureq::Agent;
use ureq::http::{HeaderMap, Request};
use url::Url;

use super::credentials::{Settings, System};
use super::facts::FactsCache;
use super::fault::{Cause, Fault};
use super::http::{agent, clause, read};
use super::location::{Location, Style, endpoint};
use super::room::Room;
use super::xml;

/// How long a request is repeated where the session waits for it and cannot send keepalives: less than the 30 s after
/// which a client gives up.
pub(super) const SHORT: Duration = Duration::from_secs(12);
/// How long a request is repeated while the session sends keepalives: longer than the restart of a storage.
pub(super) const LONG: Duration = Duration::from_secs(90);

/// How long a signature is valid.
const VALID: Duration = Duration::from_secs(900);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(60);
/// The age at which the files of credentials are read again: another program may renew them.
const CREDENTIALS_AGE: Duration = Duration::from_secs(60);
/// The waits before a request is repeated grow from this to [`WAIT_MAX`].
const WAIT: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(3);

/// A prefix in a bucket, with the credentials to use it.
#[derive(Debug)]
pub struct Bucket {
    location: Location,
    signing: rusty_s3::Bucket,
    agent: Agent,
    credentials: Mutex<Current>,
    pub(super) facts: FactsCache,
    pub(super) room: Room,
}

/// The credentials, and when they were read.
#[derive(Debug)]
struct Current {
    credentials: Credentials,
    read_at: Instant,
}

/// One request.
#[derive(Debug, Default)]
pub(super) struct Call<'a> {
    /// The verb and its object, for a message: `cannot WHAT`.
    pub(super) what: String,
    /// The whole key; `None`: the bucket itself.
    pub(super) key: Option<&'a str>,
    /// Sorted by name.
    pub(super) query: Vec<(&'static str, String)>,
    /// In lower case.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'a [u8],
}

/// An answer of the statuses 200 to 299, read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// The same, whose content is still to be read.
pub(super) type Response = ureq::http::Response<ureq::Body>;

impl Bucket {
    /// Reads the credentials. Sends nothing: see [`Bucket::check`].
    ///
    /// # Errors
    /// There are no credentials, or the endpoint is not valid.
    pub fn open(location: Location) -> std::io::Result<Self> {
        let settings = Settings::read(location.profile.as_deref(), &System)
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        let region = location.region.clone().or(settings.region);
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let given = match (&location.endpoint, &settings.endpoint) {
            (Some(endpoint), _) => Some(endpoint.clone()),
            (None, Some(text)) => Some(endpoint(text).map_err(|why| {
                let given = "AWS_ENDPOINT_URL or endpoint_url of the profile cannot be used";
                std::io::Error::other(format!("{given}: {why}"))
            })?),
            (None, None) => None,
        };
        let usual = if given.is_some() || location.bucket.contains('.') {
            Style::Path
        } else {
            Style::VirtualHost
        };
        let style = match location.style.unwrap_or(usual) {
            Style::Path => UrlStyle::Path,
            Style::VirtualHost => UrlStyle::VirtualHost,
        };
        let aws = || Url::parse(&format!("https://s3.{region}.amazonaws.com"));
        let invalid = |why: String| std::io::Error::other(format!("cannot use {location}: {why}"));
        let endpoint = given.map_or_else(aws, Ok).map_err(|error| invalid(error.to_string()))?;
        let signing =
            rusty_s3::Bucket::new(endpoint, style, location.bucket.clone(), region.clone())
                .map_err(|error| invalid(error.to_string()))?;
        let current = Current { credentials: settings.credentials, read_at: Instant::now() };
        let (facts, room) = (FactsCache::default(), Room::default());
        Ok(Self {
            signing,
            agent: agent(),
            credentials: Mutex::new(current),
            facts,
            room,
            location,
        })
    }

    /// Fails unless the bucket exists and its objects can be listed.
    ///
    /// # Errors
    /// What failed, why, and what to do.
    pub fn check(&self) -> std::io::Result<()> {
        let listed = self.list(&self.key(""), true, None, 1, SHORT);
        listed.map(drop).map_err(|fault| {
            std::io::Error::other(format!("cannot serve {}: {fault}", self.location))
        })
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The key of a path below the prefix.
    pub(super) fn key(&self, path: &str) -> String {
        match (self.location.prefix.as_str(), path) {
            ("", path) => path.to_owned(),
            (prefix, path) => [prefix, "/", path].concat(),
        }
    }

    /// The object in a message.
    pub(super) fn named(&self, verb: &str, key: &str) -> String {
        let bucket = &self.location.bucket;
        format!("{verb} the object \"{}\" in the bucket \"{bucket}\"", key.escape_debug())
    }

    /// The bucket in a message.
    pub(super) fn of_bucket(&self, verb: &str) -> String {
        format!("{verb} the bucket \"{}\"", self.location.bucket)
    }

    /// The object in the header of a copy.
    pub(super) fn source(&self, key: &str) -> String {
        let mut text = format!("/{}/", self.location.bucket);
        for byte in key.bytes() {
            match byte {
                b'/' | b'-' | b'.' | b'_' | b'~' => text.push(byte.into()),
                byte if byte.is_ascii_alphanumeric() => text.push(byte.into()),
                byte => text.push_str(&format!("%{byte:02X}")),
            }
        }
        text
    }

    /// Sends a request and reads the answer; repeats it until it succeeds, has no chance, or `patience` is over.
    pub(super) fn call(
        &self,
        method: Method,
        call: &Call<'_>,
        patience: Duration,
    ) -> Result<Answer, Fault> {
        self.repeat(patience, |limit| {
            let response = self.send(method, call, limit)?;
            let (parts, body) = response.into_parts();
            let body = read(body).map_err(|why| call.fault(Cause::Silent(why)))?;
            // A copy or a complete may fail after its status was sent.
            if let Some((code, message)) = xml::error(&body) {
                return Err(call.fault(Cause::Refused { status: 400, code, message }));
            }
            Ok(Answer { headers: parts.headers, body })
        })
    }

    /// The same, without the content, which the caller reads.
    pub(super) fn begin(&self, call: &Call<'_>, patience: Duration) -> Result<Response, Fault> {
        self.repeat(patience, |limit| self.send(Method::Get, call, limit))
    }

    fn repeat<T>(
        &self,
        patience: Duration,
        attempt: impl Fn(Duration) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let end = Instant::now() + patience;
        let mut wait = WAIT;
        loop {
            let limit = end.saturating_duration_since(Instant::now()).clamp(WAIT, ANSWER);
            let fault = match attempt(limit) {
                Ok(done) => return Ok(done),
                Err(fault) => fault,
            };
            if !fault.is_transient() || Instant::now() + wait >= end {
                return Err(fault);
            }
            tracing::debug!("{fault}; it is tried again");
            thread::sleep(jittered(wait));
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    /// Sends a request once.
    fn send(&self, method: Method, call: &Call<'_>, limit: Duration) -> Result<Response, Fault> {
        let url = self.signed(method, call)?;
        let mut request = Request::builder().method(method.to_str()).uri(url.as_str());
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        let has_body = matches!(method, Method::Put | Method::Post);
        let result = if has_body {
            let request = request.body(call.body).map_err(|why| call.unsent(&why))?;
            let config = self.agent.configure_request(request);
            self.agent.run(config.timeout_recv_response(Some(limit)).build())
        } else {
            let request = request.body(()).map_err(|why| call.unsent(&why))?;
            let config = self.agent.configure_request(request);
            self.agent.run(config.timeout_recv_response(Some(limit)).build())
        };
        let response = result.map_err(|why| call.fault(Cause::Silent(clause(&why))))?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return Ok(response);
        }
        // The answer to HEAD has no body; a storage that ends the connection meanwhile has still answered.
        let body = read(response.into_body()).unwrap_or_default();
        let (code, message) = xml::error(&body).unwrap_or_default();
        Err(call.fault(Cause::Refused { status, code, message }))
    }

    fn signed(&self, method: Method, call: &Call<'_>) -> Result<Url, Fault> {
        let url = match call.key {
            Some(key) => self.signing.object_url(key),
            None => self.signing.base_url().clone(),
        };
        let credentials = self.credentials();
        let now = jiff::Timestamp::now();
        Ok(rusty_s3::signing::sign(
            &now,
            method,
            url,
            credentials.key(),
            credentials.secret(),
            credentials.token(),
            self.signing.region(),
            VALID.as_secs(),
            call.query.iter().map(|(name, value)| (*name, value.as_str())),
            call.headers.iter().map(|(name, value)| (*name, value.as_str())),
        ))
    }

    /// The credentials. Those that cannot be read again stay.
    fn credentials(&self) -> Credentials {
        let mut current = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        if current.read_at.elapsed() >= CREDENTIALS_AGE {
            current.read_at = Instant::now();
            if let Ok(settings) = Settings::read(self.location.profile.as_deref(), &System) {
                current.credentials = settings.credentials;
            }
        }
        current.credentials.clone()
    }
}

impl Call<'_> {
    pub(super) fn fault(&self, cause: Cause) -> Fault {
        Fault { what: self.what.clone(), cause }
    }

    fn unsent(&self, why: &ureq::http::Error) -> Fault {
        self.fault(Cause::Wrong(format!("the request cannot be sent: {why}")))
    }
}

/// Between one half of it and all of it, so that many clients do not repeat at the same moment.
fn jittered(wait: Duration) -> Duration {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let share = RandomState::new().build_hasher().finish() % 512;
    wait / 2 + wait * share as u32 / 1024
}
