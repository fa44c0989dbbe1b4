//! What an operator's command asks of the platform beyond its services: messages, and whether all is
//! well. A command that runs beside a server reaches it through a loopback endpoint whose address and
//! secret stand in the data folder; without a server the command starts the platform itself.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kit::{Cursor, ErrorCode, Limit, Page, TenantCode, Timestamp};
use rpc::{ActorKind, Ctx, Fault};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::backup::{BackupStatus, Backups};
use crate::engine::title;
use crate::letters;

/// How soon a new primary that takes no write is asked again.
const WRITE_AGAIN: Duration = Duration::from_millis(100);
/// A takeover that was cut off goes on for so long when it is asked for again; after that it is another one.
const GOES_ON: Duration = Duration::from_secs(120);

/// A message as an operator sees it. Its content is not shown: it may be personal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageInfo {
    /// The database it lies in.
    pub database: String,
    /// Its id.
    pub id: String,
    /// Its tenant.
    pub tenant: TenantCode,
    /// Its topic.
    pub topic: String,
    /// `pending`, `done`, `dead` or `undecided`.
    pub state: String,
    /// How often its delivery was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// Why it failed last.
    pub last_error: Option<String>,
}

/// Asks for messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListMessages {
    /// Only of this service.
    pub service: Option<String>,
    /// Only in this state.
    pub state: Option<String>,
    /// Only of this tenant.
    pub tenant: Option<TenantCode>,
    /// Only of this topic.
    pub topic: Option<String>,
    /// Where to go on; needs `service`.
    pub cursor: Option<Cursor>,
    /// How many per service at most.
    pub limit: Limit,
}

/// Tries dead messages again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RetryMessages {
    /// Only of this service.
    pub service: Option<String>,
    /// Only of this tenant.
    pub tenant: Option<TenantCode>,
    /// Only of this topic.
    pub topic: Option<String>,
}

/// Asks whether all is well.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Examine {}

/// Begins a backup of all databases.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BeginBackup {
    /// An absolute path; the platform writes there, so it is a path on its machine.
    pub folder: PathBuf,
}

/// Asks how far the backup is. It is given up when nobody asks for a minute.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FollowBackup {}

/// Asks whether anybody is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answer {}

/// Puts a replica in the place of a primary that is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FailOver {
    /// The server, as the settings call it.
    pub server: String,
    /// Replicas, by host and port, whose silence is no reason to stop.
    pub without: Vec<String>,
}

/// A replica that has taken over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedOver {
    /// The server.
    pub server: String,
    /// Host and port of the new primary, which takes writes.
    pub primary: String,
    /// The other replicas, which follow the old primary still.
    pub others: Vec<String>,
    /// How long it took, until the first write.
    pub took_ms: u64,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at.
    pub what: String,
    /// Whether it is well.
    pub ok: bool,
    /// What was seen.
    pub detail: String,
}

/// What operators ask.
#[rpc::service(name = "operator")]
pub trait Operator: Send + Sync + 'static {
    /// Answers, whatever became of the databases.
    async fn answer(&self, ctx: &Ctx, req: Answer) -> Result<(), Fault>;
    /// Messages of all services.
    async fn messages(&self, ctx: &Ctx, req: ListMessages) -> Result<Page<MessageInfo>, Fault>;
    /// Tries dead messages again; how many.
    async fn retry(&self, ctx: &Ctx, req: RetryMessages) -> Result<u64, Fault>;
    /// Looks at databases and messages.
    async fn examine(&self, ctx: &Ctx, req: Examine) -> Result<Vec<Finding>, Fault>;
    /// Puts a replica in the place of a primary; answers when it takes writes. Repeating it goes on where it was
    /// cut off.
    async fn fail_over(&self, ctx: &Ctx, req: FailOver) -> Result<FailedOver, Fault>;
    /// Begins a backup.
    async fn backup(&self, ctx: &Ctx, req: BeginBackup) -> Result<(), Fault>;
    /// How the backup that was begun last stands.
    async fn backup_status(&self, ctx: &Ctx, req: FollowBackup) -> Result<BackupStatus, Fault>;
}

