//! Imports: batches of products, each in one transaction with the place the import has come to, so that
//! one that was cut off goes on exactly there. Stock follows by messages that commit with the products.

use std::sync::Arc;

use kit::{ErrorCode, FieldError};
use outbox::NewMessage;
use product_api::{
    BeginImport, Brand, Category, CheckImport, Error, ImportBatch, ImportConflict, ImportProduct,
    ImportStatus, NewProduct, ProductRef,
};
use rpc::{Ctx, Fault};
use serde::{Deserialize, Serialize};
use shard::{Route, Tx};
use types::{BrandId, CategoryId, ImportId, Locale, SkuId, Slug, SpuId, Texts};

use super::groups::full;
use super::write::{codes, kept_ids, prepare};
use super::{Around, READ, Service, WRITE, changed};
use crate::model::text::line_problem;
use crate::model::{
    BATCH_MAX, GROUPS_MAX, NAME_MAX, QUANTITY_MAX, SKU_IDS_MAX, Tree, carry_over, slugify,
};
use crate::store::{self, Collision, Counted, Import, Written};

/// Topic of the stock of an import's products; this service consumes it.
pub const IMPORT_STOCK: &str = "product.import_stock";
/// The most products of one file.
const PRODUCTS_MAX: u32 = 1_000_000;
/// Characters of a file's name.
const FILE_NAME_MAX: usize = 255;

/// Stock that an import sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportStock {
    /// The import.
    pub import_id: ImportId,
    /// Counts the messages of the import from 1.
    pub part: u32,
    /// Sku and units; at most 200.
    pub levels: Vec<(SkuId, i64)>,
}

/// A product of a batch, ready to be saved.
struct Ready {
    product: NewProduct,
    vendor: String,
    category: String,
    quantities: Vec<Option<i64>>,
    /// Ids for whatever turns out to be new.
    fresh: Fresh,
}

struct Fresh {
    spu: SpuId,
    skus: Vec<SkuId>,
    brand: BrandId,
    category: CategoryId,
}

/// What applying a product did.
struct Applied {
    created: bool,
    sku_ids: Vec<SkuId>,
}

fn check_batch_size(n: usize) -> Result<(), Fault> {
    if (1..=BATCH_MAX).contains(&n) {
        return Ok(());
    }
    Err(Fault::invalid("/products", format!("a batch has 1 to {BATCH_MAX} products")))
}

/// Checks one product of a batch beyond its content.
fn check_import_product(i: usize, import: &ImportProduct) -> Result<(), Fault> {
    let mut fields = Vec::new();
    let mut wrong = |field: &str, detail: String| {
        fields.push(FieldError::new(format!("/products/{i}/{field}"), detail));
    };
    for (field, text) in [("vendor", &import.vendor), ("category", &import.category)] {
        if let Some(problem) = line_problem(text, 0, NAME_MAX) {
            wrong(field, problem);
        }
    }
    if import.quantities.len() != import.product.skus.len() {
        wrong("quantities", "must have one entry per variant".to_owned());
    }
    if import.quantities.iter().flatten().any(|n| !(0..=QUANTITY_MAX).contains(n)) {
        wrong("quantities", format!("must be between 0 and {QUANTITY_MAX}"));
    }
    if import.product.brand_id.is_some() || !import.product.category_ids.is_empty() {
        wrong("product", "is given its brand and category by name".to_owned());
    }
    if fields.is_empty() {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::Invalid, "the import is not as it must be").with_fields(fields))
}

/// What the catalogue would not take, across the products of one file.
fn conflict(code: &str) -> String {
    format!("the sku code {code} belongs to another product")
}

