//! Commands as the other end (`exec:`): their processes end with the client however that ends, and a client
//! does not wait for a command that has ended.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Ended, Place, client, command, program, send_signal};
use crate::requirements::has_strace;
use crate::signals::{assert_gone, mark, on_terminal, running};

/// Starts a client whose command runs `script`, and waits until `processes` processes have the mark.
fn start(place: &Place, script: &str, mark: &str, processes: usize) -> Child {
    let child = command(&format!("exec:{script}"), &place.here(""), &["ping"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let end = Instant::now() + Duration::from_secs(20);
    while running(mark) < processes {
        assert!(Instant::now() < end, "{script}: {} processes", running(mark));
        thread::sleep(Duration::from_millis(20));
    }
    child
}

/// Ways of a shell to start a process, which leave its session as it is.
const WAYS: [&str; 5] = [
    "sleep MARK; true",
    "sleep MARK & exec sleep MARK",
    // It ignores the signals that ask it to end.
    "trap '' TERM HUP INT; sleep MARK; sleep MARK",
    // In a process group of its own.
    "timeout 600 sleep MARK; true",
    "env -i sleep MARK & wait",
];

#[test]
fn a_client_that_is_killed_leaves_no_process_of_its_command() {
    for (number, way) in (40..).zip(WAYS) {
        let place = Place::new();
        let mark = mark(number);
        let mut child = start(&place, &way.replace("MARK", &mark), &mark, 3);
        child.kill().expect("it is ours");
        child.wait().expect("it ends");
        assert_gone(&mark);
    }
}

/// `strace` delays the client after the start of its first to sixth thread or process. The test kills the client
/// in this delay.
#[test]
fn a_client_that_is_killed_while_it_starts_its_command_leaves_no_process() {
    if !has_strace() {
        return;
    }
    for (number, start) in (190..).zip(1..=6) {
        let place = Place::new();
        let mark = mark(number);
        let inject = format!("inject=clone,clone3,vfork,fork:delay_exit=1000000:when={start}");
        let endpoint = format!("exec:sleep {mark}; true");
        let program = command(&endpoint, &place.here(""), &["ping"]);
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o", "/dev/null", "-e", "trace=clone,clone3,vfork,fork", "-e"]);
        strace.arg(inject).arg(program.get_program()).args(program.get_args());
        strace.stdout(Stdio::null()).stderr(Stdio::null());
        let mut strace = strace.current_dir(place.here("")).spawn().expect("strace starts");
        let end = Instant::now() + Duration::from_secs(20);
        // Four processes have the mark: the client, `strace`, the shell and `sleep`.
        while running(&mark) < 4 {
            assert!(Instant::now() < end, "{start}: {} processes", running(&mark));
            thread::sleep(Duration::from_millis(5));
        }
        let id = strace.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.expect("the system lists children");
        send_signal(children.trim().parse().expect("one child"), "KILL");
        strace.wait().expect("it ends");
        assert_gone(&mark);
    }
}

#[test]
fn a_client_that_ends_leaves_no_process_of_its_command() {
    for (number, way) in (50..).zip(WAYS) {
        let place = Place::new();
        let mark = mark(number);
        let mut child = start(&place, &way.replace("MARK", &mark), &mark, 3);
        let id = child.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &id]).status();
        assert!(killed.expect("kill is there").success());
        assert_eq!(child.wait().expect("it ends").code(), None);
        assert_gone(&mark);
    }
}

/// In each way, with a server that answers, and that is left in good order or by an error.
#[test]
fn a_client_that_is_served_leaves_no_process_of_its_command() {
    let place = Place::new();
    let serve =
        format!("{} serve --stdio {}", env!("CARGO_BIN_EXE_tinyferry"), place.served("").display());
    for (number, way) in (60..).zip(["timeout 600 sleep MARK", "sleep MARK", "env -i sleep MARK"]) {
        let mark = mark(number);
        let endpoint = format!("exec:{} & {serve}", way.replace("MARK", &mark));
        client(&endpoint, &place.here(""), &["ping"]).well();
        assert_gone(&mark);
        client(&endpoint, &place.here(""), &["get", "nothing"]).with(6, &["no file of that name"]);
        assert_gone(&mark);
    }
}

