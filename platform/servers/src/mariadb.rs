//! A MariaDB server (or MySQL's, where that is the one installed): its folder, its settings, its life.
//! Reads no option file of the machine.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::Durability;
use crate::error::Error;
use crate::folder::Folder;
use crate::port;
use crate::process::Process;
use crate::programs;
use crate::tool::{self, until};

const SERVER: &str = "MariaDB";
const READY_WITHIN: Duration = Duration::from_secs(60);
const TOOL_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(30);
const GREETING_WITHIN: Duration = Duration::from_secs(5);
/// A port may be taken by another between our look and the server's.
const PORTS_TRIED: u32 = 5;
/// The version of the protocol that a greeting begins with, after four bytes of length.
const PROTOCOL: u8 = 10;

/// How a server is to be.
#[derive(Debug, Clone)]
pub struct MariadbOptions {
    /// Where it keeps its data: opened again when a server has been there. A temporary folder when none is
    /// given.
    pub folder: Option<PathBuf>,
    /// Its port; a free one when none is given.
    pub port: Option<u16>,
    /// What a commit survives.
    pub durability: Durability,
    /// Connections at most.
    pub max_connections: u32,
    /// Its cache of pages, in MiB.
    pub buffer_pool_mib: u32,
    /// More settings, as in an option file.
    pub settings: Vec<(String, String)>,
}

impl Default for MariadbOptions {
    fn default() -> Self {
        Self {
            folder: None,
            port: None,
            durability: Durability::Fast,
            max_connections: 200,
            buffer_pool_mib: 128,
            settings: Vec::new(),
        }
    }
}

/// A MariaDB server of ours. It ends when this is dropped.
#[derive(Debug)]
pub struct Mariadb {
    // Ends before the folder goes.
    process: Option<Process>,
    program: PathBuf,
    options: MariadbOptions,
    port: u16,
    folder: Folder,
    took: Duration,
}

impl Mariadb {
    /// Starts a server and returns when it takes connections. What stands in the folder is kept.
    ///
    /// # Errors
    /// When MariaDB is not installed, the folder cannot be used, or the server does not come up.
    pub fn start(options: &MariadbOptions) -> Result<Self, Error> {
        let began = Instant::now();
        let program = programs::mariadbd()?;
        let folder = Folder::open(SERVER, options.folder.as_deref(), &["mysql"])?;
        let options = options.clone();
        let mut server =
            Self { process: None, program, options, port: 0, folder, took: Duration::ZERO };
        if !server.folder.data().join("mysql").is_dir() {
            server.initialize()?;
        }
        server.launch_on_free_port()?;
        server.took = began.elapsed();
        Ok(server)
    }

