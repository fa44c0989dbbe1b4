//! Lists of products: all of them, what was searched for, a category's.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use maud::Markup;
use product_api::Category;
use search_api::{Facet, FacetKind};
use ui::list::field;
use ui::{ListFilter, Route, Shell};

use crate::App;
use crate::categories::Categories;
use crate::lists::{self, Found};
use crate::pages::{self, Errors, ListingPage, Place};
use crate::web::{Answer, Failure, Visit};

pub(crate) async fn products(State(app): State<App>, visit: Visit) -> Answer {
    let categories = app.categories.get(&visit.ctx).await?;
    visit.page(&app, |visit| draw(&app, visit, &categories, None)).await
}

pub(crate) async fn category(
    State(app): State<App>,
    visit: Visit,
    Path(slug): Path<String>,
) -> Answer {
    let categories = app.categories.get(&visit.ctx).await?;
    let category = categories.find(&slug).ok_or_else(Failure::not_found)?;
    visit.page(&app, |visit| draw(&app, visit, &categories, Some(category))).await
}

async fn draw(
    app: &App,
    visit: Visit,
    categories: &Categories,
    category: Option<&Category>,
) -> Result<(StatusCode, Markup), Failure> {
    let locale = &visit.reader.locale;
    let filter = ListFilter::read(visit.query.pairs(), visit.tenant.currency);
    let (found, shell) = futures::join!(
        lists::find(app, &visit, category.map(|c| c.id), &filter),
        visit.shell_with_cart(app),
    );
    let found = found?;
    let mut above = vec![(visit.words().home.to_owned(), Route::Home)];
    let place = match category {
        None => Place::Products,
        Some(category) => {
            above.extend(categories.trail(category.id, locale));
            above.pop();
            let name = category.name.get(locale).to_owned();
            Place::Category { slug: category.slug.clone(), name }
        }
    };
    if !filter.text.is_empty() {
        above.push((visit.words().all_products.to_owned(), Route::products()));
    }
    let listing = ListingPage {
        shell: Shell { search_text: filter.text.clone(), ..shell },
        below: below(categories, category, &found),
        typed: [field::PRICE_MIN, field::PRICE_MAX].map(|f| visit.query.text(f).to_owned()),
        errors: price_errors(&visit, &filter),
        place,
        above,
        filter,
        found,
    };
    let is_away = listing.found.is_away;
    let status = if is_away { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    Ok((status, pages::render_listing(&listing)))
}

/// Categories to go on to, with how many products they have, when that is known.
fn below(
    categories: &Categories,
    category: Option<&Category>,
    found: &Found,
) -> Vec<(Category, Option<u64>)> {
    let below = categories.under(category.map(|c| c.id));
    if found.total.is_none() {
        return below.into_iter().map(|c| (c, None)).collect();
    }
    let facet = found.facets.iter().find(|f| f.kind == FacetKind::Category);
    let count = |category: &Category, facet: &Facet| {
        let id = category.id.to_string();
        facet.values.iter().find(|v| v.value == id).map(|v| v.count)
    };
    let counted = |c: Category| {
        let n = facet.and_then(|f| count(&c, f))?;
        Some((c, Some(n)))
    };
    below.into_iter().filter_map(counted).collect()
}

/// What was typed as a price and is none.
fn price_errors(visit: &Visit, filter: &ListFilter) -> Errors {
    let mut errors = Errors::default();
    for (name, read) in [(field::PRICE_MIN, filter.price_min), (field::PRICE_MAX, filter.price_max)]
    {
        if visit.query.get(name).is_some() && read.is_none() {
            errors.add(name, visit.words().bad_price);
        }
    }
    errors
}
