//! Looking around: the first page, a product.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use inventory_api::GetStock;
use kit::Cursor;
use maud::Markup;
use product_api::{GetProduct, ProductRef};
use types::{SkuId, Slug};

use crate::App;
use crate::lists;
use crate::pages::{self, HomePage, ProductPage};
use crate::picker::Stock;
use crate::web::{Answer, Failure, Visit};

/// Products on the first page.
const NEWEST: u32 = 8;
/// The most skus whose stock is asked for at once.
const STOCK_MAX: usize = 200;

pub(crate) async fn home(State(app): State<App>, visit: Visit) -> Answer {
    visit.page(&app, |visit| draw_home(&app, visit)).await
}

async fn draw_home(app: &App, visit: Visit) -> Result<(StatusCode, Markup), Failure> {
    let (categories, products, shell) = futures::join!(
        app.categories.get(&visit.ctx),
        lists::newest(app, &visit, None, None, NEWEST),
        visit.shell_with_cart(app),
    );
    let shown = HomePage {
        shell,
        banners: visit.tenant.banners.clone(),
        flash: None,
        categories: categories?.under(None),
        products: products?.items,
        shipping: visit.tenant.shipping_fee,
    };
    Ok((StatusCode::OK, pages::render_home(&shown)))
}

pub(crate) async fn product(
    State(app): State<App>,
    visit: Visit,
    Path(slug): Path<String>,
) -> Answer {
    let slug: Slug = slug.parse().map_err(|_| Failure::not_found())?;
    visit.page(&app, |visit| draw_product(&app, visit, slug)).await
}

async fn draw_product(
    app: &App,
    visit: Visit,
    slug: Slug,
) -> Result<(StatusCode, Markup), Failure> {
    let request = GetProduct { product: ProductRef::Slug(slug), channel: None };
    let product = async {
        let product = app.deps.products.get(&visit.ctx, request).await?;
        let stock = stock(app, &visit, product.skus.iter().map(|s| s.id)).await;
        Ok::<_, Failure>((product, stock))
    };
    let (product, categories, shell) =
        futures::join!(product, app.categories.get(&visit.ctx), visit.shell_with_cart(app));
    let (product, stock) = product?;
    // a page without the way to it is better than none
    let categories = categories.unwrap_or_default();
    let shown = ProductPage {
        shell,
        above: categories.longest_trail(&product.category_ids, &visit.reader.locale),
        product,
        wanted: visit.query.text("sku").parse().ok(),
        stock,
        shipping: visit.tenant.shipping_fee,
        reviews: vec![],
    };
    Ok((StatusCode::OK, pages::render_product(&shown)))
}

/// What is in stock of some skus. A page is better without it than not there at all: placing an order
/// asks again.
pub(super) async fn stock(app: &App, visit: &Visit, sku_ids: impl Iterator<Item = SkuId>) -> Stock {
    let sku_ids: Vec<SkuId> = sku_ids.take(STOCK_MAX).collect();
    if sku_ids.is_empty() {
        return Stock(Some(BTreeMap::new()));
    }
    match app.deps.inventory.get_stock(&visit.ctx, GetStock { sku_ids }).await {
        Ok(stock) => Stock(Some(stock.into_iter().map(|s| (s.sku_id, s.available)).collect())),
        Err(error) => {
            tracing::warn!(%error, "a page goes without the stock");
            Stock(None)
        }
    }
}

/// Where a list goes on, as its pager said.
pub(super) fn cursor(visit: &Visit) -> Option<Cursor> {
    visit.query.get("cursor").map(|c| Cursor::from(c.to_owned()))
}
