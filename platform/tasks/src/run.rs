//! Starting, watching and stopping tasks.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::kind::{Backoff, OnCancel, OnError, TaskKind};

/// How long dropped tasks get to run their destructors after the grace is over.
const DROP_WAIT: Duration = Duration::from_secs(1);

/// All background tasks of one process (or of one platform in a test). Cheap to clone; clones share.
#[derive(Clone, Default)]
pub struct Tasks(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Cancelled when stopping begins.
    stop: CancellationToken,
    /// Cancelled when the grace is over.
    kill: CancellationToken,
    state: Mutex<State>,
    idle: Notify,
}

#[derive(Default)]
struct State {
    running: BTreeMap<&'static str, usize>,
    failure: Option<String>,
}

/// One started task.
#[derive(Debug, Clone)]
pub struct TaskHandle(Option<AbortHandle>);

impl TaskHandle {
    /// Drops the task at its next await, whatever its kind says. The kind's error policy does not apply.
    pub fn abort(&self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }

    /// Whether it has ended. A task that was refused because the process is stopping has.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(AbortHandle::is_finished)
    }
}

/// How stopping went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShutdownReport {
    /// Tasks that did not end within the grace and were dropped, by kind.
    pub dropped: BTreeMap<&'static str, usize>,
    /// Why the process stopped, if a vital task failed.
    pub failure: Option<String>,
}

