//! Runs the short programs of a server: initdb, psql, mariadb. Always with a deadline; what they print on
//! the error stream becomes the error. Their output goes through files, so that none can block on a pipe.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;

/// How often something is looked at that cannot be waited for.
pub(crate) const POLL: Duration = Duration::from_millis(3);
/// The end of a long complaint says what it is about.
const COMPLAINT_MAX: usize = 4_000;

/// Runs it to its end and returns what it printed.
pub(crate) fn run(mut command: Command, within: Duration) -> Result<String, Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let scratch = || tempfile::tempfile().map_err(Error::io("making a temporary file"));
    let (mut output, mut complaint) = (scratch()?, scratch()?);
    let handle = |file: &File| file.try_clone().map_err(Error::io("sharing a temporary file"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::from(handle(&output)?))
        .stderr(Stdio::from(handle(&complaint)?));
    let mut child = command.spawn().map_err(Error::io(format!("starting {name}")))?;
    let began = Instant::now();
    let status = loop {
        match child.try_wait().map_err(Error::io(format!("waiting for {name}")))? {
            Some(status) => break status,
            None if began.elapsed() < within => thread::sleep(POLL),
            None => {
                // it may have ended in this very moment
                let _ = child.kill();
                let _ = child.wait();
                return Err(Error::TimedOut { what: format!("the end of {name}"), within });
            }
        }
    };
    if status.success() {
        return read(&mut output);
    }
    let said = format!("{}{}", read(&mut complaint)?, read(&mut output)?);
    let begin = said.len().saturating_sub(COMPLAINT_MAX);
    let tail = said.get(said.ceil_char_boundary(begin)..).unwrap_or_default().trim();
    Err(Error::Failed { program: name, output: format!("{status}\n{tail}") })
}

fn read(file: &mut File) -> Result<String, Error> {
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.read_to_end(&mut bytes))
        .map_err(Error::io("reading what a program printed"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Waits until a look yields something.
pub(crate) fn until<T>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> Result<Option<T>, Error>,
) -> Result<T, Error> {
    let began = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if began.elapsed() >= within {
            return Err(Error::TimedOut { what: what.to_owned(), within });
        }
        thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_tells_why() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo the reason >&2; exit 3"]);
        let error = run(command, Duration::from_secs(20)).unwrap_err().to_string();
        assert!(error.contains("the reason") && error.contains('3'), "{error}");
    }

    #[test]
    fn a_program_past_its_time_is_ended() {
        let mut command = Command::new("sleep");
        command.arg("60");
        let error = run(command, Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    }
}
