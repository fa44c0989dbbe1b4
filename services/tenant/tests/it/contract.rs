//! What callers of the trait may rely on, whichever handle they hold.

use kit::{Cursor, ErrorCode, Limit, Money, Place};
use rpc::{Fault, ServiceError as _};
use sea_query::Query;
use shard::Route;
use tenant_api::{
    Banner, ByHost, CachedTenants, Error, Get, List, TenantClient, Theme, UpdateTenant,
};
use testkit::{anonymous_ctx, operator_ctx, test_ctx};
use types::Texts;

use crate::world::{World, new_tenant, system};

#[tokio::test]
async fn a_local_handle_keeps_the_contract() {
    let world = World::new().await;
    suite(&world.local()).await;
}

#[tokio::test]
async fn a_remote_handle_keeps_the_contract() {
    let mut world = World::new().await;
    suite(&world.remote().await).await;
}

async fn suite(client: &TenantClient) {
    a_tenant_is_found_by_code_and_by_host(client).await;
    shared_cells_are_reported_and_allowed(client).await;
    codes_and_hosts_are_unique_and_a_refusal_changes_nothing(client).await;
    tenants_are_listed_by_code(client).await;
    a_change_needs_permission_and_the_current_version(client).await;
    a_look_with_banners_is_kept_and_seen_through_what_remembers(client).await;
    only_the_system_adds_lists_and_finds(client).await;
}

fn by_host(host: &str) -> ByHost {
    ByHost { host: host.to_owned() }
}

fn no_change(version: i64) -> UpdateTenant {
    UpdateTenant::of(version)
}

async fn a_tenant_is_found_by_code_and_by_host(client: &TenantClient) {
    let added = client.add(&system(), new_tenant("flora", (1, 1, 0, 0))).await.unwrap();
    assert!(added.overlaps.is_empty());
    assert_eq!(added.tenant.version, 1);
    let got = client.get(&anonymous_ctx("flora"), Get {}).await.unwrap();
    assert_eq!(got, added.tenant);
    assert_eq!(got.placements.cells(), [Place::ZERO]);
    for host in ["flora.localhost", "FLORA.localhost", "flora.localhost."] {
        let code = client.by_host(&system(), by_host(host)).await.unwrap();
        assert_eq!(code, Some("flora".parse().unwrap()), "{host}");
    }
    for host in ["other.localhost", "", "not a host", "flora.localhost:8080"] {
        assert_eq!(client.by_host(&system(), by_host(host)).await.unwrap(), None, "{host}");
    }
    let missing = client.get(&anonymous_ctx("nobody"), Get {}).await.unwrap_err();
    assert_eq!(missing.code(), ErrorCode::NotFound);
}

async fn shared_cells_are_reported_and_allowed(client: &TenantClient) {
    let apart = client.add(&system(), new_tenant("gadget", (1, 8, 0, 16))).await.unwrap();
    assert!(apart.overlaps.is_empty());
    let shared = client.add(&system(), new_tenant("annex", (1, 20, 0, 0))).await.unwrap();
    let told: Vec<_> = shared.overlaps.iter().map(|o| (o.with.as_str(), o.cells.len())).collect();
    assert_eq!(told, [("flora", 1), ("gadget", 4)]);
}

async fn codes_and_hosts_are_unique_and_a_refusal_changes_nothing(client: &TenantClient) {
    let taken = client.add(&system(), new_tenant("flora", (1, 1, 1, 0))).await.unwrap_err();
    assert_eq!(taken, Error::CodeTaken("flora".parse().unwrap()));
    let mut thief = new_tenant("thief", (1, 1, 1, 0));
    thief.hosts.push("Flora.localhost".into());
    let taken = client.add(&system(), thief.clone()).await.unwrap_err();
    assert_eq!(taken, Error::HostTaken("flora.localhost".into()));
    assert!(client.get(&test_ctx("thief"), Get {}).await.is_err(), "nothing of it stays");
    assert_eq!(client.by_host(&system(), by_host("thief.localhost")).await.unwrap(), None);
    let platform = client.add(&system(), new_tenant("platform", (1, 1, 1, 0))).await.unwrap_err();
    assert_eq!(platform.into_fault().fields[0].pointer, "/code");
}

