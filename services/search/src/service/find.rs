//! Finding: one read of the index per question.

use kit::{Cursor, Money, Page};
use rpc::{Ctx, Fault};
use search_api::{
    FindOrders, FindProducts, FlowCount, OrderFigures, OrderResults, OrderStats, PriceRange,
    ProductResults, ProductState, TOTAL_MAX,
};
use shard::Route;

use super::{PRODUCTS, Service};
use crate::model::facets::Counts;
use crate::model::wanted::{OrderKey, Wanted, WantedOrders, stats_fit};
use crate::store;

impl Service {
    pub(super) async fn products(
        &self,
        ctx: &Ctx,
        req: &FindProducts,
    ) -> Result<ProductResults, Fault> {
        if !matches!(req.status, None | Some(ProductState::OnSale)) {
            ctx.require(PRODUCTS)?;
        }
        let state = if ctx.actor.may(PRODUCTS) { req.status } else { Some(ProductState::OnSale) };
        let wanted = Wanted::of(req, state)?;
        if wanted.is_void() {
            return Ok(nothing());
        }
        let currency = self.currency(ctx).await?;
        let (tenant, asked) = (ctx.tenant.clone(), wanted.clone());
        let (page, facts, counts, named) = self
            .db
            .read(ctx, Route::Whole, move |tx| {
                let (tenant, wanted) = (tenant.clone(), asked.clone());
                async move {
                    let page = store::page(&tx, &tenant, &wanted, currency).await?;
                    let facts = store::facts(&tx, &tenant, &wanted).await?;
                    let counts = Counts::of(&facts, &wanted);
                    let ids = counts.to_look_up(&wanted);
                    let named = store::named(&tx, &tenant, &ids).await?;
                    Ok::<_, Fault>((page, facts.len(), counts, named))
                }
            })
            .await?;
        let tree = self.categories.get(ctx).await;
        let money = |amount| Money::new(amount, currency).map_err(Fault::internal);
        let prices = match counts.prices {
            Some((min, max)) => Some(PriceRange { min: money(min)?, max: money(max)? }),
            None => None,
        };
        let page = Page::from_overfetch(page, wanted.limit, |(key, _)| *key);
        Ok(ProductResults {
            total: counts.total,
            total_is_bound: u64::try_from(facts).unwrap_or(u64::MAX) >= TOTAL_MAX,
            facets: counts.facets(&wanted, &named, &tree, req.locale.as_ref()),
            prices,
            in_stock: counts.in_stock,
            reduced: counts.reduced,
            next_cursor: page.next_cursor,
            items: page.items.into_iter().map(|(_, hit)| hit).collect(),
        })
    }

    pub(super) async fn orders(&self, ctx: &Ctx, req: &FindOrders) -> Result<OrderResults, Fault> {
        let wanted = WantedOrders::of(req)?;
        if wanted.is_void() {
            return Ok(OrderResults { items: Vec::new(), next_cursor: None });
        }
        let (tenant, limit) = (ctx.tenant.clone(), wanted.limit);
        let page: Page<_> = self
            .db
            .read(ctx, Route::Whole, move |tx| {
                let (tenant, wanted) = (tenant.clone(), wanted.clone());
                async move {
                    if let Some(order) = store::order_by_id(&tx, &tenant, &wanted).await? {
                        return Ok::<_, Fault>(Page { items: vec![order], next_cursor: None });
                    }
                    let orders = store::find_orders(&tx, &tenant, &wanted).await?;
                    let key = |o: &search_api::OrderHit| OrderKey {
                        created_at: o.created_at.micros(),
                        id: o.id,
                    };
                    Ok(Page::from_overfetch(orders, limit, key))
                }
            })
            .await?;
        Ok(OrderResults { items: page.items, next_cursor: page.next_cursor })
    }

    pub(super) async fn figures(&self, ctx: &Ctx, time: OrderStats) -> Result<OrderFigures, Fault> {
        stats_fit(time)?;
        let currency = self.currency(ctx).await?;
        let tenant = ctx.tenant.clone();
        let (by_hour, by_status) = self
            .db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let by_hour = store::by_hour(&tx, &tenant, time, currency).await?;
                    let by_status = store::by_status(&tx, &tenant, time).await?;
                    Ok::<_, Fault>((by_hour, by_status))
                }
            })
            .await?;
        let mut revenue = Money::zero(currency);
        for hour in &by_hour {
            revenue = revenue.plus(hour.revenue).map_err(Fault::internal)?;
        }
        let orders = by_hour.iter().map(|h| h.orders).sum();
        Ok(OrderFigures { orders, revenue, by_hour, by_status })
    }

    pub(super) async fn running(&self, ctx: &Ctx) -> Result<Vec<FlowCount>, Fault> {
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move { store::running(&tx, &tenant).await }
            })
            .await
    }
}

const fn nothing() -> ProductResults {
    ProductResults {
        items: Vec::new(),
        total: 0,
        total_is_bound: false,
        facets: Vec::new(),
        prices: None,
        in_stock: 0,
        reduced: 0,
        next_cursor: None::<Cursor>,
    }
}
