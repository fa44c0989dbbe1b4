//! Orders in the console: what is asked of whom, what is shown of the answers, what is kept of what was typed.

use std::sync::{Arc, Mutex};

use fulfillment_api::FulfillMock;
use kit::{Cursor, ErrorCode};
use order_api::{OrderBrief, OrderMock, OrderView};
use payment_api::PaymentMock;
use rpc::Fault;
use search_api::{OrderFigures, OrderResults, SearchMock, StatusCount};
use staff_api::Role;
use types::SkuId;
use web::testing::Browser;

use crate::orders_data::{
    self as data, cny, fulfillment, history, hit, order, order_id, parcel_id, payment_id, payments,
};
use crate::world::World;

type Log = Arc<Mutex<Vec<String>>>;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn brief(order: &OrderView, shippable: bool, payable: bool) -> OrderBrief {
    OrderBrief {
        id: order.id,
        member_id: order.member_id,
        status: order.status.clone(),
        is_final: order.is_final,
        payable,
        shippable,
        holds_stock: true,
        payment_method: order.payment_method,
        total: order.total,
        paid: order.paid,
        version: order.version,
    }
}

/// An order that can be looked at, shipped, moved and refunded; what is done is written down.
fn world(role: Role, log: &Log) -> World {
    let mut world = World::of(role);
    let acted = Arc::clone(log);
    world.orders = OrderMock::new()
        .on_get(|_, req| {
            if req.order_id == order_id() {
                Ok(order())
            } else {
                Err(Fault::not_found("this order").into())
            }
        })
        .on_brief(|ctx, _| {
            assert_eq!(ctx.actor.kind, rpc::ActorKind::System);
            Ok(vec![brief(&order(), true, false)])
        })
        .on_history(|_, _| Ok(history()))
        .on_act(move |_, req| {
            let seen = req.expected_version;
            acted
                .lock()
                .unwrap()
                .push(format!("{} {seen:?} {} {}", req.operation, req.request_id, req.note));
            match req.operation.as_str() {
                "pack" => Ok(order()),
                "cancel" => Err(order_api::Error::Stale(5)),
                _ => Err(order_api::Error::NotAllowed("the conditions do not hold".into())),
            }
        });
    world.payments = payment_mock(log);
    world.fulfillment = parcel_mock(log);
    world
}

fn payment_mock(log: &Log) -> PaymentMock {
    let (refunded, collected) = (Arc::clone(log), Arc::clone(log));
    let of = |ctx: &rpc::Ctx| ctx.idempotency.as_ref().map(|k| k.key.clone()).unwrap_or_default();
    PaymentMock::new()
        .on_for_order(|_, _| Ok(payments()))
        .on_refund(move |ctx, req| {
            if req.amount.amount() > 26_000 {
                return Err(payment_api::Error::TooMuch(cny(26_000)));
            }
            if req.reason.is_empty() {
                return Err(Fault::invalid("/reason", "1 to 500 characters").into());
            }
            let said = format!("refund {} {} {}", req.amount.amount(), req.reason, of(ctx));
            refunded.lock().unwrap().push(said);
            Ok(payments().refunds.remove(0))
        })
        .on_collect_cash(move |ctx, req| {
            let said = format!("cash {} {}", req.amount.amount(), of(ctx));
            collected.lock().unwrap().push(said);
            Ok(payments().payments.remove(1))
        })
}

fn parcel_mock(log: &Log) -> FulfillMock {
    let (shipped, tracked, arrived) = (Arc::clone(log), Arc::clone(log), Arc::clone(log));
    let sent = || fulfillment().shipments.remove(0);
    FulfillMock::new()
        .on_for_order(|_, _| Ok(fulfillment()))
        .on_ship(move |ctx, req| {
            assert_eq!(ctx.idempotency.as_ref().unwrap().key, format!("parcels-{TOKEN}"));
            let units = |l: &Vec<fulfillment_api::Units>| {
                l.iter().map(|u| (u.sku_id, u.quantity.get())).collect::<Vec<(SkuId, u32)>>()
            };
            let lines = req.lines.as_ref().map(units);
            let said = format!("ship {} {lines:?} {:?}", req.tracking_number, req.warehouse_id);
            shipped.lock().unwrap().push(said);
            match req.tracking_number.as_str() {
                "taken" => Err(fulfillment_api::Error::TrackingTaken),
                "late" => Err(fulfillment_api::Error::NotShippable("CANCELLED".into())),
                _ => Ok(sent()),
            }
        })
        .on_track(move |_, req| {
            if req.description.is_empty() {
                return Err(Fault::invalid("/description", "1 to 500 characters").into());
            }
            tracked.lock().unwrap().push(format!("track {} {}", req.location, req.description));
            Ok(sent())
        })
        .on_deliver(move |_, req| {
            arrived.lock().unwrap().push(format!("arrived {}", req.shipment_id));
            Ok(sent())
        })
}

