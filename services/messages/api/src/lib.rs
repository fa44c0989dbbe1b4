//! What others may see of the service `messages`: a tenant's view on the messages between services, over
//! the outboxes of all of them. What a message means is known to the services alone.

use kit::{Cursor, Limit, Page, Place, Timestamp};
use rpc::{Ctx, Fault};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest reason for discarding a message, in characters.
pub const REASON_MAX: usize = 200;

/// How a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Due, and not delivered yet; between two attempts, too.
    Pending,
    /// A timer whose time has not come.
    Delayed,
    /// Given up after too many attempts: waits for somebody.
    Dead,
    /// Delivered or discarded; forgotten after about an hour.
    Done,
    /// Its global transaction has not ended.
    Undecided,
}

impl MessageState {
    /// All states.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Delayed, Self::Dead, Self::Done, Self::Undecided];

    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delayed => "delayed",
            Self::Dead => "dead",
            Self::Done => "done",
            Self::Undecided => "undecided",
        }
    }
}

/// Asks how many messages there are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summary {}

/// How many messages of the tenant a service has sent that are not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceMessages {
    /// The service that sent them.
    pub service: String,
    /// Due and not delivered yet, those between two attempts included.
    pub pending: u64,
    /// Timers whose time has not come.
    pub delayed: u64,
    /// Given up.
    pub dead: u64,
    /// Since when the oldest pending one has been due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_pending_at: Option<Timestamp>,
}

/// Asks for messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListMessages {
    /// Only what this service sent.
    pub service: Option<String>,
    /// In this state.
    pub state: MessageState,
    /// Only with this topic.
    pub topic: Option<String>,
    /// Where to go on.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: Limit,
}

/// A message, without what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageInfo {
    /// The service that sent it.
    pub service: String,
    /// Its id, unique within the service.
    pub id: String,
    /// What it is about: the kind of event, command or timer.
    pub topic: String,
    /// The kind of thing it tells of, such as `order`.
    pub aggregate_type: String,
    /// Which thing. Messages of one thing are delivered one after the other.
    pub aggregate_id: String,
    /// The cell of the transaction that sent it.
    pub place: Place,
    /// How it stands.
    pub state: MessageState,
    /// How often its delivery was tried.
    pub attempts: u32,
    /// When it was sent.
    pub created_at: Timestamp,
    /// For a timer: when it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver_at: Option<Timestamp>,
    /// Pending and delayed: when it is tried next. Dead and done: since when it is.
    pub next_at: Timestamp,
    /// Why the last attempt failed, or who discarded it and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// The request that sent it.
    pub request_id: String,
}

/// Names a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRef {
    /// The service that sent it.
    pub service: String,
    /// Its id.
    pub id: String,
}

/// A message with what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageDetail {
    /// The message.
    pub info: MessageInfo,
    /// What it says, as JSON. It may hold personal data, such as an address, so it is shown to whoever has
    /// `messages:write` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<serde_json::Value>,
}

/// Tries dead messages again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RetryMessages)]
pub struct RetryAll {
    /// Only what this service sent.
    #[serde(default)]
    #[schema(max_length = 64)]
    pub service: Option<String>,
    /// Only with this topic.
    #[serde(default)]
    #[schema(max_length = 128)]
    pub topic: Option<String>,
}

/// How many messages are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RetriedMessages)]
pub struct Retried {
    /// Their number.
    pub retried: u64,
}

/// Ends a message without delivering it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discard {
    /// Which.
    pub message: MessageRef,
    /// Why: 1 to [`REASON_MAX`] characters. Kept with the message and in the log.
    pub reason: String,
}

/// The messages of a tenant. Only the caller's tenant is ever seen or changed.
#[rpc::service(name = "messages")]
pub trait Messages: Send + Sync + 'static {
    /// How many there are, by service. Needs `messages:read`.
    async fn summary(&self, ctx: &Ctx, req: Summary) -> Result<Vec<ServiceMessages>, Fault>;
    /// Messages, service by service and in each database by database, there the longest due first. Needs
    /// `messages:read`.
    async fn list(&self, ctx: &Ctx, req: ListMessages) -> Result<Page<MessageInfo>, Fault>;
    /// One message. Needs `messages:read`; what it says is shown for `messages:write`.
    async fn get(&self, ctx: &Ctx, req: MessageRef) -> Result<MessageDetail, Fault>;
    /// Tries a dead message again, as if it had never been tried; a conflict when it is not dead. Needs
    /// `messages:write`.
    async fn retry(&self, ctx: &Ctx, req: MessageRef) -> Result<(), Fault>;
    /// Tries all dead messages again, or those of a service or topic. Needs `messages:write`.
    async fn retry_all(&self, ctx: &Ctx, req: RetryAll) -> Result<Retried, Fault>;
    /// Ends a dead or waiting message without delivering it, a timer included; a conflict when it is done
    /// or being delivered right now. What it was to bring about will not happen. Needs `messages:write`.
    async fn discard(&self, ctx: &Ctx, req: Discard) -> Result<(), Fault>;
}
