//! Taking messages from one queue. However it ends, the channel is closed before anything else: a consumer
//! that were cancelled first would keep what it has not settled for a moment, and the next one would be given
//! what comes behind that.

use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};

use crate::error::{Error, within};

/// A consumer and its channel, which is closed when this is dropped.
pub(crate) struct Reading {
    channel: Channel,
    deliveries: Consumer,
}

impl Reading {
    /// Begins to read; at most `prefetch` messages are under way.
    pub(crate) async fn open(channel: Channel, queue: &str, prefetch: u16) -> Result<Self, Error> {
        channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let deliveries = channel.basic_consume(queue.into(), "".into(), options, none).await?;
        Ok(Self { channel, deliveries })
    }

    /// The next message; `None` when there will be no more. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Option<Result<Delivery, lapin::Error>> {
        self.deliveries.next().await
    }

    /// Gives back what was not settled, and returns when the broker knows.
    pub(crate) async fn close(self, time: Duration) -> Result<(), Error> {
        within(time, "close a channel", self.channel.close(200, "done".into())).await
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // Asked once, it is on its way; the answer is not waited for. A channel that is closed says so.
        let _ = self.channel.close(200, "dropped".into()).now_or_never();
    }
}
