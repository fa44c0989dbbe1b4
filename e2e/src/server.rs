//! A running `stoa demo` on a throwaway folder, embedded or on a database server of its own. It can be killed as a power failure would kill it and
//! started again on the same folder, and `stoa serve` can take it over. Only the process that was started here is ever killed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use tempfile::TempDir;

use crate::browser::Plain;
use crate::client::Caller;
use crate::desk::Desk;
use crate::logs::{self, Remembered};
use crate::shopper::Shopper;

/// How long a start may take at most, the first one in a debug build on a loaded machine included, and with a
/// database server that is made for it.
const READY_WITHIN: Duration = Duration::from_secs(240);
/// How often the ready file is looked for.
const POLL: Duration = Duration::from_millis(2);

/// What a server is started with.
#[derive(Debug, Clone, Default)]
pub struct ServerOptions {
    /// Orders that one member may leave unpaid at a time; the program's own limit without.
    pub unpaid_orders_max: Option<u32>,
    /// How long stock is held for an order that is being placed; the program's own time without.
    pub reservation: Option<Duration>,
    /// What holds the databases, as `--engine` takes it; what the run is about ([`engine`]) without.
    pub engine: Option<&'static str>,
    /// A database server that runs already, instead of one that the program starts for itself.
    pub database_url: Option<String>,
}

/// The variable that says on which engine a run is to be.
pub const ENGINE_VARIABLE: &str = "STOA_TEST_ENGINE";

/// On which engine a run is to be: `sqlite`, unless the environment names another.
#[must_use]
pub fn engine() -> String {
    std::env::var(ENGINE_VARIABLE).unwrap_or_else(|_| "sqlite".to_owned())
}

/// A folder that a database server can enter, also when it runs under an account of its own.
fn throwaway() -> Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("stoa-e2e-").tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
    Ok(folder)
}

/// What the program writes when it is ready.
#[derive(Debug, Clone, Deserialize)]
struct Ready {
    base_url: String,
    tenants: Vec<Tenant>,
    logins: Vec<Login>,
    pid: u32,
}

#[derive(Debug, Clone, Deserialize)]
struct Tenant {
    code: String,
    host: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Login {
    tenant: String,
    kind: String,
    role: String,
    login: String,
    password: String,
}

/// A server, running or killed.
#[derive(Debug)]
pub struct Server {
    options: ServerOptions,
    ready: Ready,
    child: Option<Child>,
    /// How long the last start took.
    pub ready_after: Duration,
    // For errors that others meet.
    _log: Remembered,
    // Lives as long as the server.
    folder: TempDir,
}

impl Server {
    /// Starts a server on a new folder.
    ///
    /// # Errors
    /// When the program is not there or is not ready in time; with what it logged.
    pub async fn start(options: ServerOptions) -> Result<Self> {
        let folder = throwaway()?;
        Self::start_on(options, folder).await
    }

    /// Starts a server on a new folder, and kills it while it starts: whenever its folder has grown to
    /// one of these sizes in bytes, or when it is ready before that. The last start is left alone.
    ///
    /// # Errors
    /// When the program ends by itself, or the last start fails.
    pub async fn start_after_kills(options: ServerOptions, sizes: &[u64]) -> Result<Self> {
        let folder = throwaway()?;
        let ready_file = folder.path().join("ready.json");
        for size in sizes {
            let mut child = spawn(folder.path(), &ready_file, &options)?;
            let began = Instant::now();
            while began.elapsed() < READY_WITHIN
                && !ready_file.exists()
                && size_of(&folder.path().join("data")) < *size
            {
                if let Some(status) = child.try_wait()? {
                    bail!("the program ended by itself ({status}): {}", logs::tail(folder.path()));
                }
                tokio::time::sleep(POLL).await;
            }
            child.kill()?;
            child.wait()?;
        }
        Self::start_on(options, folder).await
    }

    /// Starts a server on data that was made otherwise: it lies in `data` in the folder.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_on(options: ServerOptions, folder: TempDir) -> Result<Self> {
        let (child, ready, ready_after) = launch(folder.path(), &options).await?;
        let log = Remembered::new(folder.path());
        Ok(Self { options, ready, child: Some(child), ready_after, _log: log, folder })
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// How its log ends, for whoever waits in vain.
    #[must_use]
    pub fn log(&self) -> String {
        logs::tail(self.folder.path())
    }

