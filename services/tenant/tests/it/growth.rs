//! A tenant gets new versions of its placement.

use kit::{ErrorCode, Place, Placement};
use rpc::ServiceError as _;
use tenant_api::{Error, Get, Grow, TenantClient};
use testkit::{anonymous_ctx, operator_ctx, test_ctx};

use crate::world::{World, new_tenant, system};

fn to(text: &str) -> Grow {
    Grow { placement: text.parse::<Placement>().unwrap(), dry_run: false }
}

#[tokio::test]
async fn a_local_and_a_remote_handle_grow_a_tenant_alike() {
    let mut world = World::new().await;
    suite(&world.local(), "outlet").await;
    suite(&world.remote().await, "annex").await;
}

async fn suite(client: &TenantClient, code: &str) {
    let placement = if code == "outlet" { (4, 8, 4, 0) } else { (4, 8, 4, 16) };
    client.add(&system(), new_tenant(code, placement)).await.unwrap();
    let (ctx, twice) = (test_ctx(code), format!("8,8,4,{}", placement.3));
    let tried = Grow { dry_run: true, ..to(&twice) };
    let tried = client.grow(&ctx, tried).await.unwrap();
    assert_eq!((tried.version, tried.repeated, tried.tenant.version), (2, false, 1));
    assert_eq!(client.get(&ctx, Get {}).await.unwrap(), tried.tenant, "nothing has changed");
    let grown = client.grow(&ctx, to(&twice)).await.unwrap();
    assert_eq!((grown.version, grown.repeated), (2, false));
    assert_eq!(grown.overlaps.len(), 0, "{:?}", grown.overlaps);
    assert_eq!(client.get(&anonymous_ctx(code), Get {}).await.unwrap(), grown.tenant);
    let lead = grown.effective_from.since(testkit::BEGIN);
    assert_eq!(lead, tenant::Options::default().growth_lead);
    let placements = &grown.tenant.placements;
    assert_eq!((placements.versions().len(), placements.cells().len()), (2, 64));
    let user = 7;
    assert_eq!(placements.home(user, testkit::BEGIN), placements.versions()[0].cell(user));
    assert_eq!(placements.home(user, grown.effective_from), placements.versions()[1].cell(user));
    let again = client.grow(&ctx, to(&twice)).await.unwrap();
    assert_eq!((again.version, again.repeated), (2, true));
    assert_eq!((again.effective_from, again.tenant), (grown.effective_from, grown.tenant));
    let hasty = client.grow(&ctx, to("8,8,12,8")).await.unwrap_err();
    assert!(
        matches!(&hasty, Error::CannotGrow(why) if why.contains("grow again after")),
        "{hasty}"
    );
    assert_eq!(hasty.into_fault().slug(), "cannot_grow");
    let nobody = client.grow(&test_ctx("nobody"), to("8,8,4,0")).await.unwrap_err();
    assert_eq!(nobody.code(), ErrorCode::NotFound);
    for ctx in [anonymous_ctx(code), operator_ctx(code, 1, &["*"])] {
        let refused = client.grow(&ctx, to(&twice)).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Forbidden);
    }
}

#[tokio::test]
async fn whose_cells_a_grown_tenant_shares_is_told() {
    let world = World::new().await;
    let client = world.local();
    client.add(&system(), new_tenant("flora", (1, 1, 0, 0))).await.unwrap();
    client.add(&system(), new_tenant("gadget", (1, 8, 1, 0))).await.unwrap();
    let grown = client.grow(&test_ctx("flora"), to("2,1,0,0")).await.unwrap();
    let shared: Vec<_> =
        grown.overlaps.iter().map(|o| (o.with.as_str(), o.cells.clone())).collect();
    assert_eq!(shared, [("gadget", vec![Place { db: 1, table: 0 }])]);
}
