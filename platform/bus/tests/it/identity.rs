//! Who acts: tokens, cookies, and how long they are believed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bus::{Options, ServeOptions};
use kit::{Secret, Timestamp};

use crate::demo::{Demo, is, refused};

#[tokio::test]
async fn a_token_names_the_actor_and_rules_hold() {
    let demo = Demo::start().await;
    assert_eq!(demo.actor("flora-user").await.unwrap(), "user:5");
    assert_eq!(demo.actor("flora-staff").await.unwrap(), "operator:9");
    let admin = || demo.get("/v1/admin/things");
    assert_eq!(refused(admin()).await, is(401, "unauthenticated"));
    assert_eq!(refused(admin().bearer_auth("flora-user")).await, is(403, "forbidden"));
    assert_eq!(admin().bearer_auth("flora-staff").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_token_of_another_tenant_an_unknown_or_a_malformed_one_is_401() {
    let demo = Demo::start().await;
    let me = || demo.get("/v1/store/me");
    for token in ["gadget-user", "nobody"] {
        assert_eq!(refused(me().bearer_auth(token)).await, is(401, "invalid_token"), "{token}");
    }
    for header in ["Bearer", "Basic abc", "Bearer a b", "flora-user"] {
        let request = me().header("authorization", header);
        assert_eq!(refused(request).await, is(401, "malformed_token"), "{header}");
    }
    let there = demo.request("GET", "gadget.localhost", "/v1/store/me").bearer_auth("gadget-user");
    assert_eq!(demo.json(there).await["actor"], "user:5", "the same token holds at home");
}

#[tokio::test]
async fn pages_take_the_session_cookie_and_the_api_does_not() {
    let demo = Demo::start().await;
    let cookie = |path, value: &str| {
        demo.get(path).header("cookie", format!("theme=dark; stoa_session={value}")).send()
    };
    let page = cookie("/", "flora-user").await.unwrap();
    assert_eq!(page.text().await.unwrap(), "user:5");
    for over in ["gadget-user", "nobody", "%%"] {
        let page = cookie("/", over).await.unwrap();
        assert_eq!(page.text().await.unwrap(), "anonymous", "a dead cookie makes a visitor");
    }
    let api = cookie("/v1/store/me", "flora-user").await.unwrap();
    assert_eq!(api.json::<serde_json::Value>().await.unwrap()["actor"], "anonymous");
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let demo = Demo::start().await;
    let post = || {
        demo.request("POST", "flora.localhost", "/form").header("cookie", "stoa_session=flora-user")
    };
    let own = post().header("origin", "http://flora.localhost").send().await.unwrap();
    assert_eq!(own.text().await.unwrap(), "user:5");
    let other = post().header("origin", "http://gadget.localhost");
    assert_eq!(refused(other).await, is(403, "cross_site"));
    assert_eq!(refused(post().header("sec-fetch-site", "cross-site")).await.0, 403);
}

#[tokio::test]
async fn hooks_prove_themselves_and_no_token_is_looked_at() {
    let demo = Demo::start().await;
    let request = demo
        .request("POST", "flora.localhost", "/v1/hooks/test")
        .header("authorization", "Signature abc")
        .body("12345");
    assert_eq!(request.send().await.unwrap().text().await.unwrap(), "flora anonymous 5");
    assert_eq!(demo.tokens.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_session_is_believed_for_at_most_ten_seconds_whatever_the_options_say() {
    let options = Options { session_cache_age: Duration::from_secs(3_600), ..Options::default() };
    let demo = Demo::with(options, ServeOptions::default()).await;
    let asked = || demo.tokens.asked.load(Ordering::SeqCst);
    assert!(demo.actor("flora-user").await.is_ok());
    demo.tokens.ended.lock().unwrap().insert("flora-user".into());
    demo.clock.advance(Duration::from_millis(9_999));
    assert!(demo.actor("flora-user").await.is_ok());
    assert_eq!(asked(), 1);
    demo.clock.advance(Duration::from_millis(1));
    assert_eq!(demo.actor("flora-user").await, Err(401));
    assert_eq!(demo.actor("flora-user").await, Err(401));
    assert_eq!(asked(), 2, "a refusal is remembered too");
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_no_session_live_longer() {
    let demo = Demo::start().await;
    assert!(demo.actor("flora-user").await.is_ok());
    demo.tokens.ended.lock().unwrap().insert("flora-user".into());
    demo.clock.set(Timestamp::from_millis(1));
    assert_eq!(demo.actor("flora-user").await, Err(401));
}

#[tokio::test]
async fn a_session_that_ended_here_is_forgotten_at_once() {
    let demo = Demo::start().await;
    assert!(demo.actor("flora-user").await.is_ok());
    demo.tokens.ended.lock().unwrap().insert("flora-user".into());
    demo.bus.forget_session(&Secret::new("flora-user".into()), &"flora".parse().unwrap());
    assert_eq!(demo.actor("flora-user").await, Err(401));
}

#[tokio::test]
async fn pages_with_a_cookie_of_their_own_take_no_other_and_signing_out_ends_it_at_once() {
    let demo = Demo::start().await;
    let at = |method, path, cookie: &str| {
        demo.request(method, "flora.localhost", path).header("cookie", cookie.to_owned()).send()
    };
    let both = "stoa_session=flora-user; desk_session=flora-staff";
    for (path, who) in [("/", "user:5"), ("/desk", "operator:9")] {
        assert_eq!(at("GET", path, both).await.unwrap().text().await.unwrap(), who, "{path}");
    }
    let other = at("GET", "/desk", "stoa_session=flora-staff").await.unwrap();
    assert_eq!(other.text().await.unwrap(), "anonymous");
    demo.tokens.ended.lock().unwrap().insert("flora-staff".into());
    let believed = at("GET", "/desk", both).await.unwrap();
    assert_eq!(believed.text().await.unwrap(), "operator:9", "remembered for a while");
    assert!(at("POST", "/desk/leave", both).await.unwrap().status().is_success());
    let over = at("GET", "/desk", both).await.unwrap();
    assert_eq!(over.text().await.unwrap(), "anonymous");
}
