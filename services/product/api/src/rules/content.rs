//! What a product may contain. Every problem is found, not only the first, and each names its place by a
//! JSON Pointer into the product. Pure.

use std::collections::HashSet;

use crate::{ChannelPrice, DEFAULT_CHANNEL, Image, NewProduct, NewSku, ProductOption};
use kit::FieldError;
use kit::money::AMOUNT_MAX;

use super::text::{channel_problem, html_problem, line_problem, texts_problem, url_problem};
use super::{
    ALT_MAX, ATTRIBUTE_VALUE_MAX, ATTRIBUTES_MAX, CHANNELS_MAX, CODE_MAX, IMAGES_MAX, NAME_MAX,
    OPTION_VALUE_MAX, OPTION_VALUES_MAX, OPTIONS_MAX, PRODUCT_CATEGORIES_MAX, SKUS_MAX, TAG_MAX,
    TAGS_MAX, TITLE_MAX, WEIGHT_MAX,
};

/// Problems that one check lists at most; a body that is wrong all over need not be echoed.
const PROBLEMS_MAX: usize = 50;

/// Problems as they are found.
#[derive(Default)]
struct Found(Vec<FieldError>);

impl Found {
    fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.0.len() < PROBLEMS_MAX {
            self.0.push(FieldError::new(pointer, detail));
        }
    }

    fn maybe(&mut self, pointer: impl FnOnce() -> String, problem: Option<String>) {
        if let Some(detail) = problem {
            self.add(pointer(), detail);
        }
    }

    fn at_most(&mut self, pointer: &str, n: usize, max: usize) -> bool {
        if n > max {
            self.add(pointer, format!("has {n} entries; the most is {max}"));
        }
        n <= max
    }
}

/// Everything that is wrong with a product's content; empty when it may be kept.
#[must_use]
pub fn check(product: &NewProduct) -> Vec<FieldError> {
    let mut found = Found::default();
    found.maybe(|| "/title".to_owned(), texts_problem(&product.title, 1, TITLE_MAX));
    for (locale, text) in product.description.iter().flat_map(|d| d.all()) {
        found.maybe(|| format!("/description/{locale}"), html_problem(text));
    }
    check_lists(product, &mut found);
    check_options(&product.options, &mut found);
    if found.at_most("/images", product.images.len(), IMAGES_MAX) {
        for (i, image) in product.images.iter().enumerate() {
            check_image(image, || format!("/images/{i}"), &mut found);
        }
    }
    check_skus(product, &mut found);
    found.0
}

fn check_lists(product: &NewProduct, found: &mut Found) {
    let categories = &product.category_ids;
    if found.at_most("/category_ids", categories.len(), PRODUCT_CATEGORIES_MAX)
        && categories.iter().collect::<HashSet<_>>().len() < categories.len()
    {
        found.add("/category_ids", "names a category twice");
    }
    if found.at_most("/tags", product.tags.len(), TAGS_MAX) {
        for (i, tag) in product.tags.iter().enumerate() {
            found.maybe(|| format!("/tags/{i}"), line_problem(tag, 1, TAG_MAX));
        }
    }
    if found.at_most("/attributes", product.attributes.len(), ATTRIBUTES_MAX) {
        for (i, a) in product.attributes.iter().enumerate() {
            let (name, value) = (&a.name, &a.value);
            found.maybe(|| format!("/attributes/{i}/name"), line_problem(name, 1, NAME_MAX));
            found.maybe(
                || format!("/attributes/{i}/value"),
                line_problem(value, 1, ATTRIBUTE_VALUE_MAX),
            );
        }
    }
}

fn check_options(options: &[ProductOption], found: &mut Found) {
    if !found.at_most("/options", options.len(), OPTIONS_MAX) {
        return;
    }
    let mut names = HashSet::new();
    for (i, option) in options.iter().enumerate() {
        found.maybe(|| format!("/options/{i}/name"), line_problem(&option.name, 1, NAME_MAX));
        if !names.insert(option.name.as_str()) {
            found.add(format!("/options/{i}/name"), "is the name of another option too");
        }
        let pointer = format!("/options/{i}/values");
        if option.values.is_empty() {
            found.add(&pointer, "must not be empty");
        }
        if !found.at_most(&pointer, option.values.len(), OPTION_VALUES_MAX) {
            continue;
        }
        let mut values = HashSet::new();
        for (j, value) in option.values.iter().enumerate() {
            let problem = line_problem(value, 1, OPTION_VALUE_MAX);
            found.maybe(|| format!("{pointer}/{j}"), problem);
            if !values.insert(value.as_str()) {
                found.add(format!("{pointer}/{j}"), "stands here twice");
            }
        }
    }
}