async fn tenants_are_listed_by_code(client: &TenantClient) {
    let mut seen = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let limit = Limit::new(2).unwrap();
        let page = client.list(&system(), List { cursor, limit }).await.unwrap();
        seen.extend(page.items.into_iter().map(|t| t.code.to_string()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["annex", "flora", "gadget"]);
    let bad = List { cursor: Some(Cursor::encode(&7)), limit: Limit::default() };
    assert_eq!(client.list(&system(), bad).await.unwrap_err().code(), ErrorCode::Invalid);
}

async fn a_change_needs_permission_and_the_current_version(client: &TenantClient) {
    let owner = operator_ctx("gadget", 1, &["tenant:write"]);
    let fee = UpdateTenant { shipping_fee: Some(0), ..no_change(1) };
    let changed = client.update(&owner, fee.clone()).await.unwrap();
    assert_eq!(changed.version, 2);
    assert_eq!(changed.shipping_fee, Money::zero(changed.currency));
    assert_eq!(client.get(&owner, Get {}).await.unwrap(), changed);
    assert_eq!(client.update(&owner, fee).await, Err(Error::Stale(2)));
    let reader = operator_ctx("gadget", 1, &["tenant:read"]);
    let refused = client.update(&reader, no_change(2)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Forbidden);
    let bad = UpdateTenant { shipping_fee: Some(-1), ..no_change(2) };
    assert_eq!(client.update(&owner, bad).await.unwrap_err().code(), ErrorCode::Invalid);
    let flora = client.get(&anonymous_ctx("flora"), Get {}).await.unwrap();
    assert_eq!((flora.version, flora.shipping_fee.amount()), (1, 800), "another tenant's stay");
}

async fn a_look_with_banners_is_kept_and_seen_through_what_remembers(client: &TenantClient) {
    let clock = testkit::test_clock();
    let tenants = CachedTenants::new(client.clone(), clock.clone());
    let owner = operator_ctx("annex", 1, &["tenant:write"]);
    let before = tenants.get(&anonymous_ctx("annex")).await.unwrap();
    assert!(before.banners.is_empty() && before.theme.logo.is_none());
    let line = |text: &str| Texts::one("en".parse().unwrap(), text);
    let banner = Banner {
        title: line("Spring"),
        text: line("Bulbs are in"),
        image: Some("/media/7".into()),
        link: "/c/bulbs".into(),
    };
    let theme = Theme {
        logo: Some("/media/8".into()),
        heading_font: Some("Georgia, serif".into()),
        ..before.theme.clone()
    };
    let update = UpdateTenant {
        theme: Some(theme.clone()),
        banners: Some(vec![banner.clone()]),
        ..no_change(before.version)
    };
    let changed = client.update(&owner, update).await.unwrap();
    assert_eq!((&changed.theme, &changed.banners), (&theme, &vec![banner.clone()]));
    let other = UpdateTenant { shipping_fee: Some(5), ..no_change(changed.version) };
    let changed = client.update(&owner, other).await.unwrap();
    assert_eq!(changed.banners, [banner], "what is absent stays");
    clock.advance(tenant_api::cached::AGE_MAX);
    assert_eq!(*tenants.get(&anonymous_ctx("annex")).await.unwrap(), changed);
    let none = UpdateTenant { banners: Some(vec![]), ..no_change(changed.version) };
    assert!(client.update(&owner, none).await.unwrap().banners.is_empty());
    let other = client.get(&anonymous_ctx("flora"), Get {}).await.unwrap();
    assert!(other.theme.logo.is_none(), "another tenant's stays");
}

async fn only_the_system_adds_lists_and_finds(client: &TenantClient) {
    for ctx in [anonymous_ctx("platform"), operator_ctx("flora", 1, &["*"])] {
        let add = client.add(&ctx, new_tenant("mine", (1, 1, 9, 0))).await.unwrap_err();
        let list = List { cursor: None, limit: Limit::default() };
        let list = client.list(&ctx, list).await.unwrap_err();
        let find = client.by_host(&ctx, by_host("flora.localhost")).await.unwrap_err();
        for error in [add, list, find] {
            assert_eq!(error.code(), ErrorCode::Forbidden);
        }
    }
}

#[tokio::test]
async fn a_tenant_survives_a_restart() {
    let world = World::new().await;
    let added = world.local().add(&system(), new_tenant("outlet", (4, 8, 4, 0))).await.unwrap();
    let world = world.restarted().await;
    let got = world.local().get(&anonymous_ctx("outlet"), Get {}).await.unwrap();
    assert_eq!(got, added.tenant);
    assert_eq!(got.placements.cells().len(), 32);
}

#[tokio::test]
async fn a_new_tenant_is_told_once_in_its_own_name() {
    let world = World::new().await;
    let client = world.local();
    client.add(&system(), new_tenant("flora", (1, 1, 0, 0))).await.unwrap();
    client.add(&system(), new_tenant("flora", (1, 1, 0, 0))).await.unwrap_err();
    let db = world.shards.single(tenant::SCHEMA).await;
    let told = db
        .read::<_, Fault, _, _>(&system(), Route::Whole, |tx| async move {
            let select =
                Query::select().columns(["tenant", "topic", "payload"]).from("outbox").to_owned();
            tx.all(&select).await
        })
        .await
        .unwrap();
    let told: Vec<[String; 3]> = told
        .iter()
        .map(|row| ["tenant", "topic", "payload"].map(|column| row.get(column).unwrap()))
        .collect();
    assert_eq!(told, [["flora", tenant_api::TENANT_ADDED, r#"{"code":"flora"}"#]]);
}

#[tokio::test]
async fn a_theme_that_was_stored_before_logos_and_banners_still_loads() {
    let world = World::new().await;
    world.local().add(&system(), new_tenant("flora", (1, 1, 0, 0))).await.unwrap();
    let db = world.shards.single(tenant::SCHEMA).await;
    let old =
        r##"{"primary":"#000000","accent":"#111111","background":"#ffffff","tagline":"Old"}"##;
    db.tx::<_, Fault, _, _>(&system(), Route::Whole, move |tx| async move {
        let update = Query::update().table("tenants").value("theme", old).to_owned();
        tx.exec(&update).await
    })
    .await
    .unwrap();
    let info = world.local().get(&anonymous_ctx("flora"), Get {}).await.unwrap();
    assert_eq!((info.theme.tagline.as_str(), info.theme.logo), ("Old", None));
    assert!(info.banners.is_empty());
}
