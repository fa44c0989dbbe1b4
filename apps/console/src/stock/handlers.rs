//! Asks what the pages of stock show, and sends adjustments. A refused form comes back as it was typed.

use std::collections::HashMap;

use ::web::frame::{log, status_of};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use inventory_api::{
    Adjust, Error, GetStock, Ledger, LedgerEntry, ListStock, ListWarehouses, NewWarehouse,
    SkuStock, Warehouse,
};
use kit::{Cursor, ErrorCode, Limit, Page};
use product_api::{GetContents, GetSkus, rules};
use rpc::{Ctx, Fault, IdempotencyKey};
use search_api::FindProducts;
use sha2::{Digest as _, Sha256};
use types::{SkuId, WarehouseId};
use ui::Errors;

use super::Words;
use super::list::{Level, Named, StockPage, render_stock};
use super::routes::{Done, Filter, Route};
use super::sku::{AdjustForm, InWarehouse, SkuPage, render_sku};
use super::warehouses::{WarehouseForm, WarehousesPage, render_warehouses};
use crate::App;
use crate::nav::Section;
use crate::web::{
    Answer, Failure, Fields, Form, Visit, alone, around, is_in_flight, leaving_time, page, redirect,
};

/// Skus, and entries of a ledger, on one page.
const PAGE: u32 = 50;
/// Products whose variants are shown for words that are looked for.
const FOUND: u32 = 25;
/// The most that a filter or an adjustment counts.
const UNITS_MAX: i64 = 1_000_000_000;

fn limit(n: u32) -> Result<Limit, Fault> {
    Limit::new(n).map_err(Fault::internal)
}

fn named<T: std::str::FromStr>(text: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| Failure::not_found())
}

fn cursor(visit: &Visit) -> Option<Cursor> {
    visit.query.get("cursor").map(|c| Cursor::from(c.to_owned()))
}

async fn all_warehouses(app: &App, ctx: &Ctx) -> Result<Vec<Warehouse>, Failure> {
    Ok(app.deps.inventory.list_warehouses(ctx, ListWarehouses {}).await?)
}

/// Ids and names to choose from.
fn choices(warehouses: &[Warehouse]) -> Vec<(String, String)> {
    warehouses.iter().map(|w| (w.id.to_string(), w.name.clone())).collect()
}

/// What skus are called; those that the catalogue does not know are left out.
async fn names(
    app: &App,
    visit: &Visit,
    sku_ids: Vec<SkuId>,
) -> Result<HashMap<SkuId, Named>, Failure> {
    let mut names = HashMap::new();
    for chunk in sku_ids.chunks(rules::SKU_IDS_MAX) {
        let request = GetSkus { sku_ids: chunk.to_vec(), channel: None };
        let skus = app.deps.products.get_skus(&visit.ctx, request).await?;
        names.extend(skus.into_iter().map(|sku| {
            let named = Named {
                title: sku.title.get(&visit.reader.locale).to_owned(),
                variant: sku.variant,
                code: sku.code,
                image: sku.image.map(|i| i.url),
                product: sku.spu_id,
            };
            (sku.sku_id, named)
        }));
    }
    Ok(names)
}

pub(crate) async fn list(State(app): State<App>, visit: Visit) -> Answer {
    let w = Words::of(visit.reader.lang);
    let query = &visit.query;
    let below = query.get("below").and_then(|n| n.parse::<i64>().ok());
    let filter = Filter {
        text: query.text("q").chars().take(search_api::TEXT_MAX).collect(),
        warehouse: query.get("warehouse").map(named).transpose()?,
        below: below.filter(|n| (1..=UNITS_MAX).contains(n)),
    };
    let cursor = cursor(&visit);
    let is_later = cursor.is_some();
    let warehouses = all_warehouses(&app, &visit.ctx).await?;
    let (stock, problem) = match find(&app, &visit, &filter, cursor).await {
        Ok(stock) => (stock, None),
        Err(Failure::Fault(fault)) if fault.code == ErrorCode::Unavailable => {
            (Page { items: Vec::new(), next_cursor: None }, Some(w.search_away))
        }
        Err(failure) => return Err(failure),
    };
    let mut names = names(&app, &visit, stock.items.iter().map(|s| s.sku_id).collect()).await?;
    let levels = stock.items.iter().map(|s| level(s, filter.warehouse, names.remove(&s.sku_id)));
    let list = StockPage {
        shell: visit.shell(Some(Section::Stock)),
        levels: levels.collect(),
        filter,
        warehouses: choices(&warehouses),
        is_later,
        next: stock.next_cursor,
        problem,
    };
    Ok(page(StatusCode::OK, render_stock(&list)))
}

