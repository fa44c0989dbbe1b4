//! The commands: what they are called, what they take, what they print. Each explains itself with
//! `--help`. A command works through the services' handles and touches no table.

mod backup;
mod demo;
mod doctor;
mod flow;
mod import;
mod migrate;
mod openapi;
mod out;
mod outbox;
mod restore;
mod search;
mod serve;
mod shard;
mod shard_drain;
mod shard_failover;
mod shard_move;
mod tenant;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use out::Out;

const EXAMPLES: &str = "\
Examples:
  stoa demo                                   three shops on http://localhost:8080, data in ./stoa-data
  stoa serve --config stoa.toml               production
  stoa import products.csv --tenant flora     a product file in the Shopify CSV format
  stoa flow validate my-flow.json             checks a flow document without any data
  stoa outbox list --state dead               messages that were given up
  stoa backup /backups/monday                 all databases as they are now, while the shops go on
  stoa restore /backups/monday --data ./new   a data folder with what they were
  stoa shard plan outlet 8,8,4,0              what growing a shop to more databases would bring
  stoa shard move order_04 --to b             one logical database to another server, in operation
  stoa demo --engine postgres                 the same shops on PostgreSQL
  stoa migrate --config stoa.toml --check     what the databases lack for this version
  stoa doctor                                 whether the data folder is well";

/// A platform for malls: many shops, one program.
#[derive(Debug, Parser)]
#[command(name = "stoa", version, about, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// Prints JSON for machines instead of text for people.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    command: Command,
}

/// The data folder of a command.
#[derive(Debug, Clone, clap::Args)]
pub struct DataArgs {
    /// The data folder. When a server runs on it, the command goes through that server.
    #[arg(long, value_name = "DIR", default_value = "./stoa-data", env = "STOA_DATA")]
    pub data: PathBuf,
    /// The settings of `stoa serve`, which name the data folder and the database servers; needed when
    /// no server runs and the databases are on servers.
    #[arg(long, value_name = "FILE", env = "STOA_CONFIG")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs three demo shops in this process, with nothing to install.
    Demo(demo::Args),
    /// Runs the platform with a settings file.
    Serve(serve::Args),
    /// Imports a product file in the Shopify CSV format into a tenant's catalogue and stock.
    Import(import::Args),
    /// Lists and adds tenants.
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// Checks, publishes and shows the flows of orders and after-sale cases.
    #[command(subcommand)]
    Flow(flow::Command),
    /// Shows the messages between services, and tries dead ones again.
    #[command(subcommand)]
    Outbox(outbox::Command),
    /// Reads a tenant's catalogue into the search index again.
    #[command(subcommand)]
    Search(search::Command),
    /// Copies all databases as they are at one moment, while the platform runs or while it does not.
    Backup(backup::Args),
    /// Checks a backup, and makes a data folder of it.
    Restore(restore::Args),
    /// Grows a tenant onto more databases, and moves databases to other servers, while the shops are open.
    #[command(subcommand)]
    Shard(shard::Command),
    /// Brings all databases up to date before a new version starts, or tells what they lack.
    Migrate(migrate::Args),
    /// Checks a data folder: database servers or files, messages.
    Doctor(doctor::Args),
    /// Prints the API document (OpenAPI 3.1) as JSON.
    Openapi,
}

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    /// With what went wrong and what to do about it.
    pub async fn run(self, out: &mut Out) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Demo(args) => demo::run(args, out).await,
            Command::Serve(args) => serve::run(args, out).await,
            Command::Import(args) => import::run(args, out).await,
            Command::Tenant(command) => tenant::run(command, out).await,
            Command::Flow(command) => flow::run(command, out).await,
            Command::Outbox(command) => outbox::run(command, out).await,
            Command::Search(command) => search::run(command, out).await,
            Command::Backup(args) => backup::run(args, out).await,
            Command::Restore(args) => restore::run(args, out).await,
            Command::Shard(command) => shard::run(command, out).await,
            Command::Migrate(args) => migrate::run(args, out).await,
            Command::Doctor(args) => doctor::run(args, out).await,
            Command::Openapi => openapi::run(out).await,
        }
    }
}

/// An API failure as the end of a command: its text, the fields it names, and the cause for whoever runs
/// the platform.
pub(crate) fn failed(error: impl rpc::ServiceError) -> anyhow::Error {
    let fault = error.into_fault();
    let mut text = fault.message.clone();
    for field in &fault.fields {
        text.push_str(&format!("\n  {}: {}", field.pointer, field.detail));
    }
    let chain = fault.chain();
    if !chain.is_empty() {
        text.push_str(&format!("\n  because: {chain}"));
    }
    anyhow::anyhow!(text)
}
