//! Which tenant a request is for.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::demo::{Demo, is, refused};

#[tokio::test]
async fn the_host_names_the_tenant_whatever_its_port_and_case() {
    let demo = Demo::start().await;
    for (host, tenant) in [
        ("flora.localhost", "flora"),
        ("FLORA.localhost:8080", "flora"),
        ("gadget.localhost.", "gadget"),
    ] {
        let me = demo.json(demo.request("GET", host, "/v1/store/me")).await;
        assert_eq!(me["tenant"], tenant, "{host}");
        assert_eq!(me["actor"], "anonymous");
    }
}

#[tokio::test]
async fn an_unknown_host_is_421_on_routes_pages_and_nothing() {
    let demo = Demo::start().await;
    for path in ["/v1/store/me", "/v1/nothing", "/", "/nothing"] {
        let request = demo.request("GET", "stranger.test", path);
        assert_eq!(refused(request).await, is(421, "unknown_host"), "{path}");
    }
    let odd = demo.request("GET", "a_b@c", "/v1/store/me");
    assert_eq!(refused(odd).await, is(400, "invalid"));
    let broken = demo.request("GET", "broken.test", "/v1/store/me");
    assert_eq!(refused(broken).await, is(503, "unavailable"));
}

#[tokio::test]
async fn a_header_may_only_narrow_the_tenant() {
    let demo = Demo::start().await;
    let with = |tenant: &str| demo.get("/v1/store/me").header("x-stoa-tenant", tenant);
    assert_eq!(demo.json(with("flora")).await["tenant"], "flora");
    assert_eq!(refused(with("gadget")).await, is(421, "tenant_mismatch"));
    assert_eq!(refused(with("No Code")).await, is(400, "invalid"));
}

#[tokio::test]
async fn the_bare_host_shows_its_pages_and_serves_the_api_by_credential() {
    let demo = Demo::start().await;
    let page = demo.request("GET", "localhost:80", "/").send().await.unwrap();
    assert_eq!(page.text().await.unwrap(), "all tenants");
    let api = || demo.request("GET", "localhost", "/v1/store/me");
    assert_eq!(refused(api()).await, is(421, "unknown_host"));
    let named = || api().header("x-stoa-tenant", "gadget");
    assert_eq!(refused(named()).await, is(401, "unauthenticated"));
    assert_eq!(refused(named().bearer_auth("flora-user")).await, is(401, "invalid_token"));
    let me = demo.json(named().bearer_auth("gadget-user")).await;
    assert_eq!((me["tenant"].as_str(), me["actor"].as_str()), (Some("gadget"), Some("user:5")));
}

#[tokio::test]
async fn hosts_are_remembered_for_at_most_ten_seconds() {
    let demo = Demo::start().await;
    let status = async || {
        demo.request("GET", "new.test", "/v1/store/me").send().await.unwrap().status().as_u16()
    };
    assert_eq!((status().await, status().await), (421, 421));
    assert_eq!(demo.directory.asked.load(Ordering::SeqCst), 1, "the unknown is remembered too");
    demo.directory.hosts.lock().unwrap().insert("new.test".into(), "flora".parse().unwrap());
    demo.clock.advance(Duration::from_millis(9_999));
    assert_eq!(status().await, 421);
    demo.clock.advance(Duration::from_millis(1));
    assert_eq!(status().await, 200);
    assert_eq!(demo.directory.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn operations_need_no_tenant() {
    let demo = Demo::start().await;
    let open = |path| demo.request("GET", "stranger.test", path).send();
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        let answer = open(path).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert!(answer.headers().contains_key("x-request-id"), "{path}");
    }
    demo.health.add("disk", || async { Err("full".to_owned()) });
    let answer = open("/readyz").await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["checks"][0]["name"], "disk");
    let document: serde_json::Value = open("/openapi.json").await.unwrap().json().await.unwrap();
    assert!(document["paths"]["/v1/store/me"].is_object());
}
