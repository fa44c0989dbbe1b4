//! The settings of the program, layered and validated, and the options of a platform that they become.
//! Every timer and limit is here, so that tests can shrink them.

mod broker;
mod storage;

use std::path::PathBuf;
use std::time::Duration;

pub use broker::Broker;
pub use storage::{Storage, StorageServer};

use kit::Secret;
use serde::Deserialize;
use shard::Engine;
use stoa_config::{Loader, Problems, Validate};
use telemetry::logs::Format;

use crate::engine::{Note, fits};

/// The commented defaults; the reference of all settings.
pub const DEFAULTS: &str = include_str!("../stoa.default.toml");

/// How often each cell is looked at for open payments where that is a round trip.
const QUERY_POLL_ON_SERVERS: Duration = Duration::from_secs(5);

/// The longest pause before a broker that did not take a message is asked again.
const BROKER_BACK_WITHIN: Duration = Duration::from_secs(30);

/// The settings of `stoa serve`.
#[derive(Debug, Clone, Deserialize)]
pub struct Settings {
    /// The front door.
    pub server: Server,
    /// What is logged, and how.
    pub log: Log,
    /// The databases.
    pub storage: Storage,
    /// Where messages go.
    pub broker: Broker,
    /// Orders.
    pub order: Order,
    /// Stock.
    pub inventory: Inventory,
    /// Payments.
    pub payment: Payment,
}

/// `[server]`.
#[derive(Debug, Clone, Deserialize)]
pub struct Server {
    /// Address and port.
    pub listen: String,
    /// The data folder.
    pub data: PathBuf,
    /// How long a request may take.
    pub request_timeout: stoa_config::Duration,
    /// How long open requests may go on when the program stops.
    pub drain: stoa_config::Duration,
    /// Connections that are open at once.
    pub connections_max: usize,
    /// Hosts that belong to no tenant.
    pub bare_hosts: Vec<String>,
    /// Whether cookies are sent over HTTPS only.
    pub cookie_secure: bool,
}

/// `[log]`.
#[derive(Debug, Clone, Deserialize)]
pub struct Log {
    /// `text` or `json`.
    pub format: String,
    /// `info`, or finer.
    pub filter: String,
}

/// `[order]`.
#[derive(Debug, Clone, Deserialize)]
pub struct Order {
    /// Orders that one member may leave unpaid at a time.
    pub unpaid_orders_max: u32,
}

/// `[inventory]`.
#[derive(Debug, Clone, Deserialize)]
pub struct Inventory {
    /// How long stock is held for an order that is being placed.
    pub reservation: stoa_config::Duration,
}

/// `[payment]`.
#[derive(Debug, Clone, Deserialize)]
pub struct Payment {
    /// Signs the test provider's callbacks.
    pub test_card_secret: Secret<String>,
}

impl Validate for Settings {
    fn validate(&self, problems: &mut Problems) {
        let listen = self.server.listen.parse::<std::net::SocketAddr>();
        problems.require(listen.is_ok(), "server.listen", "an address and port: 127.0.0.1:8080");
        problems.require(!self.server.data.as_os_str().is_empty(), "server.data", "a folder");
        problems.range("server.connections_max", self.server.connections_max, 1..=1_000_000);
        problems.range(
            "server.request_timeout",
            self.server.request_timeout.as_millis(),
            100..=60_000,
        );
        let format = self.log.format.parse::<Format>();
        problems.require(format.is_ok(), "log.format", "`text` or `json`");
        problems.section("storage", &self.storage);
        problems.section("broker", &self.broker);
        problems.range("order.unpaid_orders_max", self.order.unpaid_orders_max, 1..=1_000_000);
        let held = self.inventory.reservation.as_millis();
        problems.range("inventory.reservation", held, 1_000..=3_600_000);
        problems.require(
            held > self.server.request_timeout.as_millis(),
            "inventory.reservation",
            "longer than server.request_timeout: an order that is being placed needs its stock",
        );
    }
}

impl Settings {
    /// The defaults under a file and the environment.
    ///
    /// # Errors
    /// Every problem, with its key and where the value came from.
    pub fn load(file: Option<PathBuf>) -> Result<Self, stoa_config::Error> {
        let mut loader = Loader::new(DEFAULTS).process_environment();
        if let Some(file) = file {
            loader = loader.file(file);
        }
        loader.load()
    }

