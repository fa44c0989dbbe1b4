//! What a sent product form leads to: pictures are kept, rows change, or the product is saved. Whatever is
//! wrong with it and whoever does not answer, the form comes back with everything that was typed; files that
//! were not kept have to be chosen again.

use std::collections::HashMap;
use std::time::Duration;

use ::web::frame::{log, status_of};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use kit::ErrorCode;
use product_api::rules::slugify;
use product_api::{
    Error, NewBrand, NewCategory, NewProduct, ProductContent, ProductStatus, PutImage,
    UpdateProduct,
};
use rpc::{Ctx, Fault, ServiceError as _};
use types::{SpuId, Texts};
use ui::Errors;

use super::Words;
use super::content::{Around, build};
use super::edit::{Known, Lists, ProductPage, SECTION, render_product};
use super::form::ProductForm;
use super::handlers::{content, lists, named, stock_of};
use super::merge::{Merged, Part, merge};
use super::problems::add_place;
use super::routes::Route;
use super::wish::Wish;
use crate::App;
use crate::web::upload::{SentFile, Upload};
use crate::web::{Answer, Failure, Fields, Visit, page, redirect};

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
    id: Option<SpuId>,
    before: Option<ProductContent>,
    form: ProductForm,
    lists: Option<Lists>,
    problems: Errors,
}

/// What became of it.
enum Outcome {
    /// The product is as the form says.
    Saved(SpuId),
    /// The form is shown again.
    Shown(StatusCode, Option<Merged>),
}

/// Something in it is wrong.
const REFUSED: Outcome = Outcome::Shown(StatusCode::UNPROCESSABLE_ENTITY, None);

async fn submit(app: App, visit: Visit, id: Option<SpuId>, upload: Upload) -> Answer {
    let ctx = visit.ctx.within(WITHIN);
    let form = ProductForm::read(&upload.fields, &visit.tenant.locales);
    let problems = Errors::default();
    let mut sent = Sent { app, visit, ctx, id, before: None, form, lists: None, problems };
    let outcome = match sent.deal(&upload.fields, upload.files).await {
        Ok(outcome) => outcome,
        Err(Failure::Fault(fault)) if fault.code.is_retryable() => sent.busy(&fault),
        Err(failure) => return Err(failure),
    };
    match outcome {
        Outcome::Saved(id) => redirect(Route::Product { id, saved: true }),
        Outcome::Shown(status, merged) => Ok(sent.show(status, merged).await),
    }
}

