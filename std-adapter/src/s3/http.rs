//! The HTTP client of a bucket, and its errors as clauses.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::http::HeaderMap;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// The largest answer that is read whole; a list of 1000 keys of 1024 escaped bytes has less.
const ANSWER_MAX: u64 = 8 << 20;

pub(super) fn agent() -> Agent {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(128)
        .max_idle_connections_per_host(128)
        .timeout_connect(Some(Duration::from_secs(5)))
        .timeout_per_read(Some(Duration::from_secs(20)))
        .timeout_per_write(Some(Duration::from_secs(20)))
        .user_agent(concat!("tinyferry/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// The value of a header; `None`: it is missing or no text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Reads an answer whole.
pub(super) fn read(mut body: ureq::Body) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut reader = body.as_reader().take(ANSWER_MAX);
    reader.read_to_end(&mut bytes).map_err(|why| crate::describe::os_error(&why))?;
    Ok(bytes)
}

/// The error as a clause of a message.
pub(super) fn clause(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => crate::describe::os_error(error),
        error => error.to_string(),
    }
}
