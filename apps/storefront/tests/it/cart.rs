//! The cart: saving lines for later, and what keeps it from being ordered.

use inventory_api::SkuStock;
use kit::ErrorCode;
use rpc::Fault;
use types::Quantity;

use crate::data;
use crate::world::World;

/// A shop that has so many of everything.
fn with_stock(available: i64, wanted: u32) -> World {
    let mut world = World::new();
    world.inventory = world.inventory.on_get_stock(move |_, req| {
        let stock =
            |sku_id| SkuStock { sku_id, available, reserved: 0, sold: 0, warehouses: vec![] };
        Ok(req.sku_ids.into_iter().map(stock).collect())
    });
    world.carts = world.carts.on_get(move |_, _| {
        let mut cart = data::cart();
        cart.lines[0].quantity = Quantity::new(wanted).unwrap();
        Ok(cart)
    });
    world
}

#[tokio::test]
async fn a_line_is_saved_moved_back_and_forgotten() {
    let mut world = World::new();
    world.carts = world.carts.on_get(|_, _| {
        let cart = data::cart();
        Ok(cart_api::CartView { saved: cart.lines.clone(), ..cart })
    });
    let log = world.log.clone();
    let mut member = world.member();
    let cart = member.get("/cart").await;
    cart.is(200).shows("Save for later").shows("Saved for later").shows("Move to cart");
    member.post("/cart/saved", &[("sku_id", "102"), ("save", "1")]).await.leads_to("/cart");
    member.post("/cart/saved", &[("sku_id", "102"), ("restore", "1")]).await.leads_to("/cart");
    member.post("/cart/saved", &[("sku_id", "102"), ("remove", "1")]).await.leads_to("/cart");
    assert_eq!(log.of("save_for_later"), ["user:77 save_for_later - 102"]);
    assert_eq!(log.of("move_to_cart"), ["user:77 move_to_cart - 102"]);
    assert_eq!(log.of("remove_saved"), ["user:77 remove_saved - 102"]);
    member.post("/cart/saved", &[("sku_id", "x")]).await.is(400);
}

#[tokio::test]
async fn every_page_counts_what_is_in_the_cart_and_a_members_without_looking_at_it() {
    let world = World::new();
    let log = world.log.clone();
    let mut visitor = world.visitor();
    visitor.jar.insert("stoa_cart".into(), "cart-token".into());
    visitor.get("/").await.shows("<span class=\"badge\">2</span>");
    assert_eq!(log.of("get"), ["anonymous get cart-token"]);
    let world = World::new();
    let log = world.log.clone();
    world.member().get("/").await.shows("<span class=\"badge\">2</span>");
    assert_eq!(log.of("get"), Vec::<String>::new(), "which asks for every product of it");
    assert_eq!(log.of("get_content"), ["user:77 get_content 77"]);
}

#[tokio::test]
async fn a_visitor_saves_lines_too() {
    let world = World::new();
    let log = world.log.clone();
    let mut visitor = world.visitor();
    visitor.get("/").await;
    visitor.jar.insert("stoa_cart".into(), "cart-token".into());
    visitor.post("/cart/saved", &[("sku_id", "102"), ("save", "1")]).await.leads_to("/cart");
    assert_eq!(log.of("save_for_later"), ["anonymous save_for_later cart-token 102"]);
}

#[tokio::test]
async fn a_line_that_cannot_be_moved_is_named_with_the_reason() {
    let sku = data::cart().lines[0].sku_id;
    for (error, text) in [
        (cart_api::Error::NotSellable(sku), "not on sale"),
        (cart_api::Error::Full, "holds at most 100 lines"),
        (Fault::not_found("this line").into(), "not in your cart any more"),
        (Fault::new(ErrorCode::Unauthenticated, "no cart").into(), "not in your cart any more"),
    ] {
        let mut world = World::new();
        world.carts = world.carts.on_move_to_cart(move |_, _| Err(error.clone()));
        let form = [("sku_id", "102"), ("restore", "1")];
        let page = world.member().post("/cart/saved", &form).await;
        page.is(409).shows(text).shows("<p>Rose &lt;script&gt;alert(1)&lt;/script&gt;, Red / L: ");
    }
    let mut world = World::new();
    world.carts = world.carts.on_save_for_later(|_, _| Err(cart_api::Error::SavedFull));
    let page = world.member().post("/cart/saved", &[("sku_id", "999"), ("save", "1")]).await;
    page.is(409).shows("<p>At most 100 lines can be saved");
}

#[tokio::test]
async fn a_line_that_wants_more_than_there_is_is_named_and_keeps_the_cart_from_checkout() {
    let mut member = with_stock(1, 2).member();
    let cart = member.get("/cart").await;
    cart.is(200).shows("There is not enough of this").shows("Red / L — 2 wanted, 1 left");
    cart.shows("role=\"alert\"").hides("Go to checkout").shows("Take less");
    with_stock(0, 2).member().get("/cart").await.shows("2 wanted, 0 left").shows("Sold out");
    with_stock(2, 2).member().get("/cart").await.shows("Go to checkout").hides("not enough");
    // shoppers are told of 99 at most: then there may be more
    with_stock(99, 150).member().get("/cart").await.shows("Go to checkout").hides("not enough");
}
