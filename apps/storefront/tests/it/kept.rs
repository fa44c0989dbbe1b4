//! Pages that are kept for a moment: nobody sees what is another's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::browser::Browser;
use crate::data;
use crate::world::World;

/// A shop that counts how often its product was asked for, and two visitors of it.
fn crowd() -> (Browser, Browser, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let mut world = World::new();
    let count = Arc::clone(&asked);
    world.products = world.products.on_get(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(data::product())
    });
    let router = world.router();
    (Browser::new(router.clone()), Browser::new(router), asked)
}

#[tokio::test]
async fn a_crowd_is_shown_one_drawing_and_everybody_can_send_his_own_form() {
    let (mut one, mut other, asked) = crowd();
    let mine = one.get("/p/rose").await;
    let theirs = other.get("/p/rose").await;
    assert_eq!(asked.load(Ordering::SeqCst), 1, "drawn once");
    let (my_token, their_token) = (mine.field("csrf"), theirs.field("csrf"));
    assert_ne!(my_token, their_token);
    assert_eq!((&my_token, &their_token), (&one.jar["stoa_csrf"], &other.jar["stoa_csrf"]));
    assert_eq!(mine.body.len(), theirs.body.len());
    let form = [("sku_id", "101"), ("add", "1"), ("quantity", "1")];
    for visitor in [&mut one, &mut other] {
        visitor.post("/cart/lines", &form).await.leads_to("/cart");
    }
}

#[tokio::test]
async fn who_has_a_cart_or_a_session_gets_a_page_of_his_own_and_leaves_none_behind() {
    let (mut one, mut other, asked) = crowd();
    one.jar.insert("stoa_cart".into(), "cart-token".into());
    one.get("/p/rose").await;
    one.get("/p/rose").await;
    assert_eq!(asked.load(Ordering::SeqCst), 2, "drawn each time");
    other.get("/p/rose").await;
    assert_eq!(asked.load(Ordering::SeqCst), 3, "and for nobody else");
}

#[tokio::test]
async fn each_language_and_each_address_has_its_own_page() {
    let (mut one, mut other, _) = crowd();
    other.accept_language = "zh-CN";
    one.get("/p/rose").await.shows("<html lang=\"en\"");
    other.get("/p/rose").await.shows("<html lang=\"zh-CN\"");
    one.get("/p/rose?lang=zh-CN").await.shows("<html lang=\"zh-CN\"");
    // asked for its head alone it has no address to come back to: nothing of that is kept
    one.send("HEAD", "/", String::new()).await.is(200);
    one.get("/").await.is(200).shows("<h1");
    let long = format!("/products?q={}", "x".repeat(600));
    one.get(&long).await.is(200).shows("xxxxx");
}