/// In one warehouse, or over all.
fn level(stock: &SkuStock, warehouse: Option<WarehouseId>, named: Option<Named>) -> Level {
    let there = warehouse.and_then(|id| stock.warehouses.iter().find(|w| w.warehouse_id == id));
    let (available, reserved, sold) = match there {
        Some(w) => (w.available, w.reserved, w.sold),
        None if warehouse.is_some() => (0, 0, 0),
        None => (stock.available, stock.reserved, stock.sold),
    };
    Level { id: stock.sku_id, named, available, reserved, sold }
}

/// With words to look for, the variants of the products that the search finds; else what the warehouse
/// lists.
async fn find(
    app: &App,
    visit: &Visit,
    filter: &Filter,
    cursor: Option<Cursor>,
) -> Result<Page<SkuStock>, Failure> {
    let ctx = &visit.ctx;
    if filter.text.is_empty() {
        let request = ListStock {
            warehouse_id: filter.warehouse,
            below: filter.below,
            cursor,
            limit: limit(PAGE)?,
        };
        return Ok(app.deps.inventory.list_stock(ctx, request).await?);
    }
    let request = FindProducts {
        text: filter.text.clone(),
        locale: Some(visit.reader.locale.clone()),
        cursor,
        limit: limit(FOUND)?,
        ..FindProducts::default()
    };
    let found = app.deps.search.find_products(ctx, request).await?;
    let ids = found.items.iter().map(|p| p.id).collect();
    let contents = app.deps.products.get_contents(ctx, GetContents { ids }).await?;
    let sku_ids: Vec<SkuId> = contents.iter().flat_map(|c| c.sku_ids.iter().copied()).collect();
    let mut items = Vec::new();
    for chunk in sku_ids.chunks(rules::SKU_IDS_MAX) {
        let request = GetStock { sku_ids: chunk.to_vec() };
        items.extend(app.deps.inventory.get_stock(ctx, request).await?);
    }
    items.retain(|stock| {
        let level = level(stock, filter.warehouse, None);
        filter.below.is_none_or(|below| level.available < below)
    });
    Ok(Page { items, next_cursor: found.next_cursor })
}

pub(crate) async fn show(State(app): State<App>, visit: Visit, Path(sku): Path<String>) -> Answer {
    let id = named(&sku)?;
    let token = ::web::csrf::token(&app.deps.entropy)?;
    let form = AdjustForm { token, ..AdjustForm::default() };
    Ok(page(StatusCode::OK, render_sku(&gather(&app, &visit, id, form).await?)))
}

/// The form on the page of its sku, or alone where that cannot be gathered.
async fn again(
    app: &App,
    visit: &Visit,
    id: SkuId,
    sent: &Fields,
    form: AdjustForm,
    status: StatusCode,
) -> Answer {
    if let Some(sku) = around(visit, gather(app, visit, id, form)).await? {
        return Ok(page(status, render_sku(&sku)));
    }
    let w = Words::of(visit.reader.lang);
    let labels = [("delta", w.delta), ("reason", w.reason)];
    alone(visit, Section::Stock, Route::Adjust { id }, sent, &labels)
}

