//! A migration that has run somewhere is never edited: its text as the embedded engine reads it stays, byte
//! for byte, whatever placeholders other engines get.

use crate::world::{World, ids, product, text};

/// SHA-256 of each text, in the order they run. Only ever add a line.
const CHECKSUMS: &[(&str, &str)] = &[
    ("products", "b327717a65c2ffd86cb761b51840b9be70c9099eaa6e8ed8d6458ed6fea5d1ae"),
    ("orders", "985bead32a571b7d6321caf24120d3b9c3690d0373df2b7b29e6d29a31c498cc"),
    ("caught_up", "690465e036a9c2acccccdd2b6111219ffea3d15bf359d5dc02f5bd222aa53fb8"),
];

#[test]
fn migrations_that_have_run_are_as_they_were() {
    let set = search::SCHEMA.sets.iter().find(|set| set.name == "search").unwrap();
    let now: Vec<_> = set.common.iter().map(|m| (m.name, m.checksum())).collect();
    let now: Vec<_> = now.iter().map(|(name, sum)| (*name, sum.as_str())).collect();
    assert_eq!(now, CHECKSUMS);
}

/// Engines that bound the text of a key must have room for it, and count characters.
#[tokio::test]
async fn the_longest_word_fits() {
    let world = World::new().await;
    let word = "\u{10428}".repeat(60);
    world.publish("flora", [product(1, &word, "玫瑰")]).await;
    let hits = world.client.find_products(&testkit::anonymous_ctx("flora"), text(&word)).await;
    assert_eq!(ids(&hits.unwrap()), [1]);
}
