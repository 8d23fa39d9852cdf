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

use std::collections::BTreeMap;
use std::env;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use tinyferry::{Endpoint, describe};

use crate::exit::{CliError, Exit};
use crate::units;

/// The variable that names another file; empty: there is none.
const VARIABLE: &str = "TINYFERRY_CONFIG";

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    defaults: Defaults,
    #[serde(default)]
    endpoints: BTreeMap<String, Named>,
    /// Its path, if there is a place for it.
    #[serde(skip)]
    path: Option<PathBuf>,
    /// Its text.
    #[serde(skip)]
    text: String,
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

/// How to connect to an endpoint; `None`: not said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    pub(crate) key: Option<PathBuf>,
    pub(crate) insecure: Option<bool>,
    pub(crate) known_hosts: Option<PathBuf>,
    pub(crate) timeout: Option<Duration>,
}

impl Connection {
    /// The same, completed by `other`. A connection without encryption needs no key.
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
    /// Reads the file. A file that does not exist has no settings.
    pub(crate) fn read() -> Result<Self, CliError> {
        match path() {
            Some(path) => Self::read_file(path),
            None => Ok(Self::default()),
        }
    }

    fn read_file(path: PathBuf) -> Result<Self, CliError> {
        let failed = |why: &str| {
            let file = describe::path(&path);
            CliError::new(Exit::Usage, format!("the configuration file \"{file}\": {why}"))
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            // The home directory is that of another user, as after `sudo -u`.
            Err(error)
                if error.kind() == ErrorKind::PermissionDenied
                    && env::var_os(VARIABLE).is_none() =>
            {
                String::new()
            }
            Err(error) => return Err(failed(&describe::os_error(&error))),
        };
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            failed(&format!("line {line}: {}", error.message()))
        })?;
        for (name, Named { url, .. }) in &config.endpoints {
            if let Err(error) = url.parse::<Endpoint>() {
                return Err(failed(&format!("endpoints.{}: {error}", name.escape_debug())));
            }
        }
        (config.path, config.text) = (Some(path), text);
        Ok(config)
    }

    /// The endpoint that `text` means (a URL, a short form, `@NAME`), or without a text the default one; with
    /// the settings of the file for it.
    pub(crate) fn endpoint(&self, text: Option<&str>) -> Result<(Endpoint, Connection), CliError> {
        let usage = |sentence| CliError::new(Exit::Usage, sentence);
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

/// The place of the file.
fn path() -> Option<PathBuf> {
    if let Some(path) = env::var_os(VARIABLE) {
        return (!path.is_empty()).then(|| path.into());
    }
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let directory = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .and_then(absolute)
        .or_else(|| env::home_dir().and_then(absolute).map(|home| home.join(".config")));
    directory.map(|directory| directory.join("tinyferry").join("config.toml"))
}

/// `tinyferry config`.
pub(crate) fn print() -> Result<Exit, CliError> {
    let config = Config::read()?;
    let Some(path) = &config.path else {
        print_line!(
            "# There is no configuration file: {VARIABLE} is empty, or there is no home directory."
        );
        return Ok(Exit::Done);
    };
    let state = if config.text.is_empty() {
        " (it does not exist, is empty, or belongs to another user)"
    } else {
        ""
    };
    print_line!("# {}{state}", describe::path(path));
    if let Some(endpoint) = env::var_os("TINYFERRY_ENDPOINT") {
        print_line!("# TINYFERRY_ENDPOINT: {}", endpoint.to_string_lossy().escape_debug());
    }
    for line in config.text.lines() {
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
        Config::read_file(path).map_err(|problem| problem.to_string())
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
        assert_eq!(settings.key.as_deref(), Some(Path::new("/keys/box")));
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
