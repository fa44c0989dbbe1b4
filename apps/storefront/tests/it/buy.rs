//! From the product to the paid order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use kit::ErrorCode;
use member_api::SavedAddress;
use order_api::{Error, Quote, SoldOut};
use payment_api::{OrderPayments, PaymentState};
use rpc::Fault;

use crate::data;
use crate::world::{World, brief, payment};

const PLACE: [(&str, &str); 5] = [
    ("checkout_id", "1234567890123"),
    ("expected_total", "27000"),
    ("address", "41"),
    ("payment_method", "card"),
    ("note", "Ring twice"),
];
const CARD: [(&str, &str); 3] =
    [("number", "4242 4242 4242 4242"), ("expiry", "08/29"), ("cvc", "123")];

/// The fields with some replaced or added.
fn with<'a>(
    fields: &[(&'a str, &'a str)],
    other: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let is_other = |name: &str| other.iter().any(|(n, _)| *n == name);
    let kept = fields.iter().filter(|(n, _)| !is_other(n)).copied();
    kept.chain(other.iter().copied()).collect()
}

#[tokio::test]
async fn a_visitor_buys_by_card() {
    let mut world = World::new();
    let paid = Arc::new(AtomicBool::new(false));
    let (pays, asks) = (Arc::clone(&paid), Arc::clone(&paid));
    world.payments = world.payments.on_pay(move |_, _| {
        pays.store(true, Ordering::SeqCst);
        Ok(payment(PaymentState::Captured))
    });
    world.payments = world.payments.on_for_order(move |_, _| {
        let payments = match asks.load(Ordering::SeqCst) {
            true => vec![payment(PaymentState::Captured)],
            false => vec![],
        };
        Ok(OrderPayments { payments, refunds: vec![], balance: data::cny(0) })
    });
    let log = world.log.clone();
    let mut visitor = world.visitor();

    let product = visitor.get("/p/rose?sku=102").await;
    let sku_id = product.field("sku_id");
    let add = [("sku_id", sku_id.as_str()), ("add", "1"), ("quantity", "2")];
    visitor.post("/cart/lines", &add).await.leads_to("/cart");
    assert_eq!(visitor.jar["stoa_cart"], "cart-token");
    visitor.get("/cart").await.is(200).shows("¥258.00").shows("/checkout").shows("badge\">2<");
    visitor.get("/checkout").await.leads_to("/sign-in?next=%2Fcheckout");

    let login = [("login", "li@example.com"), ("password", "correct horse")];
    visitor.post("/sign-in?next=%2Fcheckout", &login).await.leads_to("/checkout");
    let checkout = visitor.get("/checkout").await;
    checkout.is(200).shows("¥270.00").shows("¥12.00").shows("Li Lei &lt;b&gt;");
    assert_eq!(checkout.field("checkout_id"), "1234567890123");
    assert_eq!(checkout.field("expected_total"), "27000");
    visitor.post("/checkout", &PLACE).await.leads_to("/orders/1234567890123/pay");

    let pay = visitor.get("/orders/1234567890123/pay").await;
    pay.is(200).shows("¥270.00");
    let token = pay.field("form_token");
    let card = with(&CARD, &[("form_token", &token)]);
    visitor.post("/orders/1234567890123/pay", &card).await.leads_to("/orders/1234567890123");
    let order = visitor.get("/orders/1234567890123").await;
    order.is(200).shows("being processed").shows("http-equiv=\"refresh\" content=\"2;url=/orders/");
    order.hides("/pay\"").hides("4242");
    assert_eq!(log.of("set_line"), ["anonymous set_line cart-token 102 2 true"]);
}