/// Answers out of a running platform's parts.
pub struct Local {
    /// Every service's outbox by its name.
    pub outboxes: Vec<(&'static str, outbox::Outbox)>,
    /// What messages go over, when that is a broker.
    pub broker: Option<broker::Broker>,
    /// The databases.
    pub databases: crate::platform::Databases,
    /// What holds them.
    pub shards: shard::Shards,
    /// Makes backups.
    pub backups: Backups,
    /// The takeover that was begun last, until its primary has taken a write. Held meanwhile: one at a time.
    pub takeover: Mutex<Option<Begun>>,
}

/// A takeover whose primary has not taken a write yet.
pub struct Begun {
    taken: shard::Takeover,
    at: Instant,
}

#[rpc::async_trait]
impl Operator for Local {
    async fn answer(&self, ctx: &Ctx, _req: Answer) -> Result<(), Fault> {
        only_the_system(ctx)
    }

    async fn messages(&self, ctx: &Ctx, req: ListMessages) -> Result<Page<MessageInfo>, Fault> {
        only_the_system(ctx)?;
        let filter = filter(req.state.as_deref(), req.tenant.clone(), req.topic.clone())?;
        let mut page = Page { items: Vec::new(), next_cursor: None };
        for (_, outbox) in self.of(req.service.as_deref())? {
            let admin = outbox::Admin::new(outbox.clone());
            let found = admin.list(ctx, filter.clone(), req.cursor.as_ref(), req.limit).await?;
            page.items.extend(found.items.into_iter().map(info));
            if req.service.is_some() {
                page.next_cursor = found.next_cursor;
            }
        }
        if let Some(broker) = &self.broker {
            page.items.extend(letters::list(broker, &req).await?);
        }
        Ok(page)
    }

    async fn retry(&self, ctx: &Ctx, req: RetryMessages) -> Result<u64, Fault> {
        only_the_system(ctx)?;
        let filter = filter(None, req.tenant.clone(), req.topic.clone())?;
        let mut retried = 0;
        for (_, outbox) in self.of(req.service.as_deref())? {
            retried += outbox::Admin::new(outbox.clone()).retry_all(ctx, filter.clone()).await?;
        }
        if let Some(broker) = &self.broker {
            retried += letters::retry(broker, &req).await?;
        }
        Ok(retried)
    }

    async fn examine(&self, ctx: &Ctx, _req: Examine) -> Result<Vec<Finding>, Fault> {
        only_the_system(ctx)?;
        let mut findings = standing(&self.shards).await;
        for db in self.databases.all() {
            for (path, verdict) in db.check().await? {
                let what = format!("file {path}");
                findings.push(Finding { what, ok: verdict == "ok", detail: verdict });
            }
        }
        for (name, outbox) in &self.outboxes {
            // One that is away must not hide what was found besides.
            let (ok, detail) = match outbox::Admin::new(outbox.clone()).stats(ctx, None).await {
                Ok(stats) => {
                    let (pending, oldest_ms) = (stats.pending, stats.oldest_pending_ms);
                    let (delayed, dead) = (stats.delayed, stats.dead);
                    let detail = format!(
                        "{pending} pending (oldest {oldest_ms} ms), {delayed} delayed, {dead} dead"
                    );
                    (dead == 0, detail)
                }
                Err(e) => (false, format!("cannot be counted: {}", e.message)),
            };
            findings.push(Finding { what: format!("messages of {name}"), ok, detail });
        }
        if let Some(broker) = &self.broker {
            findings.push(letters::examine(broker).await);
        }
        Ok(findings)
    }

    async fn fail_over(&self, ctx: &Ctx, req: FailOver) -> Result<FailedOver, Fault> {
        only_the_system(ctx)?;
        let mut last = self.takeover.lock().await;
        let begun = match last.take() {
            // Cut off a moment ago: the new primary answers by now, and another takeover would be refused.
            Some(begun) if begun.taken.server == req.server && begun.at.elapsed() < GOES_ON => {
                begun
            }
            _ => {
                let at = Instant::now();
                let taken =
                    self.shards.fail_over(&req.server, &req.without).await.map_err(|e| {
                        let text = e.to_string();
                        Fault::new(ErrorCode::Unavailable, text).with_slug("no_failover").because(e)
                    })?;
                Begun { taken, at }
            }
        };
        let Begun { taken, at } = last.insert(begun);
        let done = FailedOver {
            server: taken.server.clone(),
            primary: taken.primary.clone(),
            others: taken.others.clone(),
            took_ms: 0,
        };
        let at = *at;
        // A commit there, because a primary that waits for a synchronous replica of its own takes none.
        while let Err(e) = self.shards.commit_on(&done.server, ctx.remaining()).await {
            tracing::warn!(error = %e, "the new primary does not take a write yet");
            ctx.check_deadline()?;
            tokio::time::sleep(WRITE_AGAIN).await;
        }
        *last = None;
        Ok(FailedOver {
            took_ms: u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..done
        })
    }

