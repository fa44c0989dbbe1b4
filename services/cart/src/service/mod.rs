//! Carts: load, decide, save. Who may do what is checked here. Every change is one transaction that
//! reads, changes and writes the whole cart, so that two at once lose nothing.

mod checkout;

use std::sync::Arc;

use cart_api::{
    BeginCheckout, Cart, CartContent, CartToken, CartView, Checkout, Consume, Create, CreatedCart,
    Error, Get, GetContent, Merge, SaveLine, SetLine,
};
use inventory_api::InventoryClient;
use kit::{ErrorCode, Secret, SharedEntropy, Timestamp};
use order_api::OrderClient;
use product_api::{GetSkus, ProductClient, SkuInfo};
use rpc::{ActorKind, Ctx, Fault, ServiceError as _};
use shard::{Database, Route, Tx};
use tenant_api::CachedTenants;
use types::{MemberId, SkuId};

use crate::Options;
use crate::model::{self, Basket, Kept, Owner, TOKEN_BYTES};
use crate::store::{self, CartRow, For};

/// How often a cart is read again that somebody else has begun meanwhile; once is enough, unless it goes
/// again.
const TRIES: u32 = 3;

pub struct Service {
    pub db: Database,
    pub entropy: SharedEntropy,
    pub products: ProductClient,
    pub orders: OrderClient,
    pub inventory: InventoryClient,
    pub tenants: CachedTenants,
    pub options: Options,
}

#[rpc::async_trait]
impl Cart for Service {
    async fn create(&self, ctx: &Ctx, _req: Create) -> Result<CreatedCart, Error> {
        let mut bytes = [0; TOKEN_BYTES];
        self.entropy.fill(&mut bytes).map_err(Fault::internal)?;
        let token = Secret::new(hex::encode(bytes));
        let owner = Owner::of_token(&token).ok_or_else(|| Fault::bug("a token has no shape"))?;
        let (tenant, owner) = (ctx.tenant.clone(), Arc::new(owner));
        let lifetime = self.options.anonymous_for;
        let kept = self
            .db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, owner) = (tenant.clone(), Arc::clone(&owner));
                async move {
                    let expires_at = Some(tx.now().plus(lifetime));
                    let new = CartRow { kept: Kept::default(), expires_at };
                    store::save(&tx, &tenant, &owner, &new).await
                }
            })
            .await
            .map_err(|e: Fault| Error::from(e))?;
        if kept {
            Ok(CreatedCart { token })
        } else {
            Err(Fault::bug("a token was made twice").into())
        }
    }

    async fn get(&self, ctx: &Ctx, req: Get) -> Result<CartView, Error> {
        let Some(owner) = owner_of(ctx, req.token.as_ref())? else {
            return self.show(ctx, &Kept::default()).await;
        };
        let Some(row) = self.load(ctx, &owner).await? else {
            return self.show(ctx, &Kept::default()).await;
        };
        if let Some(expires_at) = row.expires_at {
            self.keep_alive(ctx, &owner, expires_at).await?;
        }
        self.show(ctx, &row.kept).await
    }

    async fn set_line(&self, ctx: &Ctx, req: SetLine) -> Result<CartView, Error> {
        let owner = owner_of(ctx, req.token.as_ref())?.ok_or_else(no_cart)?;
        let SetLine { sku_id, quantity, add, .. } = req;
        if quantity.is_none() && add {
            return Err(Fault::invalid("/quantity", "say how many to add").into());
        }
        if quantity.is_some() {
            // Whether the cart is there comes first: without one there is nothing to put into.
            if matches!(owner, Owner::Token(_)) && self.load(ctx, &owner).await?.is_none() {
                return Err(no_cart().into());
            }
            self.must_be_on_sale(ctx, sku_id).await?;
        }
        let change = move |kept: &mut Kept| match quantity {
            Some(quantity) => kept.basket.put(sku_id, quantity, add),
            None => {
                kept.basket.remove(sku_id);
                Ok(())
            }
        };
        self.change(ctx, owner, change).await
    }

    async fn save_for_later(&self, ctx: &Ctx, req: SaveLine) -> Result<CartView, Error> {
        let owner = owner_of(ctx, req.token.as_ref())?.ok_or_else(no_cart)?;
        self.change(ctx, owner, move |kept| kept.save_for_later(req.sku_id)).await
    }

    async fn move_to_cart(&self, ctx: &Ctx, req: SaveLine) -> Result<CartView, Error> {
        let owner = owner_of(ctx, req.token.as_ref())?.ok_or_else(no_cart)?;
        let row = self.load(ctx, &owner).await?;
        // What is in neither is not found, whether or not it is on sale.
        if row.is_some_and(|r| r.kept.saved.quantity(req.sku_id).is_some()) {
            self.must_be_on_sale(ctx, req.sku_id).await?;
        }
        self.change(ctx, owner, move |kept| kept.move_to_cart(req.sku_id)).await
    }

    async fn remove_saved(&self, ctx: &Ctx, req: SaveLine) -> Result<CartView, Error> {
        let owner = owner_of(ctx, req.token.as_ref())?.ok_or_else(no_cart)?;
        let change = move |kept: &mut Kept| {
            kept.saved.remove(req.sku_id);
            Ok(())
        };
        self.change(ctx, owner, change).await
    }

    async fn merge(&self, ctx: &Ctx, req: Merge) -> Result<CartView, Error> {
        let member = Owner::Member(member_of(ctx)?);
        let kept = match Owner::of_token(&req.token.0) {
            Some(token) => self.absorb(ctx, member, token).await?,
            None => self.load(ctx, &member).await?.map(|r| r.kept).unwrap_or_default(),
        };
        self.show(ctx, &kept).await
    }

    async fn begin_checkout(&self, ctx: &Ctx, _req: BeginCheckout) -> Result<Checkout, Error> {
        self.begin(ctx, member_of(ctx)?).await
    }

    async fn get_content(&self, ctx: &Ctx, req: GetContent) -> Result<CartContent, Error> {
        if ctx.actor.kind != ActorKind::System && member_of(ctx)? != req.member_id {
            return Err(Fault::not_found("this cart").into());
        }
        let row = self.load(ctx, &Owner::Member(req.member_id)).await?;
        let kept = row.map(|r| r.kept).unwrap_or_default();
        Ok(CartContent {
            lines: kept.basket.lines().to_vec(),
            checkout_id: kept.checkout_id,
            version: kept.version,
        })
    }

    async fn consume(&self, ctx: &Ctx, req: Consume) -> Result<(), Error> {
        if ctx.actor.kind != ActorKind::System {
            let text = "only the platform itself may do this";
            return Err(Fault::new(ErrorCode::Forbidden, text).into());
        }
        self.take_out(ctx, req).await
    }
}

