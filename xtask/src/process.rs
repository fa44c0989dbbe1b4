//! Running other programs: always with a deadline, always with an error that says which program failed and how.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How often a running child is looked at.
const POLL: Duration = Duration::from_millis(50);

/// The moment after which a command and its children must not run any more.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline this long from now.
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// The earlier of two deadlines.
    pub fn earlier(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// Whether it has passed.
    pub fn passed(self) -> bool {
        Instant::now() >= self.0
    }
}

/// How a child ended.
pub enum End {
    /// By itself, with this status.
    Exited(ExitStatus),
    /// It was still running at the deadline and has been stopped.
    TimedOut,
}

/// Waits until the child ends, the deadline passes (then it is stopped), or the given time is over.
///
/// # Errors
/// When the operating system refuses to tell.
pub fn wait(child: &mut Child, deadline: Deadline) -> Result<End> {
    while !deadline.passed() {
        if let Some(status) = child.try_wait().context("cannot wait for a child")? {
            return Ok(End::Exited(status));
        }
        std::thread::sleep(POLL);
    }
    stop(child, "INT", Duration::from_secs(20))?;
    Ok(End::TimedOut)
}

/// Stops a child by its id: the named signal first, the hard way after `grace`. True when the signal was enough.
///
/// # Errors
/// When the child can neither be signalled nor waited for.
pub fn stop(child: &mut Child, signal: &str, grace: Duration) -> Result<bool> {
    if child.try_wait()?.is_some() {
        return Ok(true);
    }
    // The shell's own `kill` is there even where procps is not.
    Command::new("sh")
        .arg("-c")
        .arg(format!("kill -{signal} {}", child.id()))
        .status()
        .context("cannot run sh to signal a child")?;
    let patience = Deadline::after(grace);
    while !patience.passed() {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        std::thread::sleep(POLL);
    }
    child.kill().context("cannot kill a child")?;
    child.wait().context("cannot wait for a killed child")?;
    Ok(false)
}

/// Runs a command whose output the user sees, and fails when it fails.
///
/// # Errors
/// When it cannot be started, ends with a failure, or runs past the deadline.
pub fn run(command: &mut Command, deadline: Deadline) -> Result<()> {
    let shown = show(command);
    say!("$ {shown}");
    let mut child =
        command.stdin(Stdio::null()).spawn().with_context(|| format!("cannot start `{shown}`"))?;
    match wait(&mut child, deadline)? {
        End::Exited(status) if status.success() => Ok(()),
        End::Exited(status) => bail!("`{shown}` failed: {status}"),
        End::TimedOut => bail!("`{shown}` was stopped: its time is over"),
    }
}

/// Runs a short command and returns what it printed to standard output.
///
/// # Errors
/// When it cannot be started, fails (its error output is in the message), or prints something that is not UTF-8.
pub fn capture(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        bail!(
            "`{shown}` failed: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` did not print UTF-8"))
}

/// Whether a command can be started and succeeds; its output is thrown away.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The cargo that started us, or the one on the path.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// A command as one would type it; credentials are left out.
fn show(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut words =
        vec![program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned()];
    for argument in command.get_args() {
        let word = argument.to_string_lossy();
        words.push(if word.starts_with("Authorization:") {
            "'Authorization: …'".into()
        } else {
            word.into_owned()
        });
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_in_the_error() {
        let error = run(Command::new("false").arg("x"), Deadline::after(Duration::from_secs(10)))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("`false x` failed"), "{error}");
    }

    #[test]
    fn a_command_past_its_deadline_is_stopped() {
        let started = Instant::now();
        let error =
            run(Command::new("sleep").arg("60"), Deadline::after(Duration::from_millis(100)))
                .unwrap_err()
                .to_string();
        assert!(error.contains("its time is over"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_token_is_never_shown() {
        assert_eq!(
            show(Command::new("/usr/bin/st").arg("Authorization: Bearer abc")),
            "st 'Authorization: …'"
        );
    }
}
