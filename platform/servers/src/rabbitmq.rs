//! A RabbitMQ server: its folder, its settings, its life. It shares nothing with another one of the machine:
//! its name, its cookie, its files and the port of its name server (epmd) are its own, and no setting of the
//! machine is read.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::error::Error;
use crate::folder::Folder;
use crate::port;
use crate::process::Process;
use crate::programs;
use crate::tool::until;

const SERVER: &str = "RabbitMQ";
const READY_WITHIN: Duration = Duration::from_secs(120);
const STOP_WITHIN: Duration = Duration::from_secs(60);
const GREETING_WITHIN: Duration = Duration::from_secs(5);
/// A port may be taken by another between our look and the server's.
const PORTS_TRIED: u32 = 5;
/// It shows its stack after it has said what is wrong.
const LOG_LINES: usize = 100;
/// What a client says first, and the first byte of the answer: a frame with a method.
const HELLO: &[u8; 8] = b"AMQP\x00\x00\x09\x01";
const METHOD_FRAME: u8 = 1;

/// How a server is to be.
#[derive(Debug, Clone)]
pub struct RabbitMqOptions {
    /// Where it keeps its data: opened again when a server has been there, which then needs the same `port`.
    /// A temporary folder when none is given.
    pub folder: Option<PathBuf>,
    /// Its port; a free one when none is given.
    pub port: Option<u16>,
    /// From how much memory on it takes no more messages, in MiB.
    pub memory_mib: u32,
    /// More settings, as in `rabbitmq.conf`.
    pub settings: Vec<(String, String)>,
}

impl Default for RabbitMqOptions {
    fn default() -> Self {
        Self { folder: None, port: None, memory_mib: 768, settings: Vec::new() }
    }
}

/// The ports of one server.
#[derive(Debug, Clone, Copy, Default)]
struct Ports {
    /// For clients.
    amqp: u16,
    /// Where its name server listens.
    names: u16,
    /// Where other nodes of a cluster would reach it.
    nodes: u16,
}

/// A server. It ends when this is dropped.
#[derive(Debug)]
pub struct RabbitMq {
    // The node goes before the name server it is known to.
    process: Option<Process>,
    names: Option<Process>,
    program: PathBuf,
    epmd: PathBuf,
    options: RabbitMqOptions,
    ports: Ports,
    folder: Folder,
    took: Duration,
}

impl RabbitMq {
    /// Starts a server and returns when it takes connections. What stands in the folder is kept.
    ///
    /// # Errors
    /// When RabbitMQ is not installed, the folder cannot be used, or the server does not come up.
    pub fn start(options: &RabbitMqOptions) -> Result<Self, Error> {
        let began = Instant::now();
        let (program, epmd) = (programs::rabbitmq()?, programs::epmd()?);
        let folder = Folder::open(SERVER, options.folder.as_deref(), &["rabbitmq"])?;
        let (process, names, ports) = (None, None, Ports::default());
        let options = options.clone();
        let took = Duration::ZERO;
        let mut server = Self { process, names, program, epmd, options, ports, folder, took };
        server.launch_on_free_ports()?;
        server.took = began.elapsed();
        Ok(server)
    }

