//! Which variant of a product is meant, and where every option value leads. Pure.

use std::collections::BTreeMap;

use product_api::{ProductInfo, Sku};
use types::SkuId;

/// What can be ordered, by sku. Unknown when the stock could not be asked for: then nothing is called
/// sold out, and placing an order tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stock(pub(crate) Option<BTreeMap<SkuId, i64>>);

impl Stock {
    /// Units that can be ordered, when known.
    pub(crate) fn available(&self, sku: SkuId) -> Option<i64> {
        self.0.as_ref().map(|known| known.get(&sku).copied().unwrap_or(0))
    }

    /// Whether a sku is known to be gone.
    pub(crate) fn is_sold_out(&self, sku: SkuId) -> bool {
        self.available(sku).is_some_and(|n| n <= 0)
    }
}

/// One value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice<'a> {
    /// The value.
    pub(crate) value: &'a str,
    /// The variant that choosing it leads to; none when there is no such variant.
    pub(crate) sku: Option<&'a Sku>,
    /// Whether it is chosen.
    pub(crate) chosen: bool,
}

/// The variant that is shown: the one that is asked for, else the first that can be bought, else the first.
pub(crate) fn shown<'a>(
    product: &'a ProductInfo,
    wanted: Option<SkuId>,
    stock: &Stock,
) -> Option<&'a Sku> {
    let skus = &product.skus;
    let buyable = |s: &&Sku| s.price.is_some() && !stock.is_sold_out(s.id);
    skus.iter()
        .find(|s| Some(s.id) == wanted)
        .or_else(|| skus.iter().find(buyable))
        .or_else(|| skus.first())
}

/// The values of the option at `index`. A value leads to the variant that differs in this option only;
/// where there is none, to the first that has the value.
pub(crate) fn choices<'a>(product: &'a ProductInfo, shown: &Sku, index: usize) -> Vec<Choice<'a>> {
    let Some(option) = product.options.get(index) else { return Vec::new() };
    let has = |sku: &Sku, value: &str| sku.options.get(index).is_some_and(|v| v == value);
    let alike = |sku: &Sku| {
        let others = sku.options.iter().zip(&shown.options).enumerate();
        others.filter(|(i, _)| *i != index).all(|(_, (a, b))| a == b)
    };
    option
        .values
        .iter()
        .map(|value| {
            let with_value = || product.skus.iter().filter(|s| has(s, value));
            let sku = with_value().find(|s| alike(s)).or_else(|| with_value().next());
            Choice { value, sku, chosen: has(shown, value) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::sample;

    fn product() -> ProductInfo {
        // Red/S, Red/L, Blue/S; there is no Blue/L
        let mut product = sample::product();
        product.skus.truncate(3);
        product
    }

    fn leads_to(product: &ProductInfo, shown: &Sku, index: usize) -> Vec<(String, Option<String>)> {
        let variant = |s: &Sku| s.options.join("/");
        choices(product, shown, index)
            .into_iter()
            .map(|c| (c.value.to_owned(), c.sku.map(variant)))
            .collect()
    }

    #[test]
    fn a_value_leads_to_the_nearest_variant_that_there_is() {
        let product = product();
        let red_l = &product.skus[1];
        let text = |s: &str| s.to_owned();
        assert_eq!(
            leads_to(&product, red_l, 0),
            [(text("Red"), Some(text("Red/L"))), (text("Blue"), Some(text("Blue/S")))]
        );
        let blue_s = &product.skus[2];
        assert_eq!(
            leads_to(&product, blue_s, 1),
            [(text("S"), Some(text("Blue/S"))), (text("L"), Some(text("Red/L")))]
        );
        assert!(choices(&product, blue_s, 7).is_empty());
    }

    #[test]
    fn the_first_that_can_be_bought_is_shown_unless_another_is_asked_for() {
        let product = product();
        let ids: Vec<SkuId> = product.skus.iter().map(|s| s.id).collect();
        let stock = Stock(Some(BTreeMap::from([(ids[0], 0), (ids[1], 3)])));
        let shows = |wanted, stock: &Stock| shown(&product, wanted, stock).unwrap().id;
        assert_eq!(shows(None, &stock), ids[1]);
        assert_eq!(shows(Some(ids[0]), &stock), ids[0]);
        assert_eq!(shows(None, &Stock(Some(BTreeMap::new()))), ids[0]);
        assert_eq!(shows(None, &Stock(None)), ids[0]);
        assert!(stock.is_sold_out(ids[2]) && !Stock(None).is_sold_out(ids[2]));
    }
}
