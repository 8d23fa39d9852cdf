//! The configuration file: named endpoints, and defaults of connections.
//!
//! ```toml
//! [defaults]
//! endpoint = "@board"
//! timeout = "1m"
//!
//! [endpoints.board]
//! url = "serial:///dev/ttyUSB0?baud=921600"
//!
//! [endpoints.box]
//! url = "tcp://box:8080"
//! key = "box.key"
//! ```

mod file;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use tinyferry::{Endpoint, describe};

use crate::args::ENDPOINT;
use crate::exit::{CliError, Exit};
use crate::units;

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    defaults: Defaults,
    #[serde(default)]
    endpoints: BTreeMap<String, Named>,
    /// Its path; `None`: there is no file.
    #[serde(skip)]
    path: Option<PathBuf>,
    #[serde(skip)]
    content: Content,
}

/// The content of the configuration file.
#[derive(Debug, Default)]
enum Content {
    #[default]
    Missing,
    /// It belongs to another user, and is ignored.
    Foreign,
    Text(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Defaults {
    endpoint: Option<String>,
    key: Option<PathBuf>,
    insecure: Option<bool>,
    known_hosts: Option<PathBuf>,
    #[serde(default, deserialize_with = "timeout")]
    timeout: Option<Duration>,
}

/// An endpoint with a name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Named {
    url: String,
    key: Option<PathBuf>,
    insecure: Option<bool>,
    known_hosts: Option<PathBuf>,
    #[serde(default, deserialize_with = "timeout")]
    timeout: Option<Duration>,
}

/// The settings of a connection to an endpoint; `None`: not set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    pub(crate) key: Option<PathBuf>,
    pub(crate) insecure: Option<bool>,
    pub(crate) known_hosts: Option<PathBuf>,
    pub(crate) timeout: Option<Duration>,
}

impl Connection {
    /// Takes the settings of `other` that are not set here. A key and `insecure` are one setting.
    pub(crate) fn or(self, other: Self) -> Self {
        let has_decided = self.key.is_some() || self.insecure == Some(true);
        Self {
            key: self.key.or(other.key.filter(|_| !has_decided)),
            insecure: self.insecure.or(other.insecure.filter(|_| !has_decided)),
            known_hosts: self.known_hosts.or(other.known_hosts),
            timeout: self.timeout.or(other.timeout),
        }
    }
}

/// A time with a unit, or a number of seconds.
fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text,
        toml::Value::Integer(seconds) => seconds.to_string(),
        toml::Value::Float(seconds) => seconds.to_string(),
        _ => String::new(),
    };
    units::timeout(&text).map(Some).map_err(serde::de::Error::custom)
}

impl Config {
    /// The endpoint of `text` (a URL, a short form, `@NAME`), or the default one if there is no text; with the
    /// settings of the file for it.
    pub(crate) fn endpoint(&self, text: Option<&str>) -> Result<(Endpoint, Connection), CliError> {
        let usage = |sentence: String| match (text, &self.path) {
            (None, Some(path)) => file::error(path, &format!("defaults.endpoint: {sentence}")),
            _ => CliError::new(Exit::Usage, sentence),
        };
        let Defaults { endpoint, key, insecure, known_hosts, timeout } = &self.defaults;
        let mut settings = self.connection(key, *insecure, known_hosts, *timeout);
        let Some(mut text) = text.or(endpoint.as_deref()) else {
            return Ok((Endpoint::default(), settings));
        };
        if let Some(name) = text.strip_prefix('@') {
            let Some(named) = self.endpoints.get(name) else {
                return Err(usage(self.unknown(name)));
            };
            let Named { url, key, insecure, known_hosts, timeout } = named;
            settings = self.connection(key, *insecure, known_hosts, *timeout).or(settings);
            text = url;
        }
        let endpoint = text.parse().map_err(|error| usage(format!("{error}")))?;
        Ok((endpoint, settings))
    }

    /// The sentence for an endpoint that the file does not have.
    fn unknown(&self, name: &str) -> String {
        let name = name.escape_debug();
        let Some(path) = &self.path else {
            return format!("there is no endpoint @{name}: there is no configuration file");
        };
        let file = describe::path(path);
        let names: Vec<_> =
            self.endpoints.keys().map(|name| format!("@{}", name.escape_debug())).collect();
        match names.as_slice() {
            [] => format!("there is no endpoint @{name}: \"{file}\" has none"),
            names => format!("there is no endpoint @{name}: \"{file}\" has {}", names.join(", ")),
        }
    }