    /// The address, for a client: the default virtual host, as the default user, who is let in from this
    /// machine only.
    #[must_use]
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports.amqp)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.ports.amqp
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

    /// Ends it in order.
    ///
    /// # Errors
    /// When it cannot be signalled or waited for.
    pub fn stop(&mut self) -> Result<(), Error> {
        if let Some(mut process) = self.process.take() {
            process.stop(Signal::TERM, STOP_WITHIN)?;
        }
        self.end_names()
    }

    /// Kills it (`kill -9`); returns when it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())?;
        self.end_names()
    }

    /// Starts it again on the same port after [`RabbitMq::stop`] or [`RabbitMq::kill`]; one that runs is
    /// stopped first.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop()?;
        self.launch()
    }

    fn end_names(&mut self) -> Result<(), Error> {
        self.names.take().map_or(Ok(()), |mut names| names.kill())
    }

    fn launch_on_free_ports(&mut self) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            let amqp = self.options.port.map_or_else(port::free, Ok)?;
            self.ports = Ports { amqp, names: port::free()?, nodes: port::free()? };
            tries += 1;
            match self.launch() {
                Err(Error::NotReady { log, .. })
                    if self.options.port.is_none()
                        && tries < PORTS_TRIED
                        && log.contains("eaddrinuse") => {}
                done => return done,
            }
        }
    }

    /// Starts the processes and waits until connections are taken.
    fn launch(&mut self) -> Result<(), Error> {
        self.write_settings()?;
        self.names = Some(self.start_names()?);
        let mut command = self.node_command();
        let log = self.folder.open_log()?;
        let errors = log.try_clone().map_err(Error::io("sharing the log"))?;
        command.stdout(Stdio::from(log)).stderr(Stdio::from(errors));
        let remove = self.folder.is_temporary().then_some(self.folder.path());
        let mut process = Process::start(command, self.folder.path(), remove)?;
        let ready = until("readiness", READY_WITHIN, || {
            if !process.is_running() {
                return Ok(Some(false));
            }
            Ok(greets(self.ports.amqp).then_some(true))
        });
        if !matches!(ready, Ok(true)) {
            let (server, within, log) = (SERVER, READY_WITHIN, self.folder.log_tail(LOG_LINES));
            return Err(Error::NotReady { server, within, log });
        }
        self.process = Some(process);
        Ok(())
    }

    /// The name server, as a child of ours: a node that finds none would start one that nobody ends.
    fn start_names(&self) -> Result<Process, Error> {
        let mut command = self.folder.command(&self.epmd);
        command.args(["-address", "127.0.0.1", "-port"]).arg(self.ports.names.to_string());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut names = Process::start(command, self.folder.path(), None)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.ports.names));
        let ready = until("readiness", READY_WITHIN, || {
            if !names.is_running() {
                return Ok(Some(false));
            }
            Ok(TcpStream::connect_timeout(&address, GREETING_WITHIN).is_ok().then_some(true))
        });
        if matches!(ready, Ok(true)) {
            return Ok(names);
        }
        // it says nothing where its port is taken
        let (server, within, log) = ("epmd", READY_WITHIN, "eaddrinuse".to_owned());
        Err(Error::NotReady { server, within, log })
    }

    fn node_command(&self) -> Command {
        let folder = self.folder.path();
        let mut command = self.folder.command(&self.program);
        command
            .env("ERL_EPMD_PORT", self.ports.names.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", NODE_ARGUMENTS)
            .env("RABBITMQ_NODENAME", format!("stoa{}@localhost", self.ports.amqp))
            .env("RABBITMQ_DIST_PORT", self.ports.nodes.to_string())
            // the program itself becomes the node, so that its process is the one we end
            .env("RABBITMQ_ALLOW_INPUT", "1")
            .env("RABBITMQ_CONF_ENV_FILE", folder.join("no-environment"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("no-advanced.config"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
            .env("RABBITMQ_MNESIA_BASE", self.folder.data())
            .env("RABBITMQ_LOG_BASE", folder)
            .env("RABBITMQ_LOGS", "-");
        command
    }

    fn write_settings(&self) -> Result<(), Error> {
        let mut text = format!(
            "listeners.tcp.default = 127.0.0.1:{}\n\
             log.file = false\nlog.console = true\nlog.console.level = warning\n\
             vm_memory_high_watermark.absolute = {}MiB\n\
             disk_free_limit.absolute = 64MiB\n\
             raft.wal_max_size_bytes = 33554432\n",
            self.ports.amqp, self.options.memory_mib
        );
        for (name, value) in &self.options.settings {
            text.extend([name.as_str(), " = ", value, "\n"]);
        }
        let folder = self.folder.path();
        self.folder.write(&folder.join("rabbitmq.conf"), &text, 0o600)?;
        self.folder.write(&folder.join("plugins"), "[].\n", 0o600)?;
        self.folder.make(&self.folder.data())?;
        let cookie = folder.join(".erlang.cookie");
        if cookie.exists() {
            return Ok(());
        }
        self.folder.write(&cookie, &secret()?, 0o400)
    }
}

/// No console, the loopback only, and no core that spins while there is nothing to do.
const NODE_ARGUMENTS: &str =
    "-noinput -kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none";

/// What nodes of one cluster know of each other; nobody else needs this one.
fn secret() -> Result<String, Error> {
    let source = Path::new("/dev/urandom");
    let refused = || Error::io(format!("reading {}", source.display()));
    let mut bytes = [0_u8; 16];
    fs::File::open(source).and_then(|mut f| f.read_exact(&mut bytes)).map_err(refused())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        // nobody is left to be told; what is thrown away need not be written out first
        let _ = if self.folder.is_temporary() { self.kill() } else { self.stop() };
    }
}

/// Whether the server answers as one of its protocol.
fn greets(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = TcpStream::connect_timeout(&address, GREETING_WITHIN) else {
        return false;
    };
    let mut begin = [0_u8; 1];
    stream.set_read_timeout(Some(GREETING_WITHIN)).is_ok()
        && stream.write_all(HELLO).is_ok()
        && stream.read_exact(&mut begin).is_ok()
        && begin[0] == METHOD_FRAME
}
