//! Undoing an AT branch, in one local transaction: all of it or nothing. A branch that has not committed here gets a
//! mark that keeps it from ever doing so. A row that is neither what the branch left nor what it was before was changed
//! by somebody who does not take part: that is not overwritten, it is reported.

use std::sync::Arc;

use kit::ErrorCode;
use rpc::{Ctx, Fault};
use shard::{Route, Tx};

use super::{Resource, outcome_of};
use crate::api::{Outcome, ToFinish};
use crate::images::{Change, Image, Images, Shape};
use crate::store::rows::{ROWS_MAX, Target};
use crate::store::undo::{self, UndoStatus};
use crate::value::Value;

/// How often the race with the branch's own transaction is run again.
const TRIES_MAX: u32 = 8;

enum Stop {
    Fault(Fault),
    /// A row that somebody else has changed.
    Dirty(String),
    /// The branch has committed between two looks.
    Overtaken,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Resource {
    pub(super) async fn undo(&self, ctx: &Ctx, branch: &ToFinish, accept: bool) -> Outcome {
        if let Err(fault) = self.open_cell(ctx, branch.cell).await {
            return outcome_of(&fault);
        }
        for _ in 0..TRIES_MAX {
            let (resource, branch) = (self.clone(), Arc::new(branch.clone()));
            let route = Route::from(branch.cell);
            let body = move |tx: Tx| {
                let (resource, branch) = (resource.clone(), Arc::clone(&branch));
                async move { resource.undo_here(&tx, &branch, accept).await }
            };
            match self.0.db.tx(ctx, route, body).await {
                Ok(()) => return Outcome::Done,
                Err(Stop::Overtaken) => {}
                Err(Stop::Dirty(what)) => return Outcome::Failed(what),
                Err(Stop::Fault(fault)) => return outcome_of(&fault),
            }
        }
        Outcome::Retry("the branch is committing at this moment".to_owned())
    }

    async fn undo_here(&self, tx: &Tx, branch: &ToFinish, accept: bool) -> Result<(), Stop> {
        match undo::lock(tx, &branch.id).await? {
            Some((UndoStatus::Guard | UndoStatus::RolledBack, _)) => return Ok(()),
            None => {
                // Where the branch is committing at this moment this waits for it, by the primary key.
                if !undo::insert(tx, &branch.id, UndoStatus::Guard, "").await? {
                    return Err(Stop::Overtaken);
                }
            }
            Some((UndoStatus::Normal, _)) if accept => {
                undo::mark_rolled_back(tx, &branch.id).await?;
            }
            Some((UndoStatus::Normal, text)) => {
                let images = Images::from_text(&text)?;
                self.put_all_back(tx, &images).await?;
                undo::mark_rolled_back(tx, &branch.id).await?;
            }
        }
        for attached in &self.0.attached {
            attached.rolled_back(tx, &branch.id.xid()).await?;
        }
        Ok(())
    }

    /// Undoes all changes. Rows that were inserted one after another are taken away together, because there may be
    /// thousands of them; where some are not as the branch left them, they are looked at one by one.
    async fn put_all_back(&self, tx: &Tx, images: &Images) -> Result<(), Stop> {
        let changes: Vec<(&Shape, &Change)> = images.backwards().collect();
        let mut rest = changes.as_slice();
        while let Some((shape, _)) = rest.first() {
            let inserted = rest.iter().take(ROWS_MAX).map_while(|(s, change)| {
                let after = change.after.as_ref().filter(|_| change.before.is_none())?;
                (s.table == shape.table).then_some((change.key.as_slice(), after))
            });
            let inserted: Vec<(&[Value], &Image)> = inserted.collect();
            let n = inserted.len();
            let is_done =
                n > 1 && self.target(tx, shape)?.remove_all(tx, &inserted).await? == n as u64;
            let (some, then) = rest.split_at(n.max(1));
            for (shape, change) in some.iter().filter(|_| !is_done) {
                self.put_back(tx, shape, change).await?;
            }
            rest = then;
        }
        Ok(())
    }

    fn target<'s>(&self, tx: &Tx, shape: &'s Shape) -> Result<Target<'s>, Fault> {
        let table = self.0.tables.iter().find(|t| t.name == shape.table);
        let table = table.ok_or_else(|| {
            Fault::bug(format!("{} is not among the tables of this resource", shape.table))
        })?;
        Ok(Target { name: tx.table(table.name)?, shape })
    }

    /// Undoes one change of one row, unless it is undone already.
    async fn put_back(&self, tx: &Tx, shape: &Shape, change: &Change) -> Result<(), Stop> {
        let target = self.target(tx, shape)?;
        let key = &change.key;
        let is_clean = match (&change.before, &change.after) {
            (None, Some(after)) => {
                // deleted by whom it may be: it is not there, as before
                target.remove(tx, key, after).await?
                    || !target.looks_like(tx, key, &Vec::new()).await?
            }
            (Some(before), None) => {
                target.bring_back(tx, key, before).await?
                    || target.looks_like(tx, key, before).await?
            }
            (Some(before), Some(after)) => {
                let restored = target.restore(tx, key, before, after).await;
                match restored {
                    // the value that a unique column had is taken by another row by now
                    Err(fault) if fault.code == ErrorCode::Conflict => false,
                    restored => restored? || target.looks_like(tx, key, before).await?,
                }
            }
            (None, None) => true,
        };
        if is_clean {
            return Ok(());
        }
        let key: Vec<String> = key.iter().map(ToString::to_string).collect();
        Err(Stop::Dirty(format!(
            "the row {}[{}] was changed by somebody else; put it right, then retry",
            shape.table,
            key.join(", ")
        )))
    }
}
