//! Looking at orders and moving them.

use order_api::Error;
use payment_api::{OrderPayments, PaymentState};

use crate::data;
use crate::world::{World, brief, payment};

#[tokio::test]
async fn an_order_shows_its_lines_parcels_history_and_what_can_be_done() {
    let mut world = World::new();
    world.fulfillment = world.fulfillment.on_for_order(|_, _| Ok(data::fulfillment()));
    world.payments = world.payments.on_for_order(|_, _| {
        let refunds = vec![data::refund()];
        Ok(OrderPayments { payments: vec![], refunds, balance: data::cny(0) })
    });
    let mut member = world.member();
    let page = member.get("/orders/1234567890123").await;
    page.is(200).shows("To pay").shows("SF &amp; Sons").shows("SF-001").shows("Refunded");
    page.shows("/orders/1234567890123/actions/cancel").shows("Cancel the order").shows("Pay now");
    page.shows("data-confirm=\"Cancel this order? This cannot be taken back.\"");
    page.shows("Changed my &lt;mind&gt;").hides(">internal<").shows("All paid");
    page.shows("Left the &lt;depot&gt;").shows("Ring &lt;twice&gt;").shows("21 Nov 2025");
    let list = member.get("/orders").await;
    list.is(200).shows("/orders/1234567890123").shows("2 items").shows("¥270.00");
}

#[tokio::test]
async fn orders_are_for_members_and_a_visitor_comes_back_after_signing_in() {
    let mut visitor = World::new().visitor();
    visitor.get("/orders").await.leads_to("/sign-in?next=%2Forders");
    visitor.get("/orders/5").await.leads_to("/sign-in?next=%2Forders%2F5");
    let pay = visitor.post("/orders/5/pay", &[]).await;
    pay.leads_to("/sign-in?next=%2Forders%2F5%2Fpay");
    let act = visitor.post("/orders/5/actions/cancel", &[]).await;
    act.leads_to("/sign-in?next=%2Forders%2F5");
}

#[tokio::test]
async fn a_button_moves_the_order_once_however_often_it_is_clicked() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    for _ in 0..2 {
        let form = [("version", "2")];
        let moved = member.post("/orders/1234567890123/actions/cancel", &form).await;
        moved.leads_to("/orders/1234567890123");
    }
    assert_eq!(log.of("act"), vec!["user:77 act cancel 2 page-2-cancel"; 2]);
    member.post("/orders/1234567890123/actions/cancel", &[]).await.is(400);
}

#[tokio::test]
async fn a_move_that_comes_too_late_shows_how_the_order_stands() {
    for (error, text) in [
        (Error::Stale(3), "changed meanwhile"),
        (Error::NotAllowed("no".into()), "not possible now"),
    ] {
        let mut world = World::new();
        world.orders = world.orders.on_act(move |_, _| Err(error.clone()));
        let form = [("version", "2")];
        let page = world.member().post("/orders/1234567890123/actions/cancel", &form).await;
        page.is(409).shows(text).shows("To pay");
    }
}

#[tokio::test]
async fn a_page_reloads_itself_only_while_a_payment_is_under_way() {
    for (state, payable, reloads) in [
        (PaymentState::Pending, true, true),
        (PaymentState::Captured, true, true),
        (PaymentState::Captured, false, false),
        (PaymentState::Pending, false, false),
        (PaymentState::Declined, true, false),
        (PaymentState::Failed, true, false),
    ] {
        let mut world = World::new();
        world.orders = world.orders.on_brief(move |_, _| Ok(vec![brief(payable)]));
        world.payments = world.payments.on_for_order(move |_, _| {
            let payments = vec![payment(state)];
            Ok(OrderPayments { payments, refunds: vec![], balance: data::cny(0) })
        });
        let page = world.member().get("/orders/1234567890123").await;
        let case = format!("{state:?}, payable {payable}");
        assert_eq!(page.body.contains("http-equiv=\"refresh\""), reloads, "{case}");
        // where a script runs, the live parts do it
        assert_eq!(page.body.contains("<noscript><meta"), reloads, "{case}");
        assert_eq!(page.body.contains("Pay now"), payable && !reloads, "{case}");
    }
}

