//! A migration that has run somewhere is never edited: its text as the embedded engine reads it stays, byte
//! for byte, whatever placeholders other engines get.

use product_api::{NewBrand, NewCategory, NewChannel, NewProduct};

use crate::world::{World, by_slug, en, keeper, plain, price, shopper};

/// SHA-256 of each text, in the order they run. Only ever add a line.
const CHECKSUMS: &[(&str, &str)] = &[
    ("catalogue", "932b8c99dfd87133206e5bebe497346371a92145bbab41c3658d6a8bc882ca12"),
    ("images", "582547f510f086b2466ec62c85d1d8b99fdfe8891d8436235a1b97f943ac8691"),
    ("imports", "71ea3a089cc5f923ce6202f83d4853426c29cf64fd45d793955d5ee14d5f3af6"),
    ("held", "f7eea6dcea773d6ab0507c6e8aab85a30a14ba1d8bd478a0ed6115f1c75bb2de"),
];

#[test]
fn migrations_that_have_run_are_as_they_were() {
    let set = product::SCHEMA.sets.iter().find(|set| set.name == "product").unwrap();
    let now: Vec<_> = set.common.iter().map(|m| (m.name, m.checksum())).collect();
    let now: Vec<_> = now.iter().map(|(name, sum)| (*name, sum.as_str())).collect();
    assert_eq!(now, CHECKSUMS);
}

/// Engines that bound the text of a key must have room for it, and count characters.
#[tokio::test]
async fn the_longest_keys_fit() {
    let world = World::new().await;
    let client = world.local();
    let longest = "𠀀".repeat(100);
    let brand = NewBrand { name: longest.clone() };
    let brand_id = Some(client.create_brand(&keeper(), brand).await.unwrap().id);
    let slug: types::Slug = longest.parse().unwrap();
    let category =
        NewCategory { parent_id: None, slug: slug.clone(), name: en("Roses"), position: 1 };
    client.create_category(&keeper(), category).await.unwrap();
    let channel = NewChannel { code: "c".repeat(32), name: "App".to_owned() };
    let channel = client.create_channel(&keeper(), channel).await.unwrap().code;
    let mut rose = plain("rose", 100);
    rose.skus[0].code.clone_from(&longest);
    rose.skus[0].prices.push(price(&channel, 90));
    let rose = NewProduct { slug: slug.clone(), brand_id, ..rose };
    client.create(&keeper(), rose).await.unwrap();
    let found = client.get(&shopper(), by_slug(&longest)).await.unwrap();
    assert_eq!((found.slug, &found.skus[0].code), (slug, &longest));
    assert_eq!(found.brand.map(|b| b.name), Some(longest));
}
