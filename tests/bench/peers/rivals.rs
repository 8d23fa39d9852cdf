//! The others that move files: how each is started. Knows nothing of rounds.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Done;
use crate::process::{Job, Spent, find, free_port, quiet, spend, start};

/// The paths of a transfer: `source` becomes an entry of `out` of the same name.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) source: PathBuf,
    pub(crate) out: PathBuf,
    /// For settings and keys.
    pub(crate) scratch: PathBuf,
}

impl Place {
    pub(crate) fn name(&self) -> &str {
        self.source.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    fn parent(&self) -> &Path {
        self.source.parent().unwrap_or(Path::new("/"))
    }

    /// Where it arrives.
    pub(crate) fn target(&self) -> PathBuf {
        self.out.join(self.name())
    }
}

/// One run.
pub(crate) type Run = Box<dyn FnMut() -> Done<Spent>>;
/// Where to connect instead of there: through a proxy, or there itself.
pub(crate) type Route<'a> = &'a dyn Fn(SocketAddr) -> Done<SocketAddr>;

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// One of our own loops on each end.
pub(crate) fn raw(place: &Place, send: &str, receive: &str, route: Route<'_>) -> Done<Spent> {
    let own = std::env::current_exe()?;
    let port = free_port()?;
    let end = |how: &str, port: u16, path: &Path| {
        let mut command = quiet(&own);
        command.args(["raw", how, &port.to_string()]).arg(path);
        start(&mut command)
    };
    let mut receiver = end(receive, port, &place.target())?;
    receiver.await_port(port)?;
    let port = route(local(port))?.port();
    spend(None, vec![receiver], || Ok(vec![end(send, port, &place.source)?]))
}

pub(crate) fn nc(place: &Place) -> Done<Run> {
    let (nc, place) = (netcat()?, place.clone());
    Ok(Box::new(move || {
        let port = free_port()?;
        let mut receiver = quiet(&nc);
        receiver.args(["-l", "127.0.0.1", &port.to_string()]);
        let mut receiver = start(receiver.stdout(fs::File::create(place.target())?))?;
        receiver.await_port(port)?;
        spend(None, vec![receiver], || {
            let mut sender = quiet(&nc);
            sender.args(["-N", "127.0.0.1", &port.to_string()]);
            Ok(vec![start(sender.stdin(fs::File::open(&place.source)?))?])
        })
    }))
}

pub(crate) fn socat(place: &Place) -> Done<Run> {
    let (socat, place) = (find("socat")?, place.clone());
    Ok(Box::new(move || {
        let port = free_port()?;
        let mut receiver = quiet(&socat);
        receiver.args(["-u", "-b65536", &format!("TCP-LISTEN:{port},bind=127.0.0.1")]);
        let mut receiver = start(receiver.arg(format!("CREATE:{}", place.target().display())))?;
        receiver.await_port(port)?;
        spend(None, vec![receiver], || {
            let mut sender = quiet(&socat);
            sender.args(["-u", "-b65536", &format!("OPEN:{}", place.source.display())]);
            Ok(vec![start(sender.arg(format!("TCP:127.0.0.1:{port}")))?])
        })
    }))
}

/// Packs on one end, unpacks on the other.
pub(crate) fn tar(place: &Place, route: Route<'_>) -> Done<Spent> {
    let (nc, tar) = (netcat()?, find("tar")?);
    let port = free_port()?;
    let mut receiver = quiet(&nc);
    receiver.args(["-l", "127.0.0.1", &port.to_string()]);
    let mut receiver = start(receiver.stdout(Stdio::piped()))?;
    let mut unpacker = quiet(&tar);
    unpacker.args(["-x", "-C"]).arg(&place.out);
    let unpacker = start(unpacker.stdin(receiver.output()))?;
    receiver.await_port(port)?;
    let port = route(local(port))?.port();
    spend(None, vec![receiver, unpacker], || {
        let mut packer = quiet(&tar);
        packer.args(["-c", "-C"]).arg(place.parent()).arg(place.name());
        let mut packer = start(packer.stdout(Stdio::piped()))?;
        let mut sender = quiet(&nc);
        sender.args(["-N", "127.0.0.1", &port.to_string()]);
        let sender = start(sender.stdin(packer.output()))?;
        Ok(vec![packer, sender])
    })
}

pub(crate) fn cp(place: &Place) -> Done<Run> {
    let (cp, place) = (find("cp")?, place.clone());
    Ok(Box::new(move || {
        spend(None, Vec::new(), || {
            Ok(vec![start(quiet(&cp).arg("-r").arg(&place.source).arg(&place.out))?])
        })
    }))
}

/// A daemon, with a module for each direction.
pub(crate) struct Rsync {
    program: PathBuf,
    daemon: Job,
    port: u16,
}

impl Rsync {
    pub(crate) fn start(place: &Place) -> Done<Self> {
        let program = find("rsync")?;
        let (port, settings) = (free_port()?, place.scratch.join("rsyncd.conf"));
        let user = match rustix::process::getuid() {
            user if user.is_root() => "uid = 0\ngid = 0\n",
            _ => "",
        };
        let text = format!(
            "use chroot = no\n{user}log file = /dev/null\n\
             [in]\npath = {}\nread only = no\n[out]\npath = {}\n",
            place.out.display(),
            place.parent().display(),
        );
        fs::write(&settings, text)?;
        let mut command = quiet(&program);
        command.args(["--daemon", "--no-detach", "--address=127.0.0.1"]);
        command.arg(format!("--port={port}")).arg(format!("--config={}", settings.display()));
        let mut daemon = start(&mut command)?;
        daemon.await_port(port)?;
        Ok(Self { program, daemon, port })
    }

