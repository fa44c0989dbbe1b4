//! A migration that has run somewhere is never edited: its text as the embedded engine reads it stays, byte
//! for byte, whatever placeholders other engines get.

/// SHA-256 of each text, in the order they run. Only ever add a line.
const CHECKSUMS: &[(&str, &str)] = &[
    ("carts", "d0199360bfcc051ba99ab35a0c04665fde8aec30aa60cffc4ae3b40c08ee6d8e"),
    ("saved", "e2cf8a169fcea0cc2bd3f927d3cc0c787f04a070b6e01990a4d63631443f59e5"),
];

#[test]
fn migrations_that_have_run_are_as_they_were() {
    let set = cart::SCHEMA.sets.iter().find(|set| set.name == "cart").unwrap();
    let now: Vec<_> = set.common.iter().map(|m| (m.name, m.checksum())).collect();
    let now: Vec<_> = now.iter().map(|(name, sum)| (*name, sum.as_str())).collect();
    assert_eq!(now, CHECKSUMS);
}