impl Service {
    pub async fn begin(&self, ctx: &Ctx, req: BeginImport) -> Result<ImportStatus, Error> {
        ctx.require(WRITE)?;
        if let Some(problem) = line_problem(&req.file_name, 1, FILE_NAME_MAX) {
            return Err(Fault::invalid("/file_name", problem).into());
        }
        let is_hash =
            req.file_hash.len() == 64 && req.file_hash.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hash || req.file_hash.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(Fault::invalid("/file_hash", "must be SHA-256 in lower-case hex").into());
        }
        if req.products > PRODUCTS_MAX {
            let text = format!("a file has at most {PRODUCTS_MAX} products");
            return Err(Fault::invalid("/products", text).into());
        }
        let id = ImportId(self.mint(ctx).await?);
        let new = Import::new(id, req.file_name, req.products, req.skip_conflicts);
        let (new, hash) = (Arc::new(new), Arc::new(req.file_hash));
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, new, hash) = (tenant.clone(), Arc::clone(&new), Arc::clone(&hash));
                async move {
                    let Some(open) = insert_or_hold(&tx, &tenant, &new, &hash).await? else {
                        return Ok(new.status());
                    };
                    if open.products != new.products {
                        let text = "the file has an unfinished import of other products";
                        let fault = Fault::new(ErrorCode::Conflict, text);
                        return Err(fault.with_slug("import_differs").into());
                    }
                    // whoever goes on decides anew: a conflict may have come, or gone
                    if open.skip_conflicts != new.skip_conflicts {
                        store::decide_import(&tx, &tenant, open.id, new.skip_conflicts).await?;
                    }
                    Ok(open.status())
                }
            })
            .await
    }

    pub async fn import_status(&self, ctx: &Ctx, id: ImportId) -> Result<ImportStatus, Error> {
        ctx.require(READ)?;
        let tenant = ctx.tenant.clone();
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let found = store::import(&tx, &tenant, id).await?;
                    Ok(found.ok_or_else(no_import)?.status())
                }
            })
            .await
    }

    pub async fn check_batch(
        &self,
        ctx: &Ctx,
        products: Vec<ImportProduct>,
    ) -> Result<Vec<ImportConflict>, Error> {
        ctx.require(WRITE)?;
        check_batch_size(products.len())?;
        let mut conflicts = Vec::new();
        for (i, import) in (0_u32..).zip(&products) {
            let checked = check_import_product(i as usize, import)
                .map_err(Error::from)
                .and_then(|()| prepare(import.product.clone(), ""));
            if let Err(e) = checked {
                conflicts.push(ImportConflict { index: i, detail: e.to_string() });
            }
        }
        let products = Arc::new(CheckImport { products });
        let tenant = ctx.tenant.clone();
        let taken = self
            .db
            .read(ctx, Route::Whole, move |tx| {
                let (tenant, products) = (tenant.clone(), Arc::clone(&products));
                async move {
                    let mut taken = Vec::new();
                    for (i, import) in (0_u32..).zip(&products.products) {
                        let codes: Vec<&str> = codes(&import.product).collect();
                        let own = store::find_slug(&tx, &tenant, &import.product.slug).await?;
                        let code = store::code_elsewhere(&tx, &tenant, &codes, own).await?;
                        if let Some(code) = code {
                            taken.push(ImportConflict { index: i, detail: conflict(&code) });
                        }
                    }
                    Ok::<_, Error>(taken)
                }
            })
            .await?;
        conflicts.extend(taken);
        conflicts.sort_by_key(|c| c.index);
        Ok(conflicts)
    }

    pub async fn apply_batch(&self, ctx: &Ctx, req: ImportBatch) -> Result<ImportStatus, Error> {
        ctx.require(WRITE)?;
        check_batch_size(req.products.len())?;
        let count = u32::try_from(req.products.len()).map_err(Fault::internal)?;
        let (id, offset) = (req.id, req.offset);
        let end =
            offset.checked_add(count).ok_or_else(|| Fault::invalid("/offset", "is too large"))?;
        for (i, import) in req.products.iter().enumerate() {
            check_import_product(i, import)?;
        }
        let locale = self.tenant(ctx).await?.locales.first().cloned();
        let locale = locale.ok_or_else(|| Fault::bug("the tenant has no language"))?;
        let ready = Arc::new(self.ready(ctx, req.products).await?);
        let around = self.around(ctx);
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (around, ready) = (around.clone(), Arc::clone(&ready));
                let locale = locale.clone();
                async move {
                    let held = store::hold_import(&tx, around.tenant(), id).await?;
                    let mut import = held.ok_or_else(no_import)?;
                    if end <= import.applied {
                        return Ok(import.status());
                    }
                    if offset != import.applied || end > import.products {
                        return Err(wrong_place(&import));
                    }
                    // Brands and categories may be added. It also keeps two batches apart that name the same
                    // products in another order, and would wait for one another.
                    store::hold_counts(&tx, around.tenant()).await?;
                    let mut levels = Vec::new();
                    for product in ready.iter() {
                        let applied = apply(&tx, &around, &import, product, &locale).await?;
                        note(&mut import, applied.as_ref());
                        let sku_ids = applied.iter().flat_map(|a| &a.sku_ids);
                        let quantities = sku_ids.zip(&product.quantities);
                        levels.extend(quantities.filter_map(|(id, n)| n.map(|n| (*id, n))));
                    }
                    send_stock(&tx, &around, &mut import, &levels).await?;
                    if !store::advance_import(&tx, around.tenant(), &import, offset).await? {
                        return Err(wrong_place(&import));
                    }
                    Ok(import.status())
                }
            })
            .await
    }

    async fn ready(&self, ctx: &Ctx, products: Vec<ImportProduct>) -> Result<Vec<Ready>, Error> {
        let mut ready = Vec::with_capacity(products.len());
        for (i, import) in products.into_iter().enumerate() {
            let ImportProduct { product, vendor, category, quantities } = import;
            let product = prepare(product, &format!("/products/{i}/product"))?;
            let fresh = Fresh {
                spu: SpuId(self.mint(ctx).await?),
                skus: self.mint_skus(ctx, product.skus.len()).await?,
                brand: BrandId(self.mint(ctx).await?),
                category: CategoryId(self.mint(ctx).await?),
            };
            ready.push(Ready { product, vendor, category, quantities, fresh });
        }
        Ok(ready)
    }
}