fn desk(role: Role) -> (Browser, Log) {
    let log = Log::default();
    (world(role, &log).desk(), log)
}

fn at(rest: &str) -> String {
    format!("/console/orders/{}{rest}", order_id())
}

fn done(log: &Log) -> Vec<String> {
    log.lock().unwrap().clone()
}

#[tokio::test]
async fn an_order_shows_all_that_is_known_of_it() {
    let (mut desk, _) = desk(Role::Owner);
    let seen = desk.get(&at("")).await;
    seen.is(200)
        .shows("Paid &lt;no&gt;")
        .shows("Rose &lt;no&gt; 1")
        .shows("¥270.00")
        .shows("West Lake 1")
        .shows("visa ending in 4242")
        .shows("late &lt;no&gt;")
        .shows("S-&lt;wrong&gt;")
        .shows("sorted &lt;no&gt;")
        .shows("Where it lies");
    // the audit trail names people as far as the reader may know them
    seen.shows("The buyer").shows("The platform").shows("Ann &lt;Lee&gt;").shows("Staff 99");
    seen.shows(&format!("data-live=\"{}\"", at("/events")));
    desk.get(&at("?done=shipped")).await.shows("The parcel is on its way.");
    desk.get("/console/orders/5").await.is(404);
    desk.get("/console/orders/x").await.is(404);
    desk.get("/console/orders/5/events").await;
}

#[tokio::test]
async fn who_may_only_read_gets_no_form_that_changes_anything_but_what_the_flow_offers() {
    for (role, ships, refunds, sees_money) in [
        (Role::Owner, true, true, true),
        (Role::Operations, true, true, true),
        (Role::Warehouse, true, false, false),
        (Role::CustomerService, false, true, true),
        (Role::ReadOnly, false, false, true),
    ] {
        let (mut desk, _) = desk(role);
        let seen = desk.get(&at("")).await;
        seen.is(200);
        for (text, shown) in
            [("/parcels\"", ships), ("/refunds\"", refunds), ("visa ending in", sees_money)]
        {
            assert_eq!(seen.body.contains(text), shown, "{role:?}: {text}");
        }
    }
}

#[tokio::test]
async fn an_action_carries_the_version_that_was_seen_and_the_note() {
    let (mut desk, log) = desk(Role::Owner);
    let fields = [("version", "4"), ("operation", "pack"), ("note", " on the table ")];
    desk.post(&at("/actions"), &fields).await.leads_to(&at("?done=moved"));
    assert_eq!(done(&log), ["pack Some(4) console-operator:7-4-pack on the table"]);
}

#[tokio::test]
async fn a_stale_action_shows_the_fresh_order_and_keeps_the_note() {
    let (mut desk, _) = desk(Role::Owner);
    let fields = [("version", "3"), ("operation", "cancel"), ("note", "too <b> late")];
    let seen = desk.post(&at("/actions"), &fields).await;
    seen.is(409).shows("Somebody else has changed this order").shows("too &lt;b&gt; late");
    assert_eq!(seen.field("version"), "4", "the form is that of the order as it stands");
    let fields = [("version", "4"), ("operation", "fly"), ("note", "")];
    desk.post(&at("/actions"), &fields).await.is(409).shows("the conditions do not hold");
    desk.post(&at("/actions"), &[("operation", "pack")]).await.is(400);
}

#[tokio::test]
async fn a_parcel_takes_all_that_is_left_or_what_was_chosen() {
    let (mut desk, log) = desk(Role::Warehouse);
    let parcel =
        |number: &'static str, one: &'static str, two: &'static str, from: &'static str| {
            [
                ("key", TOKEN),
                ("carrier", "Swift"),
                ("tracking_number", number),
                ("take-1", one),
                ("take-2", two),
                ("warehouse", from),
            ]
        };
    let seen = desk.get(&at("")).await;
    assert_eq!((seen.field("take-1"), seen.field("take-2")), ("3".into(), "1".into()));
    for (fields, expected) in [
        (parcel("A", "3", "1", ""), "ship A None None"),
        (parcel("B", "2", "", ""), "ship B Some([(1, 2)]) None"),
        (parcel("C", "3", "1", "2"), "ship C None Some(2)"),
    ] {
        desk.post(&at("/parcels"), &fields).await.leads_to(&at("?done=shipped"));
        assert_eq!(done(&log).last().unwrap(), expected);
    }
}