    /// Lets the data folder remember on which engine its databases are.
    ///
    /// # Errors
    /// When they are on another one, or the folder cannot be written to.
    pub fn remember(&self) -> anyhow::Result<()> {
        match self.storage.engine() {
            Engine::Sqlite => fits(&self.server.data, Engine::Sqlite),
            engine => Note::configured(engine).put(&self.server.data),
        }
    }

    /// The options of a platform.
    #[must_use]
    pub fn platform(&self) -> PlatformOptions {
        let mut options = PlatformOptions::in_folder(&self.server.data);
        options.shards.backend = self.storage.backend();
        if self.storage.engine() != Engine::Sqlite {
            options.relay = outbox::relay::Options::on_servers();
            options.payment.query_poll = QUERY_POLL_ON_SERVERS;
        }
        options.migrate_at_start = self.storage.migrate_at_start;
        options.shards.readers = self.storage.readers;
        options.shards.group_commit_max = self.storage.group_commit_max;
        options.shards.statement_timeout = self.storage.statement_timeout.get();
        options.broker = self.broker.options().map(Box::new);
        if options.broker.is_some() {
            // whether a consumer can do it is not the relay's to see any more, and no message dies of a broker
            // that is away
            options.relay.attempts_max = u32::MAX;
            options.relay.backoff.max = BROKER_BACK_WITHIN;
        }
        options.tenant.growth_lead = tenant_api::growth::lead(options.shards.statement_timeout);
        options.order.unpaid_orders_max = self.order.unpaid_orders_max;
        options.inventory.hold = self.inventory.reservation.get();
        options.bus.deadline = self.server.request_timeout.get();
        options.bus.bare_hosts.clone_from(&self.server.bare_hosts);
        options.cookie_secure = self.server.cookie_secure;
        if !self.payment.test_card_secret.expose().is_empty() {
            options.test_card.secret = Some(self.payment.test_card_secret.clone());
        }
        options
    }
}

/// All that a platform is started with.
#[derive(Clone)]
pub struct PlatformOptions {
    /// The databases.
    pub shards: shard::Options,
    /// Whether a start brings the databases up to date; else it refuses when something is missing.
    pub migrate_at_start: bool,
    /// The front door.
    pub bus: bus::Options,
    /// Delivering messages.
    pub relay: outbox::relay::Options,
    /// The broker over which they go; `None` when they stay in this process.
    pub broker: Option<Box<::broker::Options>>,
    /// Tenants.
    pub tenant: tenant::Options,
    /// Staff.
    pub staff: staff::Options,
    /// Members.
    pub member: member::Options,
    /// Products.
    pub product: product::Options,
    /// Stock.
    pub inventory: inventory::Options,
    /// Carts.
    pub cart: cart::Options,
    /// Orders.
    pub order: order::Options,
    /// Payments.
    pub payment: payment::Options,
    /// Shipping.
    pub fulfillment: fulfillment::Options,
    /// Whether cookies are sent over HTTPS only.
    pub cookie_secure: bool,
    /// The simulated card provider.
    pub test_card: payment::test_card::Options,
    /// Published flows.
    pub flow: flow::registry::Options,
    /// How passwords are hashed.
    pub passwords: auth::PasswordOptions,
}

impl PlatformOptions {
    /// The defaults, in a folder.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            shards: shard::Options::in_folder(folder),
            migrate_at_start: true,
            bus: bus::Options::default(),
            relay: outbox::relay::Options::default(),
            broker: None,
            tenant: tenant::Options::default(),
            staff: staff::Options::default(),
            member: member::Options::default(),
            product: product::Options::default(),
            inventory: inventory::Options::default(),
            cart: cart::Options::default(),
            order: order::Options::default(),
            payment: payment::Options::default(),
            fulfillment: fulfillment::Options::default(),
            cookie_secure: false,
            test_card: payment::test_card::Options::default(),
            flow: flow::registry::Options::default(),
            passwords: auth::PasswordOptions::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_a_wrong_value_is_named() {
        let settings: Settings = Loader::new(DEFAULTS).load().unwrap();
        assert_eq!(settings.order.unpaid_orders_max, 10);
        let wrong = Loader::new(DEFAULTS).set("server.listen", "somewhere").load::<Settings>();
        assert!(wrong.unwrap_err().to_string().contains("server.listen"));
    }
}
