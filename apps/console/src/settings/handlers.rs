//! Shows the settings and changes their parts. Every form names the version it was made of, so that
//! nobody overwrites what somebody else has just changed.

use axum::extract::State;
use axum::http::StatusCode;
use kit::Money;
use tenant_api::{TenantInfo, Theme, UpdateTenant};
use ui::Errors;

use super::Words;
use super::forms::{LookForm, SettingsForm, TextRows, filled};
use super::page::{SettingsPage, render_settings};
use super::routes::{Done, Route};
use super::save::{Picture, Refusal, current, keep_picture, save};
use crate::App;
use crate::nav::Section;
use crate::web::upload::Upload;
use crate::web::{Answer, Form, Visit, page, redirect};

pub(crate) async fn show(State(app): State<App>, visit: Visit) -> Answer {
    let tenant = current(&app, &visit).await?;
    let settings = SettingsPage {
        shell: visit.shell(Some(Section::Settings)),
        form: SettingsForm::of(&tenant),
        tenant,
        done: Done::parse(visit.query.text("done")),
        problem: None,
        errors: Errors::default(),
    };
    Ok(page(StatusCode::OK, render_settings(&settings)))
}

/// The page with what was refused. `keep` puts what was typed into the forms.
pub(super) fn refused(
    visit: &Visit,
    refusal: Refusal,
    keep: impl FnOnce(&mut SettingsForm),
) -> Answer {
    let Refusal { status, tenant, errors, problem } = refusal;
    let mut form = SettingsForm::of(&tenant);
    keep(&mut form);
    let shell = visit.shell(Some(Section::Settings));
    let settings = SettingsPage { shell, tenant, done: None, problem: Some(problem), form, errors };
    Ok(page(status, render_settings(&settings)))
}

/// Saves, and answers with the page of settings either way.
async fn finish(
    app: &App,
    visit: &Visit,
    tenant: TenantInfo,
    update: UpdateTenant,
    keep: impl FnOnce(&mut SettingsForm),
) -> Answer {
    match save(app, visit, tenant, update).await? {
        None => redirect(Route::Settings { done: Some(Done::Saved) }),
        Some(refusal) => refused(visit, refusal, keep),
    }
}

pub(crate) async fn name(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    let version = form.required("version")?;
    let tenant = current(&app, &visit).await?;
    let typed = TextRows::of(Some(&tenant.name), &tenant.locales).typed(&form, "name");
    let Some(texts) = typed.texts() else {
        let (w, mut errors) = (Words::of(visit.reader.lang), Errors::default());
        errors.add(typed.first_field("name"), w.bad_name);
        return refused(&visit, Refusal::of_input(tenant, version, errors, w), |f| f.name = typed);
    };
    let update = UpdateTenant { name: Some(texts), ..UpdateTenant::of(version) };
    finish(&app, &visit, tenant, update, |f| f.name = typed).await
}

pub(crate) async fn look(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    let version = form.required("version")?;
    let tenant = current(&app, &visit).await?;
    let typed = LookForm::read(&form);
    let theme = Some(typed.theme(&tenant.theme));
    let update = UpdateTenant { theme, ..UpdateTenant::of(version) };
    finish(&app, &visit, tenant, update, |f| f.look = typed).await
}

pub(crate) async fn logo(State(app): State<App>, visit: Visit, mut upload: Upload) -> Answer {
    let version = upload.fields.required("version")?;
    let tenant = current(&app, &visit).await?;
    let typed = upload.fields.text("logo").to_owned();
    let address = match keep_picture(&app, &visit, &mut upload).await? {
        Picture::None => typed,
        Picture::Kept(url) => url,
        Picture::Refused(why) => {
            let mut errors = Errors::default();
            errors.add("picture", why);
            let refusal = Refusal::of_input(tenant, version, errors, Words::of(visit.reader.lang));
            return refused(&visit, refusal, |f| f.logo = typed);
        }
    };
    let theme = Some(Theme { logo: filled(&address), ..tenant.theme.clone() });
    let update = UpdateTenant { theme, ..UpdateTenant::of(version) };
    finish(&app, &visit, tenant, update, |f| f.logo = address).await
}

pub(crate) async fn shipping(State(app): State<App>, visit: Visit, Form(form): Form) -> Answer {
    let version = form.required("version")?;
    let tenant = current(&app, &visit).await?;
    let typed = form.text("shipping_fee").to_owned();
    let Ok(fee) = Money::parse_major(&typed, tenant.currency) else {
        let (w, mut errors) = (Words::of(visit.reader.lang), Errors::default());
        errors.add("shipping_fee", w.bad_fee);
        return refused(&visit, Refusal::of_input(tenant, version, errors, w), |f| f.fee = typed);
    };
    let update = UpdateTenant { shipping_fee: Some(fee.amount()), ..UpdateTenant::of(version) };
    finish(&app, &visit, tenant, update, |f| f.fee = typed).await
}