#[tokio::test]
async fn a_parcel_that_is_refused_says_why_and_keeps_what_was_typed() {
    let (mut desk, log) = desk(Role::Warehouse);
    let typed = |number: &'static str, one: &'static str| {
        [("key", TOKEN), ("carrier", "Sw<i>ft"), ("tracking_number", number), ("take-1", one)]
    };
    for (fields, why) in [
        (typed("A", "4"), "Only 3 are left."),
        (typed("A", "two"), "A number of units."),
        (typed("A", ""), "Put at least one unit into the parcel."),
    ] {
        desk.post(&at("/parcels"), &fields).await.is(409).shows(why).shows("Sw&lt;i&gt;ft");
    }
    assert!(done(&log).is_empty(), "nothing was asked of anybody");
    let taken = desk.post(&at("/parcels"), &typed("taken", "1")).await;
    taken.is(409).shows("used for another parcel").shows("value=\"taken\"");
    let late = desk.post(&at("/parcels"), &typed("late", "1")).await;
    late.is(409).shows("cannot be shipped now");
    let no_key = [("carrier", "Swift"), ("tracking_number", "A"), ("take-1", "1")];
    desk.post(&at("/parcels"), &no_key).await.is(400);
}

#[tokio::test]
async fn parcels_are_tracked_and_arrive() {
    let (mut desk, log) = desk(Role::Warehouse);
    let parcel = format!("/parcels/{}", parcel_id());
    let tracking = at(&format!("{parcel}/tracking"));
    let fields = [("description", "sorted"), ("location", "Wuhan")];
    desk.post(&tracking, &fields).await.leads_to(&at("?done=tracked"));
    desk.post(&at(&format!("{parcel}/delivery")), &[]).await.leads_to(&at("?done=delivered"));
    assert_eq!(done(&log), ["track Wuhan sorted".to_owned(), format!("arrived {}", parcel_id())]);
    let fields = [("description", ""), ("location", "W<u>han")];
    desk.post(&tracking, &fields).await.is(409).shows("1 to 500 characters").shows("W&lt;u&gt;han");
}

#[tokio::test]
async fn money_is_given_back_in_major_units_and_once_per_form() {
    let (mut desk, log) = desk(Role::CustomerService);
    let refunds = at(&format!("/payments/{}/refunds", payment_id()));
    let typed = |amount: &'static str, reason: &'static str| {
        [("key", TOKEN), ("amount", amount), ("reason", reason)]
    };
    let seen = desk.get(&at("")).await;
    assert_eq!(seen.field("amount"), "260.00", "what is left of it is offered");
    desk.post(&refunds, &typed("12.5", "late")).await.leads_to(&at("?done=refunded"));
    assert_eq!(done(&log), [format!("refund 1250 late refunds-{TOKEN}")]);
    for (fields, why) in [
        (typed("12,50", "late"), "An amount such as 12.50."),
        (typed("-1", "late"), "An amount such as 12.50."),
        (typed("1000", "late"), "Only ¥260.00 can be refunded."),
        (typed("1", ""), "1 to 500 characters"),
    ] {
        let seen = desk.post(&refunds, &fields).await;
        seen.is(409).shows(why).shows(&format!("value=\"{}\"", fields[1].1));
    }
    assert_eq!(done(&log).len(), 1);
}

fn in_flight() -> Fault {
    Fault::new(ErrorCode::Conflict, "still at it").with_slug("idempotency_in_flight")
}

