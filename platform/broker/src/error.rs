//! What can go wrong between us and the broker. Says nothing of what consumers do.

use std::time::Duration;

use outbox::deliver::DuplicateConsumer;

/// Something with the broker failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option is not what it may be.
    #[error("broker option `{0}`: {1}")]
    Option(&'static str, &'static str),
    /// Two consumers would share their queues.
    #[error(transparent)]
    Duplicate(#[from] DuplicateConsumer),
    /// The name of a consumer cannot be part of the name of a queue.
    #[error("`{0}` is no name for a consumer: up to 128 characters of A-Z a-z 0-9 _ . -")]
    Name(String),
    /// The broker refused, or the connection was lost.
    #[error("the broker: {0}")]
    Broker(#[from] lapin::Error),
    /// It did not answer.
    #[error("the broker did not answer within {0:?} when it was asked to {1}")]
    TimedOut(Duration, &'static str),
    /// There is no connection.
    #[error("there is no connection to the broker")]
    Disconnected,
    /// The broker did not take a message.
    #[error("the broker has not taken a message: {0}")]
    Refused(&'static str),
    /// There are as many dead letters as there may be.
    #[error("consumer {0} has as many dead letters as it may have")]
    Full(String),
    /// Other processes use another number of queues.
    #[error(
        "the broker's exchange {0} was made for another number of partitions; \
         every process must have the same"
    )]
    Partitions(String),
    /// No such dead letter.
    #[error("there is no such dead letter")]
    NotFound,
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] kit::entropy::EntropyError),
}

/// Waits for the broker, but not for ever.
pub(crate) async fn within<T, E: Into<Error>>(
    time: Duration,
    what: &'static str,
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    match tokio::time::timeout(time, asked).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(Error::TimedOut(time, what)),
    }
}
