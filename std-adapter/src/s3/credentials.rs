//! Credentials and the region, from the environment and the usual files. Knows no requests, and no command line.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use rusty_s3::Credentials;

/// Where the settings come from; a test has others.
pub(super) trait Sources {
    /// A variable of the environment; an empty one counts as missing.
    fn variable(&self, name: &str) -> Option<String>;
    /// The text of a file; `None`: it is missing.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn file(&self, path: &std::path::Path) -> Result<Option<String>, String>;
}

/// The environment of this process and the file system.
#[derive(Debug)]
pub(super) struct System;

impl Sources for System {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn file(&self, path: &std::path::Path) -> Result<Option<String>, String> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(crate::describe::os_error(&error)),
        }
    }
}

/// What the environment and the files say.
pub(super) struct Settings {
    pub(super) credentials: Credentials,
    pub(super) region: Option<String>,
    /// The URL of another object storage than AWS.
    pub(super) endpoint: Option<String>,
}

/// There are no credentials: a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoCredentials(String);

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

type Section = HashMap<String, String>;

impl Settings {
    /// The settings of `profile`, if one is named; else those of the environment, then those of the profile that it
    /// names, then those of the profile `default`.
    ///
    /// # Errors
    /// There are no credentials.
    pub(super) fn read(
        profile: Option<&str>,
        sources: &impl Sources,
    ) -> Result<Self, NoCredentials> {
        let variable = |name| sources.variable(name);
        let usual = || variable("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
        let name = profile.map_or_else(usual, str::to_owned);
        let home = variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from);
        let path = |variable_name, usual: &str| {
            let file = || home.as_ref().map(|home| home.join(".aws").join(usual));
            variable(variable_name).map(PathBuf::from).or_else(file)
        };
        let path_of_credentials = path("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let read = |path: Option<&PathBuf>, heading: &str| match path {
            None => Ok(None),
            Some(path) => match sources.file(path) {
                Ok(text) => Ok(text.and_then(|text| section(&text, heading))),
                Err(why) => {
                    let path = crate::describe::path(path);
                    Err(NoCredentials(format!("the file \"{path}\" cannot be read: {why}")))
                }
            },
        };
        let heading = if name == "default" { name.clone() } else { format!("profile {name}") };
        let config = read(path("AWS_CONFIG_FILE", "config").as_ref(), &heading)?;
        let secret = read(path_of_credentials.as_ref(), &name)?;
        let of = |section: &Option<Section>, key: &str| {
            section.as_ref().and_then(|section| section.get(key)).cloned()
        };
        let from_environment = || {
            let (id, key) = (variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?);
            Some(credentials(id, key, variable("AWS_SESSION_TOKEN")))
        };
        let from = |section: &Option<Section>| {
            let id = of(section, "aws_access_key_id")?;
            let key = of(section, "aws_secret_access_key")?;
            Some(credentials(id, key, of(section, "aws_session_token")))
        };
        let found = if profile.is_none() { from_environment() } else { None };
        let Some(credentials) = found.or_else(|| from(&secret)).or_else(|| from(&config)) else {
            let name = name.escape_debug();
            let file = path_of_credentials.map_or_else(
                || "~/.aws/credentials".to_owned(),
                |path| crate::describe::path(&path),
            );
            return Err(NoCredentials(format!(
                "no credentials for the object storage were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or \
                 add aws_access_key_id and aws_secret_access_key to the profile \"{name}\" in \"{file}\""
            )));
        };
        let region = || variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        let endpoint = || variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
        Ok(Self {
            credentials,
            region: region().or_else(|| of(&config, "region")).or_else(|| of(&secret, "region")),
            endpoint: endpoint().or_else(|| of(&config, "endpoint_url")),
        })
    }
}

fn credentials(id: String, key: String, token: Option<String>) -> Credentials {
    match token {
        Some(token) => Credentials::new_with_token(id, key, token),
        None => Credentials::new(id, key),
    }
}

/// The settings below `[heading]` in the text of a file.
fn section(text: &str, heading: &str) -> Option<Section> {
    let mut found: Option<Section> = None;
    let mut is_in = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            is_in = name.split_whitespace().eq(heading.split_whitespace());
            if is_in {
                found.get_or_insert_default();
            }
        } else if is_in && let Some((key, value)) = line.split_once('=') {
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim().to_owned());
            found.get_or_insert_default().insert(key, value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    struct Given(&'static [(&'static str, &'static str)]);

    impl Sources for Given {
        fn variable(&self, name: &str) -> Option<String> {
            self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }

        fn file(&self, path: &Path) -> Result<Option<String>, String> {
            let text = match path.to_str() {
                Some("/h/.aws/credentials") => {
                    "# a comment\n[default]\naws_access_key_id = D\naws_secret_access_key=ds\n\
                     [other]\naws_access_key_id=O\naws_secret_access_key=os\naws_session_token=ot\n"
                }
                Some("/h/.aws/config") => {
                    "[default]\nregion=eu-1\n[profile other]\nregion = eu-2\nendpoint_url = http://x:1\n"
                }
                Some("/denied") => return Err("permission denied".to_owned()),
                _ => return Ok(None),
            };
            Ok(Some(text.to_owned()))
        }
    }

    fn read(profile: Option<&str>, given: &'static [(&str, &str)]) -> (String, Option<String>) {
        let settings = Settings::read(profile, &Given(given)).unwrap();
        let token = settings.credentials.token().unwrap_or("-");
        let (key, secret) = (settings.credentials.key(), settings.credentials.secret());
        (format!("{key} {secret} {token}"), settings.region)
    }

    #[test]
    fn the_environment_comes_before_the_files_and_a_named_profile_before_both() {
        const ENVIRONMENT: &[(&str, &str)] =
            &[("HOME", "/h"), ("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "es")];
        assert_eq!(read(None, ENVIRONMENT), ("E es -".into(), Some("eu-1".into())));
        assert_eq!(read(None, &[("HOME", "/h")]).0, "D ds -");
        let other = ("O os ot".to_owned(), Some("eu-2".to_owned()));
        assert_eq!(read(None, &[("HOME", "/h"), ("AWS_PROFILE", "other")]), other);
        assert_eq!(read(Some("other"), ENVIRONMENT), other);
        let settings = Settings::read(Some("other"), &Given(ENVIRONMENT)).ok().unwrap();
        assert_eq!(settings.endpoint.as_deref(), Some("http://x:1"));
    }

    #[test]
    fn missing_credentials_are_reported_with_the_variables_and_the_file() {
        let error = Settings::read(Some("no"), &Given(&[("HOME", "/h")])).err().unwrap();
        for part in ["AWS_ACCESS_KEY_ID", "profile \"no\"", "/h/.aws/credentials"] {
            assert!(error.to_string().contains(part), "{error}");
        }
        let given = &[("AWS_SHARED_CREDENTIALS_FILE", "/denied")];
        let error = Settings::read(None, &Given(given)).err().unwrap();
        assert_eq!(error.to_string(), "the file \"/denied\" cannot be read: permission denied");
    }
}
