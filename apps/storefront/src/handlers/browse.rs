//! Looking around: the first page, lists of products, a product.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use inventory_api::GetStock;
use kit::{Cursor, Limit, Page};
use product_api::{Category, GetProduct, ListCategories, ListProducts, ProductRef, ProductSummary};
use types::{CategoryId, SkuId, Slug};
use ui::Route;

use crate::App;
use crate::pages::{self, HomePage, ListingPage, ProductPage};
use crate::picker::Stock;
use crate::web::{Answer, Failure, Visit, page};

/// Products on the first page.
const NEWEST: u32 = 8;
/// Products on a page of a list.
const PER_PAGE: u32 = 24;
/// The most skus whose stock is asked for at once.
const STOCK_MAX: usize = 200;

pub(crate) async fn home(State(app): State<App>, visit: Visit) -> Answer {
    let categories = categories(&app, &visit).await?;
    let products = list(&app, &visit, None, None, NEWEST).await?.items;
    let categories = children(&categories, None);
    let shell = visit.shell_with_cart(&app).await;
    Ok(page(StatusCode::OK, pages::render_home(&HomePage { shell, categories, products })))
}

pub(crate) async fn products(State(app): State<App>, visit: Visit) -> Answer {
    let categories = categories(&app, &visit).await?;
    let cursor = cursor(&visit);
    let found = list(&app, &visit, None, cursor.clone(), PER_PAGE).await?;
    let listing = ListingPage {
        shell: visit.shell_with_cart(&app).await,
        category: None,
        categories: children(&categories, None),
        products: found.items,
        first: cursor.map(|_| Route::Products { cursor: None }),
        next: found.next_cursor.map(|c| Route::Products { cursor: Some(c) }),
    };
    Ok(page(StatusCode::OK, pages::render_listing(&listing)))
}

pub(crate) async fn category(
    State(app): State<App>,
    visit: Visit,
    Path(slug): Path<String>,
) -> Answer {
    let categories = categories(&app, &visit).await?;
    let category = categories.iter().find(|c| c.slug.as_str() == slug);
    let category = category.ok_or_else(Failure::not_found)?;
    let cursor = cursor(&visit);
    let found = list(&app, &visit, Some(category.id), cursor.clone(), PER_PAGE).await?;
    let to = |cursor| Route::Category { slug: category.slug.clone(), cursor };
    let listing = ListingPage {
        shell: visit.shell_with_cart(&app).await,
        category: Some(category.name.get(&visit.reader.locale).to_owned()),
        categories: children(&categories, Some(category.id)),
        products: found.items,
        first: cursor.map(|_| to(None)),
        next: found.next_cursor.map(|c| to(Some(c))),
    };
    Ok(page(StatusCode::OK, pages::render_listing(&listing)))
}

pub(crate) async fn product(
    State(app): State<App>,
    visit: Visit,
    Path(slug): Path<String>,
) -> Answer {
    let slug: Slug = slug.parse().map_err(|_| Failure::not_found())?;
    let request = GetProduct { product: ProductRef::Slug(slug), channel: None };
    let product = app.deps.products.get(&visit.ctx, request).await?;
    let stock = stock(&app, &visit, product.skus.iter().map(|s| s.id)).await;
    let shown = ProductPage {
        shell: visit.shell_with_cart(&app).await,
        product,
        wanted: visit.query.text("sku").parse().ok(),
        image: visit.query.text("image").parse().ok(),
        stock,
    };
    Ok(page(StatusCode::OK, pages::render_product(&shown)))
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

async fn categories(app: &App, visit: &Visit) -> Result<Vec<Category>, Failure> {
    Ok(app.deps.products.list_categories(&visit.ctx, ListCategories {}).await?)
}

fn children(all: &[Category], parent: Option<CategoryId>) -> Vec<Category> {
    all.iter().filter(|c| c.parent_id == parent).cloned().collect()
}

async fn list(
    app: &App,
    visit: &Visit,
    category_id: Option<CategoryId>,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<ProductSummary>, Failure> {
    let request = ListProducts {
        channel: None,
        category_id,
        brand_id: None,
        status: None,
        cursor,
        limit: Limit::new(limit).unwrap_or_default(),
    };
    Ok(app.deps.products.list(&visit.ctx, request).await?)
}

/// Where a list goes on, as its pager said.
pub(super) fn cursor(visit: &Visit) -> Option<Cursor> {
    visit.query.get("cursor").map(|c| Cursor::from(c.to_owned()))
}
