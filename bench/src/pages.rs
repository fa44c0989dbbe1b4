//! Pages that a read of one's own orders touches: on a file those that an empty page cache has to fetch,
//! counted by the kernel; on PostgreSQL what EXPLAIN tells. The statements are the service's own, written
//! down again: how they run is what is looked at.

use anyhow::{Context as _, Result, bail, ensure};
use kit::{Id, Place, Placement};
use rusqlite::{Connection, params};
use serde::Serialize;

use crate::databases::{Databases, Server, literal};
use crate::sample::order_database;
use crate::seed::home;

/// Orders on a page of the list, and one more to know whether there is another page.
const LIMIT: u64 = 21;
const PAGE_BYTES: u64 = 4_096;

/// Pages per read, in hundredths, and how the engine runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Touched {
    /// Of the list of one's orders.
    pub list_hundredths: u64,
    /// Of one order with its lines.
    pub one_hundredths: u64,
    /// The plans.
    pub plans: Vec<String>,
    /// Whether every plan goes through an index and sorts nothing.
    pub by_index: bool,
}

/// A read to look at: a member and one of his orders.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    /// The member.
    pub member_id: i64,
    /// The order.
    pub order_id: i64,
}

/// Looks at some reads in a store whose server has stopped.
///
/// # Errors
/// When the store cannot be read, or the engine does not tell.
pub fn touched(
    databases: &Databases,
    (tenant, placement): (&str, Placement),
    reads: &[Read],
) -> Result<Touched> {
    ensure!(!reads.is_empty(), "no reads to look at");
    let (mut list, mut one) = (0, 0);
    let mut plans = Vec::new();
    for read in reads {
        let place = home(placement, read.member_id);
        ensure!(Id::from_i64(read.order_id)?.place() == place, "an order away from its home");
        let statements = statements(tenant, place, read, databases);
        let counted = match databases {
            Databases::Files(_) => on_file(databases, place, &statements, plans.is_empty())?,
            Databases::Server(server) => on_server(server, &statements, plans.is_empty())?,
        };
        list += counted.pages[0];
        one += counted.pages[1] + counted.pages[2];
        if plans.is_empty() {
            plans = counted.plans;
        }
    }
    let count = reads.len() as u64;
    Ok(Touched {
        list_hundredths: list * 100 / count,
        one_hundredths: one * 100 / count,
        by_index: plans.iter().all(|plan| is_by_index(plan)),
        plans,
    })
}

struct Counted {
    pages: [u64; 3],
    plans: Vec<String>,
}

/// The list, the order, its lines.
fn statements(tenant: &str, place: Place, read: &Read, databases: &Databases) -> [String; 3] {
    let Place { table, .. } = place;
    let (tenant, name) = (literal(tenant), order_database(place));
    let table_of = |stem: &str| {
        let table = format!("{stem}_{table:02}");
        match databases {
            Databases::Files(_) => table,
            Databases::Server(server) => server.table(&name, &table),
        }
    };
    let (orders, lines) = (table_of("orders"), table_of("order_lines"));
    let Read { member_id, order_id } = read;
    [
        format!(
            "SELECT id, status, flow_version, currency, total, title, image_url, units, created_at FROM {orders} \
             WHERE tenant = {tenant} AND member_id = {member_id} ORDER BY id DESC LIMIT {LIMIT}"
        ),
        format!("SELECT * FROM {orders} WHERE tenant = {tenant} AND id = {order_id}"),
        format!(
            "SELECT * FROM {lines} WHERE tenant = {tenant} AND order_id = {order_id} ORDER BY line_no"
        ),
    ]
}

fn on_file(
    databases: &Databases,
    place: Place,
    statements: &[String; 3],
    explain: bool,
) -> Result<Counted> {
    let conn = databases.look(&order_database(place))?;
    conn.execute_batch("PRAGMA query_only=ON; PRAGMA mmap_size=0; PRAGMA cache_size=-65536;")?;
    let (mut pages, mut plans) = ([0; 3], Vec::new());
    for (sql, pages) in statements.iter().zip(&mut pages) {
        if explain {
            plans.push(plan(&conn, sql)?);
        }
        *pages = fetched(&conn, sql)?;
    }
    Ok(Counted { pages, plans })
}