fn no_import() -> Fault {
    Fault::not_found("the import")
}

fn changed_meanwhile() -> Fault {
    Fault::new(ErrorCode::Unavailable, "the catalogue was changed meanwhile; try again")
}

/// Adds an import, or holds the unfinished one that there is of the file. That one may be finished by the
/// time it is looked for; then there is room for another.
async fn insert_or_hold(
    tx: &Tx,
    tenant: &kit::TenantCode,
    new: &Import,
    hash: &str,
) -> Result<Option<Import>, Fault> {
    for _ in 0..2 {
        if store::insert_import(tx, tenant, new, hash).await? {
            return Ok(None);
        }
        if let Some(open) = store::hold_open_import(tx, tenant, hash).await? {
            return Ok(Some(open));
        }
    }
    Err(changed_meanwhile())
}

fn wrong_place(import: &Import) -> Error {
    let text = format!(
        "the import has applied {} of {} products; go on there",
        import.applied, import.products
    );
    Fault::new(ErrorCode::Conflict, text).with_slug("wrong_offset").into()
}

fn note(import: &mut Import, applied: Option<&Applied>) {
    import.applied += 1;
    match applied {
        Some(applied) => {
            import.created += u32::from(applied.created);
            import.skus += u32::try_from(applied.sku_ids.len()).unwrap_or(u32::MAX);
        }
        None => import.skipped += 1,
    }
}

/// Saves one product; nothing when it is passed over. A new one may be added by somebody else meanwhile;
/// then it is there, and is replaced.
async fn apply(
    tx: &Tx,
    around: &Around,
    import: &Import,
    ready: &Ready,
    locale: &Locale,
) -> Result<Option<Applied>, Error> {
    for _ in 0..2 {
        match apply_once(tx, around, import, ready, locale).await? {
            Ok(applied) => return Ok(applied),
            Err(Collision::Slug) => {}
            // It was looked at before, so somebody has taken it just now.
            Err(Collision::Code(_)) => break,
        }
    }
    Err(changed_meanwhile().into())
}

