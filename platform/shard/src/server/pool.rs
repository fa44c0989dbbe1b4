//! Connections to one server process: so many at most, used again, closed when they broke or grew old.
//!
//! Unlike the driver's own pool it fails at once when the server is away (that one tries for seconds), asks
//! nothing of a connection that comes back, and can be closed for good in the middle of work: whoever uses a
//! closed pool's connection is told so, and no commit leaves for its server any more.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, MySqlConnection, PgConnection};
use tokio::sync::{Notify, watch};

use super::explain::explain;
use super::queue::{Kept, Permit, Queue};
use super::setting::Setting;
use crate::error::DbError;

/// Connections that nobody used for this long are closed.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// No connection gets older, so that a server's memory of it is given back.
const LIFE_MAX: Duration = Duration::from_secs(30 * 60);
/// A server that could not be reached is not asked again before this has passed, and then by one caller.
const AWAY_FOR: Duration = Duration::from_millis(300);

/// What calls itself MySQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    Mysql,
    Mariadb,
}

/// Where connections go.
pub(super) enum Target {
    Postgres(Box<PgConnectOptions>),
    Mysql(Box<MySqlConnectOptions>, Flavour),
}

/// A connection of the driver.
pub(super) enum Socket {
    Postgres(Box<PgConnection>),
    Mysql(Box<MySqlConnection>, Flavour),
}

/// How many, and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connections_max: u32,
    pub(super) waiting_max: usize,
    pub(super) connect_timeout: Duration,
}

/// The connections to one server.
pub(super) struct Pool {
    /// Host and port, for logs and metrics.
    label: String,
    target: Target,
    limits: Limits,
    queue: Arc<Queue<Idle>>,
    away: Mutex<Away>,
    closed: AtomicBool,
    closing: watch::Sender<bool>,
    committing: AtomicUsize,
    committed: Notify,
}

struct Idle {
    socket: Socket,
    setting: Setting,
    born: Instant,
    since: Instant,
}

impl Kept for Idle {
    fn schema(&self) -> &str {
        self.setting.schema()
    }

    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.since) > IDLE_MAX || now.duration_since(self.born) >= LIFE_MAX
    }
}

/// What is known of a server that could not be reached.
#[derive(Default)]
struct Away {
    until: Option<Instant>,
    is_probed: bool,
}

impl Pool {
    pub(super) fn new(label: String, target: Target, limits: Limits) -> Self {
        let out_max = usize::try_from(limits.connections_max).unwrap_or(1);
        Self {
            label,
            target,
            limits,
            queue: Arc::new(Queue::new(out_max, limits.waiting_max)),
            away: Mutex::default(),
            closed: AtomicBool::new(false),
            closing: watch::Sender::new(false),
            committing: AtomicUsize::new(0),
            committed: Notify::new(),
        }
    }

    /// Host and port.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// A connection, once it is the caller's turn; refused at once when too many wait, or the server is away.
    pub(super) async fn acquire(
        self: &Arc<Self>,
        schema: &str,
        deadline: Instant,
    ) -> Result<Lease, DbError> {
        self.still_open()?;
        if self.away().is_certain(Instant::now()) && !self.queue.has_idle() {
            return Err(unreached(&self.label));
        }
        let lease = async {
            let mut closing = self.closing.subscribe();
            let mut permit = tokio::select! {
                permit = self.queue.acquire(schema) => {
                    permit.map_err(|_| DbError::Overloaded(self.label.clone()))?
                }
                _ = closing.wait_for(|closed| *closed) => return Err(left()),
            };
            match permit.take() {
                Some(idle) => Ok(Lease::again(self, idle, permit)),
                None => self.open(Some(permit)).await,
            }
        };
        let wait = deadline.saturating_duration_since(Instant::now());
        let lease = tokio::time::timeout(wait, lease).await;
        lease.unwrap_or(Err(DbError::Timeout("waiting for a connection")))
    }

    /// A new connection that counts for no limit: for looking after the server, one at a time.
    pub(super) async fn aside(self: &Arc<Self>) -> Result<Lease, DbError> {
        self.open(None).await
    }

    async fn open(self: &Arc<Self>, permit: Option<Permit<Idle>>) -> Result<Lease, DbError> {
        self.still_open()?;
        let probe = Probe::begin(self)?;
        let connecting = tokio::time::timeout(self.limits.connect_timeout, self.connect());
        let connected = connecting
            .await
            .unwrap_or_else(|_| Err(DbError::Down(format!("{} does not answer", self.label))));
        match connected {
            Ok(socket) => {
                probe.reached();
                Ok(Lease::new(self, socket, permit))
            }
            Err(e @ DbError::Down(_)) => {
                probe.failed();
                Err(e)
            }
            Err(e) => Err(e),
        }
    }