impl Sent {
    fn words(&self) -> &'static Words {
        Words::of(self.visit.reader.lang)
    }

    async fn deal(&mut self, fields: &Fields, files: Vec<SentFile>) -> Result<Outcome, Failure> {
        if let Some(id) = self.id {
            self.before = Some(content(&self.app, &self.ctx, id).await?);
        }
        self.lists = Some(lists(&self.app, &self.ctx).await?);
        self.keep_pictures(files).await?;
        match Wish::read(fields.text("do")) {
            Wish::Change(change) => {
                if !self.form.change(change) {
                    self.problems.add("", self.words().too_many_variants);
                }
                Ok(Outcome::Shown(StatusCode::OK, None))
            }
            // a picture that could not be kept is a reason to look again before anything is saved
            Wish::Save(_) if !self.problems.is_empty() => Ok(REFUSED),
            Wish::Save(status) => self.save(status).await,
        }
    }

    /// Somebody who is needed does not answer; the same form, sent again, may go through.
    fn busy(&mut self, fault: &Fault) -> Outcome {
        log(fault, &self.visit.ctx.request_id);
        self.problems.add("", crate::text::Words::of(self.visit.reader.lang).busy_text);
        Outcome::Shown(status_of(fault), None)
    }

    async fn show(self, status: StatusCode, merged: Option<Merged>) -> Response {
        let product = match (&self.before, self.id) {
            (Some(before), _) => Some(self.known(before).await),
            (None, Some(id)) => Some(Known::typed(id, &self.form)),
            (None, None) => None,
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
        page(status, render_product(&shown))
    }

    /// What was typed is not lost because nobody knows the stock.
    async fn known(&self, before: &ProductContent) -> Known {
        let stock = stock_of(&self.app, &self.visit.ctx, &before.sku_ids).await;
        let stock = stock.unwrap_or_else(|failure| {
            if let Failure::Fault(fault) = failure {
                log(&fault, &self.visit.ctx.request_id);
            }
            HashMap::new()
        });
        Known::of(before, &self.visit.reader.locale, stock)
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

    async fn save(&mut self, status: Option<ProductStatus>) -> Result<Outcome, Failure> {
        self.form.compact();
        let current = self.before.as_ref().map(|b| b.content.status);
        let status = status.or(current).unwrap_or(ProductStatus::Draft);
        match self.product(status) {
            Ok(_) => {}
            Err(problems) => {
                self.problems = problems;
                return Ok(REFUSED);
            }
        }
        if !self.add_groups().await? {
            return Ok(REFUSED);
        }
        let product = match self.product(status) {
            Ok(product) => product,
            Err(_) => return Err(Fault::bug("a form changed while it was looked at").into()),
        };
        let Some(before) = &self.before else { return self.add(product).await };
        if before.version != self.form.version {
            return self.meet(&product);
        }
        let request =
            UpdateProduct { id: before.id, version: before.version, content: product.clone() };
        match self.app.deps.products.update(&self.ctx, request).await {
            Ok(saved) => Ok(Outcome::Saved(saved.id)),
            Err(Error::Stale(_)) => {
                self.before = Some(content(&self.app, &self.ctx, before.id).await?);
                self.meet(&product)
            }
            Err(e) => self.refused(e),
        }
    }

    fn product(&self, status: ProductStatus) -> Result<NewProduct, Errors> {
        let around = Around {
            currency: self.visit.tenant.currency,
            before: self.before.as_ref(),
            status,
            words: self.words(),
        };
        build(&self.form, around)
    }

    async fn add(&mut self, product: NewProduct) -> Result<Outcome, Failure> {
        match self.app.deps.products.create(&self.ctx, product).await {
            Ok(made) => Ok(Outcome::Saved(made.id)),
            Err(e) => self.refused(e),
        }
    }

    /// Adds the brand and the category that were typed. Says whether that went well.
    async fn add_groups(&mut self) -> Result<bool, Failure> {
        let w = self.words();
        let name = self.form.new_brand.clone();
        if !name.is_empty() {
            let known = self.lists.iter().flat_map(|l| &l.brands).find(|b| b.name == name);
            let brand = match known {
                Some(brand) => Ok(brand.clone()),
                None => self.app.deps.products.create_brand(&self.ctx, NewBrand { name }).await,
            };
            match brand {
                Ok(brand) => {
                    self.form.brand = brand.id.to_string();
                    self.form.new_brand.clear();
                    if let Some(lists) = &mut self.lists {
                        lists.brands.retain(|b| b.id != brand.id);
                        lists.brands.push(brand);
                    }
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
                    if let Some(lists) = &mut self.lists {
                        lists.categories.push((category, 0));
                    }
                }
                Err(e) => self.group_refused("new_category", e)?,
            }
        }
        if !self.problems.is_empty() {
            // what was added is to be chosen from when the form is shown again
            self.lists = Some(lists(&self.app, &self.ctx).await?);
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
    fn meet(&mut self, typed: &NewProduct) -> Result<Outcome, Failure> {
        let (Some(current), Some(lists)) = (&self.before, &self.lists) else {
            return Err(Fault::bug("a new product was changed by others").into());
        };
        let names = |part: Part, product: &NewProduct| match part {
            Part::Brand => {
                let brand = lists.brands.iter().find(|b| Some(b.id) == product.brand_id);
                brand.map(|b| b.name.clone())
            }
            Part::Categories => {
                let is_in =
                    |c: &&(product_api::Category, usize)| product.category_ids.contains(&c.0.id);
                let names = lists.categories.iter().filter(is_in);
                let names: Vec<&str> =
                    names.map(|c| c.0.name.get(&self.visit.reader.locale)).collect();
                Some(names.join(", "))
            }
            _ => None,
        };
        let merged = merge(&mut self.form, typed, current, self.visit.tenant.currency, &names);
        Ok(Outcome::Shown(StatusCode::CONFLICT, Some(merged)))
    }

    /// The catalogue did not take the product.
    fn refused(&mut self, e: Error) -> Result<Outcome, Failure> {
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
                    add_place(&mut self.problems, &field.pointer, &field.detail, w);
                }
                if self.problems.is_empty() {
                    self.problems.add("", fault.message);
                }
            }
            other => return Err(other.into()),
        }
        Ok(Outcome::Shown(status, None))
    }
}
