//! Removes sessions that are over and attempts that no longer count. Thin: only when and how much.

use std::convert::Infallible;
use std::time::Duration;

use kit::{SharedEntropy, TenantCode};
use rpc::{Ctx, Fault, TraceId};
use shard::{Database, Route};
use tasks::{TaskHandle, TaskKind, Tasks};

use crate::{Options, store};

const KIND: TaskKind = TaskKind::new("member.sweep").restarting();
/// Rows in one transaction.
const BATCH: usize = 500;
/// How long one transaction may take.
const WITHIN: Duration = Duration::from_secs(10);

/// Removes what is over.
#[derive(Clone)]
pub struct Sweep {
    db: Database,
    entropy: SharedEntropy,
    options: Options,
}

impl Sweep {
    pub(crate) fn new(db: Database, entropy: SharedEntropy, options: Options) -> Self {
        Self { db, entropy, options }
    }

    /// Starts it in the background.
    pub fn spawn(self, tasks: &Tasks) -> TaskHandle {
        tasks.spawn_restarting(KIND, move || {
            let sweep = self.clone();
            async move { sweep.run().await.map(|_| ()) }
        })
    }

    async fn run(&self) -> Result<Infallible, Fault> {
        loop {
            tokio::time::sleep(self.options.sweep_every).await;
            let removed = self.once().await?;
            tracing::debug!(removed, "removed sessions and attempts that were over");
        }
    }

    /// Removes all that is over now; how many rows.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn once(&self) -> Result<usize, Fault> {
        let mut removed = 0;
        loop {
            let (sessions, attempts) = self.batch().await?;
            removed += sessions + attempts;
            if sessions < BATCH && attempts < BATCH {
                return Ok(removed);
            }
        }
    }

    async fn batch(&self) -> Result<(usize, usize), Fault> {
        let random = || self.entropy.next_u64().map_err(Fault::internal);
        let trace = TraceId::from_random(random()?.into(), random()?);
        let ctx = Ctx::system(TenantCode::platform(), KIND.name, WITHIN, trace);
        let forget_after = self.options.lockout.forget_after;
        self.db
            .tx(&ctx, Route::Whole, move |tx| async move {
                let (now, limit) = (tx.now(), BATCH as u64);
                let sessions = store::remove_over_sessions(&tx, now, limit).await?;
                let old = now.minus(forget_after);
                Ok((sessions, store::remove_old_attempts(&tx, old, limit).await?))
            })
            .await
    }
}
