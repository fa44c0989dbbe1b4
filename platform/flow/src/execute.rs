//! Running an operation inside the owner's transaction: compare-and-set, history, outbox rows and timers
//! in one commit or not at all. It must not open transactions and must not run actions; the owner does.

use kit::{ErrorCode, FieldError, Id};
use outbox::{NewMessage, Outbox};
use rpc::{ActorKind, Ctx, Fault};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shard::Tx;

use crate::kind::ActionKind;
use crate::machine::{CheckedFlow, Decision, EntryTrigger, Refusal};
use crate::store::{self, HistoryRow, Tables};

/// The operation in the first line of a thing's history. Its `from` is empty, which no other line's is.
pub const BEGIN: &str = "begin";
/// The operation in the only line of the history of a thing that may not begin.
pub const BARRED: &str = "barred";
/// The longest request id, in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 255;
/// What the request ids of triggers begin with; nobody else's may.
pub(crate) const TRIGGER_REQUEST: &str = "trigger-";
/// The longest note, in bytes of its JSON.
pub const NOTE_BYTES_MAX: usize = 16 * 1024;

/// A thing as its owner read it, best in this very transaction.
#[derive(Debug, Clone, Copy)]
pub struct Entity<'a> {
    /// Which one, of the tenant of the call.
    pub id: Id,
    /// Where it stands.
    pub status: &'a str,
    /// Its version; every change of its row counts it up.
    pub version: i64,
    /// What conditions see: an object of the shape of the kind's sample.
    pub variables: &'a Value,
}

/// What is asked of a thing.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// What to do.
    pub operation: &'a str,
    /// As what.
    pub role: &'a str,
    /// Names the request; the same name is applied once to a thing.
    pub request_id: &'a str,
    /// JSON for the history: a reason, a remark.
    pub note: &'a Value,
    /// JSON that travels with the events and commands.
    pub data: &'a Value,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What was done.
    pub operation: String,
    /// Where the thing stood.
    pub from: String,
    /// Where it stands since.
    pub to: String,
    /// The thing's version after it.
    pub version: i64,
    /// Whether it had been done before, by the same request; then nothing was done now.
    pub replayed: bool,
    /// The local actions that the owner has to run now, in this transaction. None on a replay.
    pub local_actions: Vec<String>,
}

/// Why nothing was done. The owner returns it from its transaction, so that all is rolled back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The flow says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The thing does not stand where it was read any more: read it again.
    #[error("it was changed by somebody else in the meantime")]
    Moved,
    /// Anything else.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        match e {
            Error::Refused(refusal) => {
                let fault =
                    Self::new(refusal.code(), public_text(&refusal)).with_slug(refusal.slug());
                fault.because(refusal)
            }
            Error::Moved => {
                Self::new(ErrorCode::Conflict, Error::Moved.to_string()).with_slug("moved")
            }
            Error::Fault(fault) => fault,
        }
    }
}

/// How a condition failed is for the tenant's operators, in the log; the caller learns that it did.
fn public_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::GuardFailed { operation, .. } => {
            format!("the conditions of `{operation}` could not be checked")
        }
        other => other.to_string(),
    }
}

/// The payload of the events and commands of a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transitioned {
    /// The flow's code.
    pub flow: String,
    /// The flow's version.
    pub flow_version: u32,
    /// The thing.
    pub entity_id: Id,
    /// What was done.
    pub operation: String,
    /// Where it stood.
    pub from: String,
    /// Where it stands since.
    pub to: String,
    /// The thing's version after it.
    pub version: i64,
    /// The request it came with.
    pub request_id: String,
    /// What the owner attached.
    #[serde(default)]
    pub data: Value,
}

/// The payload of a trigger: what was so when its status was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerDue {
    /// The flow's code.
    pub flow: String,
    /// The flow's version.
    pub flow_version: u32,
    /// The thing.
    pub entity_id: Id,
    /// The status that was entered.
    pub on: String,
    /// The thing's version then.
    pub entity_version: i64,
    /// What will run.
    pub operation: String,
    /// The trigger's place in the document.
    pub index: usize,
}

/// The topic of a flow's triggers.
#[must_use]
pub fn trigger_topic(flow: &str) -> String {
    format!("{flow}.trigger")
}

/// The topic of one of a flow's commands.
#[must_use]
pub fn command_topic(flow: &str, action: &str) -> String {
    format!("{flow}.command.{action}")
}

/// Runs flows on one kind of thing, inside the transactions of its owner. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Runner {
    outbox: Outbox,
    tables: Tables,
    aggregate: &'static str,
}

impl Runner {
    /// A runner for the things of `tables`. `aggregate` names their kind in the outbox: the messages of one
    /// aggregate keep their sequence, so the owner uses the same name for its own messages about them.
    #[must_use]
    pub const fn new(outbox: Outbox, tables: Tables, aggregate: &'static str) -> Self {
        Self { outbox, tables, aggregate }
    }

