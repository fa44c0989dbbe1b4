//! The routes: who may call them, what they answer, how versions and pictures travel.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use rpc::Ctx;
use serde_json::{Value, json};
use testkit::{operator_ctx, user_ctx};
use tower::ServiceExt as _;

use crate::world::{World, keeper, plain, shopper};

async fn raw(world: &World, ctx: Ctx, request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
    let router = http_kit::edge::serve_as(world.router.clone(), ctx);
    let response = router.oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    (status, headers, axum::body::to_bytes(response.into_body(), 8 << 20).await.unwrap())
}

async fn ask(world: &World, ctx: Ctx, request: Request<Body>) -> (u16, String, Value) {
    let (status, headers, bytes) = raw(world, ctx, request).await;
    let tag = headers.get("etag").map_or("", |v| v.to_str().unwrap()).to_owned();
    (status.as_u16(), tag, serde_json::from_slice(&bytes).unwrap())
}

fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}

fn send(method: &str, uri: &str, body: &Value, if_match: Option<&str>) -> Request<Body> {
    let mut request =
        Request::builder().method(method).uri(uri).header("content-type", "application/json");
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    request.body(Body::from(body.to_string())).unwrap()
}

fn draft(slug: &str) -> Value {
    let mut product = serde_json::to_value(plain(slug, 1_500)).unwrap();
    product["status"] = json!("draft");
    product
}

#[tokio::test]
async fn a_product_is_written_published_and_read() {
    let world = World::new().await;
    let new = send("POST", "/v1/admin/products", &draft("2024"), None);
    let (status, headers, body) = raw(&world, keeper(), new).await;
    let made: Value = serde_json::from_slice(&body).unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!((status, &headers["etag"]), (StatusCode::CREATED, &"\"1\"".parse().unwrap()));
    let admin = format!("/v1/admin/products/{id}");
    assert_eq!(headers["location"], admin.as_str());

    let (by_id, by_slug) = (format!("/v1/store/products/{id}"), "/v1/store/products/2024");
    for ctx in [shopper(), keeper()] {
        let (status, _, problem) = ask(&world, ctx, get(&by_id)).await;
        assert_eq!((status, &problem["code"]), (404, &json!("not_found")), "a draft is not shown");
    }
    let publish = || send("POST", &format!("{admin}/actions/publish"), &json!({}), None);
    assert_eq!(ask(&world, shopper(), publish()).await.0, 401);
    let (status, tag, published) = ask(&world, keeper(), publish()).await;
    assert_eq!((status, tag.as_str(), &published["status"]), (200, "\"2\"", &json!("on_sale")));
    for uri in [by_id.as_str(), by_slug] {
        let (status, tag, shown) = ask(&world, shopper(), get(uri)).await;
        assert_eq!((status, tag.as_str()), (200, "\"2\""));
        assert_eq!(shown["skus"][0]["price"], json!({"amount": 1_500, "currency": "CNY"}));
    }
    let (_, _, page) = ask(&world, shopper(), get("/v1/store/products?limit=1")).await;
    assert_eq!((&page["items"][0]["id"], page.get("next_cursor")), (&json!(id), None));

    // What is read by its keepers can be put back.
    let (_, tag, content) = ask(&world, keeper(), get(&admin)).await;
    let put = |tag| send("PUT", &admin, &content["content"], tag);
    assert_eq!(ask(&world, keeper(), put(Some(&tag))).await.0, 200);
    let (status, _, problem) = ask(&world, keeper(), put(Some(&tag))).await;
    assert_eq!((status, &problem["code"]), (412, &json!("stale_version")));
    assert_eq!(ask(&world, keeper(), put(None)).await.0, 400);
    assert_eq!(ask(&world, keeper(), put(Some("*"))).await.1, "\"4\"");
    let archive = send("POST", &format!("{admin}/actions/archive"), &json!({}), Some("\"3\""));
    assert_eq!(ask(&world, keeper(), archive).await.0, 412);
    let explode = send("POST", &format!("{admin}/actions/explode"), &json!({}), None);
    assert_eq!(ask(&world, keeper(), explode).await.0, 400);
}

#[tokio::test]
async fn every_admin_route_needs_its_permission() {
    let world = World::new().await;
    let new = json!({"name": "x"});
    let requests = || {
        vec![
            get("/v1/admin/products"),
            get("/v1/admin/products/5"),
            get("/v1/admin/categories"),
            get("/v1/admin/brands"),
            get("/v1/admin/channels"),
            get("/v1/admin/imports/5"),
            send("POST", "/v1/admin/products", &draft("x"), None),
            send("PUT", "/v1/admin/products/5", &draft("x"), Some("\"1\"")),
            send("POST", "/v1/admin/products/5/actions/publish", &new, None),
            send("POST", "/v1/admin/categories", &new, None),
            send("POST", "/v1/admin/brands", &new, None),
            send("POST", "/v1/admin/channels", &new, None),
            send("POST", "/v1/admin/images", &new, None),
            send("POST", "/v1/admin/imports", &new, None),
            send("POST", "/v1/admin/imports/5/batches", &new, None),
            send("POST", "/v1/admin/imports/checks", &new, None),
        ]
    };
    for (ctx, wanted) in [
        (shopper(), 401),
        (user_ctx("flora", 1), 403),
        (operator_ctx("flora", 1, &["orders:*"]), 403),
    ] {
        for request in requests() {
            let uri = request.uri().clone();
            assert_eq!(ask(&world, ctx.clone(), request).await.0, wanted, "{uri}");
        }
    }
}

