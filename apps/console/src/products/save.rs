//! What a sent product form leads to: pictures are kept, rows change, or the product is saved. Whatever is
//! wrong, the form comes back with everything that was typed.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use kit::ErrorCode;
use product_api::rules::slugify;
use product_api::{
    Error, NewBrand, NewCategory, NewProduct, ProductContent, ProductStatus, PutImage,
    UpdateProduct,
};
use rpc::{Ctx, Fault, ServiceError as _};
use types::{SpuId, Texts};

use super::Words;
use super::content::{Around, build};
use super::edit::{Lists, ProductPage, SECTION, render_product};
use super::form::ProductForm;
use super::handlers::{content, known, lists, named};
use super::merge::{Merged, Part, merge};
use super::problems::Problems;
use super::routes::Route;
use super::wish::Wish;
use crate::App;
use crate::web::upload::{SentFile, Upload};
use crate::web::{Answer, Failure, Visit, page, redirect};

/// How long the calls for one form may take together: its upload has had its own time.
const WITHIN: Duration = Duration::from_secs(20);

pub(crate) async fn create(State(app): State<App>, visit: Visit, upload: Upload) -> Answer {
    submit(app, visit, None, upload).await
}

pub(crate) async fn update(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    upload: Upload,
) -> Answer {
    let id = named(&id)?;
    submit(app, visit, Some(id), upload).await
}

/// A form that is being dealt with.
struct Sent {
    app: App,
    visit: Visit,
    ctx: Ctx,
    before: Option<ProductContent>,
    form: ProductForm,
    lists: Lists,
    problems: Problems,
}

async fn submit(app: App, visit: Visit, id: Option<SpuId>, upload: Upload) -> Answer {
    let ctx = visit.ctx.within(WITHIN);
    let before = match id {
        Some(id) => Some(content(&app, &ctx, id).await?),
        None => None,
    };
    let lists = lists(&app, &ctx).await?;
    let form = ProductForm::read(&upload.fields, &visit.tenant.locales);
    let mut sent = Sent { app, visit, ctx, before, form, lists, problems: Problems::default() };
    sent.keep_pictures(upload.files).await?;
    match Wish::read(upload.fields.text("do")) {
        Wish::Change(change) => {
            if !sent.form.change(change) {
                sent.problems.add("", sent.words().too_many_variants);
            }
            sent.show(StatusCode::OK, None).await
        }
        // a picture that could not be kept is a reason to look again before anything is saved
        Wish::Save(_) if !sent.problems.is_empty() => sent.refuse().await,
        Wish::Save(status) => sent.save(status).await,
    }
}