#[tokio::test]
async fn placing_twice_has_one_key_and_another_form_another() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    let new = [
        ("address", "new"),
        ("name", "Li"),
        ("phone", "13800000000"),
        ("country", "cn"),
        ("region", ""),
        ("city", "Ningbo"),
        ("street", "Road 1"),
        ("postal_code", ""),
        ("payment_method", "cash_on_delivery"),
    ];
    let form = with(&PLACE, &new);
    for _ in 0..2 {
        member.post("/checkout", &form).await.leads_to("/orders/1234567890123");
    }
    member.post("/checkout", &with(&form, &[("note", "No bell")])).await.is(303);
    let placed = log.of("place");
    assert_eq!(placed[0], placed[1]);
    assert!(placed[0].starts_with("user:77 place checkout-1234567890123-"), "{placed:?}");
    assert!(placed[0].ends_with(" 42 CashOnDelivery 27000 Ring twice"), "{placed:?}");
    let key = |line: &str| line.split(' ').nth(2).unwrap().to_owned();
    assert_ne!(key(&placed[0]), key(&placed[2]));
    assert_eq!(log.of("put_address").first().unwrap(), "user:77 put_address Ningbo");
}

#[tokio::test]
async fn an_address_that_is_in_the_book_is_not_put_there_again() {
    let world = World::new();
    let log = world.log.clone();
    let saved = data::addresses().remove(0).address;
    let typed = [
        ("address", "new"),
        ("name", &saved.name),
        ("phone", &saved.phone),
        ("country", &saved.country),
        ("city", &saved.city),
        ("street", &saved.street),
        ("postal_code", &saved.postal_code),
    ];
    world.member().post("/checkout", &with(&PLACE, &typed)).await.is(303);
    assert_eq!(log.of("put_address"), Vec::<String>::new());
    assert!(log.of("place")[0].contains(" 41 Card "));
}

#[tokio::test]
async fn a_new_address_stands_in_the_book_once_however_often_the_order_is_refused() {
    let book = Arc::new(Mutex::new(data::addresses()));
    let (puts, lists) = (Arc::clone(&book), Arc::clone(&book));
    let mut world = World::new();
    world.members = world.members.on_list_addresses(move |_, _| Ok(lists.lock().unwrap().clone()));
    world.members = world.members.on_put_address(move |_, req| {
        let mut book = puts.lock().unwrap();
        let new = 42 + i64::try_from(book.len()).unwrap();
        let id = req.id.unwrap_or(types::AddressId::from_i64(new).unwrap());
        let saved = SavedAddress { id, is_default: req.is_default, address: req.address };
        book.retain(|a| a.id != id);
        book.push(saved.clone());
        Ok(saved)
    });
    world.orders = world.orders.on_place(|_, _| Err(Error::CheckoutOver));
    let mut member = world.member();
    let new = [
        ("address", "new"),
        ("name", "Li"),
        ("phone", "13800000000"),
        ("country", "CN"),
        ("city", "Ningbo"),
        ("street", "Raod 1"),
    ];
    let form = with(&PLACE, &new);
    let page = member.post("/checkout", &form).await;
    page.is(409).shows("name=\"address\" value=\"43\" checked").shows("Ring twice");
    let kept = page.field("kept_address");
    assert_eq!(kept, "43");
    // again as the page has it, and once more as it was typed
    member.post("/checkout", &with(&PLACE, &[("address", "43")])).await.is(409);
    member.post("/checkout", &form).await.is(409);
    assert_eq!(book.lock().unwrap().len(), 2);
    // corrected, it takes the place of what it was
    let corrected = with(&form, &[("street", "Road 1"), ("kept_address", &kept)]);
    member.post("/checkout", &corrected).await.is(409);
    let streets: Vec<String> =
        book.lock().unwrap().iter().map(|a| a.address.street.clone()).collect();
    assert_eq!(streets, ["West Lake Road 1", "Road 1"]);
    // one that stood there before is nobody's attempt: it is used and stays
    let old = data::addresses().remove(0).address;
    let typed = [
        ("address", "new"),
        ("name", old.name.as_str()),
        ("phone", old.phone.as_str()),
        ("city", old.city.as_str()),
        ("street", old.street.as_str()),
        ("postal_code", old.postal_code.as_str()),
    ];
    member.post("/checkout", &with(&form, &typed)).await.is(409).hides("kept_address");
}

