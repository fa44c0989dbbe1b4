//! How exchanges and queues are called, and which queue an aggregate belongs to. Pure. Nothing here may
//! change once there are messages: they would be looked for elsewhere.

use kit::TenantCode;
use kit::id::mix64;
use outbox::Message;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The longest name of a consumer; what stands around it must fit into 255 bytes too.
const CONSUMER_BYTES_MAX: usize = 128;

/// What is kept in order: an aggregate of a tenant in a database, or one timer, which waits for nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) tenant: TenantCode,
    pub(crate) source: String,
    pub(crate) aggregate_type: String,
    pub(crate) aggregate_id: i64,
    /// Of a timer.
    pub(crate) timer: Option<i64>,
}

impl Key {
    pub(crate) fn of(message: &Message) -> Self {
        Self {
            tenant: message.tenant.clone(),
            source: message.source.clone(),
            aggregate_type: message.id.aggregate_type.clone(),
            aggregate_id: message.id.aggregate_id,
            timer: message.deliver_at.map(|_| message.id.seq),
        }
    }

    /// The queue of this key among so many: the same on every machine and in every version. FNV-1a over the
    /// parts, each behind its length, and mixed, because the ids of one moment differ in few bits.
    pub(crate) fn partition(&self, partitions: u16) -> u16 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for byte in (bytes.len() as u64).to_le_bytes().iter().chain(bytes) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        };
        add(self.tenant.as_str().as_bytes());
        add(self.source.as_bytes());
        add(self.aggregate_type.as_bytes());
        add(&self.aggregate_id.to_le_bytes());
        let partition = mix64(hash).checked_rem(u64::from(partitions)).unwrap_or(0);
        u16::try_from(partition).unwrap_or(0)
    }
}

/// The names under one prefix.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub(crate) prefix: String,
    pub(crate) partitions: u16,
}

impl Names {
    /// Where everything is published.
    pub(crate) fn exchange(&self) -> String {
        format!("{}.messages", self.prefix)
    }

    /// Where goes what nobody wants: nowhere. Its name tells the number of partitions, and the broker
    /// compares it whenever the exchange is declared.
    pub(crate) fn nobody(&self) -> String {
        format!("{}.nobody.of{}", self.prefix, self.partitions)
    }

    pub(crate) fn routing_key(partition: u16, topic: &str) -> String {
        format!("{partition}.{topic}")
    }

    pub(crate) fn queue(&self, consumer: &str, partition: u16) -> String {
        format!("{}.{consumer}.{partition}of{}", self.prefix, self.partitions)
    }

    pub(crate) fn dead(&self, consumer: &str) -> String {
        format!("{}.{consumer}.dead", self.prefix)
    }
}

/// Whether queues can be called after the consumer.
pub(crate) fn check_consumer(name: &str) -> Result<(), Error> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if (1..=CONSUMER_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(Error::Name(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(aggregate_id: i64, timer: Option<i64>) -> Key {
        let (source, aggregate_type) = ("things".to_owned(), "thing".to_owned());
        Key { tenant: "flora".parse().unwrap(), source, aggregate_type, aggregate_id, timer }
    }

    #[test]
    fn an_aggregate_has_the_same_queue_for_ever_and_its_timers_have_it_too() {
        let some: Vec<u16> = (0..12).map(|id| key(id, None).partition(4)).collect();
        assert_eq!(some, [3, 2, 3, 0, 0, 0, 3, 2, 3, 1, 3, 3]);
        assert_eq!(key(7, None).partition(4), key(7, Some(9)).partition(4));
    }

    #[test]
    fn aggregates_spread_evenly() {
        let mut counts = [0_u32; 4];
        for id in 0..10_000 {
            counts[usize::from(key(id << 12, None).partition(4))] += 1;
        }
        assert!(counts.iter().all(|n| (2_300..2_700).contains(n)), "{counts:?}");
    }

    #[test]
    fn a_name_that_would_break_a_queues_is_refused() {
        assert!(check_consumer("messages.notify").is_ok());
        for bad in ["", "a b", "a#", "ä", &"x".repeat(129)] {
            assert!(check_consumer(bad).is_err(), "{bad}");
        }
    }
}
