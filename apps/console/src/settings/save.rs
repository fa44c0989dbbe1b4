//! Saves changes of settings, and finds words for what is refused. A picture is kept before the change
//! that names it; one that nothing names does no harm.

use axum::http::StatusCode;
use kit::{ErrorCode, FieldError};
use product_api::PutImage;
use rpc::ServiceError as _;
use tenant_api::{Error, Get, TenantInfo, UpdateTenant};
use ui::Errors;

use super::Words;
use super::page::Problem;
use crate::App;
use crate::web::upload::Upload;
use crate::web::{Failure, Visit};

/// Why nothing was saved.
pub(super) struct Refusal {
    /// The answer's status.
    pub(super) status: StatusCode,
    /// The shop as it is.
    pub(super) tenant: TenantInfo,
    /// What is wrong, by field.
    pub(super) errors: Errors,
    /// A word about the whole.
    pub(super) problem: Problem,
}

impl Refusal {
    /// Something that was typed is wrong. When it was based on another version than the shop's, that is
    /// said first: the form goes on from the current one, which its sender has not seen.
    pub(super) fn of_input(tenant: TenantInfo, version: i64, errors: Errors, w: &Words) -> Self {
        let (status, problem) = if version == tenant.version {
            (StatusCode::UNPROCESSABLE_ENTITY, Problem::Told(w.look_below.to_owned()))
        } else {
            (StatusCode::PRECONDITION_FAILED, Problem::Stale)
        };
        Self { status, tenant, errors, problem }
    }
}

/// The shop as it is now; pages show what may be some seconds old.
pub(super) async fn current(app: &App, visit: &Visit) -> Result<TenantInfo, Failure> {
    Ok(app.deps.tenant.get(&visit.ctx, Get {}).await?)
}

/// Saves a change of the shop; `tenant` is what it was made of. `None` when it is saved.
pub(super) async fn save(
    app: &App,
    visit: &Visit,
    tenant: TenantInfo,
    update: UpdateTenant,
) -> Result<Option<Refusal>, Failure> {
    let w = Words::of(visit.reader.lang);
    let version = update.version;
    let error = match app.deps.tenant.update(&visit.ctx, update).await {
        Ok(_) => return Ok(None),
        Err(error) => error,
    };
    if let Error::Stale(_) = error {
        return Ok(Some(Refusal {
            status: StatusCode::PRECONDITION_FAILED,
            tenant: current(app, visit).await?,
            errors: Errors::default(),
            problem: Problem::Stale,
        }));
    }
    let fault = error.into_fault();
    let mut errors = Errors::default();
    let is_input = fault.code == ErrorCode::Invalid && !fault.fields.is_empty();
    if !is_input || !fault.fields.iter().all(|f| explain(f, &mut errors, w)) {
        return Err(fault.into());
    }
    Ok(Some(Refusal::of_input(tenant, version, errors, w)))
}

/// Says at the form's field what the service says of its own; `false` when no form has the field.
fn explain(field: &FieldError, errors: &mut Errors, w: &Words) -> bool {
    let parts: Vec<&str> = field.pointer.split('/').skip(1).collect();
    let (name, what) = match *parts.as_slice() {
        ["name", locale] => (format!("name_{locale}"), w.bad_name),
        ["theme", colour @ ("primary" | "accent" | "background")] => {
            (colour.to_owned(), w.bad_colour)
        }
        ["theme", "tagline"] => ("tagline".to_owned(), w.bad_tagline),
        ["theme", "logo"] => ("logo".to_owned(), w.bad_picture),
        ["theme", font @ ("heading_font" | "body_font")] => (font.to_owned(), w.bad_fonts),
        ["shipping_fee"] => ("shipping_fee".to_owned(), w.bad_fee),
        ["banners", _, "title", locale] => (format!("title_{locale}"), w.bad_title),
        ["banners", _, "text", locale] => (format!("text_{locale}"), w.bad_text),
        ["banners", _, "image"] => ("image".to_owned(), w.bad_picture),
        ["banners", _, "link"] => ("link".to_owned(), w.bad_link),
        _ => return false,
    };
    errors.add(name, what);
    true
}

/// What became of the picture of a form.
pub(super) enum Picture {
    /// None was sent.
    None,
    /// It is kept at this address.
    Kept(String),
    /// It is not kept, and why.
    Refused(&'static str),
}

/// Keeps the picture of a form, if there is one.
pub(super) async fn keep_picture(
    app: &App,
    visit: &Visit,
    upload: &mut Upload,
) -> Result<Picture, Failure> {
    let w = Words::of(visit.reader.lang);
    let Some(file) = upload.files.pop() else { return Ok(Picture::None) };
    let Some(bytes) = file.bytes else { return Ok(Picture::Refused(w.picture_too_large)) };
    let request = PutImage { content_type: file.content_type, bytes };
    match app.deps.products.put_image(&visit.ctx, request).await {
        Ok(stored) => Ok(Picture::Kept(stored.url)),
        Err(error) => match error.code() {
            ErrorCode::Invalid | ErrorCode::UnsupportedMediaType => {
                Ok(Picture::Refused(w.bad_picture_file))
            }
            ErrorCode::TooLarge => Ok(Picture::Refused(w.picture_too_large)),
            _ => Err(error.into()),
        },
    }
}