#[tokio::test]
async fn wrong_entries_are_told_and_what_was_typed_stays() {
    let world = World::new();
    let log = world.log.clone();
    let typed = [("address", "new"), ("name", ""), ("city", "\"Xi'an\""), ("note", "<i>hi")];
    let page = world.member().post("/checkout", &with(&PLACE, &typed)).await;
    page.is(422).shows("Fill this in.").shows("&quot;Xi'an&quot;").shows("&lt;i&gt;hi");
    page.shows("need another look");
    assert_eq!(log.of("place"), Vec::<String>::new());
}

#[tokio::test]
async fn a_changed_price_is_shown_before_anything_is_ordered() {
    let mut world = World::new();
    world.orders = world.orders.on_place(|_, _| {
        let quote = Quote { shipping: data::cny(2_200), total: data::cny(28_000), ..data::quote() };
        Err(Error::PriceChanged(Box::new(quote)))
    });
    let page = world.member().post("/checkout", &PLACE).await;
    page.is(409).shows("The price has changed").shows("¥280.00").shows("Ring twice");
    assert_eq!(page.field("expected_total"), "28000");
}

#[tokio::test]
async fn what_is_sold_out_is_named() {
    let mut world = World::new();
    world.orders = world.orders.on_place(|_, _| {
        let sku_id = data::cart().lines[0].sku_id;
        Err(Error::SoldOut(vec![SoldOut { sku_id, wanted: 2, available: 1 }]))
    });
    let page = world.member().post("/checkout", &PLACE).await;
    page.is(409).shows("Rose &lt;script&gt;").shows("Red / L — 2 wanted, 1 left").shows("/cart");
}

#[tokio::test]
async fn every_other_refusal_shows_the_form_again() {
    let sku = data::cart().lines[0].sku_id;
    let address = Fault::invalid("/address_id", "not an address of your book");
    for (error, status, text) in [
        (Error::CheckoutOver, 409, "Your cart was changed"),
        (Error::TooManyUnpaid(10), 429, "You have 10 unpaid orders"),
        (Error::NotSellable(vec![sku]), 409, "no longer sold"),
        (address.into(), 422, "not an address of your book"),
    ] {
        let mut world = World::new();
        world.orders = world.orders.on_place(move |_, _| Err(error.clone()));
        world.member().post("/checkout", &PLACE).await.is(status).shows(text).shows("Ring twice");
    }
}

#[tokio::test]
async fn a_checkout_that_was_used_up_meanwhile_leads_to_its_order() {
    let mut world = World::new();
    world.orders = world.orders.on_place(|_, _| Err(Error::CheckoutOver));
    world.carts = world.carts.on_get(|_, _| Ok(crate::world::empty_cart()));
    world.member().post("/checkout", &PLACE).await.leads_to("/orders/1234567890123/pay");
}

#[tokio::test]
async fn a_second_click_waits_for_the_first_ones_order() {
    let mut world = World::new();
    world.orders = world.orders.on_place(|_, _| {
        let busy =
            Fault::new(ErrorCode::Conflict, "still at it").with_slug("idempotency_in_flight");
        Err(busy.into())
    });
    world.orders = world.orders.on_get(|_, _| Err(Fault::not_found("this order").into()));
    let mut member = world.member();
    member.post("/checkout", &PLACE).await.leads_to("/orders/1234567890123?placing=0");
    let waits = member.get("/orders/1234567890123?placing=0").await;
    waits.is(200).shows("content=\"2;url=/orders/1234567890123?placing=1\"");
    member.get("/orders/1234567890123?placing=10").await.is(404);
    let found = World::new().member().get("/orders/1234567890123?placing=1").await;
    found.leads_to("/orders/1234567890123/pay");
}

#[tokio::test]
async fn an_empty_cart_or_a_gone_product_has_no_checkout() {
    let mut world = World::new();
    world.carts = world.carts.on_get(|_, _| Ok(crate::world::empty_cart()));
    let mut member = world.member();
    member.get("/checkout").await.leads_to("/cart");
    member.get("/cart").await.is(200).shows("Your cart is empty");
    let mut world = World::new();
    world.carts = world.carts.on_get(|_, _| {
        let mut cart = data::cart();
        cart.lines[0].sellable = false;
        Ok(cart)
    });
    let mut member = world.member();
    member.get("/checkout").await.leads_to("/cart");
    member.get("/cart").await.is(200).shows("no longer sold").hides("Go to checkout");
}

