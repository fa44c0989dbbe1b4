//! A migration that has run somewhere is never edited: its text as the embedded engine reads it stays, byte
//! for byte, whatever placeholders other engines get.

use rpc::ServiceError as _;
use staff_api::Role;

use crate::world::{PASSWORD, World};

/// SHA-256 of each text, in the order they run. Only ever add a line.
const CHECKSUMS: &[(&str, &str)] =
    &[("staff", "d04a9bf6fb8e50bb8f802ce650bf260e3c06cec1bf7d6ceafde89605ef21ad11")];

#[test]
fn migrations_that_have_run_are_as_they_were() {
    let set = staff::SCHEMA.sets.iter().find(|set| set.name == "staff").unwrap();
    let now: Vec<_> = set.common.iter().map(|m| (m.name, m.checksum())).collect();
    let now: Vec<_> = now.iter().map(|(name, sum)| (*name, sum.as_str())).collect();
    assert_eq!(now, CHECKSUMS);
}

/// Engines that bound the text of a key must have room for it: one letter becomes two in lower case.
#[tokio::test]
async fn the_longest_login_fits() {
    let world = World::new().await;
    let login = "İ".repeat(64);
    world.person("flora", &login, Role::Owner).await;
    assert!(world.sign_in("flora", &login, PASSWORD).await.is_ok());
    let longer = crate::world::new(&"x".repeat(65), Role::Owner);
    let refused = world.client.add(&testkit::test_ctx("flora"), longer).await.unwrap_err();
    assert_eq!(refused.code(), kit::ErrorCode::Invalid);
}