    fn command(&self) -> Command {
        let mut command = quiet(&self.program);
        command.args(["-rt", "--whole-file"]);
        command
    }

    pub(crate) fn push(&self, place: &Place, route: Route<'_>) -> Done<Spent> {
        let port = route(local(self.port))?.port();
        spend(Some(&self.daemon), Vec::new(), || {
            let mut command = self.command();
            command.arg(&place.source).arg(format!("rsync://127.0.0.1:{port}/in/"));
            Ok(vec![start(&mut command)?])
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Makes `out/tree` equal to a directory, over any port that leads to the daemon.
    pub(crate) fn mirror(&self, source: &Path, port: u16, checksum: bool) -> Command {
        let mut command = quiet(&self.program);
        command.args(["-a", "--delete", "--whole-file"]).args(checksum.then_some("--checksum"));
        command.arg(format!("{}/", source.display()));
        command.arg(format!("rsync://127.0.0.1:{port}/in/tree/"));
        command
    }

    pub(crate) fn pull(&self, place: &Place) -> Done<Spent> {
        spend(Some(&self.daemon), Vec::new(), || {
            let mut command = self.command();
            command.arg(format!("rsync://127.0.0.1:{}/out/{}", self.port, place.name()));
            Ok(vec![start(command.arg(&place.out))?])
        })
    }
}

/// A web server gives, a client takes.
pub(crate) fn web(place: &Place) -> Done<Run> {
    let (nginx, curl) = (find("nginx")?, find("curl")?);
    let (port, place) = (free_port()?, place.clone());
    let scratch = place.scratch.display();
    let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|what| format!("{what}_temp_path {scratch}/{what};\n"))
        .collect();
    let text = format!(
        "daemon off;\nmaster_process off;\npid {scratch}/nginx.pid;\nerror_log stderr;\n\
         events {{}}\nhttp {{\naccess_log off;\nsendfile on;\n{places}\
         server {{\nlisten 127.0.0.1:{port};\nroot {};\n}}\n}}\n",
        place.parent().display(),
    );
    let settings = place.scratch.join("nginx.conf");
    fs::write(&settings, text)?;
    let mut server = quiet(&nginx);
    let mut server = start(server.arg("-e").arg("stderr").arg("-c").arg(&settings))?;
    server.await_port(port)?;
    Ok(Box::new(move || {
        spend(Some(&server), Vec::new(), || {
            let mut command = quiet(&curl);
            command.args(["-s", "-f", &format!("http://127.0.0.1:{port}/{}", place.name())]);
            Ok(vec![start(command.arg("-o").arg(place.target()))?])
        })
    }))
}

/// A server of this user's own, with keys of its own.
pub(crate) fn scp(place: &Place) -> Done<Run> {
    let (sshd, scp, keygen) = (find("sshd")?, find("scp")?, find("ssh-keygen")?);
    let scratch = &place.scratch;
    let key = scratch.join("key");
    let mut make = quiet(keygen);
    start(make.args(["-q", "-t", "ed25519", "-N", ""]).arg("-f").arg(&key))?.wait()?;
    let known = scratch.join("authorized");
    fs::copy(scratch.join("key.pub"), &known)?;
    fs::set_permissions(&known, fs::Permissions::from_mode(0o600))?;
    let (port, settings) = (free_port()?, scratch.join("sshd.conf"));
    let text = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\n\
         PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n",
        key.display(),
        known.display(),
    );
    fs::write(&settings, text)?;
    let mut server = start(quiet(sshd).arg("-D").arg("-f").arg(&settings))?;
    server.await_port(port)?;
    let place = place.clone();
    Ok(Box::new(move || {
        spend(Some(&server), Vec::new(), || {
            let mut command = quiet(&scp);
            command.args(["-q", "-r", "-F", "none", "-c", "aes128-gcm@openssh.com"]);
            command.args(["-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes"]);
            command.args(["-o", "UserKnownHostsFile=/dev/null", "-P", &port.to_string()]);
            command.arg("-i").arg(&key).arg(&place.source);
            Ok(vec![start(command.arg(format!("127.0.0.1:{}/", place.out.display())))?])
        })
    }))
}

/// ZMODEM, with a socket for a line.
pub(crate) fn zmodem(place: &Place) -> Done<Run> {
    let (sz, rz, place) = (find("sz")?, find("rz")?, place.clone());
    Ok(Box::new(move || {
        let door = TcpListener::bind("127.0.0.1:0")?;
        let near = TcpStream::connect(door.local_addr()?)?;
        let (far, _) = door.accept()?;
        let over = |command: &mut Command, line: TcpStream| -> Done<Job> {
            let (input, output) = (OwnedFd::from(line.try_clone()?), OwnedFd::from(line));
            start(command.stdin(input).stdout(output))
        };
        let mut receiver = quiet(&rz);
        let receiver = over(receiver.args(["-q", "-b", "-y"]).current_dir(&place.out), far)?;
        spend(None, vec![receiver], || {
            let mut sender = quiet(&sz);
            Ok(vec![over(sender.args(["-q", "-b"]).arg(&place.source), near)?])
        })
    }))
}

/// A netcat that ends when its input does.
fn netcat() -> Done<PathBuf> {
    let nc = find("nc")?;
    let help = Command::new(&nc).arg("-h").stdin(Stdio::null()).output()?;
    let help = [help.stdout, help.stderr].concat();
    if String::from_utf8_lossy(&help).lines().any(|line| line.trim_start().starts_with("-N")) {
        return Ok(nc);
    }
    Err("this nc has no -N".into())
}