#[tokio::test]
async fn bad_input_is_a_problem_that_names_its_place() {
    let world = World::new().await;
    let mut deep = draft("x");
    deep["skus"][0]["prices"][0]["amount"] = json!(-1);
    let mut unknown = draft("x");
    unknown["colour"] = json!("red");
    for (request, status, pointer) in [
        (send("POST", "/v1/admin/products", &deep, None), 400, "/skus/0/prices/0/amount"),
        (send("POST", "/v1/admin/products", &unknown, None), 400, "/colour"),
        (send("POST", "/v1/admin/products", &json!({}), None), 400, "/slug"),
        (send("POST", "/v1/admin/brands", &json!({"name": ""}), None), 400, "/name"),
        (get("/v1/store/products?limit=0"), 400, "limit"),
        (get("/v1/store/products?cursor=x"), 400, "cursor"),
        (get("/v1/store/products?category_id=x"), 400, "category_id"),
        (get("/v1/store/products?channel=A%20B"), 400, "channel"),
        (get("/v1/admin/products?status=sold"), 400, "status"),
        (get("/media/x"), 400, "path"),
    ] {
        let uri = request.uri().clone();
        let (got, _, problem) = ask(&world, keeper(), request).await;
        assert_eq!(got, status, "{uri}: {problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{uri}: {problem}");
    }
    for missing in [
        "/v1/store/products/99999999999999999999",
        "/v1/store/products/%00",
        "/media/5",
        "/v1/admin/products/5",
        "/v1/admin/imports/5",
    ] {
        assert_eq!(ask(&world, keeper(), get(missing)).await.0, 404, "{missing}");
    }
}

#[tokio::test]
async fn a_picture_is_served_so_that_it_can_only_be_looked_at() {
    let world = World::new().await;
    let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    let post = |kind: &str, bytes: Vec<u8>| {
        Request::post("/v1/admin/images")
            .header("content-type", kind)
            .body(Body::from(bytes))
            .unwrap()
    };
    let put = post("image/svg+xml", svg.into());
    let (status, _, stored) = ask(&world, keeper(), put).await;
    assert_eq!(status, 201);
    let (status, headers, body) =
        raw(&world, shopper(), get(stored["url"].as_str().unwrap())).await;
    assert_eq!((status, &body[..]), (StatusCode::OK, svg.as_bytes()));
    assert_eq!(headers["content-type"], "image/svg+xml");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(headers["cache-control"].to_str().unwrap().contains("immutable"));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"));
    for (kind, bytes, wanted) in [
        ("image/svg+xml", b"<svg onload='x()'/>".to_vec(), 400),
        ("image/gif", b"GIF89a".to_vec(), 415),
        ("application/json", b"{}".to_vec(), 415),
        ("image/png", vec![0; 512 * 1024 + 1], 413),
        ("image/png", Vec::new(), 400),
    ] {
        assert_eq!(ask(&world, keeper(), post(kind, bytes)).await.0, wanted, "{kind}");
    }
}

#[tokio::test]
async fn an_import_runs_over_http() {
    let world = World::new().await;
    let begin = json!({"file_name": "a.csv", "file_hash": "0".repeat(64), "products": 1});
    let (status, _, import) =
        ask(&world, keeper(), send("POST", "/v1/admin/imports", &begin, None)).await;
    assert_eq!((status, &import["applied"]), (201, &json!(0)));
    let uri = format!("/v1/admin/imports/{}", import["id"].as_str().unwrap());
    let product = json!({"product": plain("a", 1), "vendor": "V", "quantities": [4]});
    let check = send("POST", "/v1/admin/imports/checks", &json!({"products": [product]}), None);
    assert_eq!(ask(&world, keeper(), check).await.2, json!([]));
    let batch = json!({"offset": 0, "products": [product]});
    let apply = send("POST", &format!("{uri}/batches"), &batch, None);
    let (status, _, done) = ask(&world, keeper(), apply).await;
    assert_eq!((status, &done["done"], &done["created"]), (200, &json!(true), &json!(1)));
    assert_eq!(ask(&world, keeper(), get(&uri)).await.2["done"], json!(true));
}

#[tokio::test]
async fn the_document_names_no_schema_that_it_lacks() {
    let world = World::new().await;
    let document = serde_json::to_value(&world.document).unwrap();
    let mut names = Vec::new();
    references(&document, &mut names);
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(document.pointer(name.trim_start_matches('#')).is_some(), "{name} leads nowhere");
    }
    let images = &document["paths"]["/media/{id}"]["get"]["responses"]["200"]["content"];
    assert_eq!(images.as_object().unwrap().len(), 4);
}

fn references(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            names.extend(map.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
            map.values().for_each(|v| references(v, names));
        }
        Value::Array(items) => items.iter().for_each(|v| references(v, names)),
        _ => {}
    }
}
