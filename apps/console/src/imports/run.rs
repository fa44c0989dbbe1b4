//! The work of an import, in the background: look at the file, ask the catalogue about its products, and,
//! once somebody has decided, send them there batch by batch. Reading a file blocks, so it is done on
//! threads for that, and hands over one batch at a time.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use product_api::feed::{Batch, ImportError, Plan, Report, Settings, batches, hash_file, validate};
use product_api::{BeginImport, CheckImport, ImportBatch, ImportStatus, KnownSlugs, ProductClient};
use rpc::{Ctx, Fault, ServiceError, Session};
use tasks::TaskKind;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::time::Instant;

use super::job::{AtWork, Checked, Job, State, Trouble};
use crate::App;

/// May be cut anywhere: a batch is in the catalogue whole or not at all, and the next try goes on there.
const TASK: TaskKind = TaskKind::new("console.import");
/// How long one call may take.
const CALL_WITHIN: Duration = Duration::from_secs(60);
/// Batches that wait to be sent.
const AHEAD: usize = 1;
/// What the catalogue calls a product that clashes with another.
const TAKEN: &str = "taken";

/// Why the work ended.
#[derive(Debug)]
struct Ended(Trouble);

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Trouble::CutOff => f.write_str("an import was cut off"),
            Trouble::Refused(why) | Trouble::NotTaken(why) => f.write_str(why),
        }
    }
}

impl<E: ServiceError> From<E> for Ended {
    fn from(e: E) -> Self {
        let fault = e.into_fault();
        if fault.code == kit::ErrorCode::Internal {
            tracing::error!(error = fault.chain(), "an import failed on our side");
            return Self(Trouble::CutOff);
        }
        let is_taken = fault.slug() == TAKEN;
        Self(if is_taken { Trouble::NotTaken } else { Trouble::Refused }(fault.message))
    }
}

fn of_file(e: &ImportError) -> Ended {
    tracing::error!(error = %e, "a file that was taken cannot be read");
    Ended(Trouble::CutOff)
}

/// Calls on behalf of whoever began it, each with its own time.
fn call(ctx: &Ctx) -> Ctx {
    Ctx {
        deadline: Instant::now() + CALL_WITHIN,
        idempotency: None,
        session: Session::default(),
        ..ctx.clone()
    }
}

/// Begins to look at a file.
pub(crate) fn check(app: &App, ctx: Ctx, job: Arc<Job>, file: File, settings: Settings) {
    job.set(State::Checking { done: 0, of: None });
    let products = app.deps.products.clone();
    let at_work = AtWork(Arc::clone(&job));
    app.deps.tasks.spawn(TASK, async move {
        let _at_work = at_work;
        match checked(&products, &ctx, &job, file, settings).await {
            Ok(checked) => job.set(State::Checked(Arc::new(checked))),
            Err(Ended(trouble)) => job.set(State::Failed { trouble, checked: None }),
        }
        Ok::<(), Ended>(())
    });
}

async fn checked(
    products: &ProductClient,
    ctx: &Ctx,
    job: &Job,
    file: File,
    settings: Settings,
) -> Result<Checked, Ended> {
    let (reading, how) = (from_start(&file)?, settings.clone());
    let again = from_start(&file)?;
    let first_pass = tokio::task::spawn_blocking(move || {
        let report = validate(BufReader::new(reading), &how)?;
        let hash = hash_file(again)?;
        Ok::<_, std::io::Error>((report, hash))
    });
    let (report, hash) = first_pass.await.map_err(Fault::internal)?.map_err(Fault::internal)?;
    let mut plan = Plan::new(&report);
    if !report.fatal {
        let mut batches = read(from_start(&file)?, &settings, &report, true);
        while let Some(batch) = batches.recv().await {
            let batch = batch.map_err(|e| of_file(&e))?;
            ask(products, ctx, &mut plan, batch).await?;
            let done = plan.good_count().saturating_add(plan.conflicts);
            job.set(State::Checking { done, of: Some(report.products) });
        }
    }
    Ok(Checked { file, hash, settings, report, plan })
}