    /// The tables it works on.
    #[must_use]
    pub const fn tables(&self) -> Tables {
        self.tables
    }

    /// Records that a thing begins: the first line of its history and the triggers of its first status.
    /// The owner has inserted it with the flow's `init_status` in this transaction, and has put no message of
    /// it before. The operation of `ask` is [`BEGIN`].
    ///
    /// # Errors
    /// `Conflict` when its history has begun already.
    pub async fn begin(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        flow: &CheckedFlow,
        entity: Entity<'_>,
        ask: Ask<'_>,
    ) -> Result<(), Fault> {
        self.begin_telling(tx, ctx, flow, entity, ask, Vec::new()).await
    }

    /// [`Runner::begin`], with what the owner tells of it: one statement writes its messages and the triggers.
    ///
    /// # Errors
    /// As [`Runner::begin`].
    pub async fn begin_telling(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        flow: &CheckedFlow,
        entity: Entity<'_>,
        ask: Ask<'_>,
        told: Vec<NewMessage>,
    ) -> Result<(), Fault> {
        check_limits(ctx, &ask)?;
        if entity.status != flow.init_status() {
            return Err(Fault::bug(format!("{} begins at {}", flow.code(), flow.init_status())));
        }
        let line = line(tx, ctx, flow, &ask, entity.version, (BEGIN, "", entity.status));
        if !store::insert_history(tx, self.tables, &ctx.tenant, entity.id, &line).await? {
            return Err(Fault::new(ErrorCode::Conflict, "it has begun already"));
        }
        let mut messages = self.timers(tx, flow, entity, &flow.entry_triggers(entity.status))?;
        messages.extend(told);
        self.outbox.put_first(tx, ctx, messages).await.map(|_| ())
    }

    /// Sees to it that a thing that has not begun never will: takes the first line of its history, which
    /// [`Runner::begin`] needs. Whichever of the two commits first wins, by the unique key, on any engine.
    /// `false` when it has begun; then nothing has changed.
    ///
    /// # Errors
    /// Whatever the database refuses.
    pub async fn bar(&self, tx: &Tx, ctx: &Ctx, id: Id, first: i64) -> Result<bool, Fault> {
        let line = HistoryRow {
            seq: first,
            operation: BARRED.to_owned(),
            from: String::new(),
            to: String::new(),
            flow_version: 0,
            role: crate::document::SYSTEM.to_owned(),
            actor: ctx.actor.principal(),
            at: tx.now(),
            request_id: BARRED.to_owned(),
            note: Value::Null,
        };
        store::insert_history(tx, self.tables, &ctx.tenant, id, &line).await
    }

    /// Decides and executes. The same request again gets the recorded result and changes nothing, wherever
    /// the thing stands by now (FL-03).
    ///
    /// # Errors
    /// When the flow refuses, the thing was moved, or the database fails. Nothing must be committed then.
    pub async fn operate(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        flow: &CheckedFlow,
        entity: Entity<'_>,
        ask: Ask<'_>,
    ) -> Result<Applied, Error> {
        check_limits(ctx, &ask)?;
        if let Some(applied) = self.recorded(tx, ctx, entity.id, &ask).await? {
            return Ok(applied);
        }
        let decision = flow.decide(entity.status, ask.operation, ask.role, entity.variables)?;
        self.execute(tx, ctx, flow, entity, &decision, ask).await
    }

    /// Executes a decision: compare-and-set on status and version, history, events, commands and timers.
    ///
    /// # Errors
    /// As [`Runner::operate`].
    pub async fn execute(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        flow: &CheckedFlow,
        entity: Entity<'_>,
        decision: &Decision,
        ask: Ask<'_>,
    ) -> Result<Applied, Error> {
        check_limits(ctx, &ask)?;
        if let Some(applied) = self.recorded(tx, ctx, entity.id, &ask).await? {
            return Ok(applied);
        }
        if decision.from != entity.status || decision.operation != ask.operation {
            return Err(Error::Moved);
        }
        let was = (entity.status, entity.version);
        let (tables, tenant, id) = (self.tables, &ctx.tenant, entity.id);
        if !store::compare_and_set(tx, tables, tenant, id, was, &decision.to, tx.now()).await? {
            // On a server engine the same request may have been applied by another connection just now.
            return self.recorded(tx, ctx, entity.id, &ask).await?.ok_or(Error::Moved);
        }
        let version = entity.version + 1;
        let moved = (ask.operation, entity.status, decision.to.as_str());
        let line = line(tx, ctx, flow, &ask, version, moved);
        if !store::insert_history(tx, tables, tenant, id, &line).await? {
            return Err(Error::Moved);
        }
        let entered = Entity { status: &decision.to, version, ..entity };
        let mut messages = self.events(flow, entered, decision, &ask)?;
        messages.extend(self.timers(tx, flow, entered, &decision.triggers)?);
        self.outbox.put_all(tx, ctx, messages).await?;
        let local = decision.actions.iter().filter(|a| a.kind == ActionKind::Local);
        Ok(Applied {
            operation: line.operation,
            from: line.from,
            to: line.to,
            version,
            replayed: false,
            local_actions: local.map(|a| a.name.clone()).collect(),
        })
    }

