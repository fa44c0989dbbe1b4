//! The categories of tenants, asked for and remembered for a while. Bounded in size and age; when they
//! cannot be asked for, what was known before is better than nothing.

use std::sync::Arc;
use std::time::Duration;

use kit::{SharedClock, TenantCode, Timestamp};
use moka::sync::Cache;
use product_api::{ListCategories, ProductClient};
use rpc::{Ctx, Fault, ServiceError as _};
use types::CategoryId;

use crate::model::tree::Tree;

/// Tenants whose categories are remembered at the same time.
const TENANTS_MAX: u64 = 1_000;

/// Asks for categories and remembers them.
pub struct Categories {
    products: ProductClient,
    clock: SharedClock,
    keep_for: Duration,
    known: Cache<TenantCode, Known>,
}

#[derive(Clone)]
struct Known {
    tree: Arc<Tree>,
    at: Timestamp,
}

impl Categories {
    /// Knows nothing yet.
    pub fn new(products: ProductClient, clock: SharedClock, keep_for: Duration) -> Self {
        Self { products, clock, keep_for, known: Cache::new(TENANTS_MAX) }
    }

    /// The tree as it was not long ago. Empty when it cannot be asked for and never was.
    pub async fn get(&self, ctx: &Ctx) -> Arc<Tree> {
        let now = self.clock.now();
        let known = self.known.get(&ctx.tenant);
        if let Some(known) = &known
            && known.at <= now
            && now.since(known.at) < self.keep_for
        {
            return Arc::clone(&known.tree);
        }
        match self.ask(ctx).await {
            Ok(tree) => tree,
            Err(e) => {
                tracing::warn!(tenant = %ctx.tenant, error = ?e, "categories cannot be asked for");
                known.map(|k| k.tree).unwrap_or_default()
            }
        }
    }

    /// A tree that knows these categories, as far as they exist.
    ///
    /// # Errors
    /// When they cannot be asked for.
    pub async fn with(&self, ctx: &Ctx, ids: &[CategoryId]) -> Result<Arc<Tree>, Fault> {
        match self.known.get(&ctx.tenant) {
            Some(known) if known.tree.knows(ids) => Ok(known.tree),
            _ => self.ask(ctx).await,
        }
    }

    async fn ask(&self, ctx: &Ctx) -> Result<Arc<Tree>, Fault> {
        // Dated when it was asked for, not when it came: it may have changed on its way.
        let at = self.clock.now();
        let categories = self.products.list_categories(ctx, ListCategories {}).await;
        let categories = categories.map_err(product_api::Error::into_fault)?;
        let tree = Arc::new(Tree::new(categories));
        self.known.insert(ctx.tenant.clone(), Known { tree: Arc::clone(&tree), at });
        Ok(tree)
    }
}
