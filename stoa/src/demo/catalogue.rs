//! The content of the demo's shops, as their files write it, and how a product of a file becomes one of
//! the catalogue. Pure: no clients, no clock.

use kit::{Currency, TenantCode};
use product_api::{
    Attribute, ChannelPrice, DEFAULT_CHANNEL, NewProduct, NewSku, ProductOption, ProductStatus,
};
use serde::Deserialize;
use staff_api::Role;
use tenant_api::Theme;
use types::{Address, BrandId, CategoryId, Locale, Slug, Texts};

use super::pictures::{Logo, Look, Scene};

const SHOPS: [&str; 3] = [
    include_str!("../../demo/flora.toml"),
    include_str!("../../demo/gadget.toml"),
    include_str!("../../demo/outlet.toml"),
];
const FUZZ: &str = include_str!("../../demo/fuzz.toml");

/// A shop of the demo.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shop {
    pub code: TenantCode,
    pub currency: Currency,
    pub locales: Vec<Locale>,
    /// `dbCount,tableCount,dbStart,tableStart`.
    pub placement: String,
    pub shipping_fee: i64,
    pub scene: Scene,
    pub name: Texts,
    pub theme: Theme,
    /// Becomes the theme's logo.
    #[serde(default)]
    pub logo: Option<Mark>,
    /// What the home page shows first.
    #[serde(default)]
    pub banners: Vec<Notice>,
    pub warehouses: Vec<inventory_api::NewWarehouse>,
    pub brands: Vec<String>,
    /// In the order they are shown.
    pub categories: Vec<Category>,
    pub staff: Vec<Staff>,
    pub members: Vec<Member>,
    pub products: Vec<Product>,
}

/// A shop's mark.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// What it shows.
    pub motif: String,
    /// The motif's two colours, `#rrggbb`.
    pub colours: [String; 2],
    /// The colour behind it.
    pub ground: String,
}

/// A banner, whose picture is drawn.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    pub title: Texts,
    pub text: Texts,
    /// A path of the storefront.
    pub link: String,
    /// What its picture shows.
    pub motif: String,
    /// The picture's two colours, `#rrggbb`.
    pub colours: [String; 2],
}

impl Shop {
    /// Its logo, if it has one.
    pub fn logo(&self) -> Option<Logo<'_>> {
        let mark = self.logo.as_ref()?;
        Some(Logo {
            motif: &mark.motif,
            colours: &mark.colours,
            ground: &mark.ground,
            ink: &self.theme.primary,
            names: self.locales.iter().take(2).map(|l| self.name.get(l)).collect(),
        })
    }
}

impl Notice {
    /// Its picture.
    pub fn look(&self, scene: Scene) -> Look {
        Look {
            scene,
            motif: self.motif.clone(),
            colours: self.colours.clone(),
            seed: format!("banner{}", self.link),
            close: true,
        }
    }
}

/// A category.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    pub slug: Slug,
    pub name: Texts,
}

/// Somebody who works for the shop.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staff {
    pub login: String,
    pub name: String,
    pub role: Role,
}

/// A shopper.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub login: String,
    pub name: String,
    pub locale: Locale,
    /// The first is the default.
    pub addresses: Vec<Address>,
}

/// A product. Its variants are all combinations of its options' values.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    pub slug: Slug,
    /// The merchant's number; the variants' numbers begin with it.
    pub code: String,
    pub title: Texts,
    pub text: Texts,
    pub categories: Vec<Slug>,
    pub brand: String,
    #[serde(default)]
    pub tags: Vec<String>,
    /// What its picture shows.
    pub motif: String,
    /// The picture's two colours, `#rrggbb`.
    pub colours: [String; 2],
    /// Name and value.
    #[serde(default)]
    pub attributes: Vec<(String, String)>,
    #[serde(default)]
    pub options: Vec<Choice>,
    /// Of the first variant, in minor units.
    pub price: i64,
    #[serde(default)]
    pub compare_at: Option<i64>,
    /// In grams.
    pub weight: i64,
    /// Units of the first variant, warehouse by warehouse; the others have about as many.
    pub stock: Vec<i64>,
    /// Variants, counted from 0, of which nothing is left.
    #[serde(default)]
    pub sold_out: Vec<usize>,
}