impl Sent {
    fn words(&self) -> &'static Words {
        Words::of(self.visit.reader.lang)
    }

    async fn show(self, status: StatusCode, merged: Option<Merged>) -> Answer {
        let product = match &self.before {
            Some(before) => Some(known(&self.app, &self.visit, before).await?),
            None => None,
        };
        let shown = ProductPage {
            shell: self.visit.shell(Some(SECTION)),
            product,
            form: self.form,
            problems: self.problems,
            merged,
            saved: false,
            lists: self.lists,
        };
        Ok(page(status, render_product(&shown)))
    }

    async fn refuse(self) -> Answer {
        self.show(StatusCode::UNPROCESSABLE_ENTITY, None).await
    }

    async fn keep_pictures(&mut self, files: Vec<SentFile>) -> Result<(), Failure> {
        let w = self.words();
        for SentFile { name, content_type, bytes } in files {
            let Some(bytes) = bytes else {
                self.problems.add("files", w.picture_too_large(&name));
                continue;
            };
            let request = PutImage { content_type, bytes };
            match self.app.deps.products.put_image(&self.ctx, request).await {
                Ok(kept) => {
                    if !self.form.add_image(kept.url) {
                        self.problems.add("files", w.too_many_pictures);
                    }
                }
                Err(e) => {
                    let text = match e.code() {
                        ErrorCode::TooLarge => w.picture_too_large(&name),
                        ErrorCode::UnsupportedMediaType | ErrorCode::Invalid => {
                            w.no_picture_type(&name)
                        }
                        ErrorCode::Conflict => w.pictures_full.to_owned(),
                        _ => return Err(e.into()),
                    };
                    self.problems.add("files", text);
                }
            }
        }
        Ok(())
    }

    async fn save(mut self, status: Option<ProductStatus>) -> Answer {
        self.form.compact();
        let current = self.before.as_ref().map(|b| b.content.status);
        let status = status.or(current).unwrap_or(ProductStatus::Draft);
        match self.product(status) {
            Ok(_) => {}
            Err(problems) => {
                self.problems = problems;
                return self.refuse().await;
            }
        }
        if !self.add_groups().await? {
            return self.refuse().await;
        }
        let product = match self.product(status) {
            Ok(product) => product,
            Err(_) => return Err(Fault::bug("a form changed while it was looked at").into()),
        };
        let Some(before) = &self.before else { return self.add(product).await };
        if before.version != self.form.version {
            return self.meet(product).await;
        }
        let request =
            UpdateProduct { id: before.id, version: before.version, content: product.clone() };
        match self.app.deps.products.update(&self.ctx, request).await {
            Ok(saved) => redirect(Route::Product { id: saved.id, saved: true }),
            Err(Error::Stale(_)) => {
                self.before = Some(content(&self.app, &self.ctx, before.id).await?);
                self.meet(product).await
            }
            Err(e) => self.refused(e).await,
        }
    }

    fn product(&self, status: ProductStatus) -> Result<NewProduct, Problems> {
        let around = Around {
            currency: self.visit.tenant.currency,
            before: self.before.as_ref(),
            status,
            words: self.words(),
        };
        build(&self.form, around)
    }

    async fn add(self, product: NewProduct) -> Answer {
        match self.app.deps.products.create(&self.ctx, product).await {
            Ok(made) => redirect(Route::Product { id: made.id, saved: true }),
            Err(e) => self.refused(e).await,
        }
    }

    /// Adds the brand and the category that were typed. Says whether that went well.
    async fn add_groups(&mut self) -> Result<bool, Failure> {
        let w = self.words();
        let name = self.form.new_brand.clone();
        if !name.is_empty() {
            let known = self.lists.brands.iter().find(|b| b.name == name).map(|b| b.id);
            let id = match known {
                Some(id) => Ok(id),
                None => {
                    let request = NewBrand { name };
                    self.app.deps.products.create_brand(&self.ctx, request).await.map(|b| b.id)
                }
            };
            match id {
                Ok(id) => {
                    self.form.brand = id.to_string();
                    self.form.new_brand.clear();
                }
                Err(e) => self.group_refused("new_brand", e)?,
            }
        }
        let name = self.form.new_category.clone();
        if !name.is_empty() {
            let Some(slug) = slugify(&name) else {
                self.problems.add("new_category", w.rules.get("group").unwrap_or_default());
                return Ok(false);
            };
            let locale = self.visit.tenant.locales.first().unwrap_or(&self.visit.reader.locale);
            let name = Texts::one(locale.clone(), name);
            let request = NewCategory { parent_id: None, slug, name, position: 0 };
            match self.app.deps.products.create_category(&self.ctx, request).await {
                Ok(category) => {
                    self.form.categories.push(category.id.to_string());
                    self.form.new_category.clear();
                    self.lists.categories.push((category, 0));
                }
                Err(e) => self.group_refused("new_category", e)?,
            }
        }
        if !self.problems.is_empty() {
            // what was added is to be chosen from when the form is shown again
            self.lists = lists(&self.app, &self.ctx).await?;
        }
        Ok(self.problems.is_empty())
    }

    fn group_refused(&mut self, field: &'static str, e: Error) -> Result<(), Failure> {
        let w = self.words();
        let text = match (&e, e.code()) {
            (Error::Taken(_), _) => w.group_taken,
            (_, ErrorCode::Invalid) => w.rules.get("group").unwrap_or_default(),
            (_, ErrorCode::Conflict) => w.groups_full,
            _ => return Err(e.into()),
        };
        self.problems.add(field, text);
        Ok(())
    }

    /// The product was changed by others since the form was made.
    async fn meet(mut self, typed: NewProduct) -> Answer {
        let Some(current) = &self.before else {
            return Err(Fault::bug("a new product was changed by others").into());
        };
        let names = |part: Part, product: &NewProduct| match part {
            Part::Brand => {
                let brand = self.lists.brands.iter().find(|b| Some(b.id) == product.brand_id);
                brand.map(|b| b.name.clone())
            }
            Part::Categories => {
                let is_in =
                    |c: &&(product_api::Category, usize)| product.category_ids.contains(&c.0.id);
                let names = self.lists.categories.iter().filter(is_in);
                let names: Vec<&str> =
                    names.map(|c| c.0.name.get(&self.visit.reader.locale)).collect();
                Some(names.join(", "))
            }
            _ => None,
        };
        let merged = merge(&mut self.form, &typed, current, self.visit.tenant.currency, &names);
        self.show(StatusCode::CONFLICT, Some(merged)).await
    }

    /// The catalogue did not take the product.
    async fn refused(mut self, e: Error) -> Answer {
        let w = self.words();
        let mut status = StatusCode::UNPROCESSABLE_ENTITY;
        match e {
            Error::Taken(what) => {
                status = StatusCode::CONFLICT;
                let code = what.strip_prefix("the sku code ");
                let place = code.and_then(|c| self.form.variants.iter().position(|v| v.code == c));
                match place {
                    Some(n) => self.problems.add(format!("v{n}_code"), w.code_taken),
                    None => self.problems.add("slug", w.slug_taken),
                }
            }
            Error::NotSellable(_) => {
                status = StatusCode::CONFLICT;
                self.problems.add("", w.not_sellable);
            }
            Error::Fault(fault) if fault.code == ErrorCode::Invalid => {
                for field in &fault.fields {
                    self.problems.add_place(&field.pointer, &field.detail, w);
                }
                if self.problems.is_empty() {
                    self.problems.add("", fault.message);
                }
            }
            other => return Err(other.into()),
        }
        self.show(status, None).await
    }
}