    /// The address of a database, for a driver; with an empty name, of the server.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("mysql://root@127.0.0.1:{}/{database}", self.port)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// How long the start took, from nothing to taking connections.
    #[must_use]
    pub const fn took(&self) -> Duration {
        self.took
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// Runs statements through the client program and returns the rows, columns parted by tabs.
    ///
    /// # Errors
    /// When it cannot be reached or refuses a statement.
    pub fn sql(&self, statements: &str) -> Result<String, Error> {
        let mut client = self.folder.command(&programs::mariadb_client()?);
        client.args(["--no-defaults", "--batch", "--skip-column-names", "--connect-timeout=10"]);
        client.args(["--protocol=tcp", "--host=127.0.0.1", "--user=root"]);
        client.arg(format!("--port={}", self.port)).args(["--execute", statements]);
        Ok(tool::run(client, TOOL_WITHIN)?.trim_end().to_owned())
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// When it cannot be signalled or waited for.
    pub fn stop(&mut self) -> Result<(), Error> {
        if let Some(mut process) = self.process.take() {
            process.stop(Signal::TERM, STOP_WITHIN)?;
        }
        Ok(())
    }

    /// Kills it (`kill -9`); returns when it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Starts it again on the same port after [`Mariadb::stop`] or [`Mariadb::kill`]; one that runs is
    /// stopped first.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop()?;
        self.launch()
    }

    /// Fills the system tables; root needs no password, and is let in from this machine only.
    fn initialize(&self) -> Result<(), Error> {
        // never with `--user`: as root the script would then change files of the installation
        let mut install = match programs::mariadb_install_db() {
            Some(script) => {
                let mut install = self.folder.command(&script);
                install.args(["--no-defaults", "--skip-test-db", "--skip-name-resolve"]);
                install.arg("--auth-root-authentication-method=normal");
                install
            }
            None => {
                let mut install = self.folder.command(&self.program);
                install.args(["--no-defaults", "--initialize-insecure"]);
                install
            }
        };
        install.arg(format!("--datadir={}", self.folder.data().display()));
        install.args(self.engine_settings());
        tool::run(install, TOOL_WITHIN).map(|_| ())
    }

    fn launch_on_free_port(&mut self) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            self.port = self.options.port.map_or_else(port::free, Ok)?;
            tries += 1;
            match self.launch() {
                Err(Error::NotReady { log, .. })
                    if self.options.port.is_none()
                        && tries < PORTS_TRIED
                        && log.contains("Address already in use") => {}
                done => return done,
            }
        }
    }

    /// Starts the process and waits until it takes connections.
    fn launch(&mut self) -> Result<(), Error> {
        let mut command: Command = self.folder.command(&self.program);
        command.arg("--no-defaults");
        command.arg(format!("--datadir={}", self.folder.data().display()));
        command.args(self.engine_settings());
        command.args([
            // relative to the data folder: a path of any length will do
            "--socket=server.sock",
            "--pid-file=server.pid",
            "--skip-networking=0",
            "--bind-address=127.0.0.1",
            "--character-set-server=utf8mb4",
            "--default-time-zone=+00:00",
            "--performance-schema=0",
            "--skip-log-bin",
            // every statement of every service may be prepared on every connection
            "--max-prepared-stmt-count=1000000",
        ]);
        command.arg(format!("--port={}", self.port));
        command.arg(format!("--max-connections={}", self.options.max_connections));
        for (name, value) in &self.options.settings {
            command.arg(format!("--{name}={value}"));
        }
        let log = self.folder.open_log()?;
        let errors = log.try_clone().map_err(Error::io("sharing the log"))?;
        command.stdout(Stdio::from(log)).stderr(Stdio::from(errors));
        let remove = self.folder.is_temporary().then_some(self.folder.path());
        let mut process = Process::start(command, &self.folder.data(), remove)?;
        let ready = until("readiness", READY_WITHIN, || {
            if !process.is_running() {
                return Ok(Some(false));
            }
            Ok(greets(self.port).then_some(true))
        });
        if !matches!(ready, Ok(true)) {
            let (server, within, log) = (SERVER, READY_WITHIN, self.folder.log_end());
            return Err(Error::NotReady { server, within, log });
        }
        self.process = Some(process);
        Ok(())
    }

    /// The settings that files are made with, so that the first start finds them as it wants them.
    fn engine_settings(&self) -> Vec<String> {
        let mut all = vec![
            format!("--innodb-buffer-pool-size={}M", self.options.buffer_pool_mib),
            "--loose-innodb-buffer-pool-dump-at-shutdown=0".to_owned(),
            "--loose-innodb-buffer-pool-load-at-startup=0".to_owned(),
        ];
        let more: &[&str] = match self.options.durability {
            Durability::Durable => &["--innodb-flush-log-at-trx-commit=1"],
            // written at every commit, so that it survives the end of the server, but never forced
            Durability::Fast => &[
                "--innodb-flush-log-at-trx-commit=2",
                "--innodb-flush-method=nosync",
                "--innodb-doublewrite=0",
                "--loose-innodb-log-file-size=48M",
                "--loose-debug-no-sync",
            ],
        };
        all.extend(more.iter().map(|setting| (*setting).to_owned()));
        all
    }
}

impl Drop for Mariadb {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // nobody is left to be told; what is thrown away need not be written out first
            let _ = if self.folder.is_temporary() {
                process.kill()
            } else {
                process.stop(Signal::TERM, STOP_WITHIN).map(|_| ())
            };
        }
    }
}

/// Whether the server greets whoever connects, and does not say that it has too many of them.
fn greets(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = TcpStream::connect_timeout(&address, GREETING_WITHIN) else {
        return false;
    };
    let mut begin = [0_u8; 5];
    stream.set_read_timeout(Some(GREETING_WITHIN)).is_ok()
        && stream.read_exact(&mut begin).is_ok()
        && begin[4] == PROTOCOL
}
