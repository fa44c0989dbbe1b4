//! Asks for flows, and publishes them.

use ::web::frame::{log, status_of};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use flow::Document;
use kit::{ErrorCode, FieldError};
use order_api::{Error, FlowDocument, FlowInfo, GetFlow, ListFlows, PublishFlow};
use rpc::ServiceError as _;
use serde_json::Value;

use super::diagram::Chart;
use super::diff::Diff;
use super::edit::{DIFF, EditPage, Outcome, PUBLISH, render_flow_editor};
use super::json::{normal, text_of};
use super::list::{FlowRow, FlowsPage, VersionRow, render_flows};
use super::routes::Route;
use super::show::{FlowPage, render_flow};
use super::usage::{ORDER, Usage};
use super::words::{FlowLabels, Words};
use crate::App;
use crate::nav::Section;
use crate::web::{Answer, Failure, Form, Visit, page, redirect};

pub(crate) async fn list(State(app): State<App>, visit: Visit) -> Answer {
    let published = app.deps.orders.list_flows(&visit.ctx, ListFlows {}).await?;
    let usage = usage(&app, &visit, ORDER).await;
    let words = ui::Words::of(visit.reader.lang);
    let mut flows: Vec<FlowRow> = Vec::new();
    for info in published {
        let usage = usage.as_ref().filter(|_| info.code == ORDER);
        let running = usage.map(|usage| {
            let statuses = usage.statuses(info.version).into_iter();
            statuses.map(|(status, n)| (words.status(&status, ""), n)).collect()
        });
        let FlowInfo { code, version, active: is_active, published_at } = info;
        let row = VersionRow { version, is_active, published_at, running };
        match flows.iter_mut().find(|f| f.code == code) {
            Some(flow) => flow.versions.push(row),
            None => flows.push(FlowRow { code, versions: vec![row] }),
        }
    }
    for flow in &mut flows {
        flow.versions.sort_by_key(|v| std::cmp::Reverse(v.version));
    }
    let shell = visit.shell(Some(Section::Flows));
    Ok(page(StatusCode::OK, render_flows(&FlowsPage { shell, flows })))
}

pub(crate) async fn show(State(app): State<App>, visit: Visit, Path(code): Path<String>) -> Answer {
    let version = number(&visit, "version")?;
    let FlowDocument { info, document } = get(&app, &visit, &code, version).await?;
    let versions = versions(&app, &visit, &code).await?;
    let source = text_of(&document);
    let diff = match number(&visit, "against")? {
        Some(against) => {
            let other = get(&app, &visit, &code, Some(against)).await?;
            Some((against, Diff::of(&text_of(&other.document), &source)))
        }
        None => None,
    };
    let usage = usage(&app, &visit, &code).await;
    let running = usage.as_ref().map(|u| u.statuses(info.version));
    let document: Document = serde_json::from_value(document).map_err(rpc::Fault::internal)?;
    let flow = FlowPage {
        shell: visit.shell(Some(Section::Flows)),
        versions: versions.iter().map(|v| v.version).collect(),
        chart: Chart::of(&document, &FlowLabels(&visit.reader), running.as_ref()),
        running: usage.as_ref().map(|u| u.total(info.version)),
        source,
        diff,
        published: visit
            .query
            .get("published")
            .map(|_| usage.as_ref().map(|u| u.before(info.version))),
        info,
    };
    Ok(page(StatusCode::OK, render_flow(&flow)))
}

pub(crate) async fn edit(State(app): State<App>, visit: Visit, Path(code): Path<String>) -> Answer {
    let begun = get(&app, &visit, &code, number(&visit, "version")?).await?;
    // Whatever it begins with, publishing replaces the active one.
    let base = active(&versions(&app, &visit, &code).await?)?;
    let editor = EditPage {
        shell: visit.shell(Some(Section::Flows)),
        code,
        base,
        text: text_of(&begun.document),
        outcome: Outcome::Fresh,
        diff: None,
    };
    Ok(page(StatusCode::OK, render_flow_editor(&editor)))
}

