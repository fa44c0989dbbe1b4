//! Orders: what messages say of them, lists, figures.

use kit::{Currency, Money, TenantCode, Timestamp};
use rpc::Fault;
use sea_query::{
    Asterisk, Cond, Expr, ExprTrait as _, Func, InsertStatement, Order, Query, SelectStatement,
    SimpleExpr, UpdateStatement,
};
use search_api::{FlowCount, HourFigures, OrderHit, OrderStats, StatusCount};
use shard::{Row, Tx};
use types::{MemberId, OrderId};

use super::{begins_with, having, id, is_term, of_tenant};
use crate::model::order::{OrderEntry, hour_of};
use crate::model::text::Words;
use crate::model::wanted::{OrderKey, WantedOrders};

const TERMS: &str = "order_terms";
/// Words in one statement: how many texts of it a server may have to prepare.
const TERMS_TOGETHER: usize = 128;
/// Versions of flows and statuses that are counted at most.
const GROUPS_MAX: u64 = 1_000;

const COLUMNS: [&str; 15] = [
    "order_id",
    "member_id",
    "status",
    "status_label",
    "is_final",
    "flow_version",
    "payment_method",
    "title",
    "image_url",
    "units",
    "total",
    "paid",
    "currency",
    "created_at",
    "updated_at",
];

/// Keeps what is said of an order, unless something later was here already.
pub async fn put_order(tx: &Tx, tenant: &TenantCode, order: &OrderEntry) -> Result<(), Fault> {
    // A step of an order mostly finds its row. To try to write the row first would cost a round trip, and with
    // MySQL a lock of the row that is there, on which two steps at once would block one another.
    if !order.is_first && change(tx, tenant, order).await? {
        return Ok(());
    }
    if tx.insert_unique(&inserting(tenant, [order])).await? {
        return insert_terms(tx, tenant, [order]).await;
    }
    change(tx, tenant, order).await.map(|_| ())
}

/// Keeps orders of which nothing was said before. One that is there already is a failure of the transaction:
/// no engine says of several rows which was there.
pub async fn put_new_orders(
    tx: &Tx,
    tenant: &TenantCode,
    orders: &[&OrderEntry],
) -> Result<(), Fault> {
    if orders.is_empty() {
        return Ok(());
    }
    tx.exec(&inserting(tenant, orders.iter().copied())).await?;
    insert_terms(tx, tenant, orders.iter().copied()).await
}

/// Whether it was later than its row.
async fn change(tx: &Tx, tenant: &TenantCode, order: &OrderEntry) -> Result<bool, Fault> {
    Ok(tx.exec(&update_statement(tenant, order)).await? > 0)
}

fn update_statement(tenant: &TenantCode, order: &OrderEntry) -> UpdateStatement {
    Query::update()
        .table("orders")
        .value("version", order.version)
        .value("seq", order.seq)
        .value("status", order.status.as_str())
        .value("status_label", order.status_label.as_str())
        .value("is_final", order.is_final)
        .value("flow_version", i64::from(order.flow_version))
        .value("total", order.total.amount())
        .value("paid", order.paid.amount())
        .value("updated_at", order.updated_at.micros())
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("order_id").eq(order.id.get()))
        .cond_where(is_later(order))
        .to_owned()
}

/// Whether an order is later than its row: the version decides, and the number of the message among what says
/// the same version. A row of before there were versions has 0: then it is the number alone, and what was
/// read again is later.
fn is_later(order: &OrderEntry) -> Cond {
    let version = || Expr::col("version");
    if order.seq == 0 {
        return Cond::all().add(version().lt(order.version));
    }
    let higher = Cond::all().add(version().gt(0)).add(version().lt(order.version));
    let same =
        Cond::all().add(version().is_in([0, order.version])).add(Expr::col("seq").lt(order.seq));
    Cond::any().add(higher).add(same)
}

