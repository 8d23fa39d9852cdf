//! The output of commands: `golden/commands.txt` has commands of the shell, each with its standard output, standard
//! error and exit code. They run one after another: with pipes, and again with closed standard streams, as a daemon
//! may start them.
//!
//! `TINYFERRY_GOLDEN=write` writes the file anew from its commands.

mod mask;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::harness::{Ended, Place, Server, client_by, content, program, set_mode, snapshot};

const COMMANDS: &str = include_str!("golden/commands.txt");

/// The servers: a name of the configuration file, and the options.
const SERVERS: [(&str, &[&str]); 5] = [
    ("box", &["--allow-remove", "--allow-close"]),
    ("plain", &[]),
    ("readonly", &["--read-only"]),
    ("writeonly", &["--write-only"]),
    ("locked", &["--key", "server.key"]),
];

/// The files of the client, and of the servers.
const FILES: [(&str, usize); 9] = [
    ("here/photo.jpg", 70_000),
    ("here/notes.txt", 20),
    ("here/empty", 0),
    ("here/album/a.jpg", 3000),
    ("here/album/sub/b.jpg", 2000),
    ("here/site/index.html", 100),
    ("served/report.txt", 24),
    ("served/docs/one.txt", 10),
    ("served/docs/two.txt", 20),
];

/// Directories, servers and a configuration file that names them.
struct Scene {
    place: Place,
    /// The servers with their names.
    servers: Vec<(&'static str, Server)>,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let root = place.root.path();
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (number, (path, size)) in FILES.into_iter().enumerate() {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
            let mut bytes = content(size, number as u64);
            if size < 100 {
                bytes.iter_mut().for_each(|byte| *byte = b'a' + *byte % 26);
                bytes.last_mut().into_iter().for_each(|last| *last = b'\n');
            }
            fs::write(&path, bytes).expect("a file");
            set_mode(&path, 0o644);
            set_time(&path, made);
        }
        let long_ago = SystemTime::now() - Duration::from_secs(5 * 86_400 + 3600);
        let partial = root.join("here/old/.film.mkv.tinyferry-part");
        fs::create_dir(root.join("here/old")).expect("a directory");
        fs::write(&partial, content(1000, 1)).expect("a file");
        set_time(&partial, long_ago);
        std::os::unix::fs::symlink("a.jpg", root.join("here/album/link")).expect("a link");
        for directory in ["here/album", "here/album/sub", "here/site", "served/docs"] {
            set_mode(&root.join(directory), 0o755);
            set_time(&root.join(directory), made);
        }
        program(root, &["keygen", "server.key"]).well();
        let mut config = "[defaults]\nendpoint = \"@box\"\n".to_owned();
        let servers = SERVERS.map(|(name, options)| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
            command.args(["serve", "--listen", "tcp://127.0.0.1:0", "served"]).args(options);
            command.current_dir(root);
            let server = Server::start_by(command);
            config += &format!("\n[endpoints.{name}]\nurl = \"{}\"\n", server.endpoint);
            (name, server)
        });
        fs::write(root.join("config.toml"), config).expect("a file");
        Self { place, servers: servers.into() }
    }

    /// Runs a line of the shell, after another one.
    fn run(&self, before: &str, line: &str) -> Ended {
        let program = Path::new(env!("CARGO_BIN_EXE_tinyferry"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let directories = program.parent().map(PathBuf::from);
        let path =
            std::env::join_paths(directories.into_iter().chain(std::env::split_paths(&path)));
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{before}\n{line}")]).current_dir(self.place.here(""));
        shell.env("PATH", path.expect("a path")).stdin(Stdio::null());
        shell.env("TINYFERRY_CONFIG", "../config.toml").env("COLUMNS", "100");
        // The log of -v has times.
        shell.env("TINYFERRY_LOG", "warn").env_remove("TINYFERRY_ENDPOINT");
        client_by(shell)
    }

    /// The output without the parts that differ from run to run.
    fn masked(&self, output: &str) -> String {
        let ports = self.servers.iter().map(|(name, server)| {
            (server.endpoint.clone(), format!("tcp://127.0.0.1:{}", name.to_uppercase()))
        });
        let root = (self.place.root.path().display().to_string(), "PLACE".to_owned());
        let known =
            ports.chain([root, (env!("CARGO_PKG_VERSION").to_owned(), "VERSION".to_owned())]);
        let output = known.fold(output.to_owned(), |output, (from, to)| output.replace(&from, &to));
        mask::masked(&output)
    }
}

fn set_time(path: &Path, time: SystemTime) {
    File::open(path).and_then(|file| file.set_modified(time)).expect("a time");
}

/// Lines of output, each behind a mark for its stream.
fn marked(mark: &str, output: &str) -> String {
    let line = |line: &str| format!("{}\n", format!("{mark} {line}").trim_end());
    output.lines().map(line).collect()
}

#[test]
fn commands_have_the_output_and_the_exit_code_of_the_table() {
    let (open, closed) = (Scene::new(), Scene::new());
    let mut table = String::new();
    let is_kept = |line: &&str| line.is_empty() || line.starts_with('#') || line.starts_with('$');
    for line in COMMANDS.lines().filter(is_kept) {
        table += &format!("{line}\n");
        let Some(command) = line.strip_prefix("$ ") else { continue };
        let ended = open.run("", command);
        for debris in ["panicked", "Some(", "Err(", "Error {", "os error"] {
            assert!(!ended.stderr.contains(debris), "{line}\n{}", ended.stderr);
        }
        table += &marked(">", &open.masked(&ended.stdout));
        table += &marked("!", &open.masked(&ended.stderr));
        let blind = closed.run("exec <&- >&- 2>&-", command);
        assert_eq!((blind.stdout.as_str(), blind.stderr.as_str()), ("", ""), "{line}");
        let code = |ended: &Ended| ended.code.map_or("none".to_owned(), |code| code.to_string());
        table += &match (code(&ended), code(&blind)) {
            (code, blind) if code == blind => format!("= {code}\n"),
            (code, blind) => format!("= {code}; {blind} with closed streams\n"),
        };
    }
    // Nothing was written into a file that took the place of a closed stream.
    let content = |scene: &Scene| {
        let found = snapshot(&scene.place.served(""));
        found.into_iter().map(|(path, (content, ..))| (path, content)).collect::<Vec<_>>()
    };
    assert_eq!(content(&open), content(&closed));
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/program/golden/commands.txt");
    if std::env::var_os("TINYFERRY_GOLDEN").is_some_and(|value| value == "write") {
        fs::write(file, table).expect("the table");
    } else if table != COMMANDS {
        let different = table.lines().zip(COMMANDS.lines()).position(|(now, then)| now != then);
        let at = different.unwrap_or_else(|| table.lines().count().min(COMMANDS.lines().count()));
        let around = |text: &str| {
            let lines =
                text.lines().skip(at.saturating_sub(4)).take(10).map(|line| format!("  {line}\n"));
            lines.collect::<String>()
        };
        panic!(
            "line {} of golden/commands.txt differs (TINYFERRY_GOLDEN=write rewrites it)\nthe table has\n{}the \
             program prints\n{}",
            at + 1,
            around(COMMANDS),
            around(&table)
        );
    }
}
