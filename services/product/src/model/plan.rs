//! What is kept beside a product so that lists and lines need not read all of it, and which variant keeps
//! its id when the content is replaced. Pure.

use std::collections::{BTreeMap, HashMap};

use product_api::{Image, NewProduct};
use serde::{Deserialize, Serialize};
use types::{SkuId, Texts};

/// The lowest and the highest price of a product in one channel, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRange {
    /// Lowest.
    pub min: i64,
    /// Highest.
    pub max: i64,
}

/// What a list shows of a product. Stored as JSON beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Its name.
    pub title: Texts,
    /// Its main picture.
    pub image: Option<Image>,
    /// How many variants it has.
    pub sku_count: u32,
    /// Prices by channel.
    pub prices: BTreeMap<String, PriceRange>,
}

impl Card {
    /// The card of a product. The main picture is its first, or the first that a variant has.
    #[must_use]
    pub fn of(product: &NewProduct) -> Self {
        let mut prices: BTreeMap<String, PriceRange> = BTreeMap::new();
        for price in product.skus.iter().flat_map(|s| &s.prices) {
            let range = PriceRange { min: price.amount, max: price.amount };
            prices
                .entry(price.channel.clone())
                .and_modify(|r| {
                    r.min = r.min.min(price.amount);
                    r.max = r.max.max(price.amount);
                })
                .or_insert(range);
        }
        let of_variant = || product.skus.iter().find_map(|s| s.image.as_ref());
        Self {
            title: product.title.clone(),
            image: product.images.first().or_else(of_variant).cloned(),
            sku_count: u32::try_from(product.skus.len()).unwrap_or(u32::MAX),
            prices,
        }
    }
}

/// The ids of a product's variants after a change: a variant with the same option values as before keeps
/// its id, the others take the next fresh one. `None` when there are not enough fresh ones.
#[must_use]
pub fn match_skus<'a>(
    before: impl IntoIterator<Item = (&'a [String], SkuId)>,
    after: impl IntoIterator<Item = &'a [String]>,
    fresh: &[SkuId],
) -> Option<Vec<SkuId>> {
    let known: HashMap<&[String], SkuId> = before.into_iter().collect();
    let mut fresh = fresh.iter().copied();
    after.into_iter().map(|values| known.get(values).copied().or_else(|| fresh.next())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{plain, sku};
    use super::*;

    fn id(n: i64) -> SkuId {
        SkuId::from_i64(n).unwrap()
    }

    #[test]
    fn a_card_has_the_range_of_prices_by_channel() {
        let mut p = plain();
        p.skus = vec![sku(&["S"], 500), sku(&["L"], 300), sku(&["M"], 400)];
        p.skus[1].prices[0].channel = "app".into();
        p.skus[2].image = Some(Image { url: "https://a/b".into(), alt: String::new() });
        let card = Card::of(&p);
        assert_eq!(card.prices["web"], PriceRange { min: 400, max: 500 });
        assert_eq!(card.prices["app"], PriceRange { min: 300, max: 300 });
        assert_eq!((card.sku_count, card.image), (3, p.skus[2].image.clone()));
    }

    #[test]
    fn a_variant_keeps_its_id_by_its_values() {
        let v = |s: &[&str]| s.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let (red, blue, green) = (v(&["red"]), v(&["blue"]), v(&["green"]));
        let before = [(red.as_slice(), id(1)), (blue.as_slice(), id(2))];
        let after = [green.as_slice(), blue.as_slice()];
        assert_eq!(match_skus(before, after, &[id(9)]), Some(vec![id(9), id(2)]));
        assert_eq!(match_skus(before, after, &[]), None);
    }

    proptest! {
        #[test]
        fn no_two_variants_share_an_id(
            before in prop::collection::btree_set("[a-c]{1,2}", 0..9),
            after in prop::collection::btree_set("[a-c]{1,2}", 0..9),
        ) {
            let own = |s: &std::collections::BTreeSet<String>| -> Vec<Vec<String>> {
                s.iter().map(|v| vec![v.clone()]).collect()
            };
            let (b, a) = (own(&before), own(&after));
            let known: Vec<_> = b.iter().enumerate().map(|(i, v)| (v.as_slice(), id(i as i64))).collect();
            let fresh: Vec<SkuId> = (100..120).map(id).collect();
            let ids = match_skus(known, a.iter().map(Vec::as_slice), &fresh).unwrap();
            let unique: std::collections::BTreeSet<_> = ids.iter().collect();
            prop_assert_eq!(unique.len(), a.len());
            for (v, got) in a.iter().zip(&ids) {
                let was = b.iter().position(|x| x == v).map(|i| id(i as i64));
                prop_assert_eq!(was.unwrap_or(*got), *got);
            }
        }
    }
}
