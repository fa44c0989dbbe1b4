//! Asks what the dashboard shows. A panel whose service does not answer is said to be away; the others
//! are shown.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use inventory_api::ListStock;
use kit::{Limit, Money};
use messages_api::ServiceMessages;
use product_api::GetSkus;
use rpc::Fault;
use search_api::OrderStats;

use super::page::{HomePage, Low, Panel, Sales, render_home};
use super::range::Range;
use crate::App;
use crate::nav::Section;
use crate::stock::LOW;
use crate::web::{Answer, Visit, page};

/// The most skus that are listed.
const LOW_MAX: u32 = 10;

pub(crate) async fn show(State(app): State<App>, visit: Visit) -> Answer {
    let range = Range::of(visit.query.text("days"));
    let (sales, low, messages) = futures::join!(
        panel(&visit, "orders:read", sales(&app, &visit, range)),
        panel(&visit, "stock:read", low(&app, &visit)),
        panel(&visit, "messages:read", stuck(&app, &visit)),
    );
    let home = HomePage { shell: visit.shell(Some(Section::Home)), range, sales, low, messages };
    Ok(page(StatusCode::OK, render_home(&home)))
}

/// Says when any order of the tenant has changed.
pub(crate) async fn events(State(app): State<App>, visit: Visit) -> Answer {
    Ok(app.deps.hub.stream(&visit.ctx, vec![::web::Key::Orders])?)
}

async fn panel<T>(
    visit: &Visit,
    permission: &str,
    asked: impl Future<Output = Result<T, Fault>>,
) -> Panel<T> {
    if !visit.may(permission) {
        return Panel::Hidden;
    }
    match asked.await {
        Ok(known) => Panel::Known(known),
        Err(fault) => {
            let (request_id, error) = (&visit.ctx.request_id, fault.chain());
            tracing::warn!(request_id, code = fault.slug(), error, "the dashboard lacks a panel");
            Panel::Away
        }
    }
}

async fn sales(app: &App, visit: &Visit, range: Range) -> Result<Sales, Fault> {
    let now = app.deps.clock.now();
    let (from, to) = range.bounds(now);
    let figures = app.figures.sales(&visit.ctx, OrderStats { from, to }).await;
    let figures = figures.map_err(rpc::ServiceError::into_fault)?;
    let nothing = Money::new(0, visit.tenant.currency).map_err(Fault::internal)?;
    Ok(Sales {
        orders: figures.orders,
        revenue: figures.revenue,
        steps: range.steps(now, &figures.by_hour, nothing),
        by_status: figures.by_status.clone(),
    })
}

async fn stuck(app: &App, visit: &Visit) -> Result<Vec<ServiceMessages>, Fault> {
    Ok(app.figures.messages(&visit.ctx).await?.to_vec())
}

async fn low(app: &App, visit: &Visit) -> Result<(i64, Vec<Low>), Fault> {
    let limit = Limit::new(LOW_MAX).unwrap_or_default();
    let request = ListStock { warehouse_id: None, below: Some(LOW), cursor: None, limit };
    let stock = app.deps.inventory.list_stock(&visit.ctx, request).await;
    let stock = stock.map_err(rpc::ServiceError::into_fault)?.items;
    let sku_ids = stock.iter().map(|s| s.sku_id).collect();
    let skus = app.deps.products.get_skus(&visit.ctx, GetSkus { sku_ids, channel: None }).await;
    let skus = skus.map_err(rpc::ServiceError::into_fault)?;
    let names: BTreeMap<_, _> = skus
        .into_iter()
        .map(|sku| {
            let title = sku.title.get(&visit.reader.locale);
            let blank = if sku.variant.is_empty() { "" } else { " · " };
            (sku.sku_id, [title, blank, &sku.variant].concat())
        })
        .collect();
    let row = |s: inventory_api::SkuStock| Low {
        id: s.sku_id,
        name: names.get(&s.sku_id).cloned().unwrap_or_else(|| s.sku_id.to_string()),
        available: s.available,
        reserved: s.reserved,
    };
    Ok((LOW, stock.into_iter().map(row).collect()))
}
