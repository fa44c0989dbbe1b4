//! A migration that has run somewhere is never edited: its text as the embedded engine reads it stays, byte
//! for byte, whatever placeholders other engines get.

use crate::world::{PASSWORD, World};

/// SHA-256 of each text, in the order they run. Only ever add a line.
const CHECKSUMS: &[(&str, &str)] =
    &[("members", "8b46c9fd49bbf8b82555e64d573df62f2f99c7301292e3e5765d29c3c158fa9d")];

#[test]
fn migrations_that_have_run_are_as_they_were() {
    let set = member::SCHEMA.sets.iter().find(|set| set.name == "member").unwrap();
    let now: Vec<_> = set.common.iter().map(|m| (m.name, m.checksum())).collect();
    let now: Vec<_> = now.iter().map(|(name, sum)| (*name, sum.as_str())).collect();
    assert_eq!(now, CHECKSUMS);
}

/// Engines that bound the text of a key must have room for it: one letter becomes two in lower case.
#[tokio::test]
async fn the_longest_login_fits() {
    let world = World::new().await;
    for letter in ["İ", "𠀀"] {
        let login = format!("{}@{}", letter.repeat(64), letter.repeat(189));
        world.member("flora", &login).await;
        assert!(world.sign_in("flora", &login, PASSWORD).await.is_ok());
    }
}
