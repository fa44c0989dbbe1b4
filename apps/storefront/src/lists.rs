//! What a list shows: products that are found, with what the list can be narrowed by. When searching fails the
//! list goes on without it: its products from the catalogue, the newest first. What only searching can tell (a text,
//! a choice) is not answered by something else: the list says that searching is away.

use kit::{Cursor, ErrorCode, Limit, Page};
use product_api::{ListProducts, ProductStatus, ProductSummary};
use rpc::ServiceError as _;
use search_api::{
    Facet, FacetChoice, FindProducts, PriceRange, ProductResults, ProductSort, ProductState,
};
use types::CategoryId;
use ui::{ListFilter, ListSort};

use crate::App;
use crate::pages::Card;
use crate::web::{Failure, Visit};

/// Products on a page of a list.
const PER_PAGE: u32 = 24;

/// What a list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Found {
    pub(crate) cards: Vec<Card>,
    /// How many there are, and whether there are more; not known without searching.
    pub(crate) total: Option<(u64, bool)>,
    pub(crate) facets: Vec<Facet>,
    /// What they cost, whatever price was asked for.
    pub(crate) prices: Option<PriceRange>,
    /// How many can be ordered.
    pub(crate) in_stock: u64,
    /// How many used to cost more.
    pub(crate) reduced: u64,
    /// Where the list goes on.
    pub(crate) next: Option<Cursor>,
    /// Searching is away, and nothing else knows what belongs here.
    pub(crate) is_away: bool,
}

impl From<ProductResults> for Found {
    fn from(results: ProductResults) -> Self {
        Self {
            cards: results.items.iter().map(Card::from).collect(),
            total: Some((results.total, results.total_is_bound)),
            facets: results.facets,
            prices: results.prices,
            in_stock: results.in_stock,
            reduced: results.reduced,
            next: results.next_cursor,
            is_away: false,
        }
    }
}

/// Finds what a list shows.
pub(crate) async fn find(
    app: &App,
    visit: &Visit,
    category: Option<CategoryId>,
    filter: &ListFilter,
) -> Result<Found, Failure> {
    let mut request = request(visit, category, filter);
    loop {
        let error = match app.deps.search.find_products(&visit.ctx, request.clone()).await {
            Ok(results) => return Ok(results.into()),
            Err(error) => error,
        };
        // a cursor of another list, or one from before: the list begins anew
        if error.code() == ErrorCode::Invalid && request.cursor.take().is_some() {
            continue;
        }
        tracing::warn!(%error, "a list goes without searching");
        if !filter.text.is_empty() || filter.choices() > 0 {
            return Ok(Found { is_away: true, ..Found::default() });
        }
        return everything(app, visit, category, filter.cursor.clone()).await;
    }
}

fn request(visit: &Visit, category_id: Option<CategoryId>, filter: &ListFilter) -> FindProducts {
    let choice =
        |(name, value): &(String, String)| FacetChoice { name: name.clone(), value: value.clone() };
    FindProducts {
        text: filter.text.clone(),
        category_id,
        brand_ids: filter.brands.clone(),
        facets: filter.properties.iter().map(choice).collect(),
        price_min: filter.price_min.map(|m| m.amount()),
        price_max: filter.price_max.map(|m| m.amount()),
        in_stock: filter.in_stock,
        reduced: filter.reduced,
        status: Some(ProductState::OnSale),
        sort: match filter.sort {
            ListSort::Best => ProductSort::Relevance,
            ListSort::Newest => ProductSort::Newest,
            ListSort::PriceUp => ProductSort::PriceUp,
            ListSort::PriceDown => ProductSort::PriceDown,
        },
        locale: Some(visit.reader.locale.clone()),
        cursor: filter.cursor.clone(),
        limit: Limit::new(PER_PAGE).unwrap_or_default(),
    }
}

async fn everything(
    app: &App,
    visit: &Visit,
    category: Option<CategoryId>,
    cursor: Option<Cursor>,
) -> Result<Found, Failure> {
    let page = match newest(app, visit, category, cursor.clone(), PER_PAGE).await {
        // the cursor may be one of searching
        Err(_) if cursor.is_some() => newest(app, visit, category, None, PER_PAGE).await?,
        page => page?,
    };
    let cards = page.items.iter().map(Card::from).collect();
    Ok(Found { cards, next: page.next_cursor, ..Found::default() })
}

/// Products of the catalogue, the newest first.
pub(crate) async fn newest(
    app: &App,
    visit: &Visit,
    category_id: Option<CategoryId>,
    cursor: Option<Cursor>,
    limit: u32,
) -> Result<Page<ProductSummary>, Failure> {
    let request = ListProducts {
        channel: None,
        category_id,
        brand_id: None,
        status: Some(ProductStatus::OnSale),
        cursor,
        limit: Limit::new(limit).unwrap_or_default(),
    };
    Ok(app.deps.products.list(&visit.ctx, request).await?)
}