impl Tasks {
    /// No tasks yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a task that runs once. After stopping has begun nothing is started: the future is dropped.
    pub fn spawn<F, E>(&self, kind: TaskKind, future: F) -> TaskHandle
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let tasks = self.clone();
        self.start(kind, async move {
            if let Err(what) = tasks.once(kind, future).await
                && kind.on_error == OnError::Shutdown
            {
                tasks.fail(kind, &what);
            }
        })
    }

    /// Starts a task that is made anew by `make` after every failure, with the kind's backoff (the default
    /// one when the kind has none). It is over when it returns `Ok` or the process stops.
    pub fn spawn_restarting<M, F, E>(&self, kind: TaskKind, mut make: M) -> TaskHandle
    where
        M: FnMut() -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let backoff = match kind.on_error {
            OnError::Restart(backoff) => backoff,
            OnError::Log | OnError::Shutdown => Backoff::DEFAULT,
        };
        let tasks = self.clone();
        self.start(kind, async move {
            let mut pause = None;
            loop {
                let began = Instant::now();
                let Err(what) = tasks.once(kind, make()).await else { return };
                if kind.on_error == OnError::Shutdown {
                    tasks.fail(kind, &what);
                    return;
                }
                if began.elapsed() > backoff.max {
                    pause = None;
                }
                let wait = backoff.next(pause);
                pause = Some(wait);
                tokio::select! {
                    () = tasks.0.stop.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
                metrics::counter!("tasks_restarted_total", "kind" => kind.name).increment(1);
            }
        })
    }

    /// Cancelled when the process begins to stop. Tasks whose kind is `Finish` watch it.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.0.stop.clone()
    }

    /// Waits until the process begins to stop.
    pub async fn cancelled(&self) {
        self.0.stop.cancelled().await;
    }

    /// Begins to stop without waiting.
    pub fn cancel(&self) {
        self.0.stop.cancel();
    }

    /// How many tasks run now, by kind.
    #[must_use]
    pub fn running(&self) -> BTreeMap<&'static str, usize> {
        self.state().running.clone()
    }

    /// Stops all tasks: those that may be cut at once, the others when they have finished or `grace` is
    /// over, whichever comes first.
    pub async fn shutdown(&self, grace: Duration) -> ShutdownReport {
        self.0.stop.cancel();
        let mut dropped = BTreeMap::new();
        if tokio::time::timeout(grace, self.wait_idle()).await.is_err() {
            dropped = self.running();
            self.0.kill.cancel();
            tracing::warn!(tasks.dropped = ?dropped, "some tasks did not end within the grace and are dropped");
            if tokio::time::timeout(DROP_WAIT, self.wait_idle()).await.is_err() {
                tracing::error!(tasks.stuck = ?self.running(), "some tasks block and could not be dropped");
            }
        }
        ShutdownReport { dropped, failure: self.state().failure.clone() }
    }

    async fn wait_idle(&self) {
        loop {
            let changed = self.0.idle.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.state().running.is_empty() {
                return;
            }
            changed.await;
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that starts tasks; everybody else goes through it"
    )]
    fn start(&self, kind: TaskKind, body: impl Future<Output = ()> + Send + 'static) -> TaskHandle {
        if self.0.stop.is_cancelled() {
            tracing::debug!(
                task.kind = kind.name,
                "a task was not started: the process is stopping"
            );
            return TaskHandle(None);
        }
        let running = Running::enter(self.clone(), kind.name);
        let tasks = self.clone();
        let span = tracing::info_span!(parent: None, "task", task.kind = kind.name);
        let whole = async move {
            let _running = running;
            let tasks = &tasks.0;
            tokio::select! {
                () = body => {}
                () = tasks.stop.cancelled(), if kind.on_cancel == OnCancel::Abort => {}
                () = tasks.kill.cancelled() => {}
            }
        };
        TaskHandle(Some(tokio::spawn(whole.instrument(span)).abort_handle()))
    }

    /// Runs the future once. The failure in words, already logged and counted.
    async fn once<F, E>(&self, kind: TaskKind, future: F) -> Result<(), String>
    where
        F: Future<Output = Result<(), E>>,
        E: Display,
    {
        match AssertUnwindSafe(future).catch_unwind().await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => {
                metrics::counter!("tasks_failed_total", "kind" => kind.name).increment(1);
                tracing::error!(task.kind = kind.name, error = %e, "a background task failed");
                Err(e.to_string())
            }
            Err(panic) => {
                let what = panic_text(panic.as_ref());
                metrics::counter!("tasks_panicked_total", "kind" => kind.name).increment(1);
                tracing::error!(task.kind = kind.name, panic = what, "a background task panicked");
                Err(format!("panicked: {what}"))
            }
        }
    }

    fn fail(&self, kind: TaskKind, what: &str) {
        tracing::error!(task.kind = kind.name, "a vital task failed, everything stops");
        self.state().failure.get_or_insert_with(|| format!("{}: {what}", kind.name));
        self.0.stop.cancel();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a panic said, if it said it in words.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Counts a task as running until dropped, however it ends.
struct Running {
    tasks: Tasks,
    name: &'static str,
}

impl Running {
    fn enter(tasks: Tasks, name: &'static str) -> Self {
        *tasks.state().running.entry(name).or_insert(0) += 1;
        metrics::gauge!("tasks_running", "kind" => name).increment(1);
        Self { tasks, name }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        metrics::gauge!("tasks_running", "kind" => self.name).decrement(1);
        let mut state = self.tasks.state();
        if let Some(n) = state.running.get_mut(self.name) {
            *n -= 1;
            if *n == 0 {
                state.running.remove(self.name);
            }
        }
        let empty = state.running.is_empty();
        drop(state);
        if empty {
            self.tasks.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const CUT: TaskKind = TaskKind::new("test.cut");
    const FINISHING: TaskKind = TaskKind::new("test.finishing").finishing();
    const GRACE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_task_that_may_be_cut_ends_at_once() {
        let tasks = Tasks::new();
        tasks.spawn(CUT, pending::<Result<(), Infallible>>());
        assert_eq!(tasks.running(), BTreeMap::from([("test.cut", 1)]));
        let report = tasks.shutdown(GRACE).await;
        assert_eq!(report, ShutdownReport::default());
        assert!(tasks.running().is_empty());
    }

    #[tokio::test]
    async fn a_finishing_task_ends_its_work_within_the_grace() {
        let tasks = Tasks::new();
        let done = Arc::new(AtomicUsize::new(0));
        let (t, d) = (tasks.clone(), Arc::clone(&done));
        tasks.spawn(FINISHING, async move {
            t.cancelled().await;
            tokio::task::yield_now().await;
            d.store(1, Ordering::SeqCst);
            Ok::<_, Infallible>(())
        });
        assert_eq!(tasks.shutdown(GRACE).await, ShutdownReport::default());
        assert_eq!(done.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_outlives_the_grace_is_dropped_and_named() {
        let tasks = Tasks::new();
        tasks.spawn(FINISHING, pending::<Result<(), Infallible>>());
        let report = tasks.shutdown(Duration::from_secs(1)).await;
        assert_eq!(report.dropped, BTreeMap::from([("test.finishing", 1)]));
        assert!(tasks.running().is_empty());
    }

    #[tokio::test]
    async fn a_panic_ends_one_task_and_not_the_process() {
        let tasks = Tasks::new();
        let handle = tasks.spawn(CUT, async {
            if true {
                panic!("on purpose");
            }
            Ok::<_, Infallible>(())
        });
        tokio::time::timeout(GRACE, tasks.wait_idle()).await.unwrap();
        assert!(!tasks.token().is_cancelled());
        while !handle.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_restarting_task_starts_again_until_it_ends_well() {
        let tasks = Tasks::new();
        let runs = Arc::new(AtomicUsize::new(0));
        let r = Arc::clone(&runs);
        tasks.spawn_restarting(CUT.restarting(), move || {
            let run = r.fetch_add(1, Ordering::SeqCst);
            async move {
                match run {
                    0 => Err("first"),
                    1 => panic!("second"),
                    _ => Ok(()),
                }
            }
        });
        tokio::time::timeout(GRACE, tasks.wait_idle()).await.unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_vital_task_that_fails_stops_everything() {
        let tasks = Tasks::new();
        tasks.spawn(CUT, pending::<Result<(), Infallible>>());
        tasks.spawn(TaskKind::new("test.vital").vital(), async { Err("disk is full") });
        tokio::time::timeout(GRACE, tasks.cancelled()).await.unwrap();
        let report = tasks.shutdown(GRACE).await;
        assert_eq!(report.failure.as_deref(), Some("test.vital: disk is full"));
    }

    #[tokio::test]
    async fn nothing_starts_after_stopping_began() {
        let tasks = Tasks::new();
        tasks.cancel();
        let handle = tasks.spawn(CUT, pending::<Result<(), Infallible>>());
        assert!(handle.is_finished());
        assert!(tasks.running().is_empty());
    }

    #[tokio::test]
    async fn an_aborted_task_is_no_longer_counted() {
        let tasks = Tasks::new();
        tasks.spawn(FINISHING, pending::<Result<(), Infallible>>()).abort();
        tokio::time::timeout(GRACE, tasks.wait_idle()).await.unwrap();
    }
}
