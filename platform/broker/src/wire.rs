//! A message as the broker carries it: the payload is the body, the rest are properties and headers. Reading
//! trusts nothing: a message that was not written here is told, never guessed at.

use std::collections::BTreeMap;

use kit::{Place, Timestamp};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use outbox::Message;
use rpc::TraceId;
use serde::{Deserialize, Serialize};

use crate::names::Key;

/// Written to disk by whoever takes it.
const PERSISTENT: u8 = 2;
/// The kinds of what goes over our queues, in the property `type`.
const MESSAGE: &str = "stoa.message";
const COMMAND: &str = "stoa.command";
const MARK: &str = "stoa.mark";
/// How often a quorum queue has given this message to somebody who has not settled it.
const DELIVERY_COUNT: &str = "x-delivery-count";

/// What an operator wants done about dead letters. Goes through the queue of the aggregate, so that whoever
/// keeps the aggregate in order does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Command {
    pub(crate) key: Key,
    /// The entry to be thrown away first; then, or with none, all are done again.
    pub(crate) discard: Option<String>,
}

/// Something that came over a queue.
#[derive(Debug)]
pub(crate) enum Came {
    Message(Message),
    Command(Command),
    /// Not ours, or not of this version, with the reason.
    Unreadable(String),
}

/// Why a message is dead, beside the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// The entry's own name: a message may come to the dead letters twice.
    pub(crate) entry: String,
    pub(crate) reason: String,
    pub(crate) attempts: u32,
    /// It only waits for another of its aggregate.
    pub(crate) waits: bool,
}

#[derive(Default)]
struct Headers(BTreeMap<ShortString, AMQPValue>);

impl Headers {
    fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.into(), AMQPValue::LongString(value.into().into()));
        self
    }

    fn number(mut self, name: &str, value: i64) -> Self {
        self.0.insert(name.into(), AMQPValue::LongLongInt(value));
        self
    }

    fn table(self) -> FieldTable {
        FieldTable::from(self.0)
    }
}

fn base(kind: &str, headers: FieldTable) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type("application/json".into())
        .with_type(kind.into())
        .with_headers(headers)
}

fn headers_of(message: &Message) -> Headers {
    let headers = Headers::default()
        .text("tenant", message.tenant.as_str())
        .text("source", message.source.as_str())
        .text("topic", message.topic.as_str())
        .text("aggregate_type", message.id.aggregate_type.as_str())
        .number("aggregate_id", message.id.aggregate_id)
        .number("seq", message.id.seq)
        .number("db", i64::from(message.place.db))
        .number("table", i64::from(message.place.table))
        .number("attempt", i64::from(message.attempt))
        .number("created_us", message.created_at.micros())
        .text("traceparent", message.trace.to_string())
        .text("request_id", message.request_id.as_str());
    match message.deliver_at {
        Some(at) => headers.number("deliver_us", at.micros()),
        None => headers,
    }
}

/// The id of a message among all messages of a tenant.
pub(crate) fn full_id(message: &Message) -> String {
    format!("{}/{}", message.source, message.id)
}

/// A message to be published.
pub(crate) fn message(message: &Message) -> BasicProperties {
    let properties = base(MESSAGE, headers_of(message).table());
    // up to 255 bytes go there; the parts stand in the headers as well
    match ShortString::try_new(full_id(message)) {
        Ok(id) => properties.with_message_id(id),
        Err(_) => properties,
    }
}

/// A dead letter.
pub(crate) fn dead(message: &Message, note: &Note) -> BasicProperties {
    let headers = headers_of(message);
    base(MESSAGE, noted(headers, note).table())
}

/// What could not even be read, kept as it came.
pub(crate) fn unreadable(note: &Note) -> BasicProperties {
    base("stoa.unreadable", noted(Headers::default(), note).table())
}

fn noted(headers: Headers, note: &Note) -> Headers {
    headers
        .text("dead_entry", note.entry.as_str())
        .text("dead_reason", note.reason.as_str())
        .number("dead_attempts", i64::from(note.attempts))
        .number("dead_waits", i64::from(note.waits))
}

/// The properties of a command; its body is JSON.
pub(crate) fn command() -> BasicProperties {
    base(COMMAND, FieldTable::default())
}

/// A mark that tells its writer that everything before it has come.
pub(crate) fn mark(name: &str, now: Timestamp) -> BasicProperties {
    base(MARK, Headers::default().text("mark", name).number("at_us", now.micros()).table())
}

/// The name of a mark, and when it was set.
pub(crate) fn read_mark(properties: &BasicProperties) -> Option<(String, Timestamp)> {
    (kind(properties) == MARK).then(|| {
        let name = text(properties, "mark").unwrap_or_default();
        (name, Timestamp::from_micros(number(properties, "at_us").unwrap_or_default()))
    })
}

/// How often it was given to somebody and came back.
pub(crate) fn deliveries(properties: &BasicProperties) -> u32 {
    number(properties, DELIVERY_COUNT).and_then(|n| n.try_into().ok()).unwrap_or_default()
}

/// What came.
pub(crate) fn read(properties: &BasicProperties, body: &[u8]) -> Came {
    match kind(properties) {
        MESSAGE => read_message(properties, body).map_or_else(Came::Unreadable, Came::Message),
        COMMAND => serde_json::from_slice(body)
            .map_or_else(|e| Came::Unreadable(format!("a command: {e}")), Came::Command),
        other => Came::Unreadable(format!("`{other}` is nothing that goes over these queues")),
    }
}