    /// Kills it with a signal that cannot be caught.
    ///
    /// # Errors
    /// When it was over already: then it did not live until now.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the server is not running")?;
        if let Some(status) = child.try_wait()? {
            bail!("the server ended by itself ({status}): {}", logs::tail(self.folder.path()));
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Throws away the files of a database, as if the folder were from before there was one.
    ///
    /// # Errors
    /// When the server is running, or the folder cannot be changed.
    pub fn lose(&self, database: &str) -> Result<()> {
        ensure!(self.child.is_none(), "the server is still running");
        for entry in std::fs::read_dir(self.folder.path().join("data"))? {
            let path = entry?.path();
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            if name.split('.').next() == Some(database) {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Starts it again on the same folder. It gets another port.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn restart(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "the server is still running");
        let (child, ready, ready_after) = launch(self.folder.path(), &self.options).await?;
        self.child = Some(child);
        self.ready = ready;
        self.ready_after = ready_after;
        Ok(())
    }

    /// Runs `stoa serve` on what the demo has made, which has ended by now. The settings are all but where it
    /// listens, where its data is and what it logs; its port is another one.
    ///
    /// # Errors
    /// When the demo still runs; when the program is not ready in time, with what it logged.
    pub async fn serve(&mut self, settings: &str) -> Result<()> {
        ensure!(self.child.is_none(), "the server is still running");
        let (folder, config) = (self.folder.path(), self.config());
        let own = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\ndata = {:?}\n[log]\nformat = \"json\"\n{settings}",
            self.data()
        );
        fs::write(&config, own)?;
        let log = logs::file_in(folder);
        let seen = fs::read_to_string(&log).unwrap_or_default().lines().count();
        let mut command = Command::new(binary()?);
        command.args(["serve", "--config"]).arg(&config).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(File::options().create(true).append(true).open(&log)?);
        let began = Instant::now();
        let child = command.spawn().with_context(|| format!("{command:?} cannot be started"))?;
        // From here on it is ended when this is dropped.
        let pid = self.child.insert(child).id();
        let address = self.listening(&log, seen, began).await.with_context(|| self.log())?;
        let port = address.rsplit_once(':').map_or("", |(_, port)| port);
        for tenant in &mut self.ready.tenants {
            let name = tenant.host.split(':').next().unwrap_or_default();
            tenant.host = format!("{name}:{port}");
        }
        self.ready.base_url = format!("http://{address}");
        self.ready.pid = pid;
        self.ready_after = began.elapsed();
        Ok(())
    }

    /// The settings that [`Server::serve`] runs with, for commands.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("stoa.toml")
    }

    /// Waits until the program says where it listens, in the lines of its log after those that were seen.
    async fn listening(&mut self, log: &Path, seen: usize, began: Instant) -> Result<String> {
        while began.elapsed() < READY_WITHIN {
            let text = fs::read_to_string(log)?;
            let lines = text.lines().skip(seen);
            let events = lines.filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
            let said = events.filter_map(|e| Some(e.get("server.listen")?.as_str()?.to_owned()));
            if let Some(address) = said.last() {
                return Ok(address);
            }
            if let Some(status) = self.child.as_mut().and_then(|c| c.try_wait().transpose()) {
                bail!("the program ended before it was ready: {}", status?);
            }
            tokio::time::sleep(POLL).await;
        }
        bail!("the program was not ready within {READY_WITHIN:?}")
    }

    /// Somebody who has not signed in, at a tenant.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub fn visitor(&self, tenant: &str) -> Result<Caller> {
        Caller::new(&self.ready.base_url, self.host(tenant)?)
    }

    /// Somebody who works for a tenant.
    ///
    /// # Errors
    /// When nobody has this role, or cannot sign in.
    pub async fn desk(&self, tenant: &str, role: &str) -> Result<Desk> {
        let login = self.login_of(tenant, role)?;
        Desk::sign_in(&self.visitor(tenant)?, &login.login, &login.password).await
    }

    /// Somebody who registers at a tenant.
    ///
    /// # Errors
    /// When that is refused.
    pub async fn shopper(&self, tenant: &str, name: &str) -> Result<Shopper> {
        Shopper::register(&self.visitor(tenant)?, name).await
    }

    /// The same shopper after a restart: the session still holds, the port is another.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub fn again(&self, tenant: &str, shopper: &Shopper) -> Result<Shopper> {
        Ok(shopper.moved(&self.ready.base_url, self.host(tenant)?))
    }

