//! Finding products: the page, and the facts of all that matches apart from its choices. Two statements,
//! each led by an index: by the words, by a choice, or by the order of the list.

use kit::{Currency, Money, TenantCode};
use rpc::Fault;
use sea_query::{
    Alias, Cond, Expr, ExprTrait, Func, JoinType, Order, Query, SelectStatement, SimpleExpr,
};
use search_api::{ProductHit, ProductSort, TOTAL_MAX};
use shard::{Row, Tx};
use types::SpuId;

use super::{NO_PRICE, begins_with, from_json, from_word, having, id, is_term, word};
use crate::model::entry::Card;
use crate::model::facets::{Fact, Group, category_facet};
use crate::model::text::Words;
use crate::model::wanted::{ProductKey, Wanted};

const TERMS: &str = "product_terms";

/// What matches apart from its choices.
fn matching(tenant: &TenantCode, wanted: &Wanted) -> Result<SelectStatement, Fault> {
    let mut select = Query::select()
        .from_as("products", "p")
        .and_where(Expr::col(("p", "tenant")).eq(tenant.as_str()))
        .to_owned();
    if let Some(state) = wanted.state {
        select.and_where(Expr::col(("p", "status")).eq(word(state)?));
    }
    if let Some(category) = wanted.category {
        select.and_where(has_any(tenant, [category_facet(category)]));
    }
    Ok(select)
}

/// Narrows to what has all words. The products of the first lead the search, the others are looked up for
/// each of these.
fn with_words(select: &mut SelectStatement, tenant: &TenantCode, words: &Words) {
    let terms = words.rarest_first();
    let mut terms = terms.into_iter();
    if let Some(first) = terms.next() {
        let keys = having(TERMS, "spu_id", tenant, is_term(first));
        select.and_where(Expr::col(("p", "spu_id")).in_subquery(keys));
    }
    for (n, term) in terms.enumerate() {
        join_term(select, n, term);
    }
    if let Some(prefix) = &words.prefix {
        let keys = having(TERMS, "spu_id", tenant, begins_with(prefix));
        select.and_where(Expr::col(("p", "spu_id")).in_subquery(keys));
    }
}

/// The same with the sum of what the words count.
fn with_ranked_words(
    select: &mut SelectStatement,
    tenant: &TenantCode,
    words: &Words,
) -> Option<SimpleExpr> {
    let terms = words.rarest_first();
    if let Some(first) = terms.first() {
        let keys = having(TERMS, "spu_id", tenant, is_term(first));
        select.and_where(Expr::col(("p", "spu_id")).in_subquery(keys));
    }
    let mut scores = Vec::new();
    for (n, term) in terms.into_iter().enumerate() {
        scores.push(Expr::col((join_term(select, n, term), "weight")));
    }
    if let Some(prefix) = &words.prefix {
        let mut keys = having(TERMS, "spu_id", tenant, begins_with(prefix));
        keys.expr_as(Func::max(Expr::col("weight")), "weight").group_by_col("spu_id");
        let same = Cond::all().add(Expr::col(("b", "spu_id")).equals(("p", "spu_id")));
        select.join_subquery(JoinType::InnerJoin, keys, "b", same);
        scores.push(Expr::col(("b", "weight")));
    }
    scores.into_iter().reduce(ExprTrait::add)
}

/// Looks up a word of each product; under which name.
fn join_term(select: &mut SelectStatement, n: usize, term: &str) -> Alias {
    let alias = Alias::new(format!("t{n}"));
    let same = Cond::all()
        .add(Expr::col((alias.clone(), "tenant")).equals(("p", "tenant")))
        .add(Expr::col((alias.clone(), "term")).eq(term))
        .add(Expr::col((alias.clone(), "spu_id")).equals(("p", "spu_id")));
    select.join_as(JoinType::InnerJoin, TERMS, alias.clone(), same);
    alias
}

/// Whether a product has one of some facet values.
fn has_any(tenant: &TenantCode, ids: impl IntoIterator<Item = i64>) -> SimpleExpr {
    let having = Query::select()
        .column("spu_id")
        .from("product_facets")
        .and_where(super::of_tenant(tenant))
        .and_where(Expr::col("facet_id").is_in(ids))
        .to_owned();
    Expr::col(("p", "spu_id")).in_subquery(having)
}

/// Narrows to what was chosen.
fn choose(select: &mut SelectStatement, tenant: &TenantCode, wanted: &Wanted) {
    for Group { chosen, .. } in &wanted.groups {
        select.and_where(has_any(tenant, chosen.iter().map(|(id, _)| *id)));
    }
    if let Some(min) = wanted.price.min {
        select.and_where(Expr::col(("p", "price")).gte(min));
    }
    if let Some(max) = wanted.price.max {
        select.and_where(Expr::col(("p", "price")).between(0, max));
    }
    if wanted.in_stock {
        select.and_where(Expr::col(("p", "in_stock")).eq(true));
    }
    if wanted.reduced {
        select.and_where(Expr::col(("p", "reduced")).eq(true));
    }
}