/// Something the buyer chooses.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    pub name: String,
    pub values: Vec<String>,
    /// What each value adds to the price; nothing without.
    #[serde(default)]
    pub add: Vec<i64>,
    /// The colour of each value's picture; then each value has one of its own.
    #[serde(default)]
    pub shades: Vec<String>,
}

/// A variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub code: String,
    pub options: Vec<String>,
    pub amount: i64,
    pub compare_at: Option<i64>,
    /// Which of the product's shades it has.
    pub shade: usize,
    /// Units, warehouse by warehouse.
    pub stock: Vec<i64>,
}

/// All shops of the demo.
///
/// # Errors
/// When a file is not what this module reads; a test holds that all are.
pub fn shops(with_fuzz: bool) -> Result<Vec<Shop>, toml::de::Error> {
    SHOPS.into_iter().chain(with_fuzz.then_some(FUZZ)).map(toml::from_str).collect()
}

impl Product {
    /// Its variants; the last option changes first.
    pub fn variants(&self) -> Vec<Variant> {
        let count = self.options.iter().map(|o| o.values.len()).product();
        (0..count).map(|index| self.variant(index)).collect()
    }

    fn variant(&self, index: usize) -> Variant {
        let (mut rest, mut added, mut shade) = (index, 0, 0);
        let mut options = Vec::with_capacity(self.options.len());
        for option in self.options.iter().rev() {
            let at = rest % option.values.len().max(1);
            rest /= option.values.len().max(1);
            options.extend(option.values.get(at).cloned());
            added += option.add.get(at).copied().unwrap_or(0);
            if !option.shades.is_empty() {
                shade = at;
            }
        }
        options.reverse();
        let stock = self.stock.iter().enumerate();
        Variant {
            code: format!("{}-{:02}", self.code, index + 1),
            options,
            amount: self.price + added,
            compare_at: self.compare_at.map(|c| c + added),
            shade,
            stock: stock.map(|(w, base)| self.units(*base, w, index)).collect(),
        }
    }

    /// Some sizes sell better than others; the first variant always has the units of the file.
    fn units(&self, base: i64, warehouse: usize, variant: usize) -> i64 {
        if self.sold_out.contains(&variant) {
            return 0;
        }
        let sold = i64::try_from((variant * 37 + variant * warehouse * 11) % 60).unwrap_or(0);
        base * (100 - sold) / 100
    }

    /// The main colours of its pictures: one per value of the option that has shades, else one.
    pub fn shades(&self) -> Vec<&str> {
        let own = || vec![self.colours[0].as_str()];
        let with_shades = self.options.iter().find(|o| !o.shades.is_empty());
        with_shades.map_or_else(own, |o| o.shades.iter().map(String::as_str).collect())
    }

    /// Its pictures: every shade from afar, then the first one close up.
    pub fn looks(&self, scene: Scene) -> Vec<Look> {
        let look = |(index, shade): (usize, &str), close| Look {
            scene,
            motif: self.motif.clone(),
            colours: [shade.to_owned(), self.colours[1].clone()],
            // The digits tell pictures of one product apart, so that their scenes differ too.
            seed: format!("{}/{index}/{close}", self.slug),
            close,
        };
        let shades = self.shades();
        let far = shades.iter().enumerate().map(|(i, shade)| look((i, shade), false));
        let close = shades.first().map(|shade| look((0, shade), true));
        far.chain(close).collect()
    }

    /// What the picture at an index of [`Product::looks`] shows, in words.
    pub fn alt(&self, index: usize, locale: &Locale) -> String {
        let title = self.title.get(locale);
        let option = self.options.iter().find(|o| !o.shades.is_empty());
        match option.and_then(|o| o.values.get(index)) {
            Some(value) => format!("{title} · {value}"),
            None => title.to_owned(),
        }
    }