/// A process that makes a session of its own is meant to stay.
#[test]
fn a_process_with_a_session_of_its_own_stays() {
    let place = Place::new();
    let mark = mark(70);
    let serve =
        format!("{} serve --stdio {}", env!("CARGO_BIN_EXE_tinyferry"), place.served("").display());
    let endpoint = format!("exec:setsid sleep {mark} </dev/null >/dev/null 2>&1 & {serve}");
    client(&endpoint, &place.here(""), &["ping"]).well();
    assert!(running(&mark) > 0);
    for entry in fs::read_dir("/proc").expect("it is there").flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        // On a busy machine it may still be `setsid`, which becomes `sleep`.
        if line.ends_with(format!("sleep\0{mark}\0").as_bytes()) {
            let number = entry.file_name().into_string().expect("a number");
            let _ = Command::new("kill").arg(&number).status();
        }
    }
    assert_gone(&mark);
}

/// Another process has the streams open and never answers.
#[test]
fn a_client_does_not_wait_for_a_command_that_has_ended() {
    let place = Place::new();
    let here = place.here("");
    program(&here, &["keygen", "key"]).well();
    fs::write(place.here("f"), "f").expect("a file");
    for (number, (ended, told)) in (80..).zip([
        ("exit 3", "exit status: 3"),
        ("exit 0", "exit status: 0"),
        ("kill -KILL $$", "signal: 9"),
        ("no-such-program-at-all", "127"),
    ]) {
        let mark = mark(number);
        for arguments in [&["ping"][..], &["put", "f"], &["ls"], &["put", "f", "--key", "key"]] {
            let begin = Instant::now();
            let endpoint = format!("exec:sleep {mark} & {ended}");
            let said: Ended = client(&endpoint, &here, arguments);
            said.with(4, &["the command has ended", told]);
            let took = begin.elapsed();
            assert!(took < Duration::from_secs(8), "{endpoint}: {} ms", took.as_millis());
        }
        assert_gone(&mark);
    }
}

/// There `getsid` gives 0. A container and a build machine may start programs in this way.
#[test]
fn a_command_works_where_the_leader_of_the_session_is_outside_of_the_pid_namespace() {
    let place = Place::new();
    let namespace = || {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
        command.current_dir(place.here("")).stdin(Stdio::null());
        command
    };
    if !namespace().arg("true").status().is_ok_and(|status| status.success()) {
        return println!("skipped: no PID namespace can be made here");
    }
    let mark = mark(95);
    let serve =
        format!("{} serve --stdio {}", env!("CARGO_BIN_EXE_tinyferry"), place.served("").display());
    let endpoint = format!("exec:sleep {mark} & {serve}");
    let mut client = namespace();
    client.args([env!("CARGO_BIN_EXE_tinyferry"), "ping", "-e", &endpoint]);
    let output = client.output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_gone(&mark);
}

#[test]
fn a_client_uses_a_server_that_its_command_left_in_the_background() {
    let place = Place::new();
    let here = place.here("");
    fs::write(place.here("f"), "f").expect("a file");
    let serve =
        format!("{} serve --stdio {}", env!("CARGO_BIN_EXE_tinyferry"), place.served("").display());
    client(&format!("exec:exec 3<&0; {serve} <&3 & exit 0"), &here, &["put", "f"]).well();
    assert_eq!(fs::read(place.served("f")).expect("it was sent"), b"f");
}

/// A program that asks for a password turns off the terminal's echo. A client that ends it restores the echo.
#[test]
fn a_terminal_is_restored_after_its_command() {
    let place = Place::new();
    for (number, end) in
        [(90, "trap '' INT TERM; printf ready >/dev/tty; sleep"), (91, "sleep 0 #")]
    {
        let mark = mark(number);
        let script = format!("stty -echo -icanon </dev/tty; {end} {mark}; true");
        let endpoint = format!("exec:{script}");
        let shell = format!(
            "before=$(stty -g); trap : INT; {} ping -e \"$1\"; \
             test \"$before\" = \"$(stty -g)\" && echo as before || echo changed",
            env!("CARGO_BIN_EXE_tinyferry")
        );
        let dialogue: &[_] = if number == 90 { &[("ready", "\x03")] } else { &[] };
        let arguments = ["-c", &shell, "sh", &endpoint];
        let Some(said) = on_terminal("/bin/sh", &place.here(""), &arguments, dialogue) else {
            return;
        };
        assert!(said.contains("as before"), "{said}");
        assert_gone(&mark);
    }
}