fn check_image(image: &Image, pointer: impl Fn() -> String, found: &mut Found) {
    found.maybe(|| format!("{}/url", pointer()), url_problem(&image.url));
    found.maybe(|| format!("{}/alt", pointer()), line_problem(&image.alt, 0, ALT_MAX));
}

fn check_skus(product: &NewProduct, found: &mut Found) {
    if product.skus.is_empty() {
        found.add("/skus", "a product has at least one variant");
    }
    if !found.at_most("/skus", product.skus.len(), SKUS_MAX) {
        return;
    }
    let (mut combinations, mut codes) = (HashSet::new(), HashSet::new());
    for (i, sku) in product.skus.iter().enumerate() {
        check_sku(sku, i, &product.options, found);
        if !combinations.insert(&sku.options) {
            found.add(format!("/skus/{i}/options"), "another variant has the same values");
        }
        if !sku.code.is_empty() && !codes.insert(sku.code.as_str()) {
            found.add(format!("/skus/{i}/code"), "another variant has the same code");
        }
    }
}

fn check_sku(sku: &NewSku, i: usize, options: &[ProductOption], found: &mut Found) {
    found.maybe(|| format!("/skus/{i}/code"), line_problem(&sku.code, 0, CODE_MAX));
    found.maybe(|| format!("/skus/{i}/barcode"), line_problem(&sku.barcode, 0, CODE_MAX));
    if sku.options.len() != options.len() {
        let (has, needs) = (sku.options.len(), options.len());
        let detail = format!("has {has} values where the product has {needs} options");
        found.add(format!("/skus/{i}/options"), detail);
    } else {
        for (j, (value, option)) in sku.options.iter().zip(options).enumerate() {
            if !option.values.contains(value) {
                found.add(format!("/skus/{i}/options/{j}"), "is not a value of this option");
            }
        }
    }
    if !(0..=WEIGHT_MAX).contains(&sku.weight_grams) {
        let detail = format!("must be between 0 and {WEIGHT_MAX}");
        found.add(format!("/skus/{i}/weight_grams"), detail);
    }
    if let Some(image) = &sku.image {
        check_image(image, || format!("/skus/{i}/image"), found);
    }
    check_prices(&sku.prices, i, found);
}

fn check_prices(prices: &[ChannelPrice], i: usize, found: &mut Found) {
    if !found.at_most(&format!("/skus/{i}/prices"), prices.len(), CHANNELS_MAX) {
        return;
    }
    let mut channels = HashSet::new();
    for (j, price) in prices.iter().enumerate() {
        let at = |field: &str| format!("/skus/{i}/prices/{j}/{field}");
        found.maybe(|| at("channel"), channel_problem(&price.channel));
        if !channels.insert(price.channel.as_str()) {
            found.add(at("channel"), "has a price already");
        }
        let bad = |n: i64| !(0..=AMOUNT_MAX).contains(&n);
        if bad(price.amount) {
            found.add(at("amount"), format!("must be between 0 and {AMOUNT_MAX}"));
        }
        if price.compare_at.is_some_and(bad) {
            found.add(at("compare_at"), format!("must be between 0 and {AMOUNT_MAX}"));
        }
    }
}

/// Why a product cannot go on sale yet, if so: it needs a price in the channel `web`, and a picture or a
/// text that says what it is.
#[must_use]
pub fn not_sellable(product: &NewProduct) -> Option<&'static str> {
    let priced = |s: &NewSku| s.prices.iter().any(|p| p.channel == DEFAULT_CHANNEL);
    if !product.skus.iter().any(priced) {
        return Some("a product needs a price in the channel `web` before it goes on sale");
    }
    let described = product
        .description
        .as_ref()
        .is_some_and(|texts| texts.all().values().any(|t| !t.trim().is_empty()));
    let pictured = !product.images.is_empty() || product.skus.iter().any(|s| s.image.is_some());
    (!described && !pictured)
        .then_some("a product needs a picture or a description before it goes on sale")
}

#[cfg(test)]
mod tests {
    use crate::{Attribute, ProductStatus};
    use types::Texts;

    use super::*;