    /// As the catalogue takes it. `pictures` belong to [`Product::looks`], one each.
    pub fn content(
        &self,
        pictures: &[product_api::Image],
        category_ids: Vec<CategoryId>,
        brand_id: Option<BrandId>,
    ) -> NewProduct {
        let shades = self.shades().len();
        let mut images = pictures.to_vec();
        if images.len() > 1 {
            // The close-up comes second, before the other colours.
            let last = images.len() - 1;
            images[1..=last].rotate_right(1);
        }
        let sku = |v: Variant| NewSku {
            code: v.code,
            barcode: String::new(),
            options: v.options,
            prices: vec![ChannelPrice {
                channel: DEFAULT_CHANNEL.to_owned(),
                amount: v.amount,
                compare_at: v.compare_at,
            }],
            weight_grams: self.weight,
            image: if shades > 1 { pictures.get(v.shade).cloned() } else { None },
        };
        let attribute = |(name, value): &(String, String)| Attribute {
            name: name.clone(),
            value: value.clone(),
        };
        let option = |o: &Choice| ProductOption { name: o.name.clone(), values: o.values.clone() };
        NewProduct {
            slug: self.slug.clone(),
            title: self.title.clone(),
            description: Some(self.text.clone()),
            brand_id,
            category_ids,
            tags: self.tags.clone(),
            attributes: self.attributes.iter().map(attribute).collect(),
            options: self.options.iter().map(option).collect(),
            images,
            skus: self.variants().into_iter().map(sku).collect(),
            status: ProductStatus::OnSale,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use kit::Placement;

    use super::*;

    fn unique<T: std::hash::Hash + Eq>(items: impl Iterator<Item = T>) -> bool {
        let mut seen = HashSet::new();
        items.into_iter().all(|item| seen.insert(item))
    }

    #[test]
    fn the_files_are_read_and_hold_the_three_shops_and_the_one_for_tests() {
        let shops = shops(true).unwrap();
        let facts: Vec<(&str, String)> = shops
            .iter()
            .map(|s| (s.code.as_str(), s.placement.parse::<Placement>().unwrap().to_string()))
            .collect();
        let expected = [
            ("flora", "(1,1,0,0)"),
            ("gadget", "(1,8,0,16)"),
            ("outlet", "(4,8,4,0)"),
            ("fuzz", "(1,1,31,31)"),
        ];
        assert_eq!(facts, expected.map(|(code, p)| (code, p.to_owned())));
        let products: Vec<usize> = shops.iter().take(3).map(|s| s.products.len()).collect();
        assert!(products[0] >= 20 && products[1] >= 20 && products[2] >= 24, "{products:?}");
        assert!(shops.iter().map(|s| s.staff.len() + s.members.len()).sum::<usize>() <= 24);
    }

    #[test]
    fn what_a_file_names_it_also_has_and_numbers_are_unique() {
        for shop in shops(true).unwrap() {
            let at = &shop.code;
            assert!(unique(shop.products.iter().map(|p| &p.slug)), "{at}");
            let skus = shop.products.iter().flat_map(Product::variants);
            assert!(unique(skus.map(|v| v.code)), "{at}");
            assert_eq!(shop.warehouses.len(), 2, "{at}");
            let roles: HashSet<Role> = shop.staff.iter().map(|s| s.role).collect();
            assert!(roles.len() == 5 || at.as_str() == "fuzz", "{at}");
            for p in &shop.products {
                assert!(shop.brands.contains(&p.brand), "{at} {}: brand", p.slug);
                let known = |slug: &Slug| shop.categories.iter().any(|c| c.slug == *slug);
                assert!(p.categories.iter().all(known) && !p.categories.is_empty(), "{}", p.slug);
                assert_eq!(p.stock.len(), 2, "{}", p.slug);
                for o in &p.options {
                    let fits = |n: usize| n == 0 || n == o.values.len();
                    assert!(fits(o.add.len()) && fits(o.shades.len()), "{} {}", p.slug, o.name);
                }
                assert!(p.options.iter().filter(|o| !o.shades.is_empty()).count() <= 1);
                assert!(p.compare_at.is_none_or(|c| c > p.price), "{}", p.slug);
            }
            for banner in &shop.banners {
                // A banner leads to a category or a product that the shop has.
                let (kind, slug) = banner.link[1..].split_once('/').unwrap();
                let there = match kind {
                    "c" => shop.categories.iter().any(|c| c.slug.as_str() == slug),
                    "p" => shop.products.iter().any(|p| p.slug.as_str() == slug),
                    _ => false,
                };
                assert!(there, "{at}: {}", banner.link);
            }
            assert!(at.as_str() == "fuzz" || (shop.banners.len() >= 3 && shop.logo.is_some()));
        }
    }

    #[test]
    fn every_text_is_there_in_every_language_of_its_shop() {
        for shop in shops(true).unwrap() {
            let names = shop.categories.iter().map(|c| &c.name).chain([&shop.name]);
            let texts = shop.products.iter().flat_map(|p| [&p.title, &p.text]);
            let banners = shop.banners.iter().flat_map(|b| [&b.title, &b.text]);
            for text in names.chain(texts).chain(banners) {
                for locale in &shop.locales {
                    assert!(text.all().contains_key(locale), "{}: {text:?}", shop.code);
                }
            }
        }
    }

    #[test]
    fn addresses_have_no_problems() {
        for shop in shops(true).unwrap() {
            for address in shop.members.iter().flat_map(|m| &m.addresses) {
                assert_eq!(address.problems(""), []);
            }
        }
    }

    #[test]
    fn variants_are_all_combinations_with_their_prices_and_stock() {
        let shops = shops(false).unwrap();
        let roses = &shops[0].products[0];
        let variants = roses.variants();
        assert_eq!(variants.len(), 9);
        let first = &variants[0];
        assert_eq!(first.options, ["香槟粉 Champagne", "11"]);
        assert_eq!((first.amount, first.compare_at, first.shade), (15_800, Some(18_800), 0));
        assert_eq!(first.stock, [36, 12]);
        let last = &variants[8];
        assert_eq!((last.code.as_str(), last.amount, last.shade), ("FL1001-09", 36_800, 2));
        let content = roses.content(&[], Vec::new(), None);
        assert_eq!(content.skus.len(), 9);
        let tee = &shops[2].products[0];
        assert_eq!(tee.variants()[7].stock, [0, 0], "one size is sold out");
        for shop in &shops {
            let units = |p: &Product| -> i64 { p.variants().iter().flat_map(|v| &v.stock).sum() };
            let gone = shop.products.iter().filter(|p| units(p) == 0).count();
            let low = shop.products.iter().filter(|p| (1..10).contains(&units(p))).count();
            assert!(gone == 1 && low >= 2, "{}: {gone} are sold out, {low} run low", shop.code);
        }
    }

    #[test]
    fn the_close_up_is_the_second_picture_and_each_colour_has_its_own() {
        let shops = shops(false).unwrap();
        let roses = &shops[0].products[0];
        let looks = roses.looks(shops[0].scene);
        assert_eq!(looks.iter().map(|l| l.close).collect::<Vec<_>>(), [false, false, false, true]);
        let pictures: Vec<_> = (0..looks.len())
            .map(|n| product_api::Image { url: format!("/media/{n}"), alt: String::new() })
            .collect();
        let content = roses.content(&pictures, Vec::new(), None);
        let urls: Vec<_> = content.images.iter().map(|i| i.url.as_str()).collect();
        assert_eq!(urls, ["/media/0", "/media/3", "/media/1", "/media/2"]);
        assert_eq!(content.skus[8].image.as_ref().map(|i| i.url.as_str()), Some("/media/2"));
    }
}
