//! What a message is: plain values and their limits. No SQL, no delivery.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use kit::{ErrorCode, Place, TenantCode, Timestamp};
use rpc::{Fault, TraceId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::deliver::ConsumeError;

/// The most bytes of JSON a payload may have.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// The most bytes of a topic or of an aggregate's type.
pub const NAME_BYTES_MAX: usize = 128;

/// A message to be put. Cheap enough to clone for a transaction that may run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    pub(crate) topic: Cow<'static, str>,
    pub(crate) aggregate_type: Cow<'static, str>,
    pub(crate) aggregate_id: i64,
    pub(crate) payload: String,
    pub(crate) deliver_at: Option<Timestamp>,
}

impl NewMessage {
    /// A message that is delivered as soon as possible, after the earlier ones of its aggregate.
    ///
    /// `topic` and `aggregate_type` are up to 128 characters of `A-Z a-z 0-9 _ . -`.
    ///
    /// # Errors
    /// When a name is none, or the payload is not JSON or over [`PAYLOAD_BYTES_MAX`].
    pub fn new(
        topic: impl Into<Cow<'static, str>>,
        aggregate_type: impl Into<Cow<'static, str>>,
        aggregate_id: i64,
        payload: &impl Serialize,
    ) -> Result<Self, Fault> {
        let (topic, aggregate_type) = (topic.into(), aggregate_type.into());
        for name in [&topic, &aggregate_type] {
            if !is_name(name) {
                return Err(Fault::bug(format!("`{name}` names no topic and no aggregate")));
            }
        }
        let payload = serde_json::to_string(payload).map_err(Fault::internal)?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            let text = format!("a message may have {PAYLOAD_BYTES_MAX} bytes at most");
            return Err(Fault::new(ErrorCode::TooLarge, text));
        }
        Ok(Self { topic, aggregate_type, aggregate_id, payload, deliver_at: None })
    }

    /// The same, as a timer: delivered at `at` or a little later, never earlier. It neither waits for
    /// other messages of its aggregate nor holds them up.
    #[must_use]
    pub fn deliver_at(self, at: Timestamp) -> Self {
        Self { deliver_at: Some(at), ..self }
    }
}

pub(crate) fn is_name(s: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    (1..=NAME_BYTES_MAX).contains(&s.len()) && s.bytes().all(allowed)
}

/// A message's id, unique within its tenant and database: `{aggregate_type}:{aggregate_id}:{seq}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    /// The kind of thing the message is about.
    pub aggregate_type: String,
    /// Which one.
    pub aggregate_id: i64,
    /// Its number within the aggregate: ascending, with gaps.
    pub seq: i64,
}

/// Not a message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message id has the form type:number:number")]
pub struct InvalidMessageId;

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.aggregate_type, self.aggregate_id, self.seq)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageId {
    type Err = InvalidMessageId;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let mut parts = s.split(':');
        let (Some(kind), Some(id), Some(seq), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidMessageId);
        };
        let number = |n: &str| n.parse::<i64>().map_err(|_| InvalidMessageId);
        if !is_name(kind) {
            return Err(InvalidMessageId);
        }
        Ok(Self { aggregate_type: kind.to_owned(), aggregate_id: number(id)?, seq: number(seq)? })
    }
}

impl Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A message as a consumer gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The logical database it was put into.
    pub source: String,
    /// Its id, unique within tenant and source.
    pub id: MessageId,
    /// The tenant it belongs to.
    pub tenant: TenantCode,
    /// What it is about, for routing.
    pub topic: String,
    /// The cell of the transaction that put it.
    pub place: Place,
    /// JSON.
    pub payload: String,
    /// The trace of the call that put it.
    pub trace: TraceId,
    /// The request that put it.
    pub request_id: String,
    /// Counts deliveries from 1; a crash in between is not counted.
    pub attempt: u32,
    /// When it was put.
    pub created_at: Timestamp,
    /// For a timer: when it was due.
    pub deliver_at: Option<Timestamp>,
}

impl Message {
    /// The payload as a type.
    ///
    /// # Errors
    /// A permanent one: what does not fit now will not fit at the next attempt.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ConsumeError> {
        serde_json::from_str(&self.payload)
            .map_err(|e| ConsumeError::permanent(format!("the payload of {}: {e}", self.topic)))
    }
}

/// What travels beside the payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Headers {
    /// As a `traceparent`.
    pub(crate) trace: String,
    pub(crate) request_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_and_nothing_else_is_one() {
        let id: MessageId = "parcel:42:1748736000000000".parse().unwrap();
        assert_eq!((id.aggregate_id, id.seq), (42, 1_748_736_000_000_000));
        assert_eq!(id.to_string(), "parcel:42:1748736000000000");
        for bad in ["", "parcel", "parcel:1", "parcel:1:2:3", ":1:2", "par cel:1:2", "parcel:x:1"] {
            assert!(bad.parse::<MessageId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_payload_over_the_limit_is_refused() {
        let fits = "x".repeat(PAYLOAD_BYTES_MAX - 2);
        assert!(NewMessage::new("t", "a", 1, &fits).is_ok());
        let e = NewMessage::new("t", "a", 1, &format!("{fits}x")).unwrap_err();
        assert_eq!(e.code, ErrorCode::TooLarge);
        assert!(NewMessage::new("t:t", "a", 1, &()).is_err());
        assert!(NewMessage::new("t", "", 1, &()).is_err());
    }
}
