//! What can be set, with units and limits.

use std::time::Duration;

use kit::Secret;
use lapin::uri::{AMQPScheme, AMQPUri};
use outbox::backoff::Backoff;

use crate::error::Error;

/// More queues for each consumer than anybody needs.
const PARTITIONS_MAX: u16 = 64;
/// The broker counts them with 16 bits; a dead letter and its mark must fit as well.
const DEAD_MAX: u32 = 60_000;

/// How to reach the broker, and the limits of what goes over it.
#[derive(Debug, Clone)]
pub struct Options {
    /// `amqp://user:password@host:port/vhost`.
    pub url: Secret<String>,
    /// What the names of exchanges and queues begin with.
    pub prefix: String,
    /// Queues of each consumer. Fixed once there are messages: a process with another number is refused,
    /// because it would look for an aggregate in another queue.
    pub partitions: u16,
    /// Messages of one queue that are here and not settled, at most. Those that wait behind a failed one of
    /// their aggregate count.
    pub prefetch: u16,
    /// Messages of one queue that are worked on at the same time, at most.
    pub concurrency: usize,
    /// How long a consumer may take for one message.
    pub consume_within: Duration,
    /// How long the broker may take to confirm.
    pub confirm_within: Duration,
    /// How long connecting and declaring may take.
    pub connect_within: Duration,
    /// How often either side says that it is there.
    pub heartbeat: Duration,
    /// The pauses before a connection is tried again.
    pub reconnect: Backoff,
    /// The pauses before a consumer tries a message again.
    pub retry: Backoff,
    /// After this many failures of a consumer a message is a dead letter.
    pub attempts_max: u32,
    /// A message that has come back this often, without success or failure, kills whoever works on it: it is
    /// a dead letter then.
    pub deliveries_max: u32,
    /// Messages in one queue, at most; what is published beyond waits in the outbox.
    pub queue_max: u32,
    /// Dead letters of one consumer, about, at most; its queues stand still beyond. Those that somebody looks
    /// at in a moment are not counted in it.
    pub dead_max: u32,
}

impl Options {
    /// The usual limits, for a broker at this address.
    #[must_use]
    pub fn at(url: Secret<String>) -> Self {
        Self {
            url,
            prefix: "stoa".to_owned(),
            partitions: 4,
            prefetch: 128,
            concurrency: 32,
            consume_within: Duration::from_secs(10),
            confirm_within: Duration::from_secs(5),
            connect_within: Duration::from_secs(30),
            heartbeat: Duration::from_secs(10),
            reconnect: Backoff { first: Duration::from_millis(100), max: Duration::from_secs(10) },
            retry: Backoff { first: Duration::from_secs(1), max: Duration::from_secs(60) },
            attempts_max: 16,
            deliveries_max: 50,
            queue_max: 100_000,
            dead_max: 10_000,
        }
    }

    /// The address, with the heartbeat.
    pub(crate) fn uri(&self) -> Result<AMQPUri, Error> {
        // the library's words could repeat the password
        let none = |_| Error::Option("url", "it is no address of the form amqp://host:port/vhost");
        let mut uri: AMQPUri = self.url.expose().parse().map_err(none)?;
        if uri.scheme != AMQPScheme::AMQP {
            let words = "only amqp:// is understood; TLS is ended in front of the broker";
            return Err(Error::Option("url", words));
        }
        uri.query.heartbeat = Some(u16::try_from(self.heartbeat.as_secs()).unwrap_or(u16::MAX));
        Ok(uri)
    }

    /// Whether these can be used.
    ///
    /// # Errors
    /// [`Error::Option`], which names the field.
    pub fn validate(&self) -> Result<(), Error> {
        let name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if !(1..=32).contains(&self.prefix.len()) || !self.prefix.bytes().all(name) {
            return Err(Error::Option("prefix", "1 to 32 characters of A-Z a-z 0-9 _ -"));
        }
        if !(1..=PARTITIONS_MAX).contains(&self.partitions) {
            return Err(Error::Option("partitions", "1 to 64"));
        }
        if !(1..=DEAD_MAX).contains(&self.dead_max) {
            return Err(Error::Option("dead_max", "1 to 60000"));
        }
        let counts = [
            ("prefetch", u32::from(self.prefetch)),
            ("concurrency", u32::try_from(self.concurrency).unwrap_or(u32::MAX)),
            ("attempts_max", self.attempts_max),
            ("deliveries_max", self.deliveries_max),
            ("queue_max", self.queue_max),
        ];
        if let Some((field, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return Err(Error::Option(field, "at least 1"));
        }
        if self.heartbeat < Duration::from_secs(1) {
            return Err(Error::Option("heartbeat", "at least a second"));
        }
        self.uri().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(change: impl FnOnce(&mut Options)) -> Result<(), String> {
        let mut options = Options::at(Secret::new("amqp://u:hidden@127.0.0.1:5672/%2f".to_owned()));
        change(&mut options);
        options.validate().map_err(|e| e.to_string())
    }

    #[test]
    fn a_bad_option_is_named_and_no_password_is_repeated() {
        assert_eq!(options(|_| {}), Ok(()));
        for url in ["", "amqps://u:hidden@h/", "http://u:hidden@h/", "amqp://u:hidden@h:port/"] {
            let said = options(|o| o.url = Secret::new(url.to_owned())).unwrap_err();
            assert!(said.contains("url") && !said.contains("hidden"), "{said}");
        }
        assert!(options(|o| o.prefix = "a.b".to_owned()).unwrap_err().contains("prefix"));
        assert!(options(|o| o.partitions = 65).unwrap_err().contains("partitions"));
        assert!(options(|o| o.dead_max = 0).unwrap_err().contains("dead_max"));
        assert!(options(|o| o.prefetch = 0).unwrap_err().contains("prefetch"));
        assert!(options(|o| o.concurrency = 0).unwrap_err().contains("concurrency"));
    }
}