/// What the catalogue says of a batch.
async fn ask(
    products: &ProductClient,
    ctx: &Ctx,
    plan: &mut Plan,
    batch: Batch,
) -> Result<(), Ended> {
    let slugs = batch.products.iter().map(|p| p.product.slug.clone()).collect();
    let known = products.known_slugs(&call(ctx), KnownSlugs { slugs }).await?;
    let request = CheckImport { products: batch.products.clone() };
    let conflicts = products.check_import(&call(ctx), request).await?;
    plan.add(&batch, &known, &conflicts);
    Ok(())
}

/// Begins to import a file that was looked at. Products with a problem are passed over if `skip` says so.
pub(crate) fn apply(app: &App, ctx: Ctx, job: Arc<Job>, checked: Arc<Checked>, skip: bool) {
    let products = app.deps.products.clone();
    let at_work = AtWork(Arc::clone(&job));
    app.deps.tasks.spawn(TASK, async move {
        let _at_work = at_work;
        match applied(&products, &ctx, &job, &checked, skip).await {
            Ok(status) => job.set(State::Done(status)),
            Err(Ended(trouble)) => {
                job.set(State::Failed { trouble, checked: Some(checked) });
            }
        }
        Ok::<(), Ended>(())
    });
}

async fn applied(
    products: &ProductClient,
    ctx: &Ctx,
    job: &Job,
    checked: &Arc<Checked>,
    skip: bool,
) -> Result<ImportStatus, Ended> {
    let request = BeginImport {
        file_name: job.name(),
        file_hash: checked.hash.clone(),
        products: checked.report.products,
        skip_conflicts: skip,
    };
    let mut status = products.begin_import(&call(ctx), request).await?;
    let mut batches = read(from_start(&checked.file)?, &checked.settings, &checked.report, skip);
    while let Some(batch) = batches.recv().await {
        let Batch { offset, products: batch, .. } = batch.map_err(|e| of_file(&e))?;
        let count = u32::try_from(batch.len()).map_err(Fault::internal)?;
        // what an earlier try has applied is passed over
        if offset.saturating_add(count) > status.applied {
            let request = ImportBatch { id: status.id, offset, products: batch };
            status = products.apply_import(&call(ctx), request).await?;
        }
        let (checked, status) = (Arc::clone(checked), Some(status.clone()));
        job.set(State::Applying { checked, status });
    }
    Ok(status)
}

/// Reads a file from its begin. All handles of a file share one place in it; this one remembers its own, so
/// that a reader of an earlier try, which may still be at work, does not move it.
struct FromStart {
    file: File,
    at: u64,
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read_at(buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

fn from_start(file: &File) -> Result<FromStart, Ended> {
    Ok(FromStart { file: file.try_clone().map_err(Fault::internal)?, at: 0 })
}

/// Reads batches on a thread of its own, which ends when nobody takes them any more.
fn read(
    file: FromStart,
    settings: &Settings,
    report: &Report,
    skip: bool,
) -> Receiver<Result<Batch, ImportError>> {
    let (sender, receiver) = channel(AHEAD);
    let (settings, report) = (settings.clone(), report.clone());
    tokio::task::spawn_blocking(move || {
        match batches(BufReader::new(file), &settings, &report, skip) {
            Err(e) => {
                // nobody listens any more: that is fine
                let _ = sender.blocking_send(Err(e));
            }
            Ok(batches) => {
                for batch in batches {
                    if sender.blocking_send(batch).is_err() {
                        return;
                    }
                }
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn readers_of_one_file_do_not_move_each_other() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abcdef").unwrap();
        let (mut old, mut new) = (from_start(&file).unwrap(), from_start(&file).unwrap());
        let mut three = [0; 3];
        old.read_exact(&mut three).unwrap();
        let mut all = String::new();
        new.read_to_string(&mut all).unwrap();
        old.read_exact(&mut three).unwrap();
        assert_eq!((all.as_str(), &three), ("abcdef", b"def"));
    }
}
