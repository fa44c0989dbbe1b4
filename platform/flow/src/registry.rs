//! Published flows per tenant: versions that never change, and the one that new things take. It must not
//! know what a flow is for; services register their kinds here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use kit::{ErrorCode, TenantCode, Timestamp};
use moka::sync::Cache;
use rpc::{Ctx, Fault};
use shard::{Database, Route};

use crate::document::Document;
use crate::kind::FlowKind;
use crate::machine::CheckedFlow;
use crate::store::{self, Published};
use crate::validate::validate;

/// The most versions that one list shows.
pub const LIST_MAX: u64 = 100;

/// The knobs of the registry.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Compiled versions kept in memory.
    pub versions_max: u64,
    /// How long an active version is believed before it is read again. Another process may publish; this
    /// one knows its own publications at once.
    pub active_for: Duration,
    /// Active versions remembered in memory.
    pub active_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { versions_max: 4_096, active_for: Duration::from_secs(2), active_max: 10_000 }
    }
}

type Key = (TenantCode, String);

/// The registry. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    db: Database,
    options: Options,
    kinds: RwLock<BTreeMap<String, Arc<FlowKind>>>,
    versions: Cache<(TenantCode, String, u32), Arc<CheckedFlow>>,
    active: RwLock<HashMap<Key, (u32, Timestamp)>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registry({:?})", self.0.db)
    }
}

impl Registry {
    /// A registry on the database that holds [`store::MIGRATIONS`]; it knows no kind yet.
    #[must_use]
    pub fn new(db: Database, options: Options) -> Self {
        Self(Arc::new(Inner {
            db,
            options,
            kinds: RwLock::default(),
            versions: Cache::new(options.versions_max),
            active: RwLock::default(),
        }))
    }

    /// Makes a kind known. A service does it once when it starts; the last one of a code holds.
    pub fn register(&self, kind: FlowKind) {
        let mut kinds = self.0.kinds.write().unwrap_or_else(PoisonError::into_inner);
        kinds.insert(kind.code.clone(), Arc::new(kind));
    }

    /// The codes that services have registered.
    #[must_use]
    pub fn codes(&self) -> Vec<String> {
        self.0.kinds.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// The kind of a code.
    ///
    /// # Errors
    /// `NotFound` when no service has registered it.
    pub fn kind(&self, code: &str) -> Result<Arc<FlowKind>, Fault> {
        let kinds = self.0.kinds.read().unwrap_or_else(PoisonError::into_inner);
        kinds.get(code).cloned().ok_or_else(|| Fault::not_found(&format!("the flow kind `{code}`")))
    }

    /// Judges a document without publishing it.
    ///
    /// # Errors
    /// `Invalid` with every problem as a field error, slug `invalid_flow`; `NotFound` for an unknown code.
    pub async fn check(&self, code: &str, text: &str) -> Result<CheckedFlow, Fault> {
        let (kind, text) = (self.kind(code)?, text.to_owned());
        // Compiling conditions takes milliseconds of processor time.
        let judged = tokio::task::spawn_blocking(move || validate(&kind, &text)).await;
        judged.map_err(Fault::internal)?.map_err(|problems| {
            Fault::new(ErrorCode::Invalid, "the flow document has problems")
                .with_slug("invalid_flow")
                .with_fields(problems)
        })
    }

    /// Publishes a document for the tenant of `ctx`: the next version, active at once for everything that
    /// begins from now on. Whole or not at all.
    ///
    /// # Errors
    /// As [`Registry::check`]; `Conflict` with the slug `flow_version_conflict` when the document names a
    /// version that is not the next one.
    pub async fn publish(&self, ctx: &Ctx, code: &str, text: &str) -> Result<Published, Fault> {
        let flow = self.check(code, text).await?;
        let document = flow.document().clone();
        let (tenant, by) = (ctx.tenant.clone(), ctx.actor.principal());
        let publish = move |tx: shard::Tx| {
            let (document, tenant, by) = (document.clone(), tenant.clone(), by.clone());
            async move { insert_next(&tx, document, tenant, by).await }
        };
        let published: Published = self.0.db.tx(ctx, Route::Whole, publish).await?;
        let key = (published.tenant.clone(), published.code.clone());
        let version = published.version;
        self.0
            .versions
            .insert((key.0.clone(), key.1.clone(), version), Arc::new(flow.numbered(version)));
        self.remember(key, version);
        tracing::info!(
            flow.code = published.code,
            flow.version = version,
            tenant = %published.tenant,
            "a flow was published"
        );
        Ok(published)
    }

    /// The flow that new things of the tenant of `ctx` take. Hold the `Arc` for the whole operation: it
    /// does not change under you.
    ///
    /// # Errors
    /// `NotFound` when the tenant has published none.
    pub async fn active(&self, ctx: &Ctx, code: &str) -> Result<Arc<CheckedFlow>, Fault> {
        let key = (ctx.tenant.clone(), code.to_owned());
        let version = match self.remembered(&key) {
            Some(version) => version,
            None => {
                let wanted = key.clone();
                let read = move |tx: shard::Tx| {
                    let (tenant, code) = wanted.clone();
                    async move { store::active_version(&tx, &tenant, &code).await }
                };
                let version = self.0.db.read(ctx, Route::Whole, read).await?;
                let version = version.ok_or_else(|| unpublished(code))?;
                self.remember(key, version)
            }
        };
        self.get(ctx, code, version).await
    }

    /// A published version of the tenant of `ctx`.
    ///
    /// # Errors
    /// `NotFound` when there is none; `Internal` when it was published under rules that this program no
    /// longer accepts.
    pub async fn get(
        &self,
        ctx: &Ctx,
        code: &str,
        version: u32,
    ) -> Result<Arc<CheckedFlow>, Fault> {
        let key = (ctx.tenant.clone(), code.to_owned(), version);
        if let Some(flow) = self.0.versions.get(&key) {
            return Ok(flow);
        }
        let text = self.text(ctx, code, version).await?;
        let flow = self.check(code, &text).await.map_err(|fault| {
            Fault::bug(format!(
                "{code} version {version} of {} does not hold: {fault:?}",
                ctx.tenant
            ))
        })?;
        let flow = Arc::new(flow);
        self.0.versions.insert(key, Arc::clone(&flow));
        Ok(flow)
    }

    /// The canonical text of a published version.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn text(&self, ctx: &Ctx, code: &str, version: u32) -> Result<String, Fault> {
        let key = (ctx.tenant.clone(), code.to_owned());
        let read = move |tx: shard::Tx| {
            let (tenant, code) = key.clone();
            async move { store::document(&tx, &tenant, &code, version).await }
        };
        let text = self.0.db.read(ctx, Route::Whole, read).await?;
        text.ok_or_else(|| unpublished(&format!("{code} version {version}")))
    }

