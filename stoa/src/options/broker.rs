//! `[broker]`: where the messages between services go.

use broker::Options;
use kit::Secret;
use serde::Deserialize;
use stoa_config::{Problems, Validate};

/// `[broker]`.
#[derive(Debug, Clone, Deserialize)]
pub struct Broker {
    /// The address; empty when messages stay inside the process.
    pub url: Secret<String>,
    /// What the names of exchanges and queues begin with.
    pub prefix: String,
    /// Queues of each consumer.
    pub partitions: u16,
    /// Messages of one queue that a process holds at most.
    pub prefetch: u16,
    /// How many of them it works on at a time.
    pub concurrency: usize,
    /// Messages in one queue at most.
    pub queue_max: u32,
    /// Messages that one consumer could not do, at most.
    pub dead_max: u32,
    /// How long the broker may take to confirm a message.
    pub confirm_timeout: stoa_config::Duration,
}

impl Broker {
    /// How to reach the broker; `None` when there is none.
    #[must_use]
    pub fn options(&self) -> Option<Options> {
        (!self.url.expose().is_empty()).then(|| self.given())
    }

    fn given(&self) -> Options {
        Options {
            prefix: self.prefix.clone(),
            partitions: self.partitions,
            prefetch: self.prefetch,
            concurrency: self.concurrency,
            queue_max: self.queue_max,
            dead_max: self.dead_max,
            confirm_within: self.confirm_timeout.get(),
            ..Options::at(self.url.clone())
        }
    }
}

impl Validate for Broker {
    fn validate(&self, problems: &mut Problems) {
        problems.range("confirm_timeout", self.confirm_timeout.as_millis(), 100..=9_000);
        let Some(options) = self.options() else { return };
        if let Err(error) = options.validate() {
            match error {
                broker::Error::Option(field, detail) => problems.add(field, detail),
                other => problems.add("url", other.to_string()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use stoa_config::Loader;

    use crate::options::{DEFAULTS, Settings};

    #[test]
    fn messages_stay_in_the_process_unless_there_is_an_address_and_a_bad_one_is_named() {
        let settings: Settings = Loader::new(DEFAULTS).load().unwrap();
        assert!(settings.platform().broker.is_none());
        let with = |url: &str| Loader::new(DEFAULTS).set("broker.url", url).load::<Settings>();
        let options = with("amqp://u:hidden@127.0.0.1:5672/%2f").unwrap().platform();
        assert_eq!(options.broker.unwrap().prefix, "stoa");
        // the broker is what may fail; no message dies of that
        assert_eq!(options.relay.attempts_max, u32::MAX);
        let said = with("amqps://u:hidden@127.0.0.1/").unwrap_err().to_string();
        assert!(said.contains("broker.url") && !said.contains("hidden"), "{said}");
    }
}