    async fn connect(&self) -> Result<Socket, DbError> {
        match &self.target {
            Target::Postgres(options) => {
                options.connect().await.map(|conn| Socket::Postgres(Box::new(conn)))
            }
            Target::Mysql(options, flavour) => {
                options.connect().await.map(|conn| Socket::Mysql(Box::new(conn), *flavour))
            }
        }
        .map_err(explain)
    }

    /// Closes it for good: nobody gets a connection any more, whoever has one is told at the next step,
    /// and when this returns no commit can leave for the server any more.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.closing.send_replace(true);
        self.queue.clear();
        loop {
            let changed = self.committed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.committing.load(Ordering::SeqCst) == 0 {
                return;
            }
            changed.await;
        }
    }

    fn still_open(&self) -> Result<(), DbError> {
        if self.closed.load(Ordering::SeqCst) { Err(left()) } else { Ok(()) }
    }

    fn away(&self) -> MutexGuard<'_, Away> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unreached(label: &str) -> DbError {
    DbError::Down(format!("{label} could not be reached a moment ago"))
}

fn left() -> DbError {
    DbError::Down("another server has taken over".to_owned())
}

impl Away {
    /// Whether it was found away so lately that asking makes no sense.
    fn is_certain(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until || self.is_probed)
    }
}

/// A try to reach the server; of a server that was away there is one at a time.
struct Probe<'a> {
    pool: &'a Pool,
    is_alone: bool,
}

impl<'a> Probe<'a> {
    fn begin(pool: &'a Pool) -> Result<Self, DbError> {
        let mut away = pool.away();
        if away.is_certain(Instant::now()) {
            return Err(unreached(&pool.label));
        }
        let is_alone = away.until.is_some();
        away.is_probed = is_alone;
        Ok(Self { pool, is_alone })
    }

    fn reached(self) {
        self.pool.away().until = None;
    }

    fn failed(self) {
        let mut away = self.pool.away();
        if away.until.is_none() {
            tracing::warn!(server = self.pool.label, "a database server cannot be reached");
        }
        away.until = Some(Instant::now() + AWAY_FOR);
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if self.is_alone {
            self.pool.away().is_probed = false;
        }
    }
}

/// A connection that somebody uses. It goes back when [`Lease::give_back`] is called, else it is closed,
/// and the server rolls back what it was doing.
pub(super) struct Lease {
    pool: Arc<Pool>,
    socket: Socket,
    setting: Setting,
    born: Instant,
    is_fresh: bool,
    closing: watch::Receiver<bool>,
    permit: Option<Permit<Idle>>,
}

impl Lease {
    fn new(pool: &Arc<Pool>, socket: Socket, permit: Option<Permit<Idle>>) -> Self {
        Self {
            pool: Arc::clone(pool),
            socket,
            setting: Setting::default(),
            born: Instant::now(),
            is_fresh: true,
            closing: pool.closing.subscribe(),
            permit,
        }
    }

    fn again(pool: &Arc<Pool>, idle: Idle, permit: Permit<Idle>) -> Self {
        let Idle { socket, setting, born, .. } = idle;
        Self { setting, born, is_fresh: false, ..Self::new(pool, socket, Some(permit)) }
    }

    /// What its session is set to.
    pub(super) fn setting(&self) -> &Setting {
        &self.setting
    }

    pub(super) fn set(&mut self, setting: Setting) {
        self.setting = setting;
    }

    /// Whether it was made just now.
    pub(super) fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// For a statement: the connection, unless its pool is closed, and what ends when that happens.
    pub(super) fn parts(
        &mut self,
    ) -> Result<(&mut Socket, impl Future<Output = DbError> + Send + '_), DbError> {
        self.pool.still_open()?;
        let closing = &mut self.closing;
        let closed = async move {
            // an error means that the pool has gone, which a lease does not let happen
            let _ = closing.wait_for(|closed| *closed).await;
            left()
        };
        Ok((&mut self.socket, closed))
    }

    /// Announces a commit, unless the pool is closed; [`Pool::close`] waits for the end of it.
    pub(super) fn begin_commit(&self) -> Result<Committing, DbError> {
        self.pool.committing.fetch_add(1, Ordering::SeqCst);
        let committing = Committing(Arc::clone(&self.pool));
        // after the number, so that whoever closes has seen it, or we see that it is closed
        self.pool.still_open().map(|()| committing)
    }

    /// Puts a connection back that is in order.
    pub(super) fn give_back(self) {
        let Self { pool, socket, setting, born, permit, .. } = self;
        let Some(permit) = permit.filter(|_| pool.still_open().is_ok()) else { return };
        permit.put(Idle { socket, setting, born, since: Instant::now() });
        if pool.still_open().is_err() {
            pool.queue.clear();
        }
    }
}

impl Deref for Lease {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.socket
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Socket {
        &mut self.socket
    }
}

/// A commit that is on its way.
pub(super) struct Committing(Arc<Pool>);

impl Drop for Committing {
    fn drop(&mut self) {
        self.0.committing.fetch_sub(1, Ordering::SeqCst);
        self.0.committed.notify_waiters();
    }
}