/// Pages that a statement has fetched from the file. The schema has been read before.
fn fetched(conn: &Connection, sql: &str) -> Result<u64> {
    let mut statement = conn.prepare(sql)?;
    // The cache keeps everything, and has nothing yet: every page counts once.
    conn.execute_batch("PRAGMA shrink_memory;")?;
    let (before, own) = bytes_read()?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(bytes_read()?.0.saturating_sub(before + own).div_ceil(PAGE_BYTES))
}

/// Bytes that this thread has read from files by now, and what reading this counter will add to it.
fn bytes_read() -> Result<(u64, u64)> {
    let path = "/proc/thread-self/io";
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|l| l.strip_prefix("rchar: "));
    let bytes = line.and_then(|n| n.parse().ok());
    Ok((bytes.with_context(|| format!("{path} has no rchar"))?, text.len() as u64))
}

fn plan(conn: &Connection, sql: &str) -> Result<String> {
    let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let steps = explain.query_map(params![], |r| r.get::<_, String>(3))?;
    Ok(steps.collect::<Result<Vec<_>, _>>()?.join("; "))
}

fn on_server(server: &Server, statements: &[String; 3], explain: bool) -> Result<Counted> {
    let (mut pages, mut plans) = ([0; 3], Vec::new());
    for (sql, pages) in statements.iter().zip(&mut pages) {
        let told = server.explain(sql)?;
        let told: serde_json::Value = serde_json::from_str(&told)?;
        let plan = &told[0]["Plan"];
        let count = |name: &str| plan[name].as_u64();
        let (hit, read) = (count("Shared Hit Blocks"), count("Shared Read Blocks"));
        let (Some(hit), Some(read)) = (hit, read) else { bail!("EXPLAIN tells no blocks: {told}") };
        *pages = hit + read;
        if explain {
            plans.push(nodes(plan));
        }
    }
    Ok(Counted { pages, plans })
}

/// The nodes of a plan with their indices, from the top.
fn nodes(plan: &serde_json::Value) -> String {
    let mut texts = Vec::new();
    let mut next = Some(plan);
    while let Some(node) = next {
        let kind = node["Node Type"].as_str().unwrap_or("?");
        let index = node["Index Name"].as_str().map(|i| format!(" using {i}")).unwrap_or_default();
        texts.push(format!("{kind}{index}"));
        next = node["Plans"].get(0);
    }
    texts.join(", ")
}

/// Whether a plan finds its rows by an index and needs no sort of more than they are.
fn is_by_index(plan: &str) -> bool {
    let by = ["USING INDEX", "USING COVERING INDEX", "Index Scan", "Index Only Scan"];
    let searches = by.iter().any(|way| plan.contains(way));
    let scans = plan.starts_with("SCAN") || plan.contains("; SCAN") || plan.contains("Seq Scan");
    searches && !scans && !plan.contains("TEMP B-TREE") && !plan.contains("Sort")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_scans_or_sorts_is_told_from_one_that_searches() {
        let search =
            "SEARCH orders_03 USING COVERING INDEX orders_03_listed (tenant=? AND member_id=?)";
        assert!(is_by_index(search));
        assert!(!is_by_index("SCAN orders_03"));
        assert!(!is_by_index(&format!("{search}; USE TEMP B-TREE FOR ORDER BY")));
        assert!(is_by_index("Limit, Index Scan using orders_03_listed"));
        assert!(!is_by_index("Limit, Sort, Seq Scan"));
    }

    #[test]
    fn pages_of_a_plan_are_counted_at_its_top_and_its_nodes_named() {
        let plan = serde_json::json!({ "Node Type": "Limit", "Plans": [
            { "Node Type": "Index Scan", "Index Name": "i" }] });
        assert_eq!(nodes(&plan), "Limit, Index Scan using i");
    }

    #[test]
    fn what_a_thread_reads_is_counted_and_its_own_counting_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1_u8; 10 * 4_096]).unwrap();
        let (before, own) = bytes_read().unwrap();
        let bytes = std::fs::read(file.path()).unwrap().len() as u64;
        let (after, _) = bytes_read().unwrap();
        assert_eq!(after - before - own, bytes);
    }
}
