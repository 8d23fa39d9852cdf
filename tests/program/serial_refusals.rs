//! Serial ports that other programs use, and that this user may not open.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Ended, Place, Server, client, program_as_nobody};
use crate::serial::{CLEAN, ended, lay, url, urls};

/// A process that ends with its test.
struct Running(Child);

impl Running {
    /// A process that has the port as its standard input.
    fn with_input(mut command: Command, port: &Path) -> Self {
        let input = fs::File::open(port).expect("the port");
        Self(command.stdin(input).stdout(Stdio::null()).spawn().expect("it starts"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sleep() -> Command {
    let mut command = Command::new("sleep");
    command.arg("100");
    command
}

#[test]
fn a_program_that_uses_a_port_is_named() {
    let place = Place::new();
    let here = place.here("");
    let cable = lay(CLEAN);
    let [listen, _] = urls(&cable);
    let server = Server::start_at(&listen, &place.served(""), &[]);
    let holder = format!("another program uses it: tinyferry (process {})", server.child.id());
    client(&listen, &here, &["ping"]).with(4, &["cannot open serial://", &holder]);
    let mut second = Command::new(env!("CARGO_BIN_EXE_tinyferry"));
    let served = place.served("");
    let second = second.args(["serve", "--listen", &listen]).arg(served).output();
    Ended::from(second.expect("it starts")).with(1, &[&holder]);
}

#[test]
fn a_program_with_a_lock_is_named_also_to_another_user() {
    let place = Place::new();
    let cable = lay(CLEAN);
    let port = cable.ports()[0];
    let probe = Command::new("flock").arg("--version").output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        println!("skipped: there is no flock");
        return;
    }
    let mut flock = Command::new("flock");
    // It becomes the other program, which has the port open and locked.
    flock.arg("--no-fork").arg(port).args(["sleep", "100"]).stdout(Stdio::null());
    let holder = Running(flock.spawn().expect("it starts"));
    let id = holder.0.id();
    let end = Instant::now() + Duration::from_secs(20);
    while fs::read(format!("/proc/{id}/comm")).expect("it runs") != b"sleep\n" {
        assert!(Instant::now() < end, "it does not become the other program");
        thread::sleep(Duration::from_millis(5));
    }
    let said = format!("another program uses it: sleep (process {id})");
    client(&url(port), &place.here(""), &["ping"]).with(4, &["cannot open", &said]);
    let Some(mut nobody) = program_as_nobody() else { return };
    fs::set_permissions(port, fs::Permissions::from_mode(0o666)).expect("permission bits");
    nobody.args(["ping", "-e", &url(port)]).env("TINYFERRY_CONFIG", "").current_dir("/");
    let ended = Ended::from(nobody.output().expect("it starts"));
    ended.with(4, &["cannot open", &said]);
}

#[test]
fn a_program_without_a_lock_is_reported_and_does_not_stop_a_transfer() {
    let place = Place::new();
    let here = place.here("");
    let cable = lay(CLEAN);
    let [listen, url] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    let alone = client(&url, &here, &["ping"]).well();
    assert!(!alone.stderr.contains("open too"), "{}", alone.stderr);
    let reader = Running::with_input(sleep(), cable.ports()[0]);
    let said = format!("sleep (process {}) has the port open too", reader.0.id());
    let ended = client(&url, &here, &["ping"]).well();
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
}

#[test]
fn an_exclusive_port_is_refused_with_the_way_to_find_its_user() {
    let place = Place::new();
    let Some(mut nobody) = program_as_nobody() else { return };
    let cable = lay(CLEAN);
    let port = cable.ports()[0];
    fs::set_permissions(port, fs::Permissions::from_mode(0o666)).expect("permission bits");
    let file = fs::File::open(port).expect("the port");
    rustix::termios::ioctl_tiocexcl(&file).expect("it becomes exclusive");
    nobody.args(["ping", "-e", &url(port)]).env("TINYFERRY_CONFIG", "");
    let ended = Ended::from(nobody.current_dir(place.root.path()).output().expect("it starts"));
    let path = port.display();
    let fuser = format!("\"sudo fuser -v {path}\"");
    ended.with(4, &["another program uses it, which this user may not see", &fuser]);
}

/// A ping by a plain user at a port of this group, with these permission bits.
fn ping_as_nobody(group: u32, bits: u32) -> Option<Ended> {
    let mut nobody = program_as_nobody()?;
    let cable = lay(CLEAN);
    let port = cable.ports()[0];
    chown(port, Some(0), Some(group)).expect("another group");
    fs::set_permissions(port, fs::Permissions::from_mode(bits)).expect("permission bits");
    nobody.args(["ping", "-e", &url(port)]).env("TINYFERRY_CONFIG", "");
    Some(nobody.output().expect("it starts").into())
}

#[test]
fn a_user_without_permission_is_told_the_group_and_the_remedy() {
    let table = fs::read_to_string("/etc/group").unwrap_or_default();
    let mut groups = table.lines().filter_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        let id: u32 = fields.get(2)?.parse().ok()?;
        (id != 0 && id != 65534).then(|| (id, fields[0].to_owned()))
    });
    // Any name: the program has none of its own.
    let groups: Vec<_> = groups.by_ref().take(2).collect();
    assert_eq!(groups.len(), 2, "the system has too few groups: {table}");
    for (id, name) in groups {
        let Some(ended) = ping_as_nobody(id, 0o660) else { return };
        let group = format!("permission denied; it belongs to the group \"{name}\"");
        let remedy = format!("run \"sudo usermod -aG {name} $USER\", then log out and in again");
        ended.with(4, &["cannot open serial://", &group, &remedy]);
    }
    // No group may: there is none to join.
    let Some(ended) = ping_as_nobody(1, 0o600) else { return };
    let ended = ended.with(4, &["it belongs to the user \"root\" and the group", "bits are 600"]);
    assert!(!ended.stderr.contains("usermod"), "{}", ended.stderr);
    let Some(ended) = ping_as_nobody(0, 0o660) else { return };
    assert!(!ended.stderr.contains("usermod"), "{}", ended.stderr);
}

/// The user is a member of the group since the last login.
#[test]
fn a_user_whose_login_is_older_than_the_group_is_told_so() {
    let place = Place::new();
    if program_as_nobody().is_none() {
        return;
    }
    let cable = lay(CLEAN);
    let port = cable.ports()[0];
    chown(port, Some(0), Some(65534)).expect("another group");
    fs::set_permissions(port, fs::Permissions::from_mode(0o660)).expect("permission bits");
    let mut program = Command::new("setpriv");
    // The group of this user in the table of users is 65534.
    program.args(["--reuid", "65534", "--regid", "1", "--clear-groups"]);
    program.arg(env!("CARGO_BIN_EXE_tinyferry")).args(["ping", "-e", &url(port)]);
    let output = program.env("TINYFERRY_CONFIG", "").current_dir(place.root.path()).output();
    let ended = Ended::from(output.expect("it starts"));
    ended.with(4, &["this user is in that group since the last login: log out and in again"]);
}

/// The system makes the file of a port before it gives it to a group.
#[test]
fn a_port_that_was_just_plugged_in_is_waited_for() {
    let place = Place::new();
    let Some(mut nobody) = program_as_nobody() else { return };
    let cable = lay(CLEAN);
    let [listen, url] = urls(&cable);
    let _server = Server::start_at(&listen, &place.served(""), &[]);
    let port = cable.ports()[0];
    fs::set_permissions(port, fs::Permissions::from_mode(0o600)).expect("permission bits");
    nobody.args(["ping", "-e", &url]).env("TINYFERRY_CONFIG", "");
    nobody.stdout(Stdio::piped()).stderr(Stdio::piped()).current_dir("/");
    let ping = nobody.spawn().expect("it starts");
    thread::sleep(Duration::from_millis(300));
    fs::set_permissions(port, fs::Permissions::from_mode(0o666)).expect("permission bits");
    ended(ping).well();
}