    /// What this request did before, if it did. [`Runner::operate`] asks this itself; an owner whose way to
    /// the variables is long may ask first.
    ///
    /// # Errors
    /// `Conflict` with the slug `request_id_reused` when it did something else; `Invalid` when it can be no
    /// request's id.
    pub async fn recorded(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        id: Id,
        ask: &Ask<'_>,
    ) -> Result<Option<Applied>, Fault> {
        check_request_id(ask)?;
        let request = ask.request_id;
        let line = store::history_of_request(tx, self.tables, &ctx.tenant, id, request).await?;
        let Some(line) = line else { return Ok(None) };
        if line.operation != ask.operation || line.from.is_empty() {
            let text = "this request has already been used for something else";
            return Err(Fault::new(ErrorCode::Conflict, text).with_slug("request_id_reused"));
        }
        Ok(Some(Applied {
            operation: line.operation,
            from: line.from,
            to: line.to,
            version: line.seq,
            replayed: true,
            local_actions: Vec::new(),
        }))
    }

    /// The events of a decision and its actions that are commands, as messages of the thing.
    fn events(
        &self,
        flow: &CheckedFlow,
        entered: Entity<'_>,
        decision: &Decision,
        ask: &Ask<'_>,
    ) -> Result<Vec<NewMessage>, Fault> {
        let payload = Transitioned {
            flow: flow.code().to_owned(),
            flow_version: flow.version(),
            entity_id: entered.id,
            operation: decision.operation.clone(),
            from: decision.from.clone(),
            to: decision.to.clone(),
            version: entered.version,
            request_id: ask.request_id.to_owned(),
            data: ask.data.clone(),
        };
        let commands = decision.actions.iter().filter(|a| a.kind == ActionKind::Command);
        let commands = commands.map(|a| command_topic(flow.code(), &a.name));
        let topics = decision.emit.iter().cloned().chain(commands);
        topics
            .map(|topic| NewMessage::new(topic, self.aggregate, entered.id.get(), &payload))
            .collect()
    }

    /// The triggers of an entered status, as messages that are delivered when they are due.
    fn timers(
        &self,
        tx: &Tx,
        flow: &CheckedFlow,
        entered: Entity<'_>,
        triggers: &[EntryTrigger],
    ) -> Result<Vec<NewMessage>, Fault> {
        let timer = |trigger: &EntryTrigger| {
            let payload = TriggerDue {
                flow: flow.code().to_owned(),
                flow_version: flow.version(),
                entity_id: entered.id,
                on: entered.status.to_owned(),
                entity_version: entered.version,
                operation: trigger.operation.clone(),
                index: trigger.index,
            };
            let topic = trigger_topic(flow.code());
            let message = NewMessage::new(topic, self.aggregate, entered.id.get(), &payload)?;
            Ok(message.deliver_at(tx.now().plus(trigger.after)))
        };
        triggers.iter().map(timer).collect()
    }
}

fn line(
    tx: &Tx,
    ctx: &Ctx,
    flow: &CheckedFlow,
    ask: &Ask<'_>,
    seq: i64,
    (operation, from, to): (&str, &str, &str),
) -> HistoryRow {
    HistoryRow {
        seq,
        operation: operation.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        flow_version: flow.version(),
        role: ask.role.to_owned(),
        actor: ctx.actor.principal(),
        at: tx.now(),
        request_id: ask.request_id.to_owned(),
        note: ask.note.clone(),
    }
}

fn refuse(pointer: &str, what: String) -> Fault {
    Fault::new(ErrorCode::Invalid, what.clone()).with_fields(vec![FieldError::new(pointer, what)])
}

/// What no request id can be is not looked for: not every engine could.
fn check_request_id(ask: &Ask<'_>) -> Result<(), Fault> {
    let fits = (1..=REQUEST_ID_BYTES_MAX).contains(&ask.request_id.len());
    if fits && !ask.request_id.chars().any(char::is_control) {
        return Ok(());
    }
    let text = format!("1 to {REQUEST_ID_BYTES_MAX} bytes, without control characters");
    Err(refuse("/request_id", text))
}

fn check_limits(ctx: &Ctx, ask: &Ask<'_>) -> Result<(), Fault> {
    check_request_id(ask)?;
    if ask.request_id.starts_with(TRIGGER_REQUEST) && ctx.actor.kind != ActorKind::System {
        return Err(refuse("/request_id", format!("`{TRIGGER_REQUEST}` is the platform's own")));
    }
    if ask.note.to_string().len() > NOTE_BYTES_MAX {
        return Err(refuse("/note", format!("at most {NOTE_BYTES_MAX} bytes")));
    }
    Ok(())
}
