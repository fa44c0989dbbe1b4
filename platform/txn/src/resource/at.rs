//! AT branches. The locks are taken first, while no row is locked; then everything is one local transaction: images,
//! changes, undo. What a row is after a change is computed, not read.

use std::collections::BTreeMap;
use std::sync::Arc;

use kit::{ErrorCode, Timestamp};
use rpc::{Ctx, Fault};
use shard::{Route, Tx};

use super::{Resource, xid_of};
use crate::api::{NewBranch, rolled_back};
use crate::images::{Change, Image, Images, Shape};
use crate::model::{BranchId, Kind, XidParts};
use crate::store::rows::Target;
use crate::store::undo::{self, UndoStatus};
use crate::table::Table;
use crate::value::{IntoKey, Value};
use crate::work::{Condition, Set, Step, What, Work};

type RowKey = (usize, Vec<Value>);

/// The rows that a branch has read or changed, as they are now.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    tables: Vec<&'static Table>,
    rows: BTreeMap<RowKey, Option<Vec<Value>>>,
}

impl Seen {
    /// A column of a row that the branch's work names; `None` when there is no such row.
    #[must_use]
    pub fn get(&self, table: &'static Table, key: impl IntoKey, column: &str) -> Option<&Value> {
        let t = self.tables.iter().position(|known| *known == table)?;
        let row = self.rows.get(&(t, key.into_key()))?.as_ref()?;
        row.get(table.column(column)?)
    }
}

impl Resource {
    /// Runs an AT branch: the work, and then `also` in the same local transaction, which may write whatever needs no
    /// undo of its own (attached rows, an answer under an idempotency key). Both happen or neither; when the
    /// transaction is rolled back, the work is undone. May run more than once, as [`shard::Database::tx`] does.
    ///
    /// # Errors
    /// Those of `also`; `Conflict` when a row is locked by another transaction for too long
    /// ([`crate::LOCK_WAIT_TIMEOUT`]), a key to insert is taken, or a condition does not hold; `NotFound` when a row
    /// to change does not exist; `TooLarge` when the images are. The whole transaction fails then, unless all that
    /// failed was a lock. A call that is dropped half-way must fail it, too: nobody else does.
    pub async fn at<T, E, F, Fut>(
        &self,
        ctx: &Ctx,
        route: Route,
        work: Work,
        also: F,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Fault> + Send + 'static,
        F: Fn(Tx, Arc<Seen>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let xid = xid_of(ctx)?;
        work.check(&self.0.tables)?;
        let (cell, options) = (self.cell_of(route), &self.0.options);
        let branch = NewBranch {
            resource: self.name().to_owned(),
            kind: Kind::At,
            cell,
            action: String::new(),
            payload: String::new(),
            locks: work.locks(self.name(), cell, |table| self.0.db.is_of_cells(table)),
        };
        let id = self.enlist(ctx, &xid, branch).await?;
        self.0.faults.hit("at.registered").await?;
        let deadline = XidParts::of(&xid).map(XidParts::deadline).unwrap_or_default();
        let local =
            Local { resource: self.clone(), id, latest: deadline.plus(options.local_max), work };
        let (local, also) = (Arc::new(local), Arc::new(also));
        let body = move |tx: Tx| {
            let (local, also) = (Arc::clone(&local), Arc::clone(&also));
            async move {
                let seen = local.run(&tx).await?;
                also(tx, Arc::new(seen)).await
            }
        };
        let done = self.0.db.tx(&ctx.within(options.local_max), route, body).await;
        if done.is_err() {
            self.give_up(ctx, &xid).await;
        }
        let done = done?;
        self.0.faults.hit("at.committed").await?;
        Ok(done)
    }
}

/// The local transaction of a branch.
struct Local {
    resource: Resource,
    id: BranchId,
    /// From then on the mark of its rollback may be gone.
    latest: Timestamp,
    work: Work,
}

impl Local {
    async fn run(&self, tx: &Tx) -> Result<Seen, Fault> {
        let mut run = Run::new(&self.work);
        run.read_before(tx).await?;
        let mut steps = self.work.steps.as_slice();
        while let Some((step, rest)) = steps.split_first() {
            let inserts = run.insert_together(tx, steps).await?;
            steps = if inserts > 0 {
                steps.get(inserts..).unwrap_or_default()
            } else {
                run.change(tx, step).await?;
                rest
            };
        }
        let images = run.images.to_text()?;
        if images.len() > self.resource.0.options.undo_max {
            let text = "this changes too much in one transaction";
            return Err(Fault::new(ErrorCode::TooLarge, text).with_slug("undo_too_large"));
        }
        // A process that was stopped since may be so late that nothing stands in its way any more.
        let is_late = self.resource.0.db.clock().now() >= self.latest;
        if is_late || !undo::insert(tx, &self.id, UndoStatus::Normal, &images).await? {
            return Err(rolled_back());
        }
        Ok(run.seen)
    }
}

struct Run<'w> {
    work: &'w Work,
    seen: Seen,
    images: Images,
}

