//! The demo under test: a `stoa demo` with a data folder of its own, that says by a file when it is ready, and is stopped
//! by its id.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::http::{self, Body, Request, Response};
use crate::process::{self, Deadline};
use crate::stoa::Stoa;

/// The demo must be ready within this, debug build and filling of the catalogue included.
const READY_SECONDS_MAX: u64 = 120;
/// A stopping server must have drained within this.
const DRAIN_SECONDS_MAX: u64 = 20;
/// The tenant that the fuzz step may fill with rubbish.
const TENANT: &str = "fuzz";

/// Who a request is signed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A shopper; the routes below `/v1/store/`.
    Member,
    /// An operator; the routes below `/v1/admin/`.
    Staff,
}

impl Kind {
    /// The routes that are for this kind.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Member => "/v1/store/",
            Self::Staff => "/v1/admin/",
        }
    }

    /// The name of its routes in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Member => "store",
            Self::Staff => "admin",
        }
    }
}

/// What the demo writes to its ready file.
#[derive(Debug, Deserialize)]
struct Ready {
    base_url: String,
    tenants: Vec<Tenant>,
    logins: Vec<Login>,
}

#[derive(Debug, Deserialize)]
struct Tenant {
    code: String,
    host: String,
}

#[derive(Debug, Deserialize)]
struct Login {
    tenant: String,
    kind: Kind,
    login: String,
    password: String,
}

/// A running demo. It is killed when it is dropped without [`Demo::stop`].
pub struct Demo {
    /// `http://127.0.0.1:PORT`.
    pub base_url: String,
    /// The Host header of the fuzz tenant.
    pub host: String,
    address: SocketAddr,
    logins: Vec<Login>,
    child: Child,
    log: PathBuf,
    _data: tempfile::TempDir,
}

impl Demo {
    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// When it ends, is not ready in time, or does not name the fuzz tenant.
    pub fn start(stoa: &Stoa, folder: &Path) -> Result<Self> {
        let data = tempfile::Builder::new()
            .prefix("data-")
            .tempdir_in(folder)
            .context("cannot create a data folder")?;
        let ready_file = data.path().join("ready.json");
        let log = folder.join("demo.log");
        let output =
            File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = stoa.command(&["demo", "--port", "0", "--with-fuzz-tenant", "--data"]);
        command.arg(data.path().join("stoa")).arg("--ready-file").arg(&ready_file);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let mut child = command.spawn().context("cannot start `stoa demo`")?;
        let opened = wait_until_ready(&mut child, &ready_file).and_then(|ready| {
            let tenant = ready.tenants.iter().find(|tenant| tenant.code == TENANT);
            let host =
                tenant.with_context(|| format!("the demo has no tenant `{TENANT}`"))?.host.clone();
            Ok((http::address(&ready.base_url)?, host, ready))
        });
        match opened {
            Ok((address, host, ready)) => {
                say!(
                    "stoa demo (process {}) is ready at {} for {host}",
                    child.id(),
                    ready.base_url
                );
                let (base_url, logins) = (ready.base_url, ready.logins);
                Ok(Self { base_url, host, address, logins, child, log, _data: data })
            }
            Err(error) => {
                process::stop(&mut child, "KILL", Duration::from_secs(5))?;
                Err(error.context(format!(
                    "`stoa demo` did not come up; the end of {}:\n{}",
                    log.display(),
                    tail(&log)
                )))
            }
        }
    }

    /// Sends a request to the fuzz tenant.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<Response> {
        self.send_to(&self.host, method, path, headers, body)
    }

    /// Sends a request under another Host header.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn send_to(
        &self,
        host: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body<'_>,
    ) -> Result<Response> {
        http::send(self.address, &Request { method, path, host, headers, body })
    }

    /// The OpenAPI document it serves.
    ///
    /// # Errors
    /// When it serves none.
    pub fn document(&self) -> Result<Value> {
        let answer = self.send("GET", "/openapi.json", &[], Body::Empty)?;
        if answer.status != 200 {
            bail!("GET /openapi.json answers {}", answer.status);
        }
        serde_json::from_slice(&answer.body).context("/openapi.json is not JSON")
    }

    /// A fresh bearer token.
    ///
    /// # Errors
    /// When the demo names no such login or refuses it.
    pub fn sign_in(&self, kind: Kind) -> Result<String> {
        let login = self.logins.iter().find(|login| login.tenant == TENANT && login.kind == kind);
        let login =
            login.with_context(|| format!("the demo names no {kind:?} login of `{TENANT}`"))?;
        let body =
            serde_json::json!({ "login": login.login, "password": login.password }).to_string();
        let path = format!("{}sessions", kind.prefix());
        let answer =
            self.send("POST", &path, &[("Content-Type", "application/json")], Body::Text(&body))?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let token = serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|json| Some(json.get("token")?.as_str()?.to_owned()));
        token
            .filter(|_| (200..300).contains(&answer.status))
            .with_context(|| format!("POST {path} answers {}: {text}", answer.status))
    }

    /// Stops it in the way an operator would.
    ///
    /// # Errors
    /// When it had ended by itself, or does not drain in time.
    pub fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!(
                "`stoa demo` ended during the run: {status}; the end of {}:\n{}",
                self.log.display(),
                tail(&self.log)
            );
        }
        if process::stop(&mut self.child, "TERM", Duration::from_secs(DRAIN_SECONDS_MAX))? {
            return Ok(());
        }
        bail!("`stoa demo` did not stop within {DRAIN_SECONDS_MAX} s after SIGTERM")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _has_already_ended = self.child.kill();
        let _is_gone = self.child.wait();
    }
}

fn wait_until_ready(child: &mut Child, file: &Path) -> Result<Ready> {
    let deadline = Deadline::after(Duration::from_secs(READY_SECONDS_MAX));
    let mut last = "it has not written its ready file".to_owned();
    while !deadline.passed() {
        if let Ok(text) = std::fs::read_to_string(file) {
            match serde_json::from_str(&text) {
                Ok(ready) => return Ok(ready),
                // It may be half written; if it stays like this, the reason is told.
                Err(error) => last = format!("its ready file cannot be read: {error}"),
            }
        }
        if let Some(status) = child.try_wait()? {
            bail!("it ended: {status}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("not ready within {READY_SECONDS_MAX} s: {last}")
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_file_is_understood() {
        let text = r#"{"base_url":"http://127.0.0.1:8080","tenants":[{"code":"fuzz","host":"fuzz.localhost:8080","name":"x"}],
            "logins":[{"tenant":"fuzz","kind":"member","login":"a","password":"b"},{"tenant":"fuzz","kind":"staff","login":"c","password":"d"}]}"#;
        let ready: Ready = serde_json::from_str(text).unwrap();
        assert_eq!(ready.tenants[0].host, "fuzz.localhost:8080");
        assert_eq!(ready.logins[1].kind, Kind::Staff);
    }
}