#[tokio::test]
async fn a_second_click_while_the_first_runs_leads_to_the_order_and_offers_no_second_refund() {
    let mut world = world(Role::Owner, &Log::default());
    let cash = || OrderView { payment_method: order_api::PaymentMethod::CashOnDelivery, ..order() };
    world.orders = world.orders.on_get(move |_, _| Ok(cash()));
    world.payments = PaymentMock::new()
        .on_for_order(|_, _| Ok(payments()))
        .on_refund(|_, _| Err(in_flight().into()))
        .on_collect_cash(|_, _| Err(in_flight().into()));
    world.fulfillment = FulfillMock::new()
        .on_for_order(|_, _| Ok(fulfillment()))
        .on_ship(|_, _| Err(in_flight().into()));
    let mut desk = world.desk();
    let refund = [("key", TOKEN), ("amount", "1"), ("reason", "late")];
    let parcel = [("key", TOKEN), ("carrier", "C"), ("tracking_number", "A"), ("take-1", "1")];
    let cash = [("key", TOKEN), ("amount", "27000")];
    for (rest, fields) in [
        (format!("/payments/{}/refunds", payment_id()), &refund[..]),
        ("/parcels".to_owned(), &parcel),
        ("/cash".to_owned(), &cash),
    ] {
        desk.post(&at(&rest), fields).await.leads_to(&at("?done=underway"));
    }
    desk.get(&at("?done=underway")).await.is(200).shows("is being done");
}

#[tokio::test]
async fn where_nobody_knows_whether_it_was_done_the_form_comes_back_with_its_own_key() {
    for code in [ErrorCode::Unavailable, ErrorCode::DeadlineExceeded, ErrorCode::TooManyRequests] {
        let mut world = world(Role::Owner, &Log::default());
        let away = move || Fault::new(code, "away");
        world.payments = PaymentMock::new()
            .on_for_order(|_, _| Ok(payments()))
            .on_refund(move |_, _| Err(away().into()))
            .on_collect_cash(move |_, _| Err(away().into()));
        world.fulfillment = FulfillMock::new()
            .on_for_order(|_, _| Ok(fulfillment()))
            .on_ship(move |_, _| Err(away().into()));
        world.orders = world.orders.on_act(move |_, _| Err(away().into()));
        let mut desk = world.desk();
        let act = [("version", "4"), ("operation", "pack"), ("note", "on the <t>able")];
        let seen = desk.post(&at("/actions"), &act).await;
        seen.is(code.http_status()).shows("on the &lt;t&gt;able");
        let refund = [("key", TOKEN), ("amount", "12.50"), ("reason", "la<t>e")];
        let refunds = at(&format!("/payments/{}/refunds", payment_id()));
        let seen = desk.post(&refunds, &refund).await;
        seen.is(code.http_status()).shows("Try again in a moment");
        seen.shows("value=\"12.50\"").shows("value=\"la&lt;t&gt;e\"");
        assert_eq!(seen.field("key"), TOKEN, "sent again, it is the same refund");
        let parcel =
            [("key", TOKEN), ("carrier", "C"), ("tracking_number", "A<b>"), ("take-1", "1")];
        let seen = desk.post(&at("/parcels"), &parcel).await;
        seen.is(code.http_status()).shows("value=\"A&lt;b&gt;\"");
        assert_eq!(seen.field("key"), TOKEN);
        let seen = desk.post(&at("/cash"), &[("key", TOKEN), ("amount", "27000")]).await;
        assert_eq!(seen.is(code.http_status()).field("key"), TOKEN);
    }
}

#[tokio::test]
async fn an_answer_to_a_form_stays_live_at_the_address_of_its_order() {
    let (mut desk, _) = desk(Role::Owner);
    let typed = [("key", TOKEN), ("amount", "12,50"), ("reason", "late")];
    let seen = desk.post(&at(&format!("/payments/{}/refunds", payment_id())), &typed).await;
    seen.is(409).shows(&format!("data-live=\"{}\" data-here=\"{}\"", at("/events"), at("")));
    // what came back is not replaced, and a key that is another at every look is no change
    seen.shows(" data-typed>").shows(" data-once>");
    let seen = desk.get(&at("?done=shipped")).await;
    seen.shows(&format!("data-here=\"{}\"", at("?done=shipped"))).hides("data-typed");
}

#[tokio::test]
async fn cash_is_booked_where_it_is_awaited() {
    let log = Log::default();
    let cash = || OrderView {
        payment_method: order_api::PaymentMethod::CashOnDelivery,
        paid: cny(0),
        ..order()
    };
    let mut world = world(Role::Owner, &log);
    world.orders = OrderMock::new()
        .on_get(move |_, _| Ok(cash()))
        .on_brief(move |_, _| Ok(vec![brief(&cash(), false, true)]))
        .on_history(|_, _| Ok(history()));
    let mut desk = world.desk();
    let seen = desk.get(&at("")).await;
    seen.shows("Book the cash").shows("This order cannot be shipped now.");
    let fields = [("key", TOKEN), ("amount", "27000")];
    desk.post(&at("/cash"), &fields).await.leads_to(&at("?done=collected"));
    assert_eq!(done(&log), [format!("cash 27000 cash-{TOKEN}")]);
}

