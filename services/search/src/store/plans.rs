//! Every list is led by an index: the engine's own account of how it would run the statements.

use kit::{Limit, Timestamp};
use rusqlite::Connection;
use sea_query::{SelectStatement, SqliteQueryBuilder};
use search_api::{FindOrders, FindProducts, OrderStats, ProductSort, ProductState};
use shard::Engine;
use shard::dialect::render;

use super::{MIGRATIONS, find, orders};
use crate::model::wanted::{Wanted, WantedOrders};

fn plan(statement: &SelectStatement) -> String {
    let connection = Connection::open_in_memory().unwrap();
    for migration in MIGRATIONS.common {
        connection.execute_batch(&render(migration.sql, Engine::Sqlite, "").unwrap()).unwrap();
    }
    let sql = format!("EXPLAIN QUERY PLAN {}", statement.to_string(SqliteQueryBuilder));
    let mut explain = connection.prepare(&sql).unwrap();
    let lines = explain.query_map([], |row| row.get::<_, String>("detail")).unwrap();
    lines.collect::<Result<Vec<_>, _>>().unwrap().join("\n")
}

fn wanted(req: FindProducts) -> Wanted {
    Wanted::of(&req, Some(ProductState::OnSale)).unwrap()
}

fn text(text: &str) -> FindProducts {
    FindProducts { text: text.to_owned(), ..FindProducts::default() }
}

#[test]
fn no_list_of_products_reads_a_whole_table() {
    let tenant = testkit::tenant("flora");
    let category = Some(types::CategoryId::from_i64(1).unwrap());
    let choice = || search_api::FacetChoice { name: "a".to_owned(), value: "b".to_owned() };
    for req in [
        text(""),
        text("玫瑰"),
        text("red rose"),
        FindProducts { category_id: category, ..text("") },
        FindProducts { facets: vec![choice()], ..text("rose") },
    ] {
        let wanted = wanted(req);
        for statement in [
            find::facts_statement(&tenant, &wanted).unwrap(),
            find::page_statement(&tenant, &wanted).unwrap(),
        ] {
            let plan = plan(&statement);
            assert!(!plan.contains("SCAN"), "{plan}");
            for line in plan.lines().filter(|l| l.contains("terms") || l.contains(" t0 ")) {
                assert!(line.contains("term"), "by its word, not by product: {plan}");
                assert!(!line.contains("by_product"), "by its word, not by product: {plan}");
            }
        }
    }
}

#[test]
fn lists_follow_their_order_without_sorting() {
    let tenant = testkit::tenant("flora");
    for (sort, index) in [
        (ProductSort::Newest, "products_by_status (tenant=? AND status=?)"),
        (ProductSort::PriceUp, "products_by_price (tenant=? AND status=?)"),
        (ProductSort::PriceDown, "products_by_price (tenant=? AND status=?)"),
    ] {
        let wanted = wanted(FindProducts { sort, ..text("") });
        let plan = plan(&find::page_statement(&tenant, &wanted).unwrap());
        assert!(plan.contains(index), "{plan}");
        let whole = plan.contains("USE TEMP B-TREE FOR ORDER BY");
        assert!(!whole, "{plan}");
    }
    let list = |req: FindOrders| {
        plan(&orders::orders_statement(&tenant, &WantedOrders::of(&req).unwrap()))
    };
    let all = FindOrders { limit: Limit::default(), ..FindOrders::default() };
    let paid = FindOrders { status: Some("PAID".to_owned()), ..all.clone() };
    let member = types::MemberId::from_i64(1).ok();
    for (plan, index) in [
        (list(all.clone()), "orders_by_time (tenant=?"),
        (list(paid), "orders_by_status (tenant=? AND status=?"),
        (
            list(FindOrders { member_id: member, ..all }),
            "orders_by_member (tenant=? AND member_id=?",
        ),
    ] {
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[test]
fn words_lead_to_orders_in_the_order_of_the_list() {
    let tenant = testkit::tenant("flora");
    let plan = |text: &str, status: Option<&str>| {
        let (text, status) = (text.to_owned(), status.map(str::to_owned));
        let req = FindOrders { text, status, ..FindOrders::default() };
        let wanted = WantedOrders::of(&req).unwrap();
        plan(&orders::ids_statement(&tenant, &wanted, wanted.words.as_ref().unwrap()))
    };
    let first = |plan: &str| plan.lines().next().unwrap_or_default().to_owned();
    for text in ["玫瑰", "玫瑰花", "red 玫瑰", "玫瑰 red"] {
        let plan = plan(text, Some("PAID"));
        assert!(first(&plan).starts_with("SEARCH order_terms"), "{plan}");
        assert!(first(&plan).contains("(tenant=? AND term=?)"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
    let begins = plan("smith", None);
    assert!(first(&begins).contains("(tenant=? AND term>? AND term<?)"), "{begins}");
}

#[test]
fn figures_read_the_orders_of_their_time_only() {
    let tenant = testkit::tenant("flora");
    let time = OrderStats { from: Timestamp::from_micros(1), to: Timestamp::from_micros(2) };
    let hours = plan(&orders::by_hour_statement(&tenant, time));
    assert!(
        hours.contains("orders_by_time (tenant=? AND created_at>? AND created_at<?)"),
        "{hours}"
    );
    let running = plan(&orders::running_statement(&tenant));
    assert!(running.contains("orders_running (tenant=? AND is_final=?)"), "{running}");
}