impl Service {
    async fn load(&self, ctx: &Ctx, owner: &Owner) -> Result<Option<CartRow>, Fault> {
        let (tenant, owner) = (ctx.tenant.clone(), Arc::new(owner.clone()));
        self.db
            .read_one(ctx, Route::Whole, move |tx| {
                let (tenant, owner) = (tenant.clone(), Arc::clone(&owner));
                async move { store::load(&tx, &tenant, &owner, For::Reading).await }
            })
            .await
    }

    async fn must_be_on_sale(&self, ctx: &Ctx, sku: SkuId) -> Result<(), Error> {
        let found = self.skus(ctx, vec![sku]).await?;
        let sellable = found.iter().any(|s| s.sku_id == sku && s.sellable);
        if sellable { Ok(()) } else { Err(Error::NotSellable(sku)) }
    }

    /// Changes a cart; what leaves it as it is changes nothing. As it is shown since.
    async fn change<F>(&self, ctx: &Ctx, owner: Owner, change: F) -> Result<CartView, Error>
    where
        F: Fn(&mut Kept) -> Result<(), Error> + Send + Sync + 'static,
    {
        let (tenant, owner) = (ctx.tenant.clone(), Arc::new(owner));
        let (options, change) = (self.options, Arc::new(change));
        let kept: Result<Kept, Error> = self
            .db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, owner) = (tenant.clone(), Arc::clone(&owner));
                let change = Arc::clone(&change);
                async move {
                    for _ in 0..TRIES {
                        let row = row_to_change(&tx, &tenant, &owner).await?;
                        let mut changed = row.clone();
                        change(&mut changed.kept)?;
                        if changed == row {
                            return Ok(row.kept);
                        }
                        if let Some(kept) = save(&tx, &tenant, &owner, changed, options).await? {
                            return Ok(kept);
                        }
                    }
                    Err(changed_meanwhile().into())
                }
            })
            .await;
        self.show(ctx, &kept?).await
    }

    /// Moves an anonymous cart's lines into a member's cart.
    async fn absorb(&self, ctx: &Ctx, member: Owner, token: Owner) -> Result<Kept, Error> {
        let owners = Arc::new((member, token));
        let (tenant, options) = (ctx.tenant.clone(), self.options);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, owners) = (tenant.clone(), Arc::clone(&owners));
                async move {
                    let (member, token) = owners.as_ref();
                    for _ in 0..TRIES {
                        // Rows are locked in the order of their keys: members before tokens.
                        let mut mine = row_to_change(&tx, &tenant, member).await?;
                        let found = store::load(&tx, &tenant, token, For::Changing).await?;
                        let has_any =
                            |r: &CartRow| !r.kept.basket.is_empty() || !r.kept.saved.is_empty();
                        let Some(mut other) = found.filter(has_any) else {
                            // Another tab may have merged it, and begun the member's cart with it. Only
                            // read: locking a member's row after a token's would go against the order.
                            let now = store::load(&tx, &tenant, member, For::Reading).await?;
                            return Ok(now.map(|row| row.kept).unwrap_or_default());
                        };
                        mine.kept.basket.absorb(&other.kept.basket);
                        mine.kept.saved.absorb(&other.kept.saved);
                        other.kept.basket = Basket::default();
                        other.kept.saved = Basket::default();
                        if let Some(kept) = save(&tx, &tenant, member, mine, options).await? {
                            let emptied = save(&tx, &tenant, token, other, options).await?;
                            return emptied.map(|_| kept).ok_or_else(|| changed_meanwhile().into());
                        }
                    }
                    Err(changed_meanwhile().into())
                }
            })
            .await
    }

    /// Whoever looks at a cart still uses it. Written down at most once in `touch_after`.
    async fn keep_alive(&self, ctx: &Ctx, owner: &Owner, until: Timestamp) -> Result<(), Fault> {
        let new = self.db.clock().now().plus(self.options.anonymous_for);
        if new.since(until) < self.options.touch_after {
            return Ok(());
        }
        let (tenant, owner) = (ctx.tenant.clone(), Arc::new(owner.clone()));
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, owner) = (tenant.clone(), Arc::clone(&owner));
                async move { store::touch(&tx, &tenant, &owner, new).await }
            })
            .await
    }

    async fn show(&self, ctx: &Ctx, kept: &Kept) -> Result<CartView, Error> {
        let tenant = self.tenants.get(ctx).await.map_err(rpc::ServiceError::into_fault)?;
        let sku_ids = kept.skus();
        let skus = if sku_ids.is_empty() { Vec::new() } else { self.skus(ctx, sku_ids).await? };
        Ok(model::view(kept, skus, tenant.currency))
    }

    async fn skus(&self, ctx: &Ctx, sku_ids: Vec<SkuId>) -> Result<Vec<SkuInfo>, Fault> {
        let req = GetSkus { sku_ids, channel: None };
        self.products.get_skus(ctx, req).await.map_err(|e| e.into_fault())
    }

    /// One batch of carts that have expired and of marks that are too old; how many rows.
    pub(crate) async fn purge(&self, ctx: &Ctx) -> Result<usize, Fault> {
        let (batch, keep) = (self.options.purge_batch, self.options.consumed_for);
        self.db
            .tx(ctx, Route::Whole, move |tx| async move {
                let carts = store::purge_carts(&tx, batch).await?;
                let before = tx.now().minus(keep);
                Ok(carts + store::purge_consumed(&tx, before, batch).await?)
            })
            .await
    }
}

