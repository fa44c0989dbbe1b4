//! Signing in and out, languages, and what every answer has around it.

use kit::{ErrorCode, Secret};
use rpc::Fault;
use staff_api::{Error, Role, Session};
use web::testing::Browser;

use crate::data;
use crate::world::World;

fn world() -> World {
    let mut world = World::owner();
    world.staff = world.staff.on_login(|_, req| match req.password.expose().as_str() {
        "correct horse" => Ok(Session {
            token: Secret::new("ss_token".into()),
            expires_at: testkit::BEGIN.plus(std::time::Duration::from_secs(3_600)),
            staff: data::staff(Role::Owner),
        }),
        "too often" => Err(Error::Locked { until: data::AT }),
        _ => Err(Error::BadLogin),
    });
    world.staff = world.staff.on_logout(|_, req| {
        assert_eq!(req.token.expose(), "ss_token");
        Ok(())
    });
    world
}

async fn sign_in(browser: &mut Browser, path: &str, password: &str) -> web::testing::Seen {
    browser.post(path, &[("login", "ann"), ("password", password)]).await
}

#[test]
fn the_session_cookie_is_the_consoles_own() {
    assert_ne!(console::SESSION_COOKIE, bus::SESSION_COOKIE);
}

#[tokio::test]
async fn who_signs_in_gets_a_session_for_the_console_alone_and_a_new_token_for_forms() {
    let mut browser = world().visitor();
    let before = browser.token();
    browser.get("/console").await.leads_to("/console/sign-in?next=%2Fconsole");
    let seen = sign_in(&mut browser, "/console/sign-in?next=%2Fconsole", "correct horse").await;
    seen.leads_to("/console");
    let set: Vec<&str> =
        seen.headers.get_all("set-cookie").iter().map(|c| c.to_str().unwrap()).collect();
    assert_eq!(set.len(), 2, "{set:?}");
    for cookie in &set {
        assert!(cookie.contains("; Path=/console; HttpOnly; SameSite=Lax"), "{cookie}");
    }
    assert_eq!(browser.jar["stoa_staff"], "ss_token");
    assert_ne!(browser.token(), before);
}

#[tokio::test]
async fn whose_session_has_ended_comes_back_to_the_form_that_was_sent() {
    let mut browser = world().visitor();
    for (sent_to, page) in [
        ("/console/products/5", "/console/products/5"),
        ("/console/products/new", "/console/products/new"),
        ("/console/orders/5/payments/7/refunds", "/console/orders/5"),
        ("/console/stock/7/adjust", "/console/stock/7"),
        ("/console/staff/7/role", "/console/staff"),
        ("/console/messages/order/1/retry", "/console/messages/order/1"),
        ("/console/settings/look", "/console/settings"),
    ] {
        let next = page.replace('/', "%2F");
        let to = format!("/console/sign-in?next={next}");
        browser.post(sent_to, &[]).await.leads_to(&to);
    }
}

#[tokio::test]
async fn a_refused_login_keeps_the_name_and_never_the_password() {
    let mut browser = world().visitor();
    let seen = sign_in(&mut browser, "/console/sign-in", "wrong <b>").await;
    seen.is(401)
        .shows("The login or the password is wrong.")
        .shows("value=\"ann\"")
        .hides("wrong &lt;b");
    sign_in(&mut browser, "/console/sign-in", "too often").await.is(429).shows("Too many failed");
}

#[tokio::test]
async fn when_too_many_sign_in_the_form_stays_with_what_was_typed() {
    for code in [ErrorCode::Unavailable, ErrorCode::DeadlineExceeded, ErrorCode::TooManyRequests] {
        let mut world = world();
        let busy = move || Fault::new(code, "too many passwords are being checked");
        world.staff = world.staff.on_login(move |_, _| Err(busy().into()));
        let path = "/console/sign-in?next=%2Fconsole%2Forders";
        let seen = sign_in(&mut world.visitor(), path, "correct horse").await;
        seen.is(code.http_status()).shows("Try again in a moment").shows("value=\"ann\"");
        seen.shows("next=%2Fconsole%2Forders").hides("correct horse");
    }
}

#[tokio::test]
async fn a_login_that_cannot_be_one_shows_the_form_again() {
    let mut world = world();
    world.staff =
        world.staff.on_login(|_, _| Err(Fault::invalid("/login", "up to 64 characters").into()));
    let mut browser = world.visitor();
    let long = "a".repeat(300);
    let fields = [("login", long.as_str()), ("password", "correct horse")];
    let seen = browser.post("/console/sign-in", &fields).await;
    seen.is(422).shows("The login or the password is wrong.").shows(&long).hides("correct horse");
}

#[tokio::test]
async fn signing_in_leads_within_the_console_only() {
    for next in ["https://evil.test", "//evil.test", "/orders", "/%5Cevil.test"] {
        let mut browser = world().visitor();
        let path = format!("/console/sign-in?next={next}");
        sign_in(&mut browser, &path, "correct horse").await.leads_to("/console");
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_and_needs_the_token() {
    let mut browser = world().desk();
    browser.jar.insert("stoa_staff".into(), "ss_token".into());
    browser.post_bare("/console/sign-out", &[]).await.is(403);
    browser.post("/console/sign-out", &[]).await.leads_to("/console/sign-in");
    assert!(!browser.jar.contains_key("stoa_staff"));
}

#[tokio::test]
async fn every_answer_has_the_headers_and_the_reader_s_language() {
    let mut browser = world().desk();
    browser.accept_language = "zh-CN,zh;q=0.9";
    for path in ["/console", "/console/nothing-here", "/console/assets/console.css"] {
        let seen = browser.get(path).await;
        let policy = seen.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(seen.headers["x-content-type-options"], "nosniff");
    }
    browser.get("/console").await.is(200).shows("概览").shows("Ann &lt;Lee&gt;");
    browser.get("/console/nothing-here").await.is(404).shows("页面不存在");
    browser.get("/console/language?to=en&next=/console").await.leads_to("/console");
    browser.get("/console").await.shows("Dashboard");
}
