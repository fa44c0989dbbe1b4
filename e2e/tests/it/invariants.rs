//! What must hold in the books of a platform (design §13), whatever happened to it. Each check reads
//! [`Books`] and says what it found wrong; none changes anything.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::books::{Books, Key, Line, Order, Payment, Slot, place_of};

/// The provider of cards.
const CARD: &str = "test_card";

/// Nothing is under way that moves stock, money or orders before minutes are over.
pub fn is_settled(books: &Books) -> bool {
    books.messages.iter().all(|m| !m.is_due(books.at))
        && books.reservations.values().all(|state| state != "reserved")
        && !books.payments.iter().any(|p| is_open(books, p))
        && books.refunds_open == 0
}

/// Whether a payment's outcome is still to come. An attempt that was on record when the books were cut off, and
/// that its provider has not heard of, has none: it stays pending until its grace is over, and is given up then.
/// Until then no money is booked for it, as for any other that is not captured.
fn is_open(books: &Books, payment: &Payment) -> bool {
    let is_unheard = payment.provider == CARD
        && !books.charges.contains_key(&(payment.key.0.clone(), payment.id));
    payment.state == "pending" && !is_unheard
}

/// What is still under way, for whoever waits in vain.
pub fn under_way(books: &Books) -> String {
    let due = books.messages.iter().filter(|m| m.is_due(books.at));
    let due: Vec<_> =
        due.map(|m| format!("{} {} {:?}", m.database, m.topic, m.last_error)).collect();
    let held = books.reservations.values().filter(|state| *state == "reserved").count();
    let pending = books.payments.iter().filter(|p| is_open(books, p)).count();
    format!("{held} held, {pending} pending, {} refunds, due: {due:?}", books.refunds_open)
}

/// All of it, on books that are settled.
pub fn check(books: &Books) -> Result<()> {
    stock(books).context("1: stock")?;
    money(books).context("2: money")?;
    ids(books).context("3: ids")?;
    messages(books).context("4: messages")?;
    statuses(books).context("5: statuses")?;
    tenants(books).context("6: tenants")?;
    services_agree(books).context("services agree")
}

fn stock(books: &Books) -> Result<()> {
    let mut sums: BTreeMap<&Slot, [i64; 3]> = BTreeMap::new();
    let mut came: BTreeMap<&Slot, i64> = BTreeMap::new();
    for movement in &books.stock_ledger {
        let sum = sums.entry(&movement.slot).or_default();
        for (total, by) in sum.iter_mut().zip(movement.by) {
            *total += by;
        }
        let units: i64 = movement.by.iter().sum();
        ensure!(!movement.of_order || units == 0, "an order made units of {:?}", movement.slot);
        *came.entry(&movement.slot).or_default() += units;
    }
    let mut held: BTreeMap<&Slot, [i64; 2]> = BTreeMap::new();
    for (order, slot, units) in &books.reserved_units {
        let state = books.reservations.get(order).context("units without a reservation")?;
        let [reserved, sold] = held.entry(slot).or_default();
        match state.as_str() {
            "reserved" | "bound" => *reserved += units,
            "sold" => *sold += units,
            "released" => {}
            other => bail!("a reservation is {other}"),
        }
    }
    for (slot, now) in &books.stock {
        ensure!(now.iter().all(|n| *n >= 0), "negative: {slot:?} {now:?}");
        let booked = sums.get(slot).copied().unwrap_or_default();
        ensure!(booked == *now, "{slot:?} is {now:?} and its ledger says {booked:?}");
        let initial = came.get(slot).copied().unwrap_or_default();
        ensure!(now.iter().sum::<i64>() == initial, "{slot:?} is {now:?} of {initial}");
        let [_, reserved, sold] = *now;
        let orders = held.get(slot).copied().unwrap_or_default();
        ensure!([reserved, sold] == orders, "{slot:?} is {now:?}, and orders hold {orders:?}");
    }
    Ok(())
}