/// The facts of what matches apart from its choices, the newest first: at most [`TOTAL_MAX`].
pub(super) fn facts_statement(
    tenant: &TenantCode,
    wanted: &Wanted,
) -> Result<SelectStatement, Fault> {
    let mut select = matching(tenant, wanted)?;
    if let Some(words) = &wanted.words {
        with_words(&mut select, tenant, words);
    }
    select
        .columns([("p", "facets"), ("p", "price"), ("p", "in_stock"), ("p", "reduced")])
        .order_by(("p", "spu_id"), Order::Desc)
        .limit(TOTAL_MAX);
    Ok(select)
}

/// See [`facts_statement`].
pub async fn facts(tx: &Tx, tenant: &TenantCode, wanted: &Wanted) -> Result<Vec<Fact>, Fault> {
    let fact = |row: &Row| {
        let price: i64 = row.get("price")?;
        Ok(Fact {
            facets: row.get("facets")?,
            price: Some(price).filter(|p| *p != NO_PRICE),
            in_stock: row.get("in_stock")?,
            reduced: row.get("reduced")?,
        })
    };
    tx.all(&facts_statement(tenant, wanted)?).await?.iter().map(fact).collect()
}

/// The page, one more than it shows.
pub(super) fn page_statement(
    tenant: &TenantCode,
    wanted: &Wanted,
) -> Result<SelectStatement, Fault> {
    let mut select = matching(tenant, wanted)?;
    let score = match &wanted.words {
        Some(words) if wanted.sort == ProductSort::Relevance => {
            with_ranked_words(&mut select, tenant, words)
        }
        Some(words) => {
            with_words(&mut select, tenant, words);
            None
        }
        None => None,
    };
    select.columns([
        ("p", "spu_id"),
        ("p", "status"),
        ("p", "price"),
        ("p", "in_stock"),
        ("p", "updated_at"),
        ("p", "card"),
    ]);
    choose(&mut select, tenant, wanted);
    let price = || Expr::col(("p", "price"));
    let (rank, order) = match (wanted.sort, score) {
        (ProductSort::Relevance, Some(score)) => (Some(score), Order::Desc),
        (ProductSort::PriceUp, _) => (Some(price()), Order::Asc),
        (ProductSort::PriceDown, _) => (Some(price()), Order::Desc),
        (ProductSort::Relevance | ProductSort::Newest, _) => (None, Order::Desc),
    };
    if let Some(after) = wanted.after {
        select.cond_where(comes_after(after, rank.clone(), &order));
    }
    if let Some(rank) = rank {
        select.expr_as(rank.clone(), "list_rank").order_by_expr(rank, order);
    }
    select.order_by(("p", "spu_id"), Order::Desc).limit(u64::from(wanted.limit.get()) + 1);
    Ok(select)
}

fn comes_after(key: ProductKey, rank: Option<SimpleExpr>, order: &Order) -> Cond {
    let later = Expr::col(("p", "spu_id")).lt(key.id.get());
    let Some(rank) = rank else { return Cond::all().add(later) };
    let beyond =
        if *order == Order::Asc { rank.clone().gt(key.rank) } else { rank.clone().lt(key.rank) };
    Cond::any().add(beyond).add(Cond::all().add(rank.eq(key.rank)).add(later))
}

/// Products of a page, one more than it shows, each with the key that a next page would begin after.
pub async fn page(
    tx: &Tx,
    tenant: &TenantCode,
    wanted: &Wanted,
    currency: Currency,
) -> Result<Vec<(ProductKey, ProductHit)>, Fault> {
    let ranked = wanted.sort != ProductSort::Newest;
    let rows = tx.all(&page_statement(tenant, wanted)?).await?;
    rows.iter()
        .map(|row| {
            let hit = hit(row, currency)?;
            let rank = if ranked { row.get("list_rank")? } else { 0 };
            Ok((ProductKey { sort: wanted.sort, rank, id: hit.id }, hit))
        })
        .collect()
}

fn hit(row: &Row, currency: Currency) -> Result<ProductHit, Fault> {
    let card: Card = from_json(&row.get::<String>("card")?)?;
    let price: i64 = row.get("price")?;
    let money = |amount: Option<i64>| {
        amount.map(|n| Money::new(n, currency)).transpose().map_err(Fault::internal)
    };
    Ok(ProductHit {
        id: id(row, "spu_id", SpuId)?,
        slug: card.slug,
        title: card.title,
        image: card.image,
        price_from: money(Some(price).filter(|p| *p != NO_PRICE))?,
        compare_at: money(card.compare_at)?,
        price_varies: card.price_varies,
        in_stock: row.get("in_stock")?,
        brand: card.brand,
        status: from_word(row, "status")?,
        sku_count: card.sku_count,
        updated_at: row.get("updated_at")?,
    })
}