async fn gather(app: &App, visit: &Visit, id: SkuId, form: AdjustForm) -> Result<SkuPage, Failure> {
    let ctx = &visit.ctx;
    let inventory = &app.deps.inventory;
    let cursor = cursor(visit);
    let is_later = cursor.is_some();
    let (warehouses, stock, ledger) = futures::try_join!(
        inventory.list_warehouses(ctx, ListWarehouses {}),
        inventory.get_stock(ctx, GetStock { sku_ids: vec![id] }),
        inventory.ledger(ctx, Ledger { sku_id: id, cursor, limit: limit(PAGE)? }),
    )?;
    let named = names(app, visit, vec![id]).await?.remove(&id);
    let stocked = stock.first().map(|s| s.warehouses.as_slice()).unwrap_or_default();
    // what neither the catalogue nor a warehouse has ever heard of is not there
    if named.is_none() && stocked.is_empty() && ledger.items.is_empty() && !is_later {
        return Err(Failure::not_found());
    }
    let name = |id: WarehouseId| {
        let known = warehouses.iter().find(|w| w.id == id);
        known.map_or_else(|| id.to_string(), |w| w.name.clone())
    };
    let levels = stocked.iter().map(|level| InWarehouse {
        name: name(level.warehouse_id),
        available: level.available,
        reserved: level.reserved,
        sold: level.sold,
    });
    let with_name = |entry: LedgerEntry| {
        let name = name(entry.warehouse_id);
        (entry, name)
    };
    Ok(SkuPage {
        shell: visit.shell(Some(Section::Stock)),
        id,
        named,
        levels: levels.collect(),
        warehouses: choices(&warehouses),
        form,
        done: Done::of(visit.query.text("done")),
        ledger: ledger.items.into_iter().map(with_name).collect(),
        is_later,
        next: ledger.next_cursor,
    })
}

pub(crate) async fn adjust(
    State(app): State<App>,
    visit: Visit,
    Path(sku): Path<String>,
    Form(fields): Form,
) -> Answer {
    let id: SkuId = named(&sku)?;
    let w = Words::of(visit.reader.lang);
    let mut form = AdjustForm {
        token: fields.text("token").to_owned(),
        warehouse: fields.text("warehouse").to_owned(),
        delta: fields.text("delta").to_owned(),
        reason: fields.text("reason").to_owned(),
        problems: Errors::default(),
    };
    let (status, problem) = match read(&form, id, w) {
        Ok(request) => {
            let ctx = leaving_time(&visit.ctx);
            let ctx = Ctx { idempotency: Some(key(id, &form)?), ..ctx };
            match app.deps.inventory.adjust(&ctx, request).await {
                Ok(_) => return done(id, Done::Adjusted),
                Err(Error::Fault(fault)) if is_in_flight(&fault) => {
                    return done(id, Done::Underway);
                }
                // nobody knows whether it was done: the same form, sent again, finds out
                Err(Error::Fault(fault)) if fault.code.is_retryable() => {
                    log(&fault, &visit.ctx.request_id);
                    form.problems = Errors::one("", busy_text(&visit));
                    return again(&app, &visit, id, &fields, form, status_of(&fault)).await;
                }
                Err(Error::WouldBeNegative { available }) => {
                    (StatusCode::CONFLICT, Errors::one("delta", w.would_be_negative(available)))
                }
                Err(Error::Fault(fault)) if fault.code == ErrorCode::Invalid => {
                    (StatusCode::UNPROCESSABLE_ENTITY, places(&fault, w))
                }
                // a page that was gone back to, and sent with something else
                Err(Error::Fault(fault)) if fault.code == ErrorCode::Unprocessable => {
                    (StatusCode::UNPROCESSABLE_ENTITY, Errors::one("delta", w.sent_already))
                }
                Err(e) => return Err(e.into()),
            }
        }
        Err(problems) => (StatusCode::UNPROCESSABLE_ENTITY, problems),
    };
    form.problems = problem;
    // what was refused is not what will be sent next
    form.token = ::web::csrf::token(&app.deps.entropy)?;
    again(&app, &visit, id, &fields, form, status).await
}

fn done(id: SkuId, what: Done) -> Answer {
    redirect(Route::Sku { id, cursor: None, done: Some(what) })
}

fn busy_text(visit: &Visit) -> String {
    crate::text::Words::of(visit.reader.lang).busy_text.to_owned()
}

