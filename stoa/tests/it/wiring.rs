//! The whole platform in this process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kit::{SystemClock, TenantCode};
use serde_json::Value;
use stoa::options::PlatformOptions;
use stoa::platform::{Platform, Start};
use tasks::Tasks;
use testkit::seeded_entropy;
use tower::ServiceExt as _;

pub async fn platform(folder: &std::path::Path) -> Platform {
    with_options(PlatformOptions::in_folder(folder)).await
}

async fn with_options(mut options: PlatformOptions) -> Platform {
    options.passwords = auth::PasswordOptions::cheap_for_tests();
    let start = Start {
        options,
        clock: Arc::new(SystemClock),
        entropy: seeded_entropy(1),
        tasks: Tasks::new(),
        metrics: None,
    };
    Platform::start(start).await.unwrap()
}

#[tokio::test]
async fn every_routes_permission_is_in_the_published_table() {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(folder.path()).await;
    let document: Value = serde_json::from_str(&platform.openapi).unwrap();
    let known: BTreeSet<&str> = staff_api::PERMISSIONS.iter().map(|p| p.name).collect();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if let Some(permission) = operation.get("x-permission").and_then(Value::as_str) {
                seen += 1;
                assert!(known.contains(permission), "{method} {path}: {permission}");
            }
        }
    }
    assert!(seen > 20, "only {seen} routes declare a permission");
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    platform.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn no_two_services_mean_different_things_by_one_schema_name() {
    let folder = tempfile::tempdir().unwrap();
    let platform = platform(folder.path()).await;
    assert_eq!(platform.schema_conflicts, Vec::<String>::new());
    let document: Value = serde_json::from_str(&platform.openapi).unwrap();
    let text = platform.openapi.as_str();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name} is not defined");
    }
    platform.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_restart_never_waits_and_takes_another_worker_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut numbers = BTreeSet::new();
    for _ in 0..3 {
        let platform = platform(folder.path()).await;
        numbers.insert(platform.ids.worker());
        let ctx = platform.system_ctx(TenantCode::platform(), Duration::from_secs(5)).unwrap();
        platform.ids.mint(&ctx, kit::Place::ZERO).await.unwrap();
        platform.stop(Duration::from_secs(5)).await;
    }
    assert_eq!(numbers.len(), 3);
}

#[tokio::test]
async fn a_folder_that_is_in_use_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let first = platform(folder.path()).await;
    let start = Start {
        options: PlatformOptions::in_folder(folder.path()),
        clock: Arc::new(SystemClock),
        entropy: seeded_entropy(2),
        tasks: Tasks::new(),
        metrics: None,
    };
    let Err(fault) = Platform::start(start).await else { panic!("two platforms on one folder") };
    assert!(fault.message.contains("in use"), "{fault:?}");
    first.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn the_list_of_shops_leads_to_https_where_cookies_are_sent_over_https_only() {
    for (cookie_secure, scheme) in [(true, "https"), (false, "http")] {
        let folder = tempfile::tempdir().unwrap();
        let mut options = PlatformOptions::in_folder(folder.path());
        options.cookie_secure = cookie_secure;
        options.bus.bare_hosts = vec!["mall.localhost".to_owned()];
        let platform = with_options(options).await;
        let ctx = platform.system_ctx(TenantCode::platform(), Duration::from_secs(5)).unwrap();
        platform.clients.tenant.add(&ctx, shop()).await.unwrap();
        let request = axum::http::Request::get("/").header("host", "mall.localhost:8443");
        let request = request.body(axum::body::Body::empty()).unwrap();
        let answer = platform.bus.router().oneshot(request).await.unwrap();
        let page = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let page = String::from_utf8_lossy(&page);
        let link = format!("\"{scheme}://shop.localhost:8443/\"");
        assert!(page.contains(&link), "{link}: {page}");
        platform.stop(Duration::from_secs(5)).await;
    }
}

fn shop() -> tenant_api::NewTenant {
    let locale: types::Locale = "en".parse().unwrap();
    tenant_api::NewTenant {
        code: "shop".parse().unwrap(),
        name: types::Texts::one(locale.clone(), "Shop".to_owned()),
        hosts: vec!["shop.localhost".to_owned()],
        currency: "CNY".parse().unwrap(),
        locales: vec![locale],
        theme: tenant_api::Theme {
            primary: "#1f6f54".to_owned(),
            accent: "#c8553d".to_owned(),
            background: "#ffffff".to_owned(),
            ..tenant_api::Theme::default()
        },
        shipping_fee: 0,
        placement: "1,1,0,0".parse().unwrap(),
    }
}