#[tokio::test]
async fn a_declined_card_says_why_and_is_never_shown_again() {
    let mut world = World::new();
    world.payments = world.payments.on_pay(|_, _| {
        let decline_reason = Some("insufficient_funds".to_owned());
        Ok(payment_api::PaymentView { decline_reason, ..payment(PaymentState::Declined) })
    });
    let mut member = world.member();
    let token = member.get("/orders/1234567890123/pay").await.field("form_token");
    let card = with(&CARD, &[("form_token", &token)]);
    let page = member.post("/orders/1234567890123/pay", &card).await;
    page.is(402).shows("The payment was declined").shows("not enough money");
    page.shows("value=\"08/29\"").hides("4242").hides("value=\"123\"");
    assert_ne!(page.field("form_token"), token, "another attempt is another payment");
}

#[tokio::test]
async fn a_card_that_is_none_is_not_sent_to_the_provider() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    let token = "0".repeat(32);
    let bad = [("number", "4242x"), ("expiry", "13/29"), ("cvc", "1"), ("form_token", &token)];
    let page = member.post("/orders/1234567890123/pay", &bad).await;
    page.is(422).shows("12 to 19 digits").shows("month and year").shows("3 or 4 digits");
    page.hides("4242x");
    let forged = with(&CARD, &[("form_token", "mine")]);
    member.post("/orders/1234567890123/pay", &forged).await.is(400);
    assert_eq!(log.of("pay"), Vec::<String>::new());
}

#[tokio::test]
async fn paying_twice_has_one_key() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    let token = member.get("/orders/1234567890123/pay").await.field("form_token");
    let card = with(&CARD, &[("form_token", &token)]);
    for _ in 0..2 {
        member.post("/orders/1234567890123/pay", &card).await.leads_to("/orders/1234567890123");
    }
    let wanted = format!("user:77 pay pay-{token} 1234567890123");
    assert_eq!(log.of("pay"), [wanted.clone(), wanted]);
}

#[tokio::test]
async fn what_cannot_be_paid_has_no_card_form() {
    let mut world = World::new();
    world.orders = world.orders.on_brief(|_, _| Ok(vec![brief(false)]));
    world.payments =
        world.payments.on_pay(|_, _| Err(payment_api::Error::NotPayable("CLOSED".into())));
    let mut member = world.member();
    member.get("/orders/1234567890123/pay").await.leads_to("/orders/1234567890123");
    let card = with(&CARD, &[("form_token", "00000000000000000000000000000000")]);
    member.post("/orders/1234567890123/pay", &card).await.leads_to("/orders/1234567890123");
    member.get("/orders/1234567890123").await.is(200).hides("Pay now").hides("http-equiv");
}

#[tokio::test]
async fn the_cart_refuses_what_makes_no_sense_and_forgets_a_dead_cookie() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    for bad in ["-1", "10001", "two", ""] {
        let form = [("sku_id", "102"), ("quantity", bad)];
        member.post("/cart/lines", &form).await.is(422).shows("whole number from 1 to 10,000");
    }
    member.post("/cart/lines", &[("sku_id", "x"), ("quantity", "1")]).await.is(400);
    member.post("/cart/lines", &[("sku_id", "102"), ("remove", "1")]).await.leads_to("/cart");
    assert_eq!(log.of("set_line"), ["user:77 set_line - 102 0 false"]);

    let mut world = World::new();
    world.carts = world.carts.on_set_line(|_, req| match req.token.unwrap().0.expose().as_str() {
        "cart-token" => Err(cart_api::Error::NotSellable(req.sku_id)),
        // as the service says of a token that it does not know
        _ => Err(Fault::new(ErrorCode::Unauthenticated, "no cart").into()),
    });
    let mut visitor = world.visitor();
    visitor.get("/").await;
    visitor.jar.insert("stoa_cart".into(), "dead".into());
    let form = [("sku_id", "102"), ("quantity", "1")];
    visitor.post("/cart/lines", &form).await.is(409).shows("not on sale");
}
