//! Asks what the list and the page of a product show.

use std::collections::HashMap;
use std::str::FromStr;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use inventory_api::GetStock;
use kit::{Cursor, ErrorCode, Limit};
use product_api::{
    Category, GetContent, GetContents, ListBrands, ListCategories, ListProducts, ProductContent,
    ProductStatus, ProductSummary, rules,
};
use rpc::{Ctx, Fault, ServiceError as _};
use search_api::{FindProducts, ProductHit, ProductState};
use types::{CategoryId, Locale, SkuId, SpuId};
use ui::Errors;

use super::Words;
use super::edit::{Known, Lists, ProductPage, SECTION, render_product};
use super::form::ProductForm;
use super::list::{Item, ProductsPage, render_products};
use super::routes::Filter;
use crate::App;
use crate::web::{Answer, Failure, Visit, page};

/// Products of one page.
const PAGE: u32 = 25;

/// Something in an address that is what it should be, or nothing is there.
pub(crate) fn named<T: FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

/// Brands, and categories as a tree.
pub(crate) async fn lists(app: &App, ctx: &Ctx) -> Result<Lists, Failure> {
    let products = &app.deps.products;
    let (brands, categories) = futures::try_join!(
        products.list_brands(ctx, ListBrands {}),
        products.list_categories(ctx, ListCategories {}),
    )?;
    Ok(Lists { brands, categories: tree(categories) })
}

/// Every category after the one that it stands under, with how deep it stands.
fn tree(categories: Vec<Category>) -> Vec<(Category, usize)> {
    let mut under: HashMap<Option<CategoryId>, Vec<Category>> = HashMap::new();
    for category in categories {
        under.entry(category.parent_id).or_default().push(category);
    }
    let mut tree = Vec::new();
    let mut open: Vec<(Category, usize)> = Vec::new();
    let mut push = |open: &mut Vec<(Category, usize)>, parent, depth| {
        let children = under.remove(&parent).unwrap_or_default();
        open.extend(children.into_iter().rev().map(|c| (c, depth)));
    };
    push(&mut open, None, 0);
    while let Some((category, depth)) = open.pop() {
        push(&mut open, Some(category.id), depth + 1);
        tree.push((category, depth));
    }
    tree
}

/// What is available of each of some skus, as far as the reader may know.
pub(crate) async fn stock_of(
    app: &App,
    ctx: &Ctx,
    sku_ids: &[SkuId],
) -> Result<HashMap<SkuId, i64>, Failure> {
    let mut stock = HashMap::new();
    if !ctx.actor.may("stock:read") {
        return Ok(stock);
    }
    for chunk in sku_ids.chunks(rules::SKU_IDS_MAX) {
        let levels =
            app.deps.inventory.get_stock(ctx, GetStock { sku_ids: chunk.to_vec() }).await?;
        stock.extend(levels.into_iter().map(|l| (l.sku_id, l.available)));
    }
    Ok(stock)
}

fn filter(visit: &Visit) -> Result<(Filter, Option<Cursor>), Failure> {
    let query = &visit.query;
    let status = match query.text("status") {
        "" => None,
        "draft" => Some(ProductStatus::Draft),
        "on_sale" => Some(ProductStatus::OnSale),
        "off" => Some(ProductStatus::Off),
        _ => return Err(Failure::not_found()),
    };
    let filter = Filter {
        text: query.text("q").chars().take(search_api::TEXT_MAX).collect(),
        status,
        category: query.get("category").map(named).transpose()?,
        brand: query.get("brand").map(named).transpose()?,
    };
    Ok((filter, query.get("cursor").map(|c| Cursor::from(c.to_owned()))))
}

pub(crate) async fn list(State(app): State<App>, visit: Visit) -> Answer {
    let (filter, cursor) = filter(&visit)?;
    let ctx = &visit.ctx;
    let is_later = cursor.is_some();
    let (lists, found) = futures::join!(lists(&app, ctx), find(&app, &visit, &filter, cursor));
    let lists = lists?;
    let w = Words::of(visit.reader.lang);
    let (mut items, next, problem) = match found {
        Ok((items, next)) => (items, next, None),
        // what was typed stays, with the reason above
        Err(Failure::Fault(fault)) if fault.code == ErrorCode::Unavailable => {
            (Vec::new(), None, Some(w.search_away))
        }
        Err(failure) => return Err(failure),
    };
    add_stock(&app, ctx, &mut items).await?;
    let list = ProductsPage {
        shell: visit.shell(Some(SECTION)),
        filter,
        brands: lists.brands,
        categories: lists.categories,
        items,
        is_later,
        next,
        problem,
    };
    Ok(page(StatusCode::OK, render_products(&list)))
}

