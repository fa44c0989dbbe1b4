//! A migration that has run somewhere is never edited: its text as the embedded engine reads it stays, byte
//! for byte, whatever placeholders other engines get.

/// SHA-256 of each text, in the order they run. Only ever add a line.
const CHECKSUMS: &[(&str, &str)] = &[
    ("tenants", "eec929b752226d90011178d00d1c2c6a01e0c811409e128f8585f822945c2fa9"),
    ("banners", "f794c53ec3cced41eaae46d2cdcb2c4c5d8a4f55c784b29b6a6254440626772b"),
];

#[test]
fn migrations_that_have_run_are_as_they_were() {
    let set = tenant::SCHEMA.sets.iter().find(|set| set.name == "tenant").unwrap();
    let now: Vec<_> = set.common.iter().map(|m| (m.name, m.checksum())).collect();
    let now: Vec<_> = now.iter().map(|(name, sum)| (*name, sum.as_str())).collect();
    assert_eq!(now, CHECKSUMS);
}