#[tokio::test]
async fn what_a_service_forbids_is_forbidden() {
    let log = Log::default();
    let mut world = world(Role::ReadOnly, &log);
    world.orders = world.orders.on_act(|ctx, _| {
        ctx.require("orders:operate")?;
        Ok(order())
    });
    let fields = [("version", "4"), ("operation", "pack")];
    world.desk().post(&at("/actions"), &fields).await.is(403).shows("Not allowed");
}

#[tokio::test]
async fn where_a_whole_service_is_away_what_was_typed_and_its_key_come_back_all_the_same() {
    let act = [("version", "4"), ("operation", "pack"), ("note", "on the <t>able")];
    let refund = [("key", TOKEN), ("amount", "12.50"), ("reason", "la<t>e")];
    let parcel = [("key", TOKEN), ("carrier", "C<b>"), ("tracking_number", "A"), ("take-1", "1")];
    let cash = [("key", TOKEN), ("amount", "27000")];
    let refunds = format!("/payments/{}/refunds", payment_id());
    let forms =
        [("/actions", &act[..]), (&refunds, &refund), ("/parcels", &parcel), ("/cash", &cash)];
    for code in [ErrorCode::Unavailable, ErrorCode::DeadlineExceeded] {
        let away = move || Fault::new(code, "away");
        let mut world = world(Role::Owner, &Log::default());
        world.orders = OrderMock::new()
            .on_get(move |_, _| Err(away().into()))
            .on_brief(move |_, _| Err(away().into()))
            .on_history(move |_, _| Err(away().into()))
            .on_act(move |_, _| Err(away().into()));
        world.payments = PaymentMock::new()
            .on_for_order(move |_, _| Err(away().into()))
            .on_refund(move |_, _| Err(away().into()))
            .on_collect_cash(move |_, _| Err(away().into()));
        world.fulfillment = FulfillMock::new()
            .on_for_order(move |_, _| Err(away().into()))
            .on_ship(move |_, _| Err(away().into()));
        let mut desk = world.desk();
        for (rest, fields) in forms {
            let seen = desk.post(&at(rest), fields).await;
            seen.is(503).shows("does nothing twice");
            seen.shows(&format!("action=\"{}\"", at(rest)));
            for (name, typed) in fields {
                let escaped = typed.replace('<', "&lt;").replace('>', "&gt;");
                assert_eq!(seen.field(name), escaped, "{rest}");
            }
        }
    }
}

#[tokio::test]
async fn who_waits_for_an_answer_in_vain_has_time_left_to_be_told() {
    let log = Log::default();
    let mut world = world(Role::Owner, &log);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (acting, looking) = (Arc::clone(&asked), Arc::clone(&asked));
    world.orders = world
        .orders
        .on_get(move |ctx, _| {
            looking.lock().unwrap().push(ctx.deadline);
            Ok(order())
        })
        .on_act(move |ctx, _| {
            acting.lock().unwrap().push(ctx.deadline);
            Err(Fault::new(ErrorCode::DeadlineExceeded, "late").into())
        });
    let fields = [("version", "4"), ("operation", "pack"), ("note", "")];
    world.desk().post(&at("/actions"), &fields).await.is(504);
    let asked = asked.lock().unwrap();
    assert!(asked[0] < asked[1], "the deed ends before the request does");
}

fn list(found: fn() -> Vec<search_api::OrderHit>, log: &Log) -> World {
    let mut world = World::owner();
    let asked = Arc::clone(log);
    world.search = SearchMock::new()
        .on_find_orders(move |_, req| {
            let days = [req.from, req.to].map(|t| t.map(|t| t.to_string()[..10].to_owned()));
            let said = format!(
                "{:?} {:?} {:?} {:?} {days:?} {}",
                req.text,
                req.status,
                req.payment_method,
                req.member_id.map(types::MemberId::get),
                req.cursor.is_some(),
            );
            asked.lock().unwrap().push(said);
            let next_cursor = Some(Cursor::from("next".to_owned()));
            Ok(OrderResults { items: found(), next_cursor })
        })
        .on_order_stats(|_, _| {
            let by_status = vec![StatusCount {
                status: "PAID".into(),
                status_label: "Paid <no>".into(),
                is_final: false,
                orders: 3,
            }];
            Ok(OrderFigures { orders: 41, revenue: cny(900), by_hour: Vec::new(), by_status })
        });
    world
}

