//! Ends the processes of a command if this program was killed.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::MARKER_VARIABLE;
use super::processes::{Processes, own_session};

/// Reads a line with the number of the command's shell and of its group, and waits for the end of its standard
/// input, whose other end only this program has. Then sends SIGTERM to the processes, and a second later SIGKILL.
/// Without the line it finds them by the mark.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
read -r shell group
read -r _
mark=$1 session=$2
unmarked=' '
find() {
    found=' '
    while :; do
        before=$found
        for process in /proc/[0-9]*; do
            number=${process#/proc/}
            case $found in *" $number "*) continue ;; esac
            read -r line <"$process/stat" || continue
            # State, parent, process group and session.
            set -- ${line##*) }
            test "$4" = "$session" && test "$1" != Z || continue
            case $found in *" $2 "*) is_child=1 ;; *) is_child= ;; esac
            if test -n "$is_child" || test "$number" = "$shell" || test "$3" = "$group"; then
                found="$found$number "
                continue
            fi
            # Its environment is read once: that starts two processes.
            case $unmarked in *" $number "*) continue ;; esac
            if tr '\0' '\n' <"$process/environ" | grep -qxF "$mark"; then
                found="$found$number "
            else
                unmarked="$unmarked$number "
            fi
        done
        test "$found" = "$before" && break
    done
}
end() {
    find
    if test "$found" != ' '; then
        kill -s "$1" $found
    elif test -z "$session" && test -n "$group"; then
        kill -s "$1" -- "-$group"
    else
        return 1
    fi
}
end TERM && sleep 1 && end KILL
"#;

/// A process that ends with this program, or is ended with the command.
#[derive(Debug)]
pub(super) struct Watcher(Child);

impl Watcher {
    /// Ends the processes of the command with this mark.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn start(mark: &str) -> io::Result<Self> {
        let session = own_session().map_or(String::new(), |session| session.to_string());
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "sh", &format!("{MARKER_VARIABLE}={mark}"), &session]);
        // It shares no stream, so that no reader waits for its end.
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self(shell.process_group(0).current_dir("/").spawn()?))
    }

    /// Ends also processes without the mark.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn watch(&mut self, processes: &Processes) -> io::Result<()> {
        let group = processes.group.map_or(String::new(), |group| group.as_raw_pid().to_string());
        let line = format!("{} {group}\n", processes.shell.as_raw_pid());
        self.0.stdin.as_mut().map_or(Ok(()), |stdin| stdin.write_all(line.as_bytes()))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