impl<'w> Run<'w> {
    fn new(work: &'w Work) -> Self {
        let mut tables: Vec<&'static Table> = Vec::new();
        for step in &work.steps {
            if !tables.contains(&step.table) {
                tables.push(step.table);
            }
        }
        let shapes = tables.iter().map(|t| Shape::of(t)).collect();
        let seen = Seen { tables, rows: BTreeMap::new() };
        Self { work, seen, images: Images { shapes, changes: Vec::new() } }
    }

    fn position(&self, step: &Step) -> Result<usize, Fault> {
        let found = self.seen.tables.iter().position(|t| *t == step.table);
        found.ok_or_else(|| Fault::bug("a table that was not counted"))
    }

    fn target(&self, tx: &Tx, t: usize) -> Result<Target<'_>, Fault> {
        let (table, shape) = (self.seen.tables.get(t), self.images.shapes.get(t));
        let (Some(table), Some(shape)) = (table, shape) else {
            return Err(Fault::bug("a table that was not counted"));
        };
        Ok(Target { name: tx.table(table.name)?, shape })
    }

    /// Reads and locks every row that is changed before it is inserted here, table by table in the sequence of keys.
    async fn read_before(&mut self, tx: &Tx) -> Result<(), Fault> {
        let mut wanted: BTreeMap<RowKey, bool> = BTreeMap::new();
        for step in &self.work.steps {
            let key = (self.position(step)?, step.key.clone());
            wanted.entry(key).or_insert(!matches!(step.what, What::Insert(_)));
        }
        for t in 0..self.seen.tables.len() {
            let mine = wanted.iter().filter(|((table, _), is_read)| *table == t && **is_read);
            let keys: Vec<_> = mine.map(|((_, key), _)| key.clone()).collect();
            if keys.is_empty() {
                continue;
            }
            let mut found = self.target(tx, t)?.lock_rows(tx, &keys).await?;
            for key in keys {
                let row = found.remove(&key);
                self.seen.rows.insert((t, key), row);
            }
        }
        Ok(())
    }

    /// Inserts the rows of the leading steps that insert into one table; how many steps that were.
    async fn insert_together(&mut self, tx: &Tx, steps: &'w [Step]) -> Result<usize, Fault> {
        let Some(first) = steps.first() else { return Ok(0) };
        let t = self.position(first)?;
        let mut rows: Vec<(&[Value], &[Value])> = Vec::new();
        for step in steps {
            match &step.what {
                What::Insert(values) if step.table == first.table => {
                    let known = self.seen.rows.insert((t, step.key.clone()), Some(values.clone()));
                    if matches!(known, Some(Some(_))) {
                        let text = format!("a row of {} to insert exists", step.table.name);
                        return Err(Fault::new(ErrorCode::Conflict, text));
                    }
                    let after = Some(values.iter().cloned().enumerate().collect());
                    let key = step.key.clone();
                    self.images.changes.push(Change { shape: t, key, before: None, after });
                    rows.push((&step.key, values));
                }
                _ => break,
            }
        }
        if !rows.is_empty() {
            self.target(tx, t)?.insert(tx, &rows).await?;
        }
        Ok(rows.len())
    }

    async fn change(&mut self, tx: &Tx, step: &Step) -> Result<(), Fault> {
        if matches!(step.what, What::Read) {
            return Ok(());
        }
        let t = self.position(step)?;
        let row_key = (t, step.key.clone());
        let Some(before) = self.seen.rows.get(&row_key).cloned().flatten() else {
            let text = format!("a row of {} does not exist", step.table.name);
            return Err(Fault::new(ErrorCode::NotFound, text));
        };
        match &step.what {
            What::Change { sets, conditions } => {
                let after = changed(step.table, &before, sets)?;
                meet(step.table, &before, &after, conditions)?;
                let to: Image = differing(&after, &before);
                if to.is_empty() {
                    return Ok(());
                }
                let rows = self.target(tx, t)?.update(tx, &step.key, &to).await?;
                expect_one(step.table, rows)?;
                let from = differing(&before, &after);
                self.push(t, step, Some(from), Some(to));
                self.seen.rows.insert(row_key, Some(after));
            }
            What::Delete { conditions } => {
                meet(step.table, &before, &before, conditions)?;
                let rows = self.target(tx, t)?.delete(tx, &step.key).await?;
                expect_one(step.table, rows)?;
                self.push(t, step, Some(before.into_iter().enumerate().collect()), None);
                self.seen.rows.insert(row_key, None);
            }
            What::Insert(_) | What::Read => {}
        }
        Ok(())
    }

    fn push(&mut self, shape: usize, step: &Step, before: Option<Image>, after: Option<Image>) {
        self.images.changes.push(Change { shape, key: step.key.clone(), before, after });
    }
}

