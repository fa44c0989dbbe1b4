//! Who may give what to whom.

use kit::ErrorCode;
use rpc::ServiceError as _;
use staff_api::{NewCredential, Role, UpdateStaff};
use testkit::{operator_ctx, test_ctx};

use crate::world::{World, as_person, new};

#[tokio::test]
async fn without_the_permission_nobody_is_added_or_changed() {
    let world = World::new().await;
    let anna = world.person("flora", "anna", Role::Owner).await;
    let reader = world.person("flora", "reader", Role::Operations).await;
    let ctx = as_person("flora", &reader);
    let add = world.client.add(&ctx, new("carl", Role::ReadOnly)).await.unwrap_err();
    let change = UpdateStaff { id: anna.id, role: None, enabled: Some(false) };
    let change = world.client.update(&ctx, change).await.unwrap_err();
    assert_eq!((add.code(), change.code()), (ErrorCode::Forbidden, ErrorCode::Forbidden));
    assert!(world.client.add(&as_person("flora", &anna), new("carl", Role::Owner)).await.is_ok());
}

#[tokio::test]
async fn a_program_that_may_add_staff_cannot_make_itself_an_owner() {
    let world = World::new().await;
    let anna = world.person("flora", "anna", Role::Owner).await;
    world.person("flora", "olga", Role::Owner).await;
    let permissions = ["staff:write", "tenant:read", "products:read", "stock:*", "orders:read"];
    let program = operator_ctx("flora", 77, &permissions);
    let owner = world.client.add(&program, new("mallory", Role::Owner)).await.unwrap_err();
    assert_eq!(owner.code(), ErrorCode::Forbidden);
    let demote = UpdateStaff { id: anna.id, role: Some(Role::ReadOnly), enabled: None };
    let demote = world.client.update(&program, demote).await.unwrap_err();
    assert_eq!(demote.code(), ErrorCode::Forbidden, "nor take from others what it lacks");
    let grant = NewCredential { name: "more".into(), permissions: vec!["orders:*".into()] };
    let grant = world.client.create_credential(&program, grant).await.unwrap_err();
    assert_eq!(grant.code(), ErrorCode::Forbidden);
    let less = NewCredential { name: "less".into(), permissions: vec!["stock:read".into()] };
    assert!(world.client.create_credential(&program, less).await.is_ok());
    let unknown = NewCredential { name: "odd".into(), permissions: vec!["moon:read".into()] };
    let unknown = world.client.create_credential(&program, unknown).await.unwrap_err();
    assert_eq!(unknown.into_fault().fields[0].pointer, "/permissions/0");
}

#[tokio::test]
async fn the_last_enabled_owner_can_be_neither_disabled_nor_demoted() {
    let world = World::new().await;
    let anna = world.person("flora", "anna", Role::Owner).await;
    let ctx = as_person("flora", &anna);
    let disable = || UpdateStaff { id: anna.id, role: None, enabled: Some(false) };
    let demote = || UpdateStaff { id: anna.id, role: Some(Role::Operations), enabled: None };
    world.person("gadget", "anna", Role::Owner).await;
    for change in [disable(), demote()] {
        let refused = world.client.update(&ctx, change).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Conflict);
        assert_eq!(refused.into_fault().slug(), "last_owner");
    }
    let olga = world.person("flora", "olga", Role::Owner).await;
    let off = UpdateStaff { id: olga.id, role: None, enabled: Some(false) };
    world.client.update(&ctx, off).await.unwrap();
    assert!(world.client.update(&ctx, disable()).await.is_err(), "olga may not sign in");
    let on = UpdateStaff { id: olga.id, role: None, enabled: Some(true) };
    world.client.update(&ctx, on).await.unwrap();
    assert_eq!(world.client.update(&ctx, demote()).await.unwrap().role, Role::Operations);
    let nobody = UpdateStaff { id: anna.id, role: None, enabled: None };
    let elsewhere = world.client.update(&test_ctx("outlet"), nobody).await.unwrap_err();
    assert_eq!(elsewhere.code(), ErrorCode::NotFound);
}