/// The cart that is kept now. A member's begins by itself, an anonymous one is created first.
async fn row_to_change(tx: &Tx, tenant: &kit::TenantCode, owner: &Owner) -> Result<CartRow, Error> {
    match (store::load(tx, tenant, owner, For::Changing).await?, owner) {
        (Some(row), _) => Ok(row),
        (None, Owner::Member(_)) => Ok(CartRow { kept: Kept::default(), expires_at: None }),
        (None, Owner::Token(_)) => Err(no_cart().into()),
    }
}

fn changed_meanwhile() -> Fault {
    Fault::new(ErrorCode::Unavailable, "the cart was changed meanwhile; try again")
}

/// Keeps a changed cart, and an anonymous one for longer; as it is kept since. Nothing when another one is
/// kept by now: a row is locked from reading on, but a member's first one is not there to be locked. Then
/// it is there, and is to be read again.
async fn save(
    tx: &Tx,
    tenant: &kit::TenantCode,
    owner: &Owner,
    mut row: CartRow,
    options: Options,
) -> Result<Option<Kept>, Fault> {
    row.expires_at = row.expires_at.map(|_| tx.now().plus(options.anonymous_for));
    if !store::save(tx, tenant, owner, &row).await? {
        return Ok(None);
    }
    Ok(Some(Kept { version: row.kept.version.saturating_add(1), ..row.kept }))
}

fn member_of(ctx: &Ctx) -> Result<MemberId, Fault> {
    MemberId::from_i64(ctx.user_id()?).map_err(Fault::internal)
}

/// The member who signed in, else whoever has the token. A token that cannot be one is nobody's.
fn owner_of(ctx: &Ctx, token: Option<&CartToken>) -> Result<Option<Owner>, Fault> {
    if ctx.actor.kind == ActorKind::User {
        return Ok(Some(Owner::Member(member_of(ctx)?)));
    }
    Ok(token.and_then(|t| Owner::of_token(&t.0)))
}

fn no_cart() -> Fault {
    let text = "there is no such cart; begin one (POST /v1/store/carts) and send its token as \
                X-Cart-Token, or sign in";
    Fault::new(ErrorCode::Unauthenticated, text).with_slug("cart_required")
}