fn expect_one(table: &Table, rows: u64) -> Result<(), Fault> {
    if rows == 1 {
        return Ok(());
    }
    Err(Fault::bug(format!("{rows} rows of {} have one primary key", table.name)))
}

/// The row after its columns are set.
fn changed(table: &Table, before: &[Value], sets: &[Set]) -> Result<Vec<Value>, Fault> {
    let mut after = before.to_vec();
    for set in sets {
        let (Set::To(i, _) | Set::Add(i, _)) = set;
        let Some(value) = after.get_mut(*i) else { continue };
        *value = match set {
            Set::To(_, to) => to.clone(),
            Set::Add(_, n) => {
                let sum = value.as_int().and_then(|v| v.checked_add(*n));
                let wrong = || Fault::bug(format!("a number of {} cannot be added to", table.name));
                Value::Int(sum.ok_or_else(wrong)?)
            }
        };
    }
    Ok(after)
}

fn meet(
    table: &Table,
    before: &[Value],
    after: &[Value],
    conditions: &[Condition],
) -> Result<(), Fault> {
    let holds = |condition: &Condition| match condition {
        Condition::Is(i, value) => before.get(*i) == Some(value),
        Condition::AtLeast(i, n) => after.get(*i).and_then(Value::as_int).is_some_and(|v| v >= *n),
    };
    if conditions.iter().all(holds) {
        return Ok(());
    }
    let text = format!("a row of {} is not as it has to be", table.name);
    Err(Fault::new(ErrorCode::Conflict, text).with_slug("condition_not_met"))
}

/// The columns of `row` that differ from `other`.
fn differing(row: &[Value], other: &[Value]) -> Image {
    let pairs = row.iter().zip(other).enumerate();
    pairs.filter(|(_, (a, b))| a != b).map(|(i, (a, _))| (i, a.clone())).collect()
}
