//! Pages that are kept for a moment: nobody sees what is another's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rpc::{Actor, ActorKind, Fault};
use web::testing::Browser;

use crate::data;
use crate::world::{World, visitor};

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
    (visitor(router.clone()), visitor(router), asked)
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
async fn a_visitor_whose_token_stands_in_a_page_changes_nothing_of_it() {
    let picture = "/media/0123456789abcdef0123456789abcdef.png";
    let mut world = World::new();
    world.products = world.products.on_get(move |_, _| {
        let mut product = data::product();
        product.images[0].url = picture.into();
        Ok(product)
    });
    let router = world.router();
    let (mut one, mut other) = (visitor(router.clone()), visitor(router));
    // a visitor chooses his cookies
    one.jar.insert("stoa_csrf".into(), "0123456789abcdef0123456789abcdef".into());
    let mine = one.get("/p/rose").await;
    assert_eq!(mine.field("csrf"), one.jar["stoa_csrf"]);
    let theirs = other.get("/p/rose").await;
    theirs.is(200).shows(picture);
    assert_eq!(theirs.field("csrf"), other.jar["stoa_csrf"]);
    let times = |page: &str, token: &str| page.matches(token).count();
    assert_eq!(times(&theirs.body, &other.jar["stoa_csrf"]), theirs.body.matches("csrf").count());
}

#[tokio::test]
async fn who_has_something_of_his_own_gets_a_page_of_his_own_and_leaves_none_behind() {
    let cookie = |name: &'static str| {
        move |browser: &mut Browser| {
            browser.jar.insert(name.into(), "token".into());
        }
    };
    let bearer = |actor: Actor| move |browser: &mut Browser| browser.ctx.actor = actor.clone();
    let ended = move |browser: &mut Browser| {
        cookie("stoa_session")(browser);
        browser.session = None;
    };
    type Own = (&'static str, Box<dyn Fn(&mut Browser)>);
    let own: [Own; 6] = [
        ("a cart", Box::new(cookie("stoa_cart"))),
        ("a session", Box::new(cookie("stoa_session"))),
        ("a session that has ended", Box::new(ended)),
        ("a member's token", Box::new(bearer(Actor::user(data::MEMBER)))),
        ("a token of staff", Box::new(bearer(Actor::operator(7, vec!["*".into()])))),
        ("the platform", Box::new(bearer(testkit::test_ctx("flora").actor))),
    ];
    for (what, give) in own {
        let (mut one, mut other, asked) = crowd();
        give(&mut one);
        one.get("/p/rose").await.is(200);
        one.get("/p/rose").await.is(200);
        assert_eq!(asked.load(Ordering::SeqCst), 2, "{what}: drawn each time");
        other.get("/p/rose").await.is(200);
        assert_eq!(asked.load(Ordering::SeqCst), 3, "{what}: and for nobody else");
    }
}

#[tokio::test]
async fn what_only_staff_may_see_is_not_shown_to_a_visitor_after_them() {
    let mut world = World::new();
    world.products = world.products.on_get(|ctx, _| match ctx.actor.kind {
        ActorKind::Operator => Ok(data::product()),
        _ => Err(Fault::not_found("the product").into()),
    });
    let router = world.router();
    let staff = Actor::operator(7, vec!["products:read".into()]);
    visitor(router.clone()).acting(staff).get("/p/rose").await.is(200);
    visitor(router).get("/p/rose").await.is(404);
}

#[tokio::test]
async fn each_language_and_each_address_has_its_own_page() {
    let (mut one, mut other, _) = crowd();
    other.accept_language = "zh-CN";
    one.get("/p/rose").await.shows("<html lang=\"en\"");
    other.get("/p/rose").await.shows("<html lang=\"zh-CN\"");
    one.get("/p/rose?lang=zh-CN").await.shows("<html lang=\"zh-CN\"");
    // asked for its head alone it has no address to come back to: nothing of that is kept
    one.ask("HEAD", "/").await.is(200);
    one.get("/").await.is(200).shows("<h1");
    let long = format!("/products?q={}", "x".repeat(600));
    one.get(&long).await.is(200).shows("xxxxx");
}
