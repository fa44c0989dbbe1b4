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
    page.shows("Left the &lt;depot&gt;").shows("Ring &lt;twice&gt;").shows("21 Nov 2025");
    let list = member.get("/orders").await;
    list.is(200).shows("/orders/1234567890123").shows("2 items").shows("¥270.00");
}

#[tokio::test]
async fn another_members_order_is_not_there() {
    let mut member = World::new().member();
    for path in ["/orders/999", "/orders/999/pay", "/orders/abc", "/orders/-1"] {
        member.get(path).await.is(404).shows("Not found");
    }
    let form = [("version", "1")];
    member.post("/orders/abc/actions/cancel", &form).await.is(404);
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
        assert_eq!(page.body.contains("Pay now"), payable && !reloads, "{case}");
    }
}