/// With words to look for the search is asked, without them the catalogue itself, which is never late.
async fn find(
    app: &App,
    visit: &Visit,
    filter: &Filter,
    cursor: Option<Cursor>,
) -> Result<(Vec<Item>, Option<Cursor>), Failure> {
    let limit = Limit::new(PAGE).map_err(Fault::internal)?;
    let locale = &visit.reader.locale;
    if filter.text.is_empty() {
        let request = ListProducts {
            channel: None,
            category_id: filter.category,
            brand_id: filter.brand,
            status: filter.status,
            cursor,
            limit,
        };
        let found = app.deps.products.list(&visit.ctx, request).await?;
        let items = found.items.into_iter().map(|p| of_summary(p, locale)).collect();
        return Ok((items, found.next_cursor));
    }
    let request = FindProducts {
        text: filter.text.clone(),
        category_id: filter.category,
        brand_ids: filter.brand.into_iter().collect(),
        status: filter.status.map(|s| match s {
            ProductStatus::Draft => ProductState::Draft,
            ProductStatus::OnSale => ProductState::OnSale,
            ProductStatus::Off => ProductState::Off,
        }),
        locale: Some(locale.clone()),
        cursor,
        limit,
        ..FindProducts::default()
    };
    let found = app.deps.search.find_products(&visit.ctx, request).await?;
    Ok((found.items.into_iter().map(|p| of_hit(p, locale)).collect(), found.next_cursor))
}

fn of_summary(product: ProductSummary, locale: &Locale) -> Item {
    Item {
        id: product.id,
        slug: product.slug,
        title: product.title.get(locale).to_owned(),
        image: product.image.map(|i| i.url),
        status: product.status,
        price_from: product.price_from,
        price_varies: product.price_varies,
        sku_count: product.sku_count,
        stock: None,
        updated_at: None,
    }
}

fn of_hit(product: ProductHit, locale: &Locale) -> Item {
    Item {
        id: product.id,
        slug: product.slug,
        title: product.title.get(locale).to_owned(),
        image: product.image.map(|i| i.url),
        status: match product.status {
            ProductState::Draft => ProductStatus::Draft,
            ProductState::OnSale => ProductStatus::OnSale,
            ProductState::Off => ProductStatus::Off,
        },
        price_from: product.price_from,
        price_varies: product.price_varies,
        sku_count: product.sku_count,
        stock: None,
        updated_at: Some(product.updated_at),
    }
}

/// The sums of stock, and when products were changed. What the search found and the catalogue does not
/// know any more stays without.
async fn add_stock(app: &App, ctx: &Ctx, items: &mut [Item]) -> Result<(), Failure> {
    if items.is_empty() {
        return Ok(());
    }
    let ids = items.iter().map(|i| i.id).collect();
    let contents = app.deps.products.get_contents(ctx, GetContents { ids }).await?;
    let sku_ids: Vec<SkuId> = contents.iter().flat_map(|c| c.sku_ids.iter().copied()).collect();
    let stock = stock_of(app, ctx, &sku_ids).await?;
    for content in &contents {
        let Some(item) = items.iter_mut().find(|i| i.id == content.id) else { continue };
        let units = content.sku_ids.iter().map(|id| stock.get(id).copied());
        item.stock = units.sum::<Option<i64>>();
        item.updated_at = Some(content.updated_at);
        item.status = content.content.status;
    }
    Ok(())
}

pub(crate) async fn new(State(app): State<App>, visit: Visit) -> Answer {
    let lists = Some(lists(&app, &visit.ctx).await?);
    let form = ProductForm::new(&visit.tenant.locales);
    let problems = Errors::default();
    let shell = visit.shell(Some(SECTION));
    let new =
        ProductPage { shell, product: None, form, problems, merged: None, saved: false, lists };
    Ok(page(StatusCode::OK, render_product(&new)))
}

pub(crate) async fn show(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer {
    let id: SpuId = named(&id)?;
    let (lists, content) = futures::join!(lists(&app, &visit.ctx), content(&app, &visit.ctx, id));
    let (lists, content) = (lists?, content?);
    let stock = stock_of(&app, &visit.ctx, &content.sku_ids).await?;
    let product = ProductPage {
        shell: visit.shell(Some(SECTION)),
        product: Some(Known::of(&content, &visit.reader.locale, stock)),
        form: ProductForm::of(&content, &visit.tenant.locales, visit.tenant.currency),
        problems: Errors::default(),
        merged: None,
        saved: visit.query.text("saved") == "1",
        lists: Some(lists),
    };
    Ok(page(StatusCode::OK, render_product(&product)))
}

/// A product's content.
pub(crate) async fn content(app: &App, ctx: &Ctx, id: SpuId) -> Result<ProductContent, Failure> {
    let content = app.deps.products.get_content(ctx, GetContent { id }).await;
    content.map_err(|e| match e.code() {
        ErrorCode::NotFound => Failure::not_found(),
        _ => e.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_stand_after_the_one_they_belong_to() {
        let id = |n| CategoryId::from_i64(n).unwrap();
        let category = |n, parent: Option<i64>| Category {
            id: id(n),
            parent_id: parent.map(id),
            slug: format!("c{n}").parse().unwrap(),
            name: types::Texts::one("en".parse().unwrap(), "C"),
            position: 0,
        };
        let flat =
            vec![category(1, None), category(2, None), category(3, Some(1)), category(4, Some(3))];
        let got: Vec<(i64, usize)> = tree(flat).into_iter().map(|(c, d)| (c.id.get(), d)).collect();
        assert_eq!(got, [(1, 0), (3, 1), (4, 2), (2, 0)]);
    }
}