    fn connection(
        &self,
        key: &Option<PathBuf>,
        insecure: Option<bool>,
        known_hosts: &Option<PathBuf>,
        timeout: Option<Duration>,
    ) -> Connection {
        let file = |path: &Option<PathBuf>| path.as_deref().map(|path| self.file(path));
        Connection { key: file(key), insecure, known_hosts: file(known_hosts), timeout }
    }

    /// A path of the file: `~/` is the home directory, and another one begins at the file's directory.
    fn file(&self, path: &Path) -> PathBuf {
        let below_home = path.strip_prefix("~").ok().zip(env::home_dir());
        let directory = self.path.as_deref().and_then(Path::parent);
        match (below_home, directory) {
            (Some((rest, home)), _) => home.join(rest),
            (None, Some(directory)) => directory.join(path),
            (None, None) => path.to_owned(),
        }
    }
}

/// `tinyferry config`.
pub(crate) fn print() -> Result<Exit, CliError> {
    let config = Config::read()?;
    let Some(path) = &config.path else {
        print_line!(
            "# There is no configuration file: {} is empty, or there is no home directory.",
            file::VARIABLE
        );
        return Ok(Exit::Done);
    };
    let (state, text) = match &config.content {
        Content::Missing => (" (it does not exist)", ""),
        Content::Foreign => (" (it belongs to another user, and is ignored)", ""),
        Content::Text(text) if text.is_empty() => (" (it is empty)", ""),
        Content::Text(text) => ("", text.as_str()),
    };
    print_line!("# {}{state}", describe::path(path));
    if let Some(endpoint) = env::var_os(ENDPOINT) {
        print_line!("# {ENDPOINT}: {}", endpoint.to_string_lossy().escape_debug());
    }
    for line in text.lines() {
        print_line!("{line}");
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("config.toml");
        std::fs::write(&path, text).expect("a file");
        Config::read_file(path, false).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_named_endpoint_has_its_settings_and_the_defaults() {
        let config = config(
            "[defaults]\nendpoint = \"@box\"\ntimeout = 7\nkey = \"all.key\"\n\
             [endpoints.box]\nurl = \"box\"\nkey = \"/keys/box\"\n\
             [endpoints.open]\nurl = \"tcp://open:1\"\ninsecure = true\ntimeout = \"2m\"\n",
        )
        .expect("a file");
        let (endpoint, settings) = config.endpoint(None).expect("the default");
        assert_eq!(endpoint.to_string(), "tcp://box:8080");
        // On Windows it has the drive of the file.
        let key = settings.key.expect("its key");
        let names = key.components().filter(|part| matches!(part, std::path::Component::Normal(_)));
        assert!(key.is_absolute() && names.eq(Path::new("keys/box").components()), "{key:?}");
        assert_eq!(settings.timeout, Some(Duration::from_secs(7)));
        let (_, settings) = config.endpoint(Some("@open")).expect("a name");
        assert_eq!((settings.key, settings.insecure), (None, Some(true)));
        assert_eq!(settings.timeout, Some(Duration::from_secs(120)));
        // A path begins at the file's directory.
        let (endpoint, settings) = config.endpoint(Some("other")).expect("a host");
        assert_eq!(endpoint.to_string(), "tcp://other:8080");
        let key = settings.key.expect("the default key");
        assert!(key.is_absolute() && key.ends_with("all.key"), "{key:?}");
        let told = config.endpoint(Some("@x")).expect_err("no such name").to_string();
        assert!(told.contains("no endpoint @x") && told.ends_with("@box, @open"), "{told}");
    }

    #[test]
    fn an_invalid_file_is_refused_with_its_line() {
        for (text, why) in [
            ("\n[defaults]\nendpoit = \"a\"\n", "line 3: unknown field `endpoit`"),
            ("[defaults]\ntimeout = 0\n", "line 2: a timeout of 0"),
            ("[defaults]\ntimeout = \"x\"\n", "line 2: not a length of time"),
            ("[endpoints.a]\nkey = \"k\"\n", "missing field `url`"),
            ("[endpoints.a]\nurl = \"http://a\"\n", "endpoints.a: \"http://a\" is no endpoint"),
            ("x", "line 1"),
        ] {
            let told = config(text).expect_err(text);
            assert!(told.contains(why) && told.contains("config.toml"), "{told}");
        }
    }
}