fn inserting<'a>(
    tenant: &TenantCode,
    orders: impl IntoIterator<Item = &'a OrderEntry>,
) -> InsertStatement {
    let mut insert = Query::insert();
    insert
        .into_table("orders")
        .columns(COLUMNS.into_iter().chain(["tenant", "version", "seq", "hour"]));
    for order in orders {
        insert.values_panic([
            order.id.get().into(),
            order.member_id.get().into(),
            order.status.as_str().into(),
            order.status_label.as_str().into(),
            order.is_final.into(),
            i64::from(order.flow_version).into(),
            order.payment_method.into(),
            order.title.as_str().into(),
            order.image_url.as_deref().into(),
            order.units.into(),
            order.total.amount().into(),
            order.paid.amount().into(),
            order.total.currency().code().into(),
            order.created_at.micros().into(),
            order.updated_at.micros().into(),
            tenant.as_str().into(),
            order.version.into(),
            order.seq.into(),
            hour_of(order.created_at).into(),
        ]);
    }
    insert
}

async fn insert_terms<'a>(
    tx: &Tx,
    tenant: &TenantCode,
    orders: impl IntoIterator<Item = &'a OrderEntry>,
) -> Result<(), Fault> {
    let rows = orders.into_iter().flat_map(|order| order.terms.iter().map(move |t| (order, t)));
    let rows: Vec<_> = rows.collect();
    for some in rows.chunks(TERMS_TOGETHER) {
        let mut insert = Query::insert();
        insert.into_table(TERMS).columns(["tenant", "term", "created_at", "order_id"]);
        for (order, term) in some {
            insert.values_panic([
                tenant.as_str().into(),
                term.as_str().into(),
                order.created_at.micros().into(),
                order.id.get().into(),
            ]);
        }
        tx.exec(&insert).await?;
    }
    Ok(())
}

fn orders(tenant: &TenantCode) -> SelectStatement {
    Query::select().columns(COLUMNS).from("orders").and_where(of_tenant(tenant)).to_owned()
}

/// The page without words, one more than it shows.
pub(super) fn orders_statement(tenant: &TenantCode, wanted: &WantedOrders) -> SelectStatement {
    let mut select = orders(tenant);
    narrow(&mut select, wanted);
    newest_first(&mut select, wanted);
    select
}

fn newest_first(select: &mut SelectStatement, wanted: &WantedOrders) {
    if let Some(OrderKey { created_at, id }) = wanted.after {
        let same_moment = Cond::all()
            .add(Expr::col("created_at").eq(created_at))
            .add(Expr::col("order_id").lt(id.get()));
        // The first condition says the same twice, so that the engine can begin there.
        select
            .and_where(Expr::col("created_at").lte(created_at))
            .cond_where(Cond::any().add(Expr::col("created_at").lt(created_at)).add(same_moment));
    }
    select
        .order_by("created_at", Order::Desc)
        .order_by("order_id", Order::Desc)
        .limit(u64::from(wanted.limit.get()) + 1);
}

/// Ids of the page by words, one more than it shows: one word leads, in the order of the list.
pub(super) fn ids_statement(
    tenant: &TenantCode,
    wanted: &WantedOrders,
    words: &Words,
) -> SelectStatement {
    let terms = words.rarest_first();
    let (lead, others) = match terms.split_first() {
        Some((first, others)) => (is_term(first), others),
        None => (words.prefix.as_deref().map_or_else(|| is_term(""), begins_with), &[][..]),
    };
    let mut select = having(TERMS, "order_id", tenant, lead);
    select.column("created_at").distinct();
    for term in others {
        select.and_where(Expr::exists(same_order(tenant, TERMS, "x").and_where(is_x(term)).take()));
    }
    if let Some(prefix) = words.prefix.as_deref().filter(|_| !words.all.is_empty()) {
        let keys = having(TERMS, "order_id", tenant, begins_with(prefix));
        select.and_where(Expr::col("order_id").in_subquery(keys));
    }
    let mut rest = same_order(tenant, "orders", "x");
    narrow(&mut rest, wanted);
    select.and_where(Expr::exists(rest));
    newest_first(&mut select, wanted);
    select
}

fn is_x(term: &str) -> SimpleExpr {
    Expr::col(("x", "term")).eq(term)
}

/// A row of the order that a statement about words is at.
fn same_order(tenant: &TenantCode, table: &'static str, alias: &'static str) -> SelectStatement {
    Query::select()
        .expr(Expr::val(1))
        .from_as(table, alias)
        .and_where(Expr::col((alias, "tenant")).eq(tenant.as_str()))
        .and_where(Expr::col((alias, "created_at")).equals((TERMS, "created_at")))
        .and_where(Expr::col((alias, "order_id")).equals((TERMS, "order_id")))
        .to_owned()
}

