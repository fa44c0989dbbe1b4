//! The programs that are measured: started here, awaited with a deadline, and ended by their own ids.
//! Nobody else's process is touched.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::engine::Engine;

/// Filling the demo's shops at the first start is part of this.
const READY_WITHIN: Duration = Duration::from_secs(90);
const STOP_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// One member places many orders here, which the usual limit on unpaid ones is there to prevent.
const UNPAID_ORDERS_MAX: &str = "100000";
/// Longer than a run: no order closes by itself in the middle of a window.
const CLOSE_AFTER: &str = "PT12H";

/// A program that was started here. It is killed when it is dropped without [`Process::stop`].
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
    /// The hosts of its tenants by code; none for the bare server.
    tenants: Vec<Tenant>,
}

/// The database server that the program is to use.
#[derive(Debug, Clone)]
pub struct OnServer {
    /// Its engine.
    pub engine: Engine,
    /// Its address.
    pub url: String,
}

#[derive(Debug, Deserialize)]
struct Ready {
    base_url: String,
    #[serde(default)]
    tenants: Vec<Tenant>,
}

#[derive(Debug, Clone, Deserialize)]
struct Tenant {
    code: String,
    host: String,
}

impl Process {
    /// Starts `stoa demo` in a data folder, on the embedded engine or on a database server. Its log lies
    /// beside the folder.
    ///
    /// # Errors
    /// When it does not become ready; the end of its log is told.
    pub fn stoa(program: &Path, data: &Path, on: Option<&OnServer>) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["demo", "--port", "0", "--unpaid-orders-max", UNPAID_ORDERS_MAX]);
        command.args(["--close-after", CLOSE_AFTER, "--data"]).arg(data);
        if let Some(on) = on {
            command.args(["--engine", on.engine.word(), "--database-url", &on.url]);
        }
        Self::start(command, data)
    }

    /// Starts this program's own bare server with some answers.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn bare(answers: &Path) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bare-server").arg("--answers").arg(answers);
        Self::start(command, &answers.with_extension("bare"))
    }

    fn start(mut command: Command, beside: &Path) -> Result<Self> {
        let name =
            beside.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let (log, ready_file) = (with_suffix(beside, ".log"), with_suffix(beside, ".ready.json"));
        if ready_file.exists() {
            std::fs::remove_file(&ready_file)?;
        }
        let output = File::options().create(true).append(true).open(&log)?;
        command.arg("--ready-file").arg(&ready_file);
        // The bare server ends when its standard input does, so also when this program is killed.
        command.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut process = Self { name, child, log, address, tenants: Vec::new() };
        let ready = process.wait_until_ready(&ready_file)?;
        process.address = address_of(&ready.base_url)?;
        process.tenants = ready.tenants;
        Ok(process)
    }

    fn wait_until_ready(&mut self, file: &Path) -> Result<Ready> {
        let began = Instant::now();
        while began.elapsed() < READY_WITHIN {
            if let Ok(text) = std::fs::read_to_string(file) {
                return serde_json::from_str(&text)
                    .with_context(|| format!("the ready file of {} reads differently", self.name));
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended: {status}\n{}", self.name, tail(&self.log));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        bail!("{} was not ready within {READY_WITHIN:?}\n{}", self.name, tail(&self.log))
    }

    /// Its id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The host name of a tenant.
    ///
    /// # Errors
    /// When it has no such tenant.
    pub fn host(&self, tenant: &str) -> Result<&str> {
        let found = self.tenants.iter().find(|t| t.code == tenant);
        found.map(|t| t.host.as_str()).with_context(|| format!("the demo has no tenant `{tenant}`"))
    }

    /// Stops it as an operator would, and waits.
    ///
    /// # Errors
    /// When it had ended by itself, or does not stop in time; then it is killed.
    pub fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("{} ended by itself: {status}\n{}", self.name, tail(&self.log));
        }
        drop(self.child.stdin.take());
        // The shell's own `kill` is there even where procps is not.
        let signal = format!("kill -TERM {}", self.child.id());
        Command::new("sh").arg("-c").arg(signal).status().context("cannot run sh to signal")?;
        let began = Instant::now();
        while began.elapsed() < STOP_WITHIN {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        bail!("{} did not stop within {STOP_WITHIN:?}\n{}", self.name, tail(&self.log))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _has_already_ended = self.child.kill();
        let _is_gone = self.child.wait();
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn address_of(base_url: &str) -> Result<SocketAddr> {
    let address = base_url.strip_prefix("http://").unwrap_or(base_url).trim_end_matches('/');
    address.parse().with_context(|| format!("`{base_url}` is not an address with a port"))
}

fn tail(log: &Path) -> String {
    const LINES: usize = 20;
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_file_is_understood_and_what_it_also_says_is_passed_over() {
        let text = r#"{"base_url":"http://127.0.0.1:8080","pid":7,"logins":[{"kind":"staff"}],
            "tenants":[{"code":"outlet","host":"outlet.localhost:8080","name":"x"}]}"#;
        let ready: Ready = serde_json::from_str(text).unwrap();
        assert_eq!(ready.tenants[0].host, "outlet.localhost:8080");
        assert_eq!(address_of(&ready.base_url).unwrap().port(), 8080);
        assert!(address_of("http://outlet.localhost").is_err());
    }

    #[test]
    fn a_program_that_ends_at_once_is_told_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo out of luck; exit 3"]);
        let told = Process::start(command, &folder.path().join("shop")).err().unwrap().to_string();
        assert!(told.contains("shop ended") && told.contains("out of luck"), "{told}");
    }
}
