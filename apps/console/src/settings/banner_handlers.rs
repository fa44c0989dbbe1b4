//! Adds, changes, moves and removes banners. They have no ids: a place counts in the version that the
//! form was made of, and the service refuses a change of any other.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use rpc::Fault;
use tenant_api::{BANNERS_MAX, Banner, TenantInfo, UpdateTenant};
use ui::Errors;

use super::Words;
use super::banner::{BannerPage, render_banner};
use super::forms::BannerForm;
use super::handlers::refused;
use super::page::Problem;
use super::routes::{Done, Route};
use super::save::{Picture, Refusal, current, keep_picture, save};
use crate::App;
use crate::nav::Section;
use crate::web::upload::Upload;
use crate::web::{Answer, Failure, Form, Visit, page, redirect};

pub(crate) async fn new(State(app): State<App>, visit: Visit) -> Answer {
    let tenant = current(&app, &visit).await?;
    let form = BannerForm::of(None, &tenant.locales);
    Ok(page(StatusCode::OK, render_banner(&fresh(&visit, None, &tenant, form))))
}

pub(crate) async fn edit(State(app): State<App>, visit: Visit, Path(at): Path<String>) -> Answer {
    let tenant = current(&app, &visit).await?;
    let at = place(&at)?;
    let banner = tenant.banners.get(at - 1).ok_or_else(Failure::not_found)?;
    let form = BannerForm::of(Some(banner), &tenant.locales);
    Ok(page(StatusCode::OK, render_banner(&fresh(&visit, Some(at), &tenant, form))))
}

/// The page before anything was tried.
fn fresh(visit: &Visit, at: Option<usize>, tenant: &TenantInfo, form: BannerForm) -> BannerPage {
    BannerPage {
        shell: visit.shell(Some(Section::Settings)),
        at,
        version: tenant.version,
        form,
        errors: Errors::default(),
        problem: None,
        now: None,
    }
}

pub(crate) async fn add(State(app): State<App>, visit: Visit, upload: Upload) -> Answer {
    put(&app, &visit, None, upload).await
}

pub(crate) async fn replace(
    State(app): State<App>,
    visit: Visit,
    Path(at): Path<String>,
    upload: Upload,
) -> Answer {
    put(&app, &visit, Some(place(&at)?), upload).await
}

/// Saves a banner at its place, or after all others.
async fn put(app: &App, visit: &Visit, at: Option<usize>, mut upload: Upload) -> Answer {
    let w = Words::of(visit.reader.lang);
    let version = upload.fields.required("version")?;
    let tenant = current(app, visit).await?;
    let old = at.and_then(|at| tenant.banners.get(at - 1));
    let mut form = BannerForm::of(old, &tenant.locales).typed(&upload.fields);
    let mut errors = Errors::default();
    match keep_picture(app, visit, &mut upload).await? {
        Picture::None => {}
        Picture::Kept(url) => form.image = url,
        Picture::Refused(why) => errors.add("picture", why),
    }
    let banner = form.banner();
    if banner.is_none() {
        errors.add(form.title.first_field("title"), w.bad_title);
    }
    let refusal = match banner.filter(|_| errors.is_empty()) {
        None => Refusal::of_input(tenant, version, errors, w),
        Some(banner) => {
            let banners = with(&tenant.banners, at, banner);
            if banners.len() > BANNERS_MAX {
                let problem = Problem::Told(w.banners_full.to_owned());
                Refusal { status: StatusCode::CONFLICT, tenant, errors, problem }
            } else {
                let update = UpdateTenant { banners: Some(banners), ..UpdateTenant::of(version) };
                match save(app, visit, tenant, update).await? {
                    None => return redirect(Route::Settings { done: Some(Done::Saved) }),
                    Some(refusal) => refusal,
                }
            }
        }
    };
    Ok(show_refused(visit, at, refusal, form))
}

/// The banners with one put in. A place that is no more is one after all others: then the settings are
/// not those that the form was made of, and the service refuses.
fn with(banners: &[Banner], at: Option<usize>, banner: Banner) -> Vec<Banner> {
    let mut banners = banners.to_vec();
    match at.and_then(|at| banners.get_mut(at - 1)) {
        Some(place) => *place = banner,
        None => banners.push(banner),
    }
    banners
}

/// What was typed, to be sent again. After somebody else's change it says what would be replaced now.
fn show_refused(
    visit: &Visit,
    at: Option<usize>,
    refusal: Refusal,
    form: BannerForm,
) -> axum::response::Response {
    let Refusal { status, tenant, errors, problem } = refusal;
    let is_stale = problem == Problem::Stale;
    let there = at.and_then(|at| tenant.banners.get(at - 1));
    let now = there.filter(|_| is_stale).map(|b| b.title.get(&visit.reader.locale).to_owned());
    let shown = BannerPage {
        // without a banner at its place any more, it would be a new one
        at: at.filter(|_| there.is_some() || !is_stale),
        errors,
        problem: Some(problem),
        now,
        ..fresh(visit, at, &tenant, form)
    };
    page(status, render_banner(&shown))
}

pub(crate) async fn shift(
    State(app): State<App>,
    visit: Visit,
    Path(at): Path<String>,
    Form(form): Form,
) -> Answer {
    let from = place(&at)?;
    let to = match form.text("to") {
        "earlier" => from.checked_sub(1).filter(|to| *to > 0),
        "later" => Some(from + 1),
        _ => None,
    };
    let to = to.ok_or_else(|| Failure::bad_request("there is no such place"))?;
    let version = form.required("version")?;
    let tenant = current(&app, &visit).await?;
    let mut banners = tenant.banners.clone();
    if from.max(to) <= banners.len() {
        banners.swap(from - 1, to - 1);
    } else if version == tenant.version {
        return Err(Failure::not_found());
    }
    change(&app, &visit, tenant, version, banners, Done::Saved).await
}

pub(crate) async fn remove(
    State(app): State<App>,
    visit: Visit,
    Path(at): Path<String>,
    Form(form): Form,
) -> Answer {
    let at = place(&at)?;
    let version = form.required("version")?;
    let tenant = current(&app, &visit).await?;
    let mut banners = tenant.banners.clone();
    if at <= banners.len() {
        banners.remove(at - 1);
    } else if version == tenant.version {
        return Err(Failure::not_found());
    }
    change(&app, &visit, tenant, version, banners, Done::BannerRemoved).await
}

/// Saves the banners; there is nothing typed that could be kept.
async fn change(
    app: &App,
    visit: &Visit,
    tenant: TenantInfo,
    version: i64,
    banners: Vec<Banner>,
    done: Done,
) -> Answer {
    let update = UpdateTenant { banners: Some(banners), ..UpdateTenant::of(version) };
    match save(app, visit, tenant, update).await? {
        None => redirect(Route::Settings { done: Some(done) }),
        Some(refusal) => refused(visit, refusal, |_| {}),
    }
}

/// A place in an address, from 1.
fn place(at: &str) -> Result<usize, Failure> {
    let at = at.parse().ok().filter(|at| (1..=BANNERS_MAX).contains(at));
    at.ok_or_else(|| Fault::not_found("this banner").into())
}