/// The id of a message, as its properties have it.
pub(crate) fn id(properties: &BasicProperties) -> Option<&str> {
    properties.message_id().as_ref().map(ShortString::as_str)
}

/// Why it is dead; with an empty name where it was not written here.
pub(crate) fn read_note(properties: &BasicProperties) -> Note {
    Note {
        entry: text(properties, "dead_entry").unwrap_or_default(),
        reason: text(properties, "dead_reason").unwrap_or_default(),
        attempts: number(properties, "dead_attempts")
            .and_then(|n| n.try_into().ok())
            .unwrap_or_default(),
        waits: number(properties, "dead_waits") == Some(1),
    }
}

fn read_message(properties: &BasicProperties, body: &[u8]) -> Result<Message, String> {
    let word = |name: &str| text(properties, name).ok_or(format!("header `{name}` is missing"));
    let figure = |name: &str| number(properties, name).ok_or(format!("header `{name}` is missing"));
    let small = |name: &str| {
        figure(name)?.try_into().map_err(|_| format!("header `{name}` is out of its range"))
    };
    let id = format!("{}:{}:{}", word("aggregate_type")?, figure("aggregate_id")?, figure("seq")?);
    Ok(Message {
        source: word("source")?,
        id: id.parse().map_err(|e| format!("`{id}`: {e}"))?,
        tenant: word("tenant")?.parse().map_err(|e| format!("header `tenant`: {e}"))?,
        topic: word("topic")?,
        place: Place::new(small("db")?, small("table")?).ok_or("the place is none")?,
        payload: std::str::from_utf8(body).map_err(|_| "the body is no text")?.to_owned(),
        trace: TraceId::parse(&word("traceparent")?).ok_or("header `traceparent` is none")?,
        request_id: word("request_id")?,
        attempt: u32::try_from(figure("attempt")?).map_err(|_| "header `attempt` is none")?,
        created_at: Timestamp::from_micros(figure("created_us")?),
        deliver_at: number(properties, "deliver_us").map(Timestamp::from_micros),
    })
}

fn kind(properties: &BasicProperties) -> &str {
    properties.kind().as_ref().map_or("", ShortString::as_str)
}

fn header<'a>(properties: &'a BasicProperties, name: &str) -> Option<&'a AMQPValue> {
    properties.headers().as_ref()?.inner().get(name)
}

fn text(properties: &BasicProperties, name: &str) -> Option<String> {
    match header(properties, name)? {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

/// The broker writes a number as small as it fits.
fn number(properties: &BasicProperties, name: &str) -> Option<i64> {
    match *header(properties, name)? {
        AMQPValue::ShortShortInt(n) => Some(n.into()),
        AMQPValue::ShortShortUInt(n) => Some(n.into()),
        AMQPValue::ShortInt(n) => Some(n.into()),
        AMQPValue::ShortUInt(n) => Some(n.into()),
        AMQPValue::LongInt(n) => Some(n.into()),
        AMQPValue::LongUInt(n) => Some(n.into()),
        AMQPValue::LongLongInt(n) => Some(n),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(deliver_at: Option<Timestamp>) -> Message {
        Message {
            source: "things".to_owned(),
            id: "thing:42:1748736000000000".parse().unwrap(),
            tenant: "flora".parse().unwrap(),
            topic: "thing.stepped".to_owned(),
            place: Place::new(4, 7).unwrap(),
            payload: r#"{"n":1}"#.to_owned(),
            trace: TraceId::from_random(0xabc, 0xdef),
            request_id: "r-1".to_owned(),
            attempt: 3,
            created_at: Timestamp::from_micros(1_748_736_000_000_001),
            deliver_at,
        }
    }

    #[test]
    fn a_message_survives_the_wire() {
        for deliver_at in [None, Some(Timestamp::from_micros(7))] {
            let sent = sample(deliver_at);
            let properties = message(&sent);
            let id = properties.message_id().as_ref().unwrap().as_str();
            assert_eq!(id, "things/thing:42:1748736000000000");
            assert_eq!(*properties.delivery_mode(), Some(2));
            let Came::Message(got) = read(&properties, sent.payload.as_bytes()) else { panic!() };
            assert_eq!(got, sent);
        }
    }

    #[test]
    fn a_dead_letter_carries_its_reason_and_its_message() {
        let (entry, reason) = ("e1".to_owned(), "cannot digest it".to_owned());
        let note = Note { entry, reason, attempts: 4, waits: true };
        let properties = dead(&sample(None), &note);
        assert_eq!(read_note(&properties), note);
        assert!(matches!(read(&properties, b"1"), Came::Message(m) if m.payload == "1"));
    }

    #[test]
    fn what_was_not_written_here_is_told() {
        let unreadable = |properties: BasicProperties, body: &[u8]| match read(&properties, body) {
            Came::Unreadable(why) => why,
            came => panic!("{came:?}"),
        };
        assert!(unreadable(BasicProperties::default(), b"").contains("nothing that goes"));
        assert!(unreadable(base(MESSAGE, FieldTable::default()), b"").contains("aggregate_type"));
        assert!(unreadable(base(COMMAND, FieldTable::default()), b"{").contains("a command"));
        assert!(unreadable(message(&sample(None)), b"\xff").contains("no text"));
        let mut headers = headers_of(&sample(None));
        headers = headers.number("db", 99);
        assert!(unreadable(base(MESSAGE, headers.table()), b"1").contains("place"));
    }
}
