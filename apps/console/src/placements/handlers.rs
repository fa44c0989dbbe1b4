//! Asks where orders lie.

use axum::extract::State;
use axum::http::StatusCode;
use kit::Id;

use super::figures::{Decoded, Evenness, cells};
use super::page::{PlacementsPage, render_placements};
use crate::App;
use crate::nav::Section;
use crate::web::{Answer, Visit, page};

pub(crate) async fn show(State(app): State<App>, visit: Visit) -> Answer {
    let counts = app.figures.cells(&visit.ctx).await?;
    // Not the remembered tenant: whoever looks here may have just grown it.
    let tenant = app.deps.tenant.get(&visit.ctx, tenant_api::Get {}).await?;
    let (placements, now) = (&tenant.placements, app.deps.clock.now());
    let cells = cells(placements, &counts, now);
    let home: Vec<i64> = cells.iter().filter(|c| c.is_home).map(|c| c.orders).collect();
    let typed = visit.query.text("id");
    let placements_page = PlacementsPage {
        shell: visit.shell(Some(Section::Placements)),
        versions: placements.versions().iter().rev().copied().collect(),
        evenness: Evenness::of(&home),
        cells,
        decoded: typed.parse::<Id>().ok().map(|id| Decoded::of(id, placements, now)),
        id: typed.to_owned(),
    };
    let is_wrong = !typed.is_empty() && placements_page.decoded.is_none();
    let status = if is_wrong { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(page(status, render_placements(&placements_page)))
}