fn narrow(select: &mut SelectStatement, wanted: &WantedOrders) {
    let equal: [Option<SimpleExpr>; 3] = [
        wanted.status.as_deref().map(|s| Expr::col("status").eq(s)),
        wanted.member.map(|m| Expr::col("member_id").eq(m.get())),
        wanted.payment_method.as_deref().map(|m| Expr::col("payment_method").eq(m)),
    ];
    for condition in equal.into_iter().flatten() {
        select.and_where(condition);
    }
    if let Some(from) = wanted.from {
        select.and_where(Expr::col("created_at").gte(from.micros()));
    }
    if let Some(to) = wanted.to {
        select.and_where(Expr::col("created_at").lt(to.micros()));
    }
}

/// The order whose id was searched for, if it also is what else is wanted.
pub async fn order_by_id(
    tx: &Tx,
    tenant: &TenantCode,
    wanted: &WantedOrders,
) -> Result<Option<OrderHit>, Fault> {
    let Some(id) = wanted.id else { return Ok(None) };
    let mut select = orders(tenant);
    select.and_where(Expr::col("order_id").eq(id.get()));
    narrow(&mut select, wanted);
    tx.one(&select).await?.as_ref().map(hit).transpose()
}

/// Orders, newest first, one more than a page shows.
pub async fn find_orders(
    tx: &Tx,
    tenant: &TenantCode,
    wanted: &WantedOrders,
) -> Result<Vec<OrderHit>, Fault> {
    let Some(words) = &wanted.words else {
        return tx.all(&orders_statement(tenant, wanted)).await?.iter().map(hit).collect();
    };
    let keys = tx.all(&ids_statement(tenant, wanted, words)).await?;
    let ids: Result<Vec<i64>, Fault> = keys.iter().map(|row| row.get("order_id")).collect();
    let ids = ids?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = orders(tenant);
    select.and_where(Expr::col("order_id").is_in(ids));
    let hits: Result<Vec<_>, Fault> = tx.all(&select).await?.iter().map(hit).collect();
    let mut hits = hits?;
    hits.sort_by_key(|o| std::cmp::Reverse((o.created_at, o.id)));
    Ok(hits)
}

