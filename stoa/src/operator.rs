//! What an operator's command asks of the platform beyond its services: messages, and whether all is
//! well. A command that runs beside a server reaches it through a loopback endpoint whose address and
//! secret stand in the data folder; without a server the command starts the platform itself.

use kit::{Cursor, ErrorCode, Limit, Page, TenantCode, Timestamp};
use rpc::{ActorKind, Ctx, Fault};
use serde::{Deserialize, Serialize};

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
    /// Messages of all services.
    async fn messages(&self, ctx: &Ctx, req: ListMessages) -> Result<Page<MessageInfo>, Fault>;
    /// Tries dead messages again; how many.
    async fn retry(&self, ctx: &Ctx, req: RetryMessages) -> Result<u64, Fault>;
    /// Looks at databases and messages.
    async fn examine(&self, ctx: &Ctx, req: Examine) -> Result<Vec<Finding>, Fault>;
}

/// Answers out of a running platform's parts.
pub struct Local {
    /// Every service's outbox by its name.
    pub outboxes: Vec<(&'static str, outbox::Outbox)>,
    /// The databases.
    pub databases: crate::platform::Databases,
}

#[rpc::async_trait]
impl Operator for Local {
    async fn messages(&self, ctx: &Ctx, req: ListMessages) -> Result<Page<MessageInfo>, Fault> {
        only_the_system(ctx)?;
        let filter = filter(req.state.as_deref(), req.tenant, req.topic)?;
        let mut page = Page { items: Vec::new(), next_cursor: None };
        for (_, outbox) in self.of(req.service.as_deref())? {
            let admin = outbox::Admin::new(outbox.clone());
            let found = admin.list(ctx, filter.clone(), req.cursor.as_ref(), req.limit).await?;
            page.items.extend(found.items.into_iter().map(info));
            if req.service.is_some() {
                page.next_cursor = found.next_cursor;
            }
        }
        Ok(page)
    }

    async fn retry(&self, ctx: &Ctx, req: RetryMessages) -> Result<u64, Fault> {
        only_the_system(ctx)?;
        let filter = filter(None, req.tenant, req.topic)?;
        let mut retried = 0;
        for (_, outbox) in self.of(req.service.as_deref())? {
            retried += outbox::Admin::new(outbox.clone()).retry_all(ctx, filter.clone()).await?;
        }
        Ok(retried)
    }

    async fn examine(&self, ctx: &Ctx, _req: Examine) -> Result<Vec<Finding>, Fault> {
        only_the_system(ctx)?;
        let mut findings = Vec::new();
        for db in self.databases.all() {
            for (path, verdict) in db.check().await? {
                let what = format!("file {path}");
                findings.push(Finding { what, ok: verdict == "ok", detail: verdict });
            }
        }
        for (name, outbox) in &self.outboxes {
            let stats = outbox::Admin::new(outbox.clone()).stats(ctx, None).await?;
            let detail = format!(
                "{} pending (oldest {} ms), {} delayed, {} dead",
                stats.pending, stats.oldest_pending_ms, stats.delayed, stats.dead
            );
            findings.push(Finding {
                what: format!("messages of {name}"),
                ok: stats.dead == 0,
                detail,
            });
        }
        Ok(findings)
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
    Ok(outbox::admin::Filter { state, tenant, topic })
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
