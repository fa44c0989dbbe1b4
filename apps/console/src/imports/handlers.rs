//! Takes files and decisions, and shows how an import stands.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::StatusCode;
use product_api::GetImport;
use product_api::feed::Settings;
use rpc::Fault;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::job::{Checked, Job, State as Stand};
use super::page::{BeginPage, ImportPage, Other, render_import, render_import_begin};
use super::routes::Route;
use super::{FILE_BYTES_MAX, Words, run};
use crate::App;
use crate::nav::Section;
use crate::web::upload::{brings_files, broken, open};
use crate::web::{Answer, Failure, Form, Visit, page, redirect};

/// Characters of a file's name.
const NAME_MAX: usize = 200;
/// How long the next part of a file may take: nobody keeps a shop's one import to himself by sending nothing.
const IDLE_MAX: Duration = Duration::from_secs(30);

pub(crate) async fn begin(State(app): State<App>, visit: Visit) -> Answer {
    Ok(choose(&app, &visit, StatusCode::OK, None))
}

fn choose(
    app: &App,
    visit: &Visit,
    status: StatusCode,
    problem: Option<&'static str>,
) -> axum::response::Response {
    let other = app.imports.of(&visit.ctx.tenant);
    let other = other.map(|job| Other {
        name: job.name(),
        busy: job.state().is_busy(),
        id: job.id.clone(),
    });
    let shell = visit.shell(Some(Section::Products));
    page(status, render_import_begin(&BeginPage { shell, problem, other }))
}

/// Takes a file. It goes to the disk as it comes, whatever its size; nothing of a forged form does.
pub(crate) async fn upload(State(app): State<App>, visit: Visit, request: Request) -> Answer {
    let w = Words::of(visit.reader.lang);
    if !brings_files(request.headers()) {
        Form::from_request(request, &()).await?;
        return Ok(choose(&app, &visit, StatusCode::UNPROCESSABLE_ENTITY, Some(w.choose_file)));
    }
    let mut parts = open(request).await?;
    let id = ::web::csrf::token(&app.deps.entropy)?;
    let Ok(begun) = app.imports.begin(&visit.ctx.tenant, id) else {
        return Ok(choose(&app, &visit, StatusCode::CONFLICT, Some(w.one_at_a_time)));
    };
    let file = match take(&app, &mut parts, &begun.job).await? {
        Ok(file) => file,
        Err(refusal) => {
            drop(begun);
            let (status, problem) = match refusal {
                Refusal::None => (StatusCode::UNPROCESSABLE_ENTITY, w.choose_file),
                Refusal::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, w.file_too_large),
                Refusal::Stalled => (StatusCode::REQUEST_TIMEOUT, w.upload_stalled),
            };
            return Ok(choose(&app, &visit, status, Some(problem)));
        }
    };
    let locale = visit.tenant.locales.first().cloned();
    let locale = locale.ok_or_else(|| Fault::bug("the tenant has no language"))?;
    let job = begun.keep();
    let to = Route::job(&job.id);
    run::check(&app, visit.ctx.clone(), job, file, Settings::new(visit.tenant.currency, locale));
    redirect(to)
}

/// Why no file was taken.
enum Refusal {
    None,
    TooLarge,
    Stalled,
}

async fn take(
    app: &App,
    parts: &mut Multipart,
    job: &Job,
) -> Result<Result<File, Refusal>, Failure> {
    loop {
        let Ok(next) = timeout(IDLE_MAX, parts.next_field()).await else {
            return Ok(Err(Refusal::Stalled));
        };
        let Some(field) = next.map_err(broken)? else { return Ok(Err(Refusal::None)) };
        let Some(name) = field.file_name().filter(|n| !n.is_empty()) else { continue };
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
        let name = if name.is_empty() { "products.csv".to_owned() } else { name };
        job.call(name);
        return write(app, field).await;
    }
}

async fn write(app: &App, mut field: Field<'_>) -> Result<Result<File, Refusal>, Failure> {
    let folder = app.options.uploads.clone();
    let made = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&folder)?;
        tempfile::tempfile_in(folder)
    });
    let file = made.await.map_err(Fault::internal)?.map_err(Fault::internal)?;
    let mut file = tokio::fs::File::from_std(file);
    let mut size = 0_u64;
    loop {
        let chunk = match timeout(IDLE_MAX, field.chunk()).await {
            Err(_) => return Ok(Err(Refusal::Stalled)),
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => break,
            Ok(Err(e)) if e.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                return Ok(Err(Refusal::TooLarge));
            }
            Ok(Err(e)) => return Err(broken(e)),
        };
        size = size.saturating_add(chunk.len() as u64);
        if size > FILE_BYTES_MAX {
            return Ok(Err(Refusal::TooLarge));
        }
        file.write_all(&chunk).await.map_err(Fault::internal)?;
    }
    file.flush().await.map_err(Fault::internal)?;
    Ok(Ok(file.into_std().await))
}

fn find(app: &App, visit: &Visit, id: &str) -> Option<Arc<Job>> {
    app.imports.of(&visit.ctx.tenant).filter(|job| job.id == id)
}

/// An import that this process does not know any more.
fn gone(app: &App, visit: &Visit) -> axum::response::Response {
    let w = Words::of(visit.reader.lang);
    choose(app, visit, StatusCode::NOT_FOUND, Some(w.gone))
}

pub(crate) async fn show(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Answer {
    let Some(job) = find(&app, &visit, &id) else { return Ok(gone(&app, &visit)) };
    let mut state = job.state();
    if let Stand::Done(status) = &state
        && status.stock_pending
    {
        state = Stand::Done(stock_follows(&app, &visit, &job, status.id).await?);
    }
    let shown = ImportPage {
        shell: visit.shell(Some(Section::Products)),
        id,
        name: job.name(),
        state,
        part: visit.query.text("part").parse().unwrap_or(0),
    };
    Ok(page(StatusCode::OK, render_import(&shown)))
}

/// Whether the stock of an import has arrived by now.
async fn stock_follows(
    app: &App,
    visit: &Visit,
    job: &Job,
    id: types::ImportId,
) -> Result<product_api::ImportStatus, Failure> {
    let status = app.deps.products.get_import(&visit.ctx, GetImport { id }).await?;
    job.set(Stand::Done(status.clone()));
    Ok(status)
}

pub(crate) async fn apply(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form,
) -> Answer {
    let Some(job) = find(&app, &visit, &id) else { return redirect(Route::Begin) };
    let skip = form.text("skip") == "1";
    let mut file: Option<Arc<Checked>> = None;
    job.move_on(|state| {
        let checked = match state {
            Stand::Checked(checked) | Stand::Failed { checked: Some(checked), .. } => checked,
            _ => return None,
        };
        let plan = &checked.plan;
        // whoever has not seen that something is wrong has not decided to pass over it
        if plan.fatal.is_some() || plan.good_count() == 0 || !(skip || plan.is_clean()) {
            return None;
        }
        file = Some(Arc::clone(checked));
        Some(Stand::Applying { checked: Arc::clone(checked), status: None })
    });
    if let Some(checked) = file {
        run::apply(&app, visit.ctx.clone(), job, checked, skip);
    }
    redirect(Route::job(&id))
}

pub(crate) async fn discard(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    _: Form,
) -> Answer {
    app.imports.forget(&visit.ctx.tenant, &id);
    redirect(Route::Begin)
}