    /// The same caller with the same session, but at another tenant.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub fn carried_to(&self, tenant: &str, caller: &Caller) -> Result<Caller> {
        Ok(caller.moved(&self.ready.base_url, self.host(tenant)?))
    }

    /// Somebody who asks for a host by its name.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn visitor_of_host(&self, host: &str) -> Result<Caller> {
        Caller::new(&self.ready.base_url, host)
    }

    /// Whether the program under test was built for measuring.
    #[must_use]
    pub fn is_release(&self) -> bool {
        binary().is_ok_and(|path| path.components().any(|c| c.as_os_str() == "release"))
    }

    /// Somebody with cookies and no browser, at a tenant.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub fn plain(&self, tenant: &str) -> Result<Plain> {
        Plain::new(&self.ready.base_url, self.host(tenant)?)
    }

    /// The address of a tenant as a browser is given it.
    ///
    /// # Errors
    /// When there is no such tenant.
    pub fn origin(&self, tenant: &str) -> Result<String> {
        Ok(["http://", self.host(tenant)?].concat())
    }

    /// What somebody of the staff signs in with: login and password.
    ///
    /// # Errors
    /// When nobody has this role.
    pub fn staff_login(&self, tenant: &str, role: &str) -> Result<(&str, &str)> {
        let login = self.login_of(tenant, role)?;
        Ok((&login.login, &login.password))
    }

    fn login_of(&self, tenant: &str, role: &str) -> Result<&Login> {
        let logins = self.ready.logins.iter();
        let found =
            logins.filter(|l| l.kind == "staff").find(|l| l.tenant == tenant && l.role == role);
        found.with_context(|| format!("no staff with the role {role} at {tenant}"))
    }

    fn host(&self, tenant: &str) -> Result<&str> {
        let found = self.ready.tenants.iter().find(|t| t.code == tenant);
        Ok(&found.with_context(|| format!("no tenant {tenant}"))?.host)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Whether it is gone already does not matter any more.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn launch(folder: &Path, options: &ServerOptions) -> Result<(Child, Ready, Duration)> {
    let ready_file = folder.join("ready.json");
    let began = Instant::now();
    let mut child = spawn(folder, &ready_file, options)?;
    match wait_until_ready(&mut child, &ready_file, began).await {
        Ok(ready) => Ok((child, ready, began.elapsed())),
        Err(e) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(e.context(logs::tail(folder)))
        }
    }
}

/// Runs a command of the program under test to its end.
///
/// # Errors
/// When it cannot be started.
pub async fn command<I: IntoIterator<Item = S>, S: Into<OsString>>(args: I) -> Result<Output> {
    let mut command = Command::new(binary()?);
    command.args(args.into_iter().map(Into::into)).stdin(Stdio::null());
    let run = move || command.output().with_context(|| format!("{command:?} cannot be started"));
    tokio::task::spawn_blocking(run).await?
}

fn spawn(folder: &Path, ready_file: &Path, options: &ServerOptions) -> Result<Child> {
    if ready_file.exists() {
        fs::remove_file(ready_file)?;
    }
    let mut command = Command::new(binary()?);
    command.args(["demo", "--port", "0", "--data"]).arg(folder.join("data"));
    command.arg("--ready-file").arg(ready_file);
    let engine = options.engine.map_or_else(engine, str::to_owned);
    command.args(["--engine", &engine]);
    if let Some(url) = &options.database_url {
        command.args(["--database-url", url]);
    }
    if let Some(max) = options.unpaid_orders_max {
        command.args(["--unpaid-orders-max", &max.to_string()]);
    }
    if let Some(held) = options.reservation {
        command.args(["--reservation-ms", &held.as_millis().to_string()]);
    }
    let log = File::options().create(true).append(true).open(logs::file_in(folder))?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().with_context(|| format!("{command:?} cannot be started"))
}

/// How many bytes are in a folder; it may be in the making.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size_of(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

async fn wait_until_ready(child: &mut Child, ready_file: &Path, began: Instant) -> Result<Ready> {
    while began.elapsed() < READY_WITHIN {
        if let Ok(text) = fs::read_to_string(ready_file) {
            let ready: Ready = serde_json::from_str(&text)?;
            ensure!(ready.pid == child.id(), "another process wrote the ready file");
            return Ok(ready);
        }
        if let Some(status) = child.try_wait()? {
            bail!("the program ended before it was ready: {status}");
        }
        tokio::time::sleep(POLL).await;
    }
    bail!("the program was not ready within {READY_WITHIN:?}")
}

/// The program under test: `STOA_BIN`, else the one that was built beside this test.
///
/// # Errors
/// When it is not built.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("STOA_BIN") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    // target/<profile>/deps/it-<hash> stands two levels below the programs' folder.
    let folder = test.parent().and_then(Path::parent).context("the test has no folder")?;
    let path = folder.join("stoa");
    ensure!(
        path.is_file(),
        "{} is not built: run `cargo build -p stoa`, or name a program in STOA_BIN",
        path.display()
    );
    Ok(path)
}