/// Nothing of the product has changed when its slug collides.
async fn apply_once(
    tx: &Tx,
    around: &Around,
    import: &Import,
    ready: &Ready,
    locale: &Locale,
) -> Result<Result<Option<Applied>, Collision>, Error> {
    let tenant = around.tenant();
    let by_slug = ProductRef::Slug(ready.product.slug.clone());
    let held = store::hold_product(tx, tenant, &by_slug).await?;
    let existing = held.map(|(id, _)| id);
    let numbers: Vec<&str> = codes(&ready.product).collect();
    if let Some(code) = store::code_elsewhere(tx, tenant, &numbers, existing).await? {
        if import.skip_conflicts {
            return Ok(Ok(None));
        }
        return Err(Error::Taken(format!("the sku code {code}")));
    }
    let mut product = ready.product.clone();
    product.brand_id = brand(tx, around, ready).await?;
    product.category_ids = category(tx, around, ready, locale).await?.into_iter().collect();
    let (id, sku_ids, version) = match existing {
        None => (ready.fresh.spu, ready.fresh.skus.clone(), 1),
        Some(id) => {
            let before = store::content(tx, tenant, &ProductRef::Id(id)).await?;
            let before = before.ok_or_else(|| Fault::bug("a product came and went"))?;
            carry_over(&before.content, &mut product);
            let kept = kept_ids(tx, around, id, &product, &ready.fresh.skus).await?;
            (id, kept, before.version.saturating_add(1))
        }
    };
    let tree = match product.category_ids.as_slice() {
        [] => Tree::default(),
        _ => Tree::new(store::branches(tx, tenant).await?),
    };
    let found_in = tree.cover(&product.category_ids);
    let written =
        Written { tenant, id, content: &product, sku_ids: &sku_ids, found_in: &found_in, version };
    let saved = match existing {
        None => store::insert_product(tx, written).await?,
        Some(_) => store::replace_product(tx, written).await?,
    };
    if let Err(collision) = saved {
        return Ok(Err(collision));
    }
    changed(&around.outbox, tx, &around.ctx, id).await?;
    Ok(Ok(Some(Applied { created: existing.is_none(), sku_ids })))
}

/// The brand of the vendor's name, made when there is none.
async fn brand(tx: &Tx, around: &Around, ready: &Ready) -> Result<Option<BrandId>, Error> {
    let (tenant, name) = (around.tenant(), ready.vendor.as_str());
    if name.is_empty() {
        return Ok(None);
    }
    if let Some(known) = store::brand_by_name(tx, tenant, name).await? {
        return Ok(Some(known));
    }
    if store::count(tx, tenant, Counted::Brands).await? >= GROUPS_MAX {
        return Err(full("brands", GROUPS_MAX));
    }
    let brand = Brand { id: ready.fresh.brand, name: name.to_owned() };
    if !store::insert_brand(tx, tenant, &brand).await? {
        return Err(Error::Taken(format!("the brand {name}")));
    }
    Ok(Some(brand.id))
}

/// The category of the type's name, made when there is none.
async fn category(
    tx: &Tx,
    around: &Around,
    ready: &Ready,
    locale: &Locale,
) -> Result<Option<CategoryId>, Error> {
    let tenant = around.tenant();
    let Some(slug) = slugify(&ready.category) else { return Ok(None) };
    // An export writes the slug where the name does not lead back to it.
    let exact = ready.category.parse::<Slug>().ok().filter(|exact| *exact != slug);
    for slug in exact.iter().chain([&slug]) {
        if let Some(known) = store::category_by_slug(tx, tenant, slug).await? {
            return Ok(Some(known));
        }
    }
    if store::count(tx, tenant, Counted::Categories).await? >= GROUPS_MAX {
        return Err(full("categories", GROUPS_MAX));
    }
    let name = Texts::one(locale.clone(), ready.category.as_str());
    let category = Category { id: ready.fresh.category, parent_id: None, slug, name, position: 0 };
    if !store::insert_category(tx, tenant, &category).await? {
        return Err(Error::Taken(format!("the category {}", category.slug)));
    }
    Ok(Some(category.id))
}

/// Sends the stock of a batch, in the transaction that saves it.
async fn send_stock(
    tx: &Tx,
    around: &Around,
    import: &mut Import,
    levels: &[(SkuId, i64)],
) -> Result<(), Fault> {
    for chunk in levels.chunks(SKU_IDS_MAX) {
        import.stock_sent += 1;
        let payload =
            ImportStock { import_id: import.id, part: import.stock_sent, levels: chunk.to_vec() };
        let message = NewMessage::new(IMPORT_STOCK, "import", import.id.get(), &payload)?;
        around.outbox.put(tx, &around.ctx, message).await?;
    }
    Ok(())
}
