//! What a request wants, checked: limits of sizes, what its words are, which choices it makes, where its
//! page begins.

use kit::money::AMOUNT_MAX;
use kit::{Cursor, Limit, Timestamp};
use rpc::Fault;
use search_api::{
    BRANDS_MAX, CHOICES_MAX, FacetKind, FindOrders, FindProducts, OrderStats, ProductSort,
    ProductState, STATS_DAYS_MAX, TEXT_MAX,
};
use serde::{Deserialize, Serialize};
use types::{CategoryId, MemberId, OrderId, SpuId};

use super::facets::Group;
use super::text::Words;

/// The most characters of a facet's name or value, a status, a payment method.
const NAME_MAX: usize = 500;
const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;

/// A range of prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Prices {
    pub min: Option<i64>,
    pub max: Option<i64>,
}

impl Prices {
    /// Whether a price lies in it. What has none lies in no range.
    pub fn holds(self, price: Option<i64>) -> bool {
        let Some(price) = price else { return self == Self::default() };
        self.min.is_none_or(|min| min <= price) && self.max.is_none_or(|max| price <= max)
    }
}

/// The last product of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductKey {
    /// How the list is sorted; a cursor of another order is refused.
    pub sort: ProductSort,
    /// Its score or price; 0 where it is sorted by id only.
    pub rank: i64,
    pub id: SpuId,
}

/// The last order of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderKey {
    pub created_at: i64,
    pub id: OrderId,
}

/// Which products are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Everything without.
    pub words: Option<Words>,
    pub category: Option<CategoryId>,
    pub groups: Vec<Group>,
    pub price: Prices,
    pub in_stock: bool,
    pub reduced: bool,
    pub state: Option<ProductState>,
    pub sort: ProductSort,
    pub after: Option<ProductKey>,
    pub limit: Limit,
}

fn text_fits(text: &str) -> Result<(), Fault> {
    if text.chars().count() <= TEXT_MAX {
        return Ok(());
    }
    Err(Fault::invalid("text", format!("at most {TEXT_MAX} characters")))
}

fn name_fits(field: &str, text: &str) -> Result<(), Fault> {
    if (1..=NAME_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let text = format!("1 to {NAME_MAX} characters, without control characters");
    Err(Fault::invalid(field, text))
}

fn key<T: serde::de::DeserializeOwned>(cursor: Option<&Cursor>) -> Result<Option<T>, Fault> {
    cursor.map(Cursor::decode).transpose().map_err(|e| Fault::invalid("cursor", e.to_string()))
}

fn amount_fits(field: &str, amount: Option<i64>) -> Result<(), Fault> {
    match amount {
        Some(n) if !(0..=AMOUNT_MAX).contains(&n) => {
            Err(Fault::invalid(field, format!("between 0 and {AMOUNT_MAX}")))
        }
        _ => Ok(()),
    }
}

impl Wanted {
    /// What a request wants.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn of(req: &FindProducts, state: Option<ProductState>) -> Result<Self, Fault> {
        text_fits(&req.text)?;
        if req.brand_ids.len() > BRANDS_MAX {
            return Err(Fault::invalid("brand_ids", format!("at most {BRANDS_MAX}")));
        }
        if req.facets.len() > CHOICES_MAX {
            return Err(Fault::invalid("facets", format!("at most {CHOICES_MAX}")));
        }
        for choice in &req.facets {
            name_fits("facets", &choice.name)?;
            name_fits("facets", &choice.value)?;
        }
        amount_fits("price_min", req.price_min)?;
        amount_fits("price_max", req.price_max)?;
        let words = Words::of(&req.text);
        let sort = match req.sort {
            ProductSort::Relevance if words.is_none() => ProductSort::Newest,
            sort => sort,
        };
        let after: Option<ProductKey> = key(req.cursor.as_ref())?;
        if after.is_some_and(|key| key.sort != sort) {
            let text = "the cursor is of a list in another order";
            return Err(Fault::invalid("cursor", text));
        }
        Ok(Self {
            words,
            category: req.category_id,
            groups: Group::of(&req.brand_ids, &req.facets),
            price: Prices { min: req.price_min, max: req.price_max },
            in_stock: req.in_stock,
            reduced: req.reduced,
            state,
            sort,
            after,
            limit: req.limit,
        })
    }

    /// The group of a facet, if anything of it was chosen, and its place among the groups.
    pub fn group(&self, kind: FacetKind, name: &str) -> Option<(usize, &Group)> {
        self.groups.iter().enumerate().find(|(_, g)| g.kind == kind && g.name == name)
    }

    /// Whether nothing can match: a text was given that has no word.
    pub fn is_void(&self) -> bool {
        self.words.as_ref().is_some_and(Words::is_empty)
    }
}

/// Which orders are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedOrders {
    /// The text as an order's id.
    pub id: Option<OrderId>,
    /// Everything without.
    pub words: Option<Words>,
    pub status: Option<String>,
    pub member: Option<MemberId>,
    pub payment_method: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub after: Option<OrderKey>,
    pub limit: Limit,
}

impl WantedOrders {
    /// What a request wants.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn of(req: &FindOrders) -> Result<Self, Fault> {
        text_fits(&req.text)?;
        for (field, text) in [("status", &req.status), ("payment_method", &req.payment_method)] {
            if let Some(text) = text {
                name_fits(field, text)?;
            }
        }
        Ok(Self {
            id: req.text.trim().parse().ok(),
            words: Words::of(&req.text),
            status: req.status.clone(),
            member: req.member_id,
            payment_method: req.payment_method.clone(),
            from: req.from,
            to: req.to,
            after: key(req.cursor.as_ref())?,
            limit: req.limit,
        })
    }

    /// Whether nothing can match: a text was given that has no word.
    pub fn is_void(&self) -> bool {
        self.words.as_ref().is_some_and(Words::is_empty)
    }
}

/// Whether figures may be asked for.
///
/// # Errors
/// `Invalid` when the time is empty or too long.
pub fn stats_fit(req: OrderStats) -> Result<(), Fault> {
    let long = req.to.micros().saturating_sub(req.from.micros());
    if long <= 0 {
        return Err(Fault::invalid("to", "must be later than from"));
    }
    if long > DAY_MICROS * i64::from(STATS_DAYS_MAX) {
        let text = format!("at most {STATS_DAYS_MAX} days after from");
        return Err(Fault::invalid("to", text));
    }
    Ok(())
}