#[tokio::test]
async fn orders_are_listed_with_their_states_and_lead_to_their_pages() {
    let log = Log::default();
    let mut desk = list(|| vec![hit("PAID", false)], &log).desk();
    let seen = desk.get("/console/orders").await;
    seen.is(200)
        .shows(&format!("href=\"{}\"", at("")))
        .shows("Paid &lt;no&gt; (3)")
        .shows("Last 30 days: 41 orders")
        .shows("/console/orders?cursor=next")
        .shows("data-live=\"/console/events\"");
    assert_eq!(done(&log), ["\"\" None None None [None, None] false"]);
}

#[tokio::test]
async fn a_list_is_narrowed_by_its_address_and_keeps_that_when_it_goes_on() {
    let log = Log::default();
    let mut desk = list(|| vec![hit("PAID", false)], &log).desk();
    let narrow = "q=red%20rose&status=PAID&method=card&from=2026-03-01&to=2026-03-31&member=5";
    let seen = desk.get(&format!("/console/orders?{narrow}&cursor=abc")).await;
    seen.is(200).shows("value=\"red rose\"").shows("cursor=next").shows("Member 5");
    let next = narrow.replace('&', "&amp;");
    seen.shows(&format!("/console/orders?{next}&amp;cursor=next"));
    // the last day belongs to it
    let asked = r#""red rose" Some("PAID") Some("card") Some(5) [Some("2026-03-01"), Some("2026-04-01")] true"#;
    assert_eq!(done(&log), [asked]);
}

#[tokio::test]
async fn no_more_is_looked_for_than_the_search_takes() {
    let log = Log::default();
    let mut desk = list(Vec::new, &log).desk();
    let long = "é".repeat(search_api::TEXT_MAX + 1);
    desk.get(&format!("/console/orders?q={}", long.replace('é', "%C3%A9"))).await.is(200);
    let text = "é".repeat(search_api::TEXT_MAX);
    assert_eq!(done(&log), [format!("{text:?} None None None [None, None] false")]);
}

#[tokio::test]
async fn a_login_finds_the_orders_of_its_member() {
    let log = Log::default();
    let mut world = list(|| vec![hit("PAID", false)], &log);
    world.members = member_api::MemberMock::new().on_list(|_, req| {
        let known = req.login.as_deref() == Some("lin@flora.example");
        let member = member_api::MemberInfo {
            id: types::MemberId::from_i64(5).unwrap(),
            login: "lin@flora.example".into(),
            name: "Lin".into(),
            locale: None,
            created_at: data::AT,
        };
        let items = if known { vec![member] } else { Vec::new() };
        Ok(kit::Page { items, next_cursor: None })
    });
    let mut desk = world.desk();
    desk.get("/console/orders?q=lin%40flora.example").await.is(200).shows("lin@flora.example");
    desk.get("/console/orders?q=no%40body").await.is(200);
    let none = "None None";
    let asked = [
        format!("\"\" {none} Some(5) [None, None] false"),
        format!("\"no@body\" {none} None [None, None] false"),
    ];
    assert_eq!(done(&log), asked);
}

#[tokio::test]
async fn what_makes_no_sense_is_named_and_nothing_is_asked() {
    let log = Log::default();
    let mut desk = list(Vec::new, &log).desk();
    let seen = desk.get("/console/orders?from=31.03.2026&q=%3Cb%3E").await;
    seen.is(400).shows("A day as 2026-03-31.").shows("31.03.2026").shows("&lt;b&gt;");
    assert!(done(&log).is_empty());
    let seen = desk.get("/console/orders?q=nothing").await;
    seen.is(200).shows("No order matches.").shows("Show all");
    desk.get("/console/orders").await.is(200).shows("There are no orders yet.");
}

#[tokio::test]
async fn the_list_is_shown_without_figures_when_they_cannot_be_had() {
    let log = Log::default();
    let mut world = list(|| vec![hit("PAID", false)], &log);
    world.search =
        world.search.on_order_stats(|_, _| Err(Fault::new(ErrorCode::Unavailable, "away").into()));
    let seen = world.desk().get("/console/orders").await;
    seen.is(200).shows("Rose &lt;no&gt;").hides("Last 30 days");
    assert_eq!(data::hit("PAID", false).total, cny(27_000));
}
