//! A client's next request knows what the last one has written, whichever instance of the bus it comes to.

use serde_json::json;

use crate::demo::Demo;

/// The value of the cookie that an answer sets, with its attributes.
fn set_cookie(response: &reqwest::Response) -> Option<String> {
    response.headers().get("set-cookie").map(|v| v.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_browser_brings_what_it_has_written_to_another_instance() {
    let (one, other) = (Demo::start().await, Demo::start().await);
    let look = |demo: &Demo, cookie: &str| demo.get("/positions").header("cookie", cookie);
    assert_eq!(
        one.json(look(&one, "theme=dark")).await,
        json!({ "latest": false, "main": null }),
        "nothing written yet"
    );
    let wrote = one.request("POST", "flora.localhost", "/write/99").send().await.unwrap();
    let cookie = set_cookie(&wrote).unwrap();
    let (value, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(value, "stoa_seen=main:99");
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax; Max-Age=60");
    let seen = other.json(look(&other, value)).await;
    assert_eq!(seen, json!({ "latest": false, "main": "99" }));
    let next = other.request("POST", "flora.localhost", "/write/100").header("cookie", value);
    let next = set_cookie(&next.send().await.unwrap()).unwrap();
    assert!(next.starts_with("stoa_seen=main:100; "), "as numbers: {next}");
    let read = look(&other, value).send().await.unwrap();
    assert_eq!(set_cookie(&read), None, "who only reads gets no new one");
}

#[tokio::test]
async fn an_invented_cookie_is_harmless() {
    let demo = Demo::start().await;
    for (cookie, latest, main) in [
        ("stoa_seen=main:18446744073709551615", false, json!("18446744073709551615")),
        ("stoa_seen=-replayed:1", true, json!(null)),
        ("stoa_seen=rubbish", true, json!(null)),
    ] {
        let seen = demo.json(demo.get("/positions").header("cookie", cookie)).await;
        assert_eq!(seen, json!({ "latest": latest, "main": main }), "{cookie}");
    }
}
