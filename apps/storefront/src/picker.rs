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
    /// Whether this variant differs from the shown one in this option only.
    pub(crate) exact: bool,
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
/// where there is none, to one that has the value: rather one that is there, and rather one that differs in little.
pub(crate) fn choices<'a>(
    product: &'a ProductInfo,
    shown: &Sku,
    index: usize,
    stock: &Stock,
) -> Vec<Choice<'a>> {
    let Some(option) = product.options.get(index) else { return Vec::new() };
    let has = |sku: &Sku, value: &str| sku.options.get(index).is_some_and(|v| v == value);
    let differences = |sku: &Sku| {
        let others = sku.options.iter().zip(&shown.options).enumerate();
        others.filter(|(i, (a, b))| *i != index && a != b).count()
    };
    option
        .values
        .iter()
        .map(|value| {
            let with_value = product.skus.iter().filter(|s| has(s, value));
            let sku = with_value.min_by_key(|s| match differences(s) {
                0 => (false, 0),
                n => (stock.is_sold_out(s.id), n),
            });
            let exact = sku.is_some_and(|s| differences(s) == 0);
            Choice { value, sku, exact, chosen: has(shown, value) }
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
        choices(product, shown, index, &Stock(None))
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
        assert!(choices(&product, blue_s, 7, &Stock(None)).is_empty());
        let exact: Vec<bool> =
            choices(&product, blue_s, 1, &Stock(None)).iter().map(|c| c.exact).collect();
        assert_eq!(exact, [true, false]);
    }

    #[test]
    fn a_value_without_the_other_choices_rather_leads_to_what_is_there() {
        let mut product = sample::product();
        // Red/L, Blue/S, Green/S; Green is shown and L is looked for
        product.options[0].values.push("Green".into());
        product.skus[0].options[0] = "Green".into();
        let stock = Stock(Some(BTreeMap::from([(product.skus[3].id, 5)])));
        let choices = choices(&product, &product.skus[0], 1, &stock);
        assert_eq!(choices[1].sku.unwrap().options, ["Blue", "L"]);
        assert!(!choices[1].exact && choices[0].chosen);
    }

    #[test]
    fn a_value_that_no_variant_has_leads_nowhere() {
        let mut product = product();
        product.options[1].values.push("XL".into());
        let choices = choices(&product, &product.skus[0], 1, &Stock(None));
        assert_eq!((choices[2].value, choices[2].sku), ("XL", None));
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