/// What was sent from the editor.
struct Draft {
    code: String,
    /// The version that the editor showed as the one that it replaces.
    base: u32,
    /// What was typed.
    text: String,
}

pub(crate) async fn submit(
    State(app): State<App>,
    visit: Visit,
    Path(code): Path<String>,
    Form(form): Form,
) -> Answer {
    let text = form.raw("document").replace("\r\n", "\n");
    let draft = Draft { code, base: form.required("base")?, text };
    let wish = form.text("do");
    let (status, shown) = match deal(&app, &visit, &draft, wish).await {
        Ok(Dealt::Published(info)) => return published(info),
        Ok(Dealt::Shown { status, outcome, current, old }) => {
            let wants_diff = wish == DIFF || matches!(outcome, Outcome::Newer(_));
            let diff = wants_diff.then(|| Diff::of(&old, &normal(&draft.text)));
            // whoever has seen the difference to a version may replace it
            let base = if wants_diff { current } else { draft.base };
            (status, EditPage { base, outcome, diff, ..editor(&visit, &draft) })
        }
        // what was typed is not lost because nobody answers
        Err(Failure::Fault(fault)) if fault.code.is_retryable() => {
            log(&fault, &visit.ctx.request_id);
            (status_of(&fault), EditPage { outcome: Outcome::Busy, ..editor(&visit, &draft) })
        }
        Err(failure) => return Err(failure),
    };
    Ok(page(status, render_flow_editor(&shown)))
}

/// What one of the buttons led to.
enum Dealt {
    /// It is published.
    Published(FlowInfo),
    /// The editor is shown again.
    Shown {
        status: StatusCode,
        outcome: Outcome,
        /// The version that orders begin with now, and its document.
        current: u32,
        old: String,
    },
}

async fn deal(app: &App, visit: &Visit, draft: &Draft, wish: &str) -> Result<Dealt, Failure> {
    let versions = versions(app, visit, &draft.code).await?;
    let (current, next) = (active(&versions)?, last(&versions) + 1);
    let old = text_of(&get(app, visit, &draft.code, Some(current)).await?.document);
    let (status, outcome) = match problems(visit, draft, next) {
        Some(problems) => (StatusCode::BAD_REQUEST, Outcome::Wrong(problems)),
        None if wish == PUBLISH && draft.base != current => newer(current),
        None if wish == PUBLISH && normal(&draft.text) == old => {
            (StatusCode::OK, Outcome::NotPublished)
        }
        None if wish == PUBLISH => match publish(app, visit, draft, next).await? {
            Ok(info) => return Ok(Dealt::Published(info)),
            Err(refused) => refused,
        },
        None => check(app, visit, draft, &old, next).await?,
    };
    Ok(Dealt::Shown { status, outcome, current, old })
}

/// The editor with what was typed.
fn editor(visit: &Visit, draft: &Draft) -> EditPage {
    EditPage {
        shell: visit.shell(Some(Section::Flows)),
        code: draft.code.clone(),
        base: draft.base,
        text: draft.text.clone(),
        outcome: Outcome::Fresh,
        diff: None,
    }
}

fn newer(version: u32) -> (StatusCode, Outcome) {
    (StatusCode::CONFLICT, Outcome::Newer(version))
}

fn published(info: FlowInfo) -> Answer {
    let (code, version) = (info.code, Some(info.version));
    redirect(Route::Show { code, version, against: None, is_new: true })
}

/// What is wrong before anybody is asked.
fn problems(visit: &Visit, draft: &Draft, next: u32) -> Option<Vec<FieldError>> {
    let w = Words::of(visit.reader.lang);
    if draft.text.trim().is_empty() {
        return Some(vec![FieldError::new("", w.empty_document)]);
    }
    let value: Value = serde_json::from_str(&draft.text).ok()?;
    let is_other = |code: &Value| code.as_str().is_some_and(|c| c != draft.code);
    let mut problems = Vec::new();
    if value.get("code").is_some_and(is_other) {
        problems.push(FieldError::new("/code", w.wrong_flow));
    }
    if value.get("version").and_then(Value::as_u64).is_some_and(|v| v != u64::from(next)) {
        problems.push(FieldError::new("/version", w.version_is_given(next)));
    }
    Some(problems).filter(|p| !p.is_empty())
}

