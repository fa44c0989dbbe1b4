//! What a consumer of due triggers calls. A trigger is a message that may come late and more than once;
//! it acts only if the thing has not moved since and its condition holds now.

use rpc::{Ctx, Fault};
use serde_json::Value;
use shard::Tx;

use crate::document::SYSTEM;
use crate::execute::{Applied, Ask, Entity, Error, Runner, TRIGGER_REQUEST, TriggerDue};
use crate::machine::{CheckedFlow, Refusal};
use crate::store;

/// What became of a due trigger. All of them mean that the message is done with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fired {
    /// The thing has moved since; nothing to do.
    Moved,
    /// The trigger's condition does not hold; nothing to do.
    NotNow,
    /// The operation was refused, for its guard does not hold; nothing to do.
    Refused(Refusal),
    /// The operation ran, now or when the message came the first time.
    Ran(Applied),
}

impl Runner {
    /// Fires a trigger inside the owner's transaction. `flow` is the version that the thing is pinned to;
    /// `data` travels with the events and commands.
    ///
    /// # Errors
    /// When a condition cannot be answered or the database fails: the message is to be tried again, and
    /// ends as a dead letter that an operator sees.
    pub async fn fire(
        &self,
        tx: &Tx,
        ctx: &Ctx,
        flow: &CheckedFlow,
        entity: Entity<'_>,
        due: &TriggerDue,
        data: &Value,
    ) -> Result<Fired, Error> {
        let same = due.flow == flow.code() && due.flow_version == flow.version();
        if due.entity_id != entity.id || !same {
            let of = format!("{} version {}", due.flow, due.flow_version);
            return Err(Fault::bug(format!("a trigger of {of} came to another")).into());
        }
        let ctx = ctx.as_system("trigger");
        let note = serde_json::json!({ "trigger": due.index });
        let request_id = format!("{TRIGGER_REQUEST}{}-{}", due.index, due.entity_version);
        let ask = Ask {
            operation: &due.operation,
            role: SYSTEM,
            request_id: &request_id,
            note: &note,
            data,
        };
        if let Some(applied) = self.recorded(tx, &ctx, entity.id, &ask).await? {
            return Ok(Fired::Ran(applied));
        }
        // The row's version also counts changes that are no moves. The last line of the history tells
        // which entry of the status is the present one.
        let last = store::last_history(tx, self.tables(), &ctx.tenant, entity.id).await?;
        let entered = last.is_some_and(|line| line.seq == due.entity_version && line.to == due.on);
        if !entered || entity.status != due.on {
            return Ok(Fired::Moved);
        }
        match flow.check_trigger(due.index, entity.status, entity.variables) {
            Ok(Some(decision)) => {
                self.execute(tx, &ctx, flow, entity, &decision, ask).await.map(Fired::Ran)
            }
            Ok(None) => Ok(Fired::NotNow),
            Err(refusal @ Refusal::GuardFalse { .. }) => Ok(Fired::Refused(refusal)),
            Err(refusal) => Err(refusal.into()),
        }
    }
}