fn money(books: &Books) -> Result<()> {
    let mut paying: BTreeMap<&Key, u32> = BTreeMap::new();
    for payment in &books.payments {
        let entries = books.money.get(&payment.key).map(Vec::as_slice).unwrap_or_default();
        let of_this = entries.iter().filter(|(_, id, _)| *id == payment.id);
        let booked: i64 = of_this.map(|(_, _, amount)| amount).sum();
        let captured = if payment.state == "captured" { payment.amount } else { 0 };
        let kept = captured - payment.refunded;
        ensure!(kept == booked, "payment {} keeps {kept}, booked {booked}", payment.id);
        *paying.entry(&payment.key).or_default() += u32::from(kept > 0);
        if payment.provider == CARD {
            let charge = books.charges.get(&(payment.key.0.clone(), payment.id));
            let taken = match charge {
                Some((outcome, amount, refunded)) if outcome == "captured" => amount - refunded,
                _ => 0,
            };
            ensure!(taken == kept, "the card of {} gave {taken}, not {kept}", payment.id);
        }
    }
    let known: BTreeSet<Key> = books.payments.iter().map(|p| (p.key.0.clone(), p.id)).collect();
    for charge in books.charges.keys() {
        ensure!(known.contains(charge), "a card was charged for no payment: {charge:?}");
    }
    for (key, order) in &books.orders {
        let entries = books.money.get(key).map(Vec::as_slice).unwrap_or_default();
        let booked: i64 = entries.iter().map(|(_, _, amount)| amount).sum();
        let Order { captured, refunded, paid, total, .. } = *order;
        ensure!(captured - refunded == booked, "{key:?}: {captured} - {refunded} ≠ {booked}");
        ensure!(paid == booked, "{key:?} counts {paid} and the ledger {booked}");
        ensure!(paid == 0 || paid == total, "{key:?} keeps {paid} of {total}");
        let times = paying.get(key).copied().unwrap_or_default();
        ensure!(times <= 1, "{key:?} is paid {times} times");
    }
    ensure!(books.money.keys().all(|key| books.orders.contains_key(key)), "money of no order");
    Ok(())
}

fn ids(books: &Books) -> Result<()> {
    let mut seen = BTreeSet::new();
    for ((tenant, id), order) in &books.orders {
        ensure!(seen.insert(*id), "order {id} is there twice");
        ensure!(place_of(*id)? == order.place, "order {id} lies in {}", order.place);
        let own = books.cells.get(tenant).context("a tenant has cells")?;
        ensure!(own.contains(&(order.place.db, order.place.table)), "{id} is in a foreign cell");
    }
    let payments = books.payments.iter().map(|p| (&p.key, p.id, p.place));
    let shipments = books.shipments.iter().map(|(key, id, place)| (key, *id, *place));
    for (key, id, place) in payments.chain(shipments) {
        ensure!(seen.insert(id), "id {id} is there twice");
        ensure!(place_of(id)? == place, "id {id} lies in {place}");
        let order = books.orders.get(key).with_context(|| format!("{id} is of no order"))?;
        ensure!(order.place == place, "{id} does not lie with its order");
    }
    Ok(())
}

fn messages(books: &Books) -> Result<()> {
    let mut told: BTreeMap<Key, BTreeSet<&str>> = BTreeMap::new();
    for message in &books.messages {
        ensure!(message.state != 2, "dead: {} {:?}", message.topic, message.last_error);
        if message.database.starts_with("order_") {
            let key = (message.tenant.clone(), message.aggregate);
            told.entry(key).or_default().insert(&message.topic);
        }
    }
    for key in books.orders.keys() {
        let topics = told.get(key).with_context(|| format!("{key:?} told nothing"))?;
        ensure!(topics.contains("order.created"), "{key:?} did not tell that it exists");
        for line in books.history.get(key).into_iter().flatten().skip(1) {
            for topic in transition(books, key, line)?["emit"].as_array().into_iter().flatten() {
                let topic = topic.as_str().context("a topic is a text")?;
                ensure!(topics.contains(topic), "{key:?}: {} without {topic}", line.operation);
            }
        }
    }
    Ok(())
}

/// What the order's flow says of a step; an error when it knows no such step.
fn transition<'a>(books: &'a Books, key: &Key, line: &Line) -> Result<&'a Value> {
    let flow = books.flows.get(&(key.0.clone(), line.flow_version)).context("no such flow")?;
    let operation = &flow["operations"][&line.operation];
    let all = operation.as_array().map_or(std::slice::from_ref(operation), Vec::as_slice);
    let allows = |t: &&Value| {
        let from = &t["from"];
        let named = |v: &Value| v == &Value::from(line.from.as_str());
        let leaves = named(from) || from.as_array().into_iter().flatten().any(named);
        leaves && t["to"] == line.to.as_str()
    };
    let Line { operation, from, to, .. } = line;
    all.iter().find(allows).with_context(|| format!("{key:?}: {operation} from {from} to {to}"))
}