#[tokio::test]
async fn a_new_order_is_thanked_for_and_told_what_happens_next() {
    let mut member = World::new().member();
    let page = member.get("/orders/1234567890123").await;
    page.shows("Thank you for your order!").shows("Your order number is 1234567890123.");
    page.shows("This order waits for your payment.");
    let mut world = World::new();
    world.orders = world.orders.on_brief(|_, _| Ok(vec![brief(false)])).on_get(|_, _| {
        let payment_method = order_api::PaymentMethod::CashOnDelivery;
        Ok(order_api::OrderView { payment_method, ..data::order() })
    });
    let page = world.member().get("/orders/1234567890123").await;
    page.shows("Thank you").shows("You pay ¥270.00 to whoever brings it.");
    let mut world = World::new();
    world.orders = world.orders.on_brief(|_, _| Ok(vec![brief(false)])).on_get(|_, _| {
        let created_at = testkit::BEGIN.minus(std::time::Duration::from_secs(3_600));
        Ok(order_api::OrderView { created_at, paid: data::cny(27_000), ..data::order() })
    });
    let page = world.member().get("/orders/1234567890123").await;
    page.hides("Thank you").shows("The shop packs your order now");
}

#[tokio::test]
async fn parcels_are_listed_one_by_one_with_what_is_left() {
    let mut world = World::new();
    world.fulfillment = world.fulfillment.on_for_order(|_, _| {
        let mut fulfillment = data::fulfillment();
        let mut second = fulfillment.shipments[0].clone();
        second.delivered_at = None;
        fulfillment.shipments.push(second);
        let sku_id = fulfillment.shipments[0].lines[0].sku_id;
        let warehouse_id = types::WarehouseId::from_i64(1).unwrap();
        fulfillment.to_ship =
            vec![fulfillment_api::ToShip { sku_id, warehouse_id, ordered: 7, shipped: 4 }];
        Ok(fulfillment)
    });
    let page = world.member().get("/orders/1234567890123").await;
    page.shows("Parcel 1 of 2").shows("Arrived").shows("Parcel 2 of 2").shows("On its way");
    page.shows("Not sent yet").shows("3 × Rose").shows("<time datetime=");
}

#[tokio::test]
async fn an_open_page_hears_of_changes_and_one_of_an_ended_order_does_not_listen() {
    use futures::StreamExt as _;
    use tower::ServiceExt as _;

    let world = World::new();
    let hub = world.hub.clone();
    let router = world.router();
    let mut member = crate::world::member(router.clone());
    let page = member.get("/orders/1234567890123").await;
    page.shows("data-live=\"/orders/1234567890123/events\"").shows("Look again");
    for part in ["order-status", "order-money", "order-parcels", "order-history"] {
        page.shows(&format!("id=\"{part}\" data-live-part"));
    }
    let ctx = rpc::Ctx { actor: rpc::Actor::user(data::MEMBER), ..testkit::test_ctx("flora") };
    let request = axum::http::Request::get("/orders/1234567890123/events").extension(ctx);
    let answer = router.oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut body = answer.into_body().into_data_stream();
    body.next().await.unwrap().unwrap();
    hub.tell(&testkit::tenant("flora"), web::Key::Order(crate::world::order_id()));
    assert_eq!(&body.next().await.unwrap().unwrap()[..], b"data: changed\n\n");

    let mut world = World::new();
    world.orders = world.orders.on_brief(|_, _| Ok(vec![brief(false)]));
    world.orders =
        world.orders.on_get(|_, _| Ok(order_api::OrderView { is_final: true, ..data::order() }));
    let page = world.member().get("/orders/1234567890123").await;
    page.is(200).hides("data-live=").hides("Look again");
}

#[tokio::test]
async fn orders_are_narrowed_to_where_they_stand() {
    use kit::Page;

    let mut world = World::new();
    world.orders = world.orders.on_list(|_, req| match req.status.as_deref() {
        Some("PAID") => Ok(Page { items: vec![], next_cursor: None }),
        None => {
            Ok(Page { items: data::order_summaries(), next_cursor: Some("x".to_owned().into()) })
        }
        Some(other) => panic!("{other}"),
    });
    let mut member = world.member();
    let list = member.get("/orders").await;
    list.shows("/orders?status=PENDING_PAYMENT")
        .shows("All &lt;paid&gt;")
        .shows("/orders?cursor=x");
    let none = member.get("/orders?status=PAID").await;
    none.is(200)
        .shows("None of your orders stands there now")
        .shows("aria-current=\"true\">All &lt;");
    member.get("/orders?status=MADE_UP").await.is(200).shows("/orders/1234567890123");
    let mut world = World::new();
    world.orders = world.orders.on_get_flow(|_, _| Err(rpc::Fault::bug("down").into()));
    world.member().get("/orders").await.is(200).shows("/orders/1234567890123").hides("?status=");
}