    /// The newest versions of one code, newest first; at most [`LIST_MAX`].
    ///
    /// # Errors
    /// Whatever the database refuses.
    pub async fn list(&self, ctx: &Ctx, code: &str) -> Result<Vec<Published>, Fault> {
        let key = (ctx.tenant.clone(), code.to_owned());
        let read = move |tx: shard::Tx| {
            let (tenant, code) = key.clone();
            async move { store::published(&tx, &tenant, &code, LIST_MAX).await }
        };
        self.0.db.read(ctx, Route::Whole, read).await
    }

    fn remembered(&self, key: &Key) -> Option<u32> {
        let now = self.0.db.clock().now();
        let active = self.0.active.read().unwrap_or_else(PoisonError::into_inner);
        let (version, read_at) = active.get(key)?;
        (now.since(*read_at) < self.0.options.active_for).then_some(*version)
    }

    /// Versions only grow, so a late reader cannot bring an older one back.
    fn remember(&self, key: Key, version: u32) -> u32 {
        let now = self.0.db.clock().now();
        let mut active = self.0.active.write().unwrap_or_else(PoisonError::into_inner);
        if active.len() >= self.0.options.active_max && !active.contains_key(&key) {
            active.clear();
        }
        let entry = active.entry(key).or_insert((version, now));
        *entry = (entry.0.max(version), now);
        entry.0
    }
}

/// Others who publish at the same time.
const TRIES: u32 = 8;

/// Publishes a document as the next version. Whoever comes second at the same moment waits for the first
/// and takes the number after.
async fn insert_next(
    tx: &shard::Tx,
    mut document: Document,
    tenant: TenantCode,
    by: String,
) -> Result<Published, Fault> {
    let named = document.version;
    for _ in 0..TRIES {
        let next = store::last_version(tx, &tenant, &document.code).await?.unwrap_or(0) + 1;
        if named.is_some_and(|named| named != next) {
            return Err(wrong_version(next));
        }
        document.version = Some(next);
        let published = Published {
            tenant: tenant.clone(),
            code: document.code.clone(),
            version: next,
            checksum: document.checksum(),
            published_at: tx.now(),
            published_by: by.clone(),
            active: true,
        };
        if store::insert_document(tx, &published, &document.canonical()).await? {
            store::activate(tx, &tenant, &published.code, next).await?;
            return Ok(published);
        }
    }
    Err(Fault::new(ErrorCode::Unavailable, "others publish at the same time; try again"))
}

fn unpublished(what: &str) -> Fault {
    Fault::not_found(&format!("the flow `{what}`")).with_slug("unknown_flow")
}

fn wrong_version(next: u32) -> Fault {
    let text = format!("the next version is {next}; leave the version out or name this one");
    Fault::new(ErrorCode::Conflict, text.clone())
        .with_slug("flow_version_conflict")
        .with_fields(vec![kit::FieldError::new("/version", text)])
}