fn statuses(books: &Books) -> Result<()> {
    for (key, order) in &books.orders {
        let history = books.history.get(key).with_context(|| format!("{key:?} has no history"))?;
        let (Some(first), Some(last)) = (history.first(), history.last()) else {
            bail!("{key:?} has an empty history");
        };
        let flow = books.flows.get(&(key.0.clone(), order.flow_version));
        let begins = &flow.context("an order has a flow")?["initStatus"];
        ensure!(first.from.is_empty() && begins == &Value::from(first.to.as_str()));
        ensure!(last.to == order.status, "{key:?} is {}, last {}", order.status, last.to);
        ensure!(order.version >= last.seq, "{key:?} has version {}", order.version);
        for (earlier, later) in history.iter().zip(history.iter().skip(1)) {
            ensure!(later.from == earlier.to && later.seq > earlier.seq, "{key:?} jumped");
            transition(books, key, later)?;
        }
        ensure!(history.iter().all(|line| line.flow_version == order.flow_version));
    }
    Ok(())
}

fn tenants(books: &Books) -> Result<()> {
    for (key, order) in &books.orders {
        let (tenant, _) = key;
        let owner = (tenant.clone(), order.member);
        ensure!(books.members.contains(&owner), "{key:?} is of somebody who is not there");
        ensure!(!order.skus.is_empty(), "{key:?} has no lines");
        for sku in &order.skus {
            ensure!(books.skus.contains(&(tenant.clone(), *sku)), "{key:?} has a foreign sku");
        }
    }
    let known = |tenant: &String| books.cells.contains_key(tenant);
    ensure!(books.stock.keys().all(|(tenant, ..)| known(tenant)), "stock of no tenant");
    ensure!(books.reservations.keys().all(|(tenant, _)| known(tenant)), "held for no tenant");
    Ok(())
}

/// Every order has what it must have in the other services, and these have nothing that no order has.
fn services_agree(books: &Books) -> Result<()> {
    for (key, order) in &books.orders {
        let (status, state) = (order.status.as_str(), books.reservations.get(key));
        let expected = match status {
            "CANCELLED" | "CLOSED" => "released",
            _ if order.captured >= order.total => "sold",
            _ => "bound",
        };
        ensure!(state.is_some_and(|s| s == expected), "{key:?} is {status}, its stock {state:?}");
        let owed =
            order.method == "card" && !matches!(status, "PENDING_PAYMENT" | "CANCELLED" | "CLOSED");
        ensure!(!owed || order.paid == order.total, "{key:?} is {status} and not paid");
        let is_off = matches!(status, "SHIPPED" | "DELIVERED" | "RECEIVED" | "COMPLETED");
        match books.fulfillments.get(key) {
            Some((shipped, [ordered, left, parcels])) => {
                ensure!(*shipped == is_off, "{key:?} is {status}, all shipped: {shipped}");
                ensure!(left == parcels && left <= ordered, "{key:?}: {left} of {ordered}");
                ensure!(!shipped || left == ordered, "{key:?} has left without all of it");
            }
            None => ensure!(
                matches!(status, "PENDING_PAYMENT" | "CANCELLED" | "CLOSED"),
                "{key:?} is {status}, and the warehouse knows nothing"
            ),
        }
        let shown = (order.status.clone(), order.version, order.paid);
        let listed = books.listed.get(key);
        ensure!(listed == Some(&shown), "{key:?} is {shown:?}, and lists say {listed:?}");
        ensure!(!books.checkouts.contains(key), "{key:?} is still a checkout");
    }
    let orders = &books.orders;
    ensure!(books.listed.keys().all(|key| orders.contains_key(key)), "a list shows no order");
    ensure!(books.fulfillments.keys().all(|key| orders.contains_key(key)), "shipped, no order");
    for (key, state) in &books.reservations {
        ensure!(state == "released" || orders.contains_key(key), "{key:?} is {state}, no order");
    }
    for (key, lines) in &books.history {
        let barred = lines.iter().all(|line| line.to.is_empty());
        ensure!(barred != orders.contains_key(key), "{key:?} has a history and no order");
    }
    Ok(())
}
