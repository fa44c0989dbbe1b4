//! A running server process: asked to end, or killed with everything it has forked. Signals go only to a
//! child that has not been waited for, so an id that has gone to another process is never hit.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::error::Error;
use crate::tool::until;

/// How long the killed may take to vanish.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Waits for the end of its standard input, which comes when we die in whatever way, and then ends the
/// server: process `$1`, if it is still the one that works in folder `$2`; and removes the folder `$3`.
const GUARD: &str = r#"
read -r _
if [ "$(readlink "/proc/$1/cwd")" = "$2" ]; then
    kill -QUIT "$1"
    n=0
    while [ "$(readlink "/proc/$1/cwd")" = "$2" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
    [ "$(readlink "/proc/$1/cwd")" = "$2" ] && kill -KILL "$1"
fi
[ -z "$3" ] || rm -rf -- "$3"
"#;

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    guard: Child,
}

impl Process {
    /// Starts it, beside a guard that ends it if we cannot. `works_in` is the folder that the server makes
    /// its own; `remove` goes when we have died.
    pub(crate) fn start(
        mut command: Command,
        works_in: &Path,
        remove: Option<&Path>,
    ) -> Result<Self, Error> {
        let name = command.get_program().to_string_lossy().into_owned();
        // a group of its own: Ctrl-C in a terminal is for us, and we end the server when we are done with it
        command.process_group(0).stdin(Stdio::null());
        let mut child = command.spawn().map_err(Error::io(format!("starting {name}")))?;
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "stoa-server-guard"]).arg(child.id().to_string()).arg(works_in);
        guard.arg(remove.unwrap_or(Path::new("")));
        guard.process_group(0).current_dir("/").env_clear();
        guard.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        match guard.spawn() {
            Ok(guard) => Ok(Self { child, guard }),
            Err(source) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Error::Io { what: format!("starting sh beside {name}"), source })
            }
        }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end, and kills it when it has not done so in time; whether asking was enough.
    pub(crate) fn stop(&mut self, signal: Signal, within: Duration) -> Result<bool, Error> {
        if self.is_running() {
            self.signal(signal);
            let asked =
                until("the end of a server", within, || Ok((!self.is_running()).then_some(())));
            if asked.is_err() {
                self.kill()?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ends it and its children as a power cut does, and returns when none is left.
    pub(crate) fn kill(&mut self) -> Result<(), Error> {
        if !self.is_running() {
            return Ok(());
        }
        // while it stands still it cannot fork a child that we would miss
        self.signal(Signal::STOP);
        let id = self.id();
        let _ends_anyway = until("a server standing still", GONE_WITHIN, || {
            Ok(stat(id).is_none_or(|(state, _)| matches!(state, 'T' | 'Z')).then_some(()))
        });
        let children = children(id);
        self.signal(Signal::KILL);
        for child in &children {
            send(*child, Signal::KILL);
        }
        self.child.wait().map_err(Error::io("waiting for a killed server"))?;
        until("the end of a server's children", GONE_WITHIN, || {
            let gone =
                |child: &u32| stat(*child).is_none_or(|(state, _)| matches!(state, 'Z' | 'X'));
            Ok(children.iter().all(gone).then_some(()))
        })
    }

    fn signal(&mut self, signal: Signal) {
        if self.is_running() {
            send(self.child.id(), signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // nobody is left to be told
        let _ = self.kill();
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

fn send(id: u32, signal: Signal) {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    // it may have ended in this moment, which is what signals here are for
    let _ = pid.map(|pid| kill_process(pid, signal));
}

/// The processes that this one has forked.
fn children(of: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| stat(*id).is_some_and(|(_, parent)| parent == of)).collect()
}

/// A process's state letter and its parent.
fn stat(id: u32) -> Option<(char, u32)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // the name stands in parentheses and may hold anything
    let (_, after) = text.rsplit_once(')')?;
    let mut fields = after.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
