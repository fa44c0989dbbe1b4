//! Signing in and out, registering.

use kit::{ErrorCode, FieldError};
use member_api::Error;
use rpc::Fault;

use crate::world::World;

const GOOD: [(&str, &str); 2] = [("login", "li@example.com"), ("password", "correct horse")];

#[tokio::test]
async fn signing_in_gives_a_session_takes_the_cart_over_and_goes_on() {
    let world = World::new();
    let log = world.log.clone();
    let mut visitor = world.visitor();
    visitor.jar.insert("stoa_cart".into(), "cart-token".into());
    visitor.get("/sign-in?next=%2Fcheckout").await.is(200).shows("/sign-in?next=%2Fcheckout");
    let before = visitor.jar["stoa_csrf"].clone();
    visitor.post("/sign-in?next=%2Fcheckout", &GOOD).await.leads_to("/checkout");
    assert_eq!(visitor.jar["stoa_session"], "sm_token");
    assert!(!visitor.jar.contains_key("stoa_cart"), "the cart's cookie has done its work");
    assert_ne!(visitor.jar["stoa_csrf"], before, "a token from before is not good for a member");
    assert_eq!(log.of("merge"), ["user:77 merge cart-token"]);
    visitor.get("/sign-in").await.leads_to("/");
}

#[tokio::test]
async fn a_wrong_password_keeps_the_login_and_never_the_password() {
    let mut visitor = World::new().visitor();
    visitor.get("/sign-in").await;
    let wrong = [("login", "li@example.com"), ("password", "hunter2hunter2")];
    let page = visitor.post("/sign-in", &wrong).await;
    page.is(401).shows("is wrong").shows("value=\"li@example.com\"").hides("hunter2");
    assert!(!visitor.jar.contains_key("stoa_session"));
    let mut world = World::new();
    world.members = world.members.on_login(|_, _| Err(Error::Locked { until: crate::data::AT }));
    let mut visitor = world.visitor();
    visitor.get("/sign-in").await;
    visitor.post("/sign-in", &GOOD).await.is(429).shows("21 Nov 2025");
}

#[tokio::test]
async fn signing_in_never_leads_to_another_host() {
    let mut visitor = World::new().visitor();
    visitor.get("/").await;
    for next in ["https%3A%2F%2Fevil.test", "%2F%2Fevil.test", "%2F%5Cevil.test"] {
        visitor.jar.remove("stoa_session");
        visitor.post(&format!("/sign-in?next={next}"), &GOOD).await.leads_to("/");
    }
}

#[tokio::test]
async fn a_cart_that_cannot_be_merged_does_not_keep_anybody_out() {
    let mut world = World::new();
    world.carts = world.carts.on_merge(|_, _| Err(cart_api::Error::Full));
    let mut visitor = world.visitor();
    visitor.jar.insert("stoa_cart".into(), "cart-token".into());
    visitor.get("/").await;
    visitor.post("/sign-in", &GOOD).await.leads_to("/");
    assert_eq!(visitor.jar["stoa_cart"], "cart-token");
}

#[tokio::test]
async fn registering_tells_what_is_wrong_field_by_field() {
    let mut visitor = World::new().visitor();
    visitor.get("/register").await.is(200);
    let bad = [("login", "nobody"), ("name", "Li <b>"), ("password", "short")];
    let page = visitor.post("/register", &bad).await;
    page.is(422).shows("Enter an e-mail address").shows("Enter 8 to 128").shows("Li &lt;b&gt;");
    page.hides("short");
    visitor.post("/register", &GOOD).await.leads_to("/");
    assert_eq!(visitor.jar["stoa_session"], "sm_token");

    let mut world = World::new();
    world.members = world.members.on_register(|_, _| Err(Error::LoginTaken));
    let mut visitor = world.visitor();
    visitor.get("/").await;
    visitor.post("/register", &GOOD).await.is(409).shows("registered with this e-mail");

    let mut world = World::new();
    world.members = world.members.on_register(|_, _| {
        let fields = vec![FieldError::new("/name", "no control characters")];
        Err(Fault::new(ErrorCode::Invalid, "bad").with_fields(fields).into())
    });
    let mut visitor = world.visitor();
    visitor.get("/").await;
    visitor.post("/register", &GOOD).await.is(422).shows("no control characters");
}

#[tokio::test]
async fn when_too_many_sign_in_the_form_stays_with_what_was_typed() {
    for code in [ErrorCode::Unavailable, ErrorCode::DeadlineExceeded, ErrorCode::TooManyRequests] {
        let mut world = World::new();
        let busy = move || Fault::new(code, "too many passwords are being checked");
        world.members = world.members.on_login(move |_, _| Err(busy().into()));
        world.members = world.members.on_register(move |_, _| Err(busy().into()));
        let mut visitor = world.visitor();
        visitor.get("/sign-in").await;
        let status = code.http_status();
        let page = visitor.post("/sign-in?next=%2Fcheckout", &GOOD).await;
        page.is(status).shows("Try again in a moment").shows("value=\"li@example.com\"");
        page.shows("action=\"/sign-in?next=%2Fcheckout\"").hides("correct horse");
        let named = [&GOOD[..], &[("name", "Li <b>")]].concat();
        let page = visitor.post("/register", &named).await;
        page.is(status).shows("Try again in a moment").shows("value=\"li@example.com\"");
        page.shows("value=\"Li &lt;b&gt;\"").shows("action=\"/register\"").hides("correct horse");
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_here_and_there() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    member.get("/").await.shows("Sign out").shows("My orders");
    member.post("/sign-out", &[]).await.leads_to("/");
    assert_eq!(log.of("logout"), ["user:77 logout sm_token"]);
    assert!(!member.jar.contains_key("stoa_session"));
    member.get("/").await.shows("Sign in").hides("Sign out");
}