async fn check(
    app: &App,
    visit: &Visit,
    draft: &Draft,
    old: &str,
    next: u32,
) -> Result<(StatusCode, Outcome), Failure> {
    let request = PublishFlow { document: draft.text.clone(), dry_run: true };
    match app.deps.orders.publish_flow(&visit.ctx, request).await {
        Ok(_) if normal(&draft.text) == old => Ok((StatusCode::OK, Outcome::NothingNew)),
        Ok(_) => {
            let document: Option<Document> = serde_json::from_str(&draft.text).ok();
            let chart = document.map(|d| Chart::of(&d, &FlowLabels(&visit.reader), None));
            Ok((StatusCode::OK, Outcome::Fine(next, chart)))
        }
        Err(Error::BadFlow(problems)) => Ok((StatusCode::BAD_REQUEST, Outcome::Wrong(problems))),
        Err(error) => Err(error.into()),
    }
}

/// Publishes as the version after the one that the editor saw: should somebody be faster in this very
/// moment, the number is taken and nothing is published.
async fn publish(
    app: &App,
    visit: &Visit,
    draft: &Draft,
    next: u32,
) -> Result<Result<FlowInfo, (StatusCode, Outcome)>, Failure> {
    let request = PublishFlow { document: numbered(&draft.text, next), dry_run: false };
    match app.deps.orders.publish_flow(&visit.ctx, request).await {
        Ok(info) => Ok(Ok(info)),
        Err(Error::BadFlow(problems)) => {
            Ok(Err((StatusCode::BAD_REQUEST, Outcome::Wrong(problems))))
        }
        Err(Error::Fault(f)) if f.code == ErrorCode::Conflict => {
            let now = active(&versions(app, visit, &draft.code).await?)?;
            Ok(Err(newer(now)))
        }
        Err(error) => Err(error.into()),
    }
}

/// The document with the version that it is to be published as, unless it names one.
fn numbered(text: &str, version: u32) -> String {
    match serde_json::from_str::<Document>(text) {
        Ok(document) if document.version.is_none() => {
            Document { version: Some(version), ..document }.canonical()
        }
        _ => text.to_owned(),
    }
}

async fn get(
    app: &App,
    visit: &Visit,
    code: &str,
    version: Option<u32>,
) -> Result<FlowDocument, Failure> {
    let request = GetFlow { code: code.to_owned(), version };
    Ok(app.deps.orders.get_flow(&visit.ctx, request).await?)
}

/// The versions of a flow, newest first.
async fn versions(app: &App, visit: &Visit, code: &str) -> Result<Vec<FlowInfo>, Failure> {
    let all = app.deps.orders.list_flows(&visit.ctx, ListFlows {}).await?;
    let mut versions: Vec<FlowInfo> = all.into_iter().filter(|f| f.code == code).collect();
    versions.sort_by_key(|v| std::cmp::Reverse(v.version));
    Ok(versions)
}

fn active(versions: &[FlowInfo]) -> Result<u32, Failure> {
    versions.iter().find(|v| v.active).map(|v| v.version).ok_or_else(Failure::not_found)
}

fn last(versions: &[FlowInfo]) -> u32 {
    versions.iter().map(|v| v.version).max().unwrap_or(0)
}

/// How many orders run where. Flows are shown without these figures when the index does not answer.
async fn usage(app: &App, visit: &Visit, code: &str) -> Option<Usage> {
    if code != ORDER {
        return None;
    }
    match app.figures.running(&visit.ctx).await {
        Ok(counts) => Some(Usage::of(&counts)),
        Err(error) => {
            let error = error.into_fault();
            tracing::warn!(error = ?error, "running orders are not counted");
            None
        }
    }
}

/// A version in the query.
fn number(visit: &Visit, name: &str) -> Result<Option<u32>, Failure> {
    let parse = |text: &str| text.parse().map_err(|_| Failure::not_found());
    visit.query.get(name).map(parse).transpose()
}