fn read(form: &AdjustForm, sku_id: SkuId, w: &Words) -> Result<Adjust, Errors> {
    let mut wrong = Errors::default();
    // a typographic minus is meant as one
    let delta = form.delta.replace('−', "-").parse::<i64>().ok();
    let delta = delta.filter(|n| *n != 0 && (-UNITS_MAX..=UNITS_MAX).contains(n));
    if delta.is_none() {
        wrong.add("delta", w.bad_delta);
    }
    let length = form.reason.chars().count();
    if !(1..=200).contains(&length) || form.reason.chars().any(char::is_control) {
        wrong.add("reason", w.bad_reason);
    }
    let warehouse = form.warehouse.parse::<WarehouseId>().ok();
    if warehouse.is_none() {
        wrong.add("warehouse", w.choose_warehouse);
    }
    match (delta, warehouse) {
        (Some(delta), Some(warehouse_id)) if wrong.is_empty() => {
            Ok(Adjust { sku_id, warehouse_id, delta, reason: form.reason.clone() })
        }
        _ => Err(wrong),
    }
}

/// What the warehouse says is wrong, at its fields.
fn places(fault: &Fault, w: &Words) -> Errors {
    let mut wrong = Errors::default();
    for field in &fault.fields {
        match field.pointer.as_str() {
            "/warehouse_id" => wrong.add("warehouse", w.no_warehouse),
            "/reason" => wrong.add("reason", w.bad_reason),
            _ => wrong.add("delta", w.bad_delta),
        }
    }
    wrong
}

/// The same form adjusts once, however often it is sent.
fn key(id: SkuId, form: &AdjustForm) -> Result<IdempotencyKey, Failure> {
    if !::web::csrf::is_token(&form.token) {
        return Err(Failure::bad_request("the form has no token of its own"));
    }
    let mut hash = Sha256::new();
    for text in [&id.to_string(), &form.warehouse, &form.delta, &form.reason] {
        hash.update(text);
        hash.update([0]);
    }
    Ok(IdempotencyKey {
        key: format!("adjust-{}", form.token),
        route: "POST /console/stock/{sku}/adjust".to_owned(),
        body_hash: hex::encode(hash.finalize()),
    })
}

pub(crate) async fn warehouses(State(app): State<App>, visit: Visit) -> Answer {
    let form = WarehouseForm { priority: "0".to_owned(), ..WarehouseForm::default() };
    show_warehouses(&app, &visit, form, StatusCode::OK).await
}

async fn show_warehouses(
    app: &App,
    visit: &Visit,
    form: WarehouseForm,
    status: StatusCode,
) -> Answer {
    let warehouses = all_warehouses(app, &visit.ctx).await?;
    let shell = visit.shell(Some(Section::Stock));
    Ok(page(status, render_warehouses(&WarehousesPage { shell, warehouses, form })))
}

pub(crate) async fn add_warehouse(
    State(app): State<App>,
    visit: Visit,
    Form(fields): Form,
) -> Answer {
    let w = Words::of(visit.reader.lang);
    let mut form = WarehouseForm {
        code: fields.text("code").to_owned(),
        name: fields.text("name").to_owned(),
        priority: fields.text("priority").to_owned(),
        problems: Errors::default(),
    };
    let priority = if form.priority.is_empty() { Ok(0) } else { form.priority.parse() };
    let Ok(priority) = priority else {
        form.problems.add("priority", w.bad_priority);
        return show_warehouses(&app, &visit, form, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let request = NewWarehouse { code: form.code.clone(), name: form.name.clone(), priority };
    let (status, problems) = match app.deps.inventory.add_warehouse(&visit.ctx, request).await {
        Ok(_) => return redirect(Route::Warehouses),
        Err(Error::CodeTaken) => (StatusCode::CONFLICT, Errors::one("code", w.code_taken)),
        Err(Error::Fault(fault)) if fault.code == ErrorCode::Invalid => {
            let mut wrong = Errors::default();
            for field in &fault.fields {
                match field.pointer.as_str() {
                    "/name" => wrong.add("name", w.bad_name),
                    _ => wrong.add("code", w.bad_code),
                }
            }
            (StatusCode::UNPROCESSABLE_ENTITY, wrong)
        }
        Err(Error::Fault(fault)) if fault.code == ErrorCode::Conflict => {
            (StatusCode::CONFLICT, Errors::one("code", w.warehouses_full))
        }
        Err(e) => return Err(e.into()),
    };
    form.problems = problems;
    show_warehouses(&app, &visit, form, status).await
}