    async fn backup(&self, ctx: &Ctx, req: BeginBackup) -> Result<(), Fault> {
        only_the_system(ctx)?;
        self.backups.begin(req.folder)
    }

    async fn backup_status(&self, ctx: &Ctx, _req: FollowBackup) -> Result<BackupStatus, Fault> {
        only_the_system(ctx)?;
        self.backups.status()
    }
}

impl Local {
    fn of(
        &self,
        service: Option<&str>,
    ) -> Result<impl Iterator<Item = &(&'static str, outbox::Outbox)>, Fault> {
        let service = service.map(str::to_owned);
        if let Some(wanted) = &service
            && !self.outboxes.iter().any(|(name, _)| name == wanted)
        {
            let names: Vec<_> = self.outboxes.iter().map(|(name, _)| *name).collect();
            let text = format!("one of {}", names.join(", "));
            return Err(Fault::invalid("service", text));
        }
        Ok(self
            .outboxes
            .iter()
            .filter(move |(name, _)| service.as_deref().is_none_or(|s| s == *name)))
    }
}

/// The engine, and every server with its replicas.
async fn standing(shards: &shard::Shards) -> Vec<Finding> {
    let engine = title(shards.options().backend.engine());
    let mut findings = vec![Finding {
        what: "engine".to_owned(),
        ok: true,
        detail: match shards.options().backend {
            shard::Backend::Embedded => format!("{engine}, embedded"),
            shard::Backend::Servers(_) => format!("{engine} servers"),
        },
    }];
    for server in shards.standing().await {
        let name = &server.name;
        let (ok, mut detail) = node(&server.primary, || match server.replicas.is_empty() {
            true => "start it again".to_owned(),
            false => format!("start it again, or when it is lost: `stoa shard failover {name}`"),
        });
        match server.confirmed_by {
            Some(0) if !server.replicas.is_empty() => {
                detail.push_str("; commits wait for no replica: what is lost with it is lost");
            }
            Some(n) if n > 0 => detail.push_str(&format!("; commits wait for one of {n} replicas")),
            _ => {}
        }
        findings.push(Finding { what: format!("server {name}, primary"), ok, detail });
        for (replica, is_used) in &server.replicas {
            let (ok, mut detail) = node(replica, || "reads go to the primary".to_owned());
            if ok {
                let used =
                    ["; not used for reads: it is behind, or follows nobody", "; used for reads"];
                detail.push_str(used[usize::from(*is_used)]);
            }
            findings.push(Finding { what: format!("server {name}, replica"), ok, detail });
        }
    }
    findings
}

/// Whether a process of a server answers, and in words.
fn node(node: &shard::NodeStanding, next: impl FnOnce() -> String) -> (bool, String) {
    let (address, version) = (&node.address, node.version.as_deref().unwrap_or_default());
    match &node.answered {
        Ok(took) => (true, format!("{address} answers after {} µs: {version}", took.as_micros())),
        Err(e) => (false, format!("{address} does not answer ({e}); {}", next())),
    }
}

fn only_the_system(ctx: &Ctx) -> Result<(), Fault> {
    if ctx.actor.kind == ActorKind::System {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::Forbidden, "only the platform itself may do this"))
}

fn filter(
    state: Option<&str>,
    tenant: Option<TenantCode>,
    topic: Option<String>,
) -> Result<outbox::admin::Filter, Fault> {
    use outbox::admin::State;
    let state = match state {
        None => None,
        Some("pending") => Some(State::Pending),
        Some("done") => Some(State::Done),
        Some("dead") => Some(State::Dead),
        Some("undecided") => Some(State::Undecided),
        Some(_) => return Err(Fault::invalid("state", "pending, done, dead or undecided")),
    };
    Ok(outbox::admin::Filter { state, tenant, topic, due: None })
}

fn info(entry: outbox::admin::Entry) -> MessageInfo {
    MessageInfo {
        database: entry.database,
        id: entry.id.to_string(),
        tenant: entry.tenant,
        topic: entry.topic,
        state: state_name(entry.state).to_owned(),
        attempts: entry.attempts,
        next_at: entry.next_at,
        last_error: entry.last_error,
    }
}

const fn state_name(state: outbox::admin::State) -> &'static str {
    use outbox::admin::State;
    match state {
        State::Pending => "pending",
        State::Done => "done",
        State::Dead => "dead",
        State::Undecided => "undecided",
    }
}
