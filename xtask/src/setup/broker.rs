//! The message broker that tests are given: one RabbitMQ for a whole run, from Debian's package, gone when the run is
//! over. Tests that break a broker start their own.

use std::process::Command;

use anyhow::{Context as _, Result};
use servers::{Error, RabbitMq, RabbitMqOptions};

use super::apt;
use crate::process::Deadline;

/// The tests' variable: see the tests of `broker`.
const RABBITMQ: &str = "STOA_TEST_RABBITMQ";

/// A running broker. It ends when this is dropped.
#[derive(Debug)]
pub struct Broker(RabbitMq);

impl Broker {
    /// Starts it; installs what is missing.
    ///
    /// # Errors
    /// When it is missing and cannot be installed, or does not start.
    pub fn start(deadline: Deadline) -> Result<Self> {
        if let Err(Error::Missing { package, .. }) = servers::rabbitmq_installed() {
            apt::install(&[package], deadline).context("tests need a message broker")?;
        }
        let server = RabbitMq::start(&RabbitMqOptions::default()).context("RabbitMQ for tests")?;
        say!("RabbitMQ on port {} ({} ms)", server.port(), server.took().as_millis());
        Ok(Self(server))
    }

    /// Names it to a command that runs tests.
    pub fn tell(&self, command: &mut Command) {
        command.env(RABBITMQ, self.0.url());
    }
}