fn hit(row: &Row) -> Result<OrderHit, Fault> {
    let currency: Currency = row.get::<String>("currency")?.parse().map_err(Fault::internal)?;
    let money = |column: &str| Money::new(row.get(column)?, currency).map_err(Fault::internal);
    Ok(OrderHit {
        id: id(row, "order_id", OrderId)?,
        member_id: id(row, "member_id", MemberId)?,
        status: row.get("status")?,
        status_label: row.get("status_label")?,
        is_final: row.get("is_final")?,
        flow_version: row.get("flow_version")?,
        payment_method: row.get("payment_method")?,
        title: row.get("title")?,
        image_url: row.get("image_url")?,
        units: row.get("units")?,
        total: money("total")?,
        paid: money("paid")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn placed_in(tenant: &TenantCode, time: OrderStats) -> SelectStatement {
    Query::select()
        .expr_as(Func::count(Expr::col(Asterisk)), "n")
        .from("orders")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("created_at").gte(time.from.micros()))
        .and_where(Expr::col("created_at").lt(time.to.micros()))
        .to_owned()
}

pub(super) fn by_hour_statement(tenant: &TenantCode, time: OrderStats) -> SelectStatement {
    placed_in(tenant, time)
        .column("hour")
        .expr_as(Func::sum(Expr::col("paid")), "revenue")
        .group_by_col("hour")
        .order_by("hour", Order::Asc)
        .to_owned()
}

/// Orders and revenue by hour.
pub async fn by_hour(
    tx: &Tx,
    tenant: &TenantCode,
    time: OrderStats,
    currency: Currency,
) -> Result<Vec<HourFigures>, Fault> {
    let figures = |row: &Row| {
        Ok(HourFigures {
            hour: row.get::<Timestamp>("hour")?,
            orders: row.get("n")?,
            revenue: Money::new(row.get("revenue")?, currency).map_err(Fault::internal)?,
        })
    };
    tx.all(&by_hour_statement(tenant, time)).await?.iter().map(figures).collect()
}

/// Orders by where they stand, most first.
pub async fn by_status(
    tx: &Tx,
    tenant: &TenantCode,
    time: OrderStats,
) -> Result<Vec<StatusCount>, Fault> {
    let select = placed_in(tenant, time)
        .columns(["status", "status_label", "is_final"])
        .group_by_columns(["status", "status_label", "is_final"])
        .order_by_expr(Expr::col("n"), Order::Desc)
        .order_by("status", Order::Asc)
        .limit(GROUPS_MAX)
        .to_owned();
    let count = |row: &Row| {
        Ok(StatusCount {
            status: row.get("status")?,
            status_label: row.get("status_label")?,
            is_final: row.get("is_final")?,
            orders: row.get("n")?,
        })
    };
    tx.all(&select).await?.iter().map(count).collect()
}

pub(super) fn running_statement(tenant: &TenantCode) -> SelectStatement {
    Query::select()
        .columns(["flow_version", "status"])
        .expr_as(Func::max(Expr::col("status_label")), "label")
        .expr_as(Func::count(Expr::col(Asterisk)), "n")
        .from("orders")
        .and_where(of_tenant(tenant))
        .and_where(Expr::col("is_final").eq(false))
        .group_by_columns(["flow_version", "status"])
        .order_by("flow_version", Order::Desc)
        .order_by("status", Order::Asc)
        .limit(GROUPS_MAX)
        .to_owned()
}

/// Running orders by version of their flow and status.
pub async fn running(tx: &Tx, tenant: &TenantCode) -> Result<Vec<FlowCount>, Fault> {
    let count = |row: &Row| {
        Ok(FlowCount {
            flow_version: row.get("flow_version")?,
            status: row.get("status")?,
            status_label: row.get("label")?,
            orders: row.get("n")?,
        })
    };
    tx.all(&running_statement(tenant)).await?.iter().map(count).collect()
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use sea_query::SqliteQueryBuilder;
    use shard::dialect::render;
    use shard::{Engine, Migration};

    use super::*;
    use crate::store::MIGRATIONS;

    fn said(version: i64, seq: i64) -> OrderEntry {
        let money = Money::new(1, "CNY".parse().unwrap()).unwrap();
        OrderEntry {
            id: OrderId::from_i64(1).unwrap(),
            version,
            seq,
            member_id: MemberId::from_i64(7).unwrap(),
            status: "PAID".to_owned(),
            status_label: String::new(),
            is_final: false,
            flow_version: 1,
            payment_method: "card",
            title: String::new(),
            image_url: None,
            units: 1,
            total: money,
            paid: money,
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            terms: Vec::new(),
            is_first: false,
        }
    }

    #[test]
    fn a_row_of_before_there_were_versions_gets_no_older() {
        let tenant = testkit::tenant("flora");
        let taken = |migrate_after: bool, version: i64, seq: i64| {
            let connection = Connection::open_in_memory().unwrap();
            let migrate = |m: &Migration| {
                let text = render(m.sql, Engine::Sqlite, "").unwrap();
                connection.execute_batch(&text).unwrap();
            };
            let (old, new) = MIGRATIONS.common.split_at(2);
            old.iter().for_each(migrate);
            if !migrate_after {
                new.iter().for_each(migrate);
            }
            let row = "INSERT INTO orders (tenant, order_id, seq, member_id, status, status_label, \
                is_final, flow_version, payment_method, title, units, total, paid, currency, \
                hour, created_at, updated_at) \
                VALUES ('flora', 1, 5, 7, 'NEW', '', 0, 1, 'card', '', 1, 1, 1, 'CNY', 0, 0, 0)";
            connection.execute(row, []).unwrap();
            if migrate_after {
                new.iter().for_each(migrate);
            } else {
                connection.execute("UPDATE orders SET version = 4", []).unwrap();
            }
            let update = update_statement(&tenant, &said(version, seq));
            connection.execute(&update.to_string(SqliteQueryBuilder), []).unwrap() == 1
        };
        for (version, seq, over_an_old_row, over_a_row_of_version_4) in [
            (3, 4, false, false),
            (3, 6, true, false),
            (4, 5, false, false),
            (4, 6, true, true),
            (5, 6, true, true),
            (4, 0, true, false),
            (5, 0, true, true),
        ] {
            assert_eq!(taken(true, version, seq), over_an_old_row, "{version} {seq}");
            assert_eq!(taken(false, version, seq), over_a_row_of_version_4, "{version} {seq}");
        }
    }
}