    fn plain() -> NewProduct {
        NewProduct {
            slug: "rose".parse().unwrap(),
            title: Texts::one("en".parse().unwrap(), "Rose"),
            description: None,
            brand_id: None,
            category_ids: Vec::new(),
            tags: Vec::new(),
            attributes: Vec::new(),
            options: Vec::new(),
            images: Vec::new(),
            skus: vec![sku(&[], 100)],
            status: ProductStatus::Draft,
        }
    }

    fn sku(options: &[&str], amount: i64) -> NewSku {
        NewSku {
            code: String::new(),
            barcode: String::new(),
            options: options.iter().map(|s| (*s).to_owned()).collect(),
            prices: vec![ChannelPrice { channel: "web".into(), amount, compare_at: None }],
            weight_grams: 0,
            image: None,
        }
    }

    fn option(name: &str, values: &[&str]) -> ProductOption {
        let values = values.iter().map(|s| (*s).to_owned()).collect();
        ProductOption { name: name.into(), values }
    }

    fn places(product: &NewProduct) -> Vec<String> {
        check(product).into_iter().map(|f| f.pointer).collect()
    }

    #[test]
    fn a_plain_product_is_fine() {
        assert_eq!(check(&plain()), []);
    }

    #[test]
    fn every_problem_is_named_with_its_place() {
        let mut p = plain();
        p.title = Texts::one("en".parse().unwrap(), " ");
        p.tags = vec![String::new()];
        p.attributes = vec![Attribute { name: "a".into(), value: "b\u{0}".into() }];
        p.images = vec![Image { url: "http://a/b".into(), alt: String::new() }];
        p.options = vec![option("Size", &["S", "S"]), option("Size", &[])];
        p.skus = vec![sku(&["S"], -1), sku(&["S", "x"], 1)];
        p.skus[1].weight_grams = -1;
        p.skus[1].prices.push(ChannelPrice {
            channel: "Web!".into(),
            amount: 1,
            compare_at: Some(i64::MAX),
        });
        let got = places(&p);
        for wanted in [
            "/title",
            "/tags/0",
            "/attributes/0/value",
            "/images/0/url",
            "/options/0/values/1",
            "/options/1/name",
            "/options/1/values",
            "/skus/0/options",
            "/skus/0/prices/0/amount",
            "/skus/1/options/1",
            "/skus/1/weight_grams",
            "/skus/1/prices/1/channel",
            "/skus/1/prices/1/compare_at",
        ] {
            assert!(got.iter().any(|p| p == wanted), "{wanted} is missing in {got:?}");
        }
    }

    #[test]
    fn variants_are_told_apart_by_their_values() {
        let mut p = plain();
        p.options = vec![option("Size", &["S", "L"])];
        p.skus = vec![sku(&["S"], 1), sku(&["L"], 1)];
        assert_eq!(check(&p), []);
        p.skus.push(sku(&["S"], 2));
        assert_eq!(places(&p), ["/skus/2/options"]);
    }

    #[test]
    fn one_variant_without_options_is_the_most() {
        let mut p = plain();
        p.skus.push(sku(&[], 5));
        assert_eq!(places(&p), ["/skus/1/options"]);
        p.skus.clear();
        assert_eq!(places(&p), ["/skus"]);
    }

    #[test]
    fn sizes_have_limits() {
        let mut p = plain();
        let values: Vec<String> = (0..201).map(|n| n.to_string()).collect();
        p.skus = values.iter().map(|v| sku(&[v], 1)).collect();
        p.tags = vec!["t".into(); 51];
        p.images = vec![Image { url: "https://a/b".into(), alt: String::new() }; 51];
        p.options = vec![ProductOption { name: "n".into(), values }; 4];
        assert_eq!(places(&p), ["/tags", "/options", "/images", "/skus"]);
        p.tags = vec![String::new(); 50];
        p.attributes = vec![Attribute { name: String::new(), value: String::new() }; 100];
        assert_eq!(check(&p).len(), PROBLEMS_MAX, "the list itself is bounded");
    }

    #[test]
    fn selling_needs_a_web_price_and_something_to_see_or_read() {
        let mut p = plain();
        assert!(not_sellable(&p).unwrap().contains("picture"));
        p.description = Some(Texts::one("en".parse().unwrap(), "A rose."));
        assert_eq!(not_sellable(&p), None);
        p.skus[0].prices[0].channel = "app".into();
        assert!(not_sellable(&p).unwrap().contains("price"));
    }
}
