//! Directories of other machines: `USER@HOST:DIR`.

use super::host::is_name;

/// A directory that a user of another machine may access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ssh {
    /// The user and the host: `USER@HOST`.
    pub host: String,
    /// The directory, relative to the user's home directory; empty: the home directory.
    pub directory: String,
}

impl Ssh {
    /// Parses `USER@HOST`, `USER@HOST:` and `USER@HOST:DIR`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, directory) = text.split_once(':').unwrap_or((text, ""));
        let (user, name) = host.split_once('@')?;
        let is_valid = is_name(user) && is_name(name) && !directory.contains('\0');
        is_valid.then(|| Self { host: host.to_owned(), directory: directory.to_owned() })
    }

    /// The command for the shell. The server allows to remove files: a user who may log in can remove them
    /// anyway. After `--` a host is no option.
    #[cfg(any(unix, test))]
    pub(crate) fn command(&self) -> String {
        let directory = match self.directory.strip_prefix("~/").unwrap_or(&self.directory) {
            "" | "~" => ".".to_owned(),
            directory if directory.starts_with('-') => format!("./{directory}"),
            directory => directory.to_owned(),
        };
        let remote = format!("tinyferry serve --stdio --allow-remove {}", quoted(&directory));
        format!("exec ssh -T -- {} {}", quoted(&self.host), quoted(&remote))
    }
}

/// A word of the shell.
#[cfg(any(unix, test))]
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;

    /// The directory passes two shells as one word.
    #[test]
    fn a_directory_of_ssh_is_one_word_of_the_remote_shell() {
        let command = |text: &str| match text.parse() {
            Ok(Endpoint::Ssh(ssh)) => ssh.command(),
            other => panic!("{text}: {other:?}"),
        };
        let remote = |directory: &str| {
            format!(r"exec ssh -T -- 'me@box' 'tinyferry serve --stdio --allow-remove {directory}'")
        };
        assert_eq!(command("me@box:a b"), remote(r"'\''a b'\''"));
        assert_eq!(command("me@box"), remote(r"'\''.'\''"));
        assert_eq!(command("me@box:~/a"), remote(r"'\''a'\''"));
        assert_eq!(command("me@box:-rf"), remote(r"'\''./-rf'\''"));
    }

    /// A host that was not parsed.
    #[test]
    fn a_host_of_ssh_is_one_word_of_the_shell_and_no_option() {
        for (host, word) in [
            ("me@box; touch x", "'me@box; touch x'"),
            ("-oProxyCommand=x", "'-oProxyCommand=x'"),
            ("it's", r"'it'\''s'"),
        ] {
            let ssh = Ssh { host: host.to_owned(), directory: String::new() };
            let begin = format!("exec ssh -T -- {word} '");
            assert!(ssh.command().starts_with(&begin), "{}", ssh.command());
        }
    }
}
