//! What protects visitors: tokens of forms, headers, cookies, limits, error pages.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use kit::{ErrorCode, Secret, TenantCode, Timestamp};
use rpc::{Actor, Fault};
use storefront::Options;
use tower::ServiceExt as _;

use crate::data;
use crate::world::World;

/// Every address that takes a form.
const FORMS: [&str; 15] = [
    "/cart/lines",
    "/cart/saved",
    "/sign-in",
    "/register",
    "/sign-out",
    "/account",
    "/account/password",
    "/account/sessions",
    "/account/addresses",
    "/account/addresses/41",
    "/account/addresses/41/default",
    "/account/addresses/41/delete",
    "/checkout",
    "/orders/1234567890123/pay",
    "/orders/1234567890123/actions/cancel",
];

#[test]
fn no_address_that_takes_a_form_is_left_out() {
    let routes = include_str!("../../src/handlers/mod.rs");
    assert_eq!(routes.matches("post(").count(), FORMS.len());
}

#[tokio::test]
async fn a_form_without_the_visitors_token_is_refused_and_does_nothing() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    let (right, wrong) = ("a".repeat(32), "b".repeat(32));
    for path in FORMS {
        for fields in [&[][..], &[("csrf", wrong.as_str())], &[("csrf", "")]] {
            let page = member.post_bare(path, fields).await;
            page.is(403).shows("was not sent from this shop");
        }
    }
    member.jar.remove("stoa_csrf");
    for path in FORMS {
        member.post_bare(path, &[("csrf", &right)]).await.is(403);
        member.jar.remove("stoa_csrf");
    }
    let done: Vec<String> = log.all().into_iter().filter(|l| !l.contains(" get")).collect();
    assert_eq!(done, Vec::<String>::new());
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let mut member = World::new().member();
    for path in [
        "/",
        "/p/rose",
        "/cart",
        "/checkout",
        "/orders",
        "/orders/1234567890123",
        "/nothing",
        "/assets/site.css",
        "/assets/site.js",
        "/language?to=en&next=%2F",
    ] {
        let seen = member.get(path).await;
        let header = |name: &str| seen.headers[name].to_str().unwrap().to_owned();
        let csp = header("content-security-policy");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(csp.contains(part), "{path}: {csp}");
        }
        assert!(!csp.contains("unsafe"), "{path}: {csp}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "same-origin", "{path}");
        if !path.starts_with("/assets") {
            assert_eq!(header("cache-control"), "private, no-store", "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_no_page_carries_the_security_headers_even_when_it_is_refused() {
    let mut visitor = World::new().visitor();
    for path in ["/assets/site.css", "/assets/site.js", "/robots.txt", "/sitemap.xml"] {
        for (method, status) in [("GET", 200), ("DELETE", 405)] {
            let seen = visitor.ask(method, path).await;
            assert_eq!(seen.status, status, "{method} {path}");
            for name in ["content-security-policy", "referrer-policy", "x-content-type-options"] {
                assert_eq!(seen.headers.get_all(name).iter().count(), 1, "{method} {path}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn a_new_visitor_gets_a_token_and_keeps_it() {
    let mut visitor = World::new().visitor();
    visitor.get("/sign-in").await;
    let token = visitor.jar["stoa_csrf"].clone();
    assert_eq!(token.len(), 32);
    assert_eq!(visitor.get("/sign-in").await.field("csrf"), token);
    assert_eq!(visitor.jar["stoa_csrf"], token);
    visitor.jar.insert("stoa_csrf".into(), "planted".into());
    visitor.get("/").await;
    assert_ne!(visitor.jar["stoa_csrf"], "planted", "what we did not make is replaced");
}

#[tokio::test]
async fn over_https_cookies_are_secure_and_the_token_belongs_to_this_host() {
    let mut world = World::new();
    world.options = Options { cookie_secure: true };
    let seen = world.visitor().get("/").await;
    let cookie = seen.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-stoa_csrf="), "{cookie}");
    assert!(cookie.contains("; Path=/;") && cookie.ends_with("; Secure"), "{cookie}");
    assert!(!cookie.contains("Domain"), "{cookie}");
}

#[tokio::test]
async fn errors_are_pages_in_the_readers_language_without_their_cause() {
    let mut world = World::new();
    world.products = world.products.on_list_categories(|_, _| Err(Fault::bug("table gone").into()));
    world.products = world.products.on_get(|_, _| panic!("boom"));
    world.orders =
        world.orders.on_list(|_, _| Err(Fault::new(ErrorCode::Unavailable, "down").into()));
    let mut member = world.member();
    member.get("/").await.is(500).shows("went wrong on our side").hides("table gone");
    member.get("/p/rose").await.is(500).hides("boom");
    member.get("/orders").await.is(503).shows("Busy right now");
    member.get("/nothing").await.is(404).shows("Flora &amp; Sons");
    member.ask("DELETE", "/cart").await.is(405);
    member.get("/cart/lines").await.is(405);
    member.accept_language = "zh-CN";
    member.get("/nothing").await.is(404).shows("页面不存在");
}

#[tokio::test]
async fn a_large_form_and_one_of_another_kind_are_refused() {
    let mut member = World::new().member();
    let large = "x".repeat(300_000);
    member.post("/sign-in", &[("login", &large)]).await.is(413);
    let ctx = testkit::test_ctx("flora");
    let request = Request::post("/sign-in")
        .header("content-type", "text/plain")
        .extension(ctx)
        .body(Body::from("csrf=1"))
        .unwrap();
    let response = World::new().router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 415);
}

#[tokio::test]
async fn a_tenant_that_cannot_be_asked_for_gives_a_plain_page() {
    let mut world = World::new();
    world.tenants =
        world.tenants.on_get(|_, _| Err(Fault::new(ErrorCode::Unavailable, "down").into()));
    world.visitor().get("/").await.is(503).shows("Busy right now");
}

#[tokio::test]
async fn the_shop_is_there_even_if_the_cart_is_not() {
    let mut world = World::new();
    world.carts = world.carts.on_get(|_, _| Err(Fault::bug("down").into()));
    world.carts = world.carts.on_get_content(|_, _| Err(Fault::bug("down").into()));
    let mut member = world.member();
    member.get("/").await.is(200).shows("New arrivals");
    member.get("/cart").await.is(500);
}

struct Front;

#[rpc::async_trait]
impl bus::TenantDirectory for Front {
    async fn by_host(&self, host: &str) -> Result<Option<TenantCode>, Fault> {
        Ok((host == "flora.localhost").then(|| testkit::tenant("flora")))
    }
}

#[rpc::async_trait]
impl bus::Authenticator for Front {
    async fn authenticate(
        &self,
        token: &Secret<String>,
        _: &TenantCode,
        _: Timestamp,
    ) -> Result<Option<Actor>, Fault> {
        Ok((token.expose() == "sm_token").then(|| Actor::user(data::MEMBER)))
    }
}

#[tokio::test]
async fn behind_the_bus_pages_and_error_pages_arrive_as_they_are() {
    let front = Arc::new(Front);
    let deps = bus::Deps {
        clock: testkit::test_clock(),
        entropy: testkit::seeded_entropy(2),
        directory: front.clone(),
        authenticator: front,
        health: telemetry::Health::default(),
        metrics: None,
    };
    let options = bus::Options { bare_hosts: vec!["localhost".into()], ..Default::default() };
    let bus = bus::Bus::builder(deps)
        .options(options)
        .pages(World::new().router())
        .bare_pages(storefront::bare(vec![]))
        .build()
        .unwrap();
    for (host, path, cookie, status, text) in [
        ("flora.localhost", "/orders", "stoa_session=sm_token", 200, "My orders"),
        ("flora.localhost", "/nothing", "", 404, "Flora &amp; Sons"),
        ("flora.localhost", "/orders/999", "stoa_session=sm_token", 404, "Not found"),
        ("flora.localhost", "/orders", "stoa_session=over", 303, ""),
        ("localhost", "/", "", 200, "No shop runs here yet"),
        ("localhost", "/cart", "", 404, "Not found"),
    ] {
        let request = Request::get(path)
            .header("host", host)
            .header("cookie", cookie)
            .body(Body::empty())
            .unwrap();
        let response = bus.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{host}{path}");
        let csp = response.headers().contains_key("content-security-policy");
        assert!(csp, "{host}{path}");
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(text), "{host}{path}: {body}");
    }
}
