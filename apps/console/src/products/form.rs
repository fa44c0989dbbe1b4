//! A product as its form has it: texts as they were typed, in rows that can be added and taken away. Reads
//! it out of a sent form and out of a product's content; what it makes of it is the business of `save`.

use kit::{Currency, Money};
use product_api::{DEFAULT_CHANNEL, NewProduct, NewSku, ProductContent};
use types::{Locale, SkuId};

use super::merge::seen;
use crate::web::Fields;

/// Options of a product.
pub(crate) const OPTIONS: usize = product_api::rules::OPTIONS_MAX;
/// Rows that one form has at most.
const VARIANTS_MAX: usize = product_api::rules::SKUS_MAX;
const ATTRIBUTES_MAX: usize = product_api::rules::ATTRIBUTES_MAX;
const IMAGES_MAX: usize = product_api::rules::IMAGES_MAX;

/// Texts in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextRow {
    pub(crate) locale: Locale,
    pub(crate) title: String,
    pub(crate) description: String,
}

/// Something the buyer chooses, with its values, one per line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OptionRow {
    pub(crate) name: String,
    pub(crate) values: String,
}

/// A property.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AttributeRow {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ImageRow {
    pub(crate) url: String,
    pub(crate) alt: String,
}

/// A variant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct VariantRow {
    /// Which it is, when it exists already.
    pub(crate) sku_id: Option<SkuId>,
    pub(crate) options: [String; OPTIONS],
    pub(crate) code: String,
    pub(crate) barcode: String,
    pub(crate) price: String,
    pub(crate) compare_at: String,
    pub(crate) weight: String,
    /// The address of its own picture.
    pub(crate) image: String,
}

impl VariantRow {
    fn is_blank(&self) -> bool {
        let Self { sku_id, options, code, barcode, price, compare_at, weight, image } = self;
        let texts = [code, barcode, price, compare_at, weight, image];
        sku_id.is_none() && options.iter().chain(texts).all(String::is_empty)
    }
}

/// The whole form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProductForm {
    /// The version that the form was made of; 0 for a new product.
    pub(crate) version: i64,
    /// What of that version was seen: see [`seen`].
    pub(crate) seen: String,
    pub(crate) slug: String,
    /// The shop's languages first.
    pub(crate) texts: Vec<TextRow>,
    /// An id; empty for none.
    pub(crate) brand: String,
    /// The name of a brand to add.
    pub(crate) new_brand: String,
    /// Ids.
    pub(crate) categories: Vec<String>,
    /// The name of a category to add.
    pub(crate) new_category: String,
    /// Between commas.
    pub(crate) tags: String,
    pub(crate) attributes: Vec<AttributeRow>,
    pub(crate) options: [OptionRow; OPTIONS],
    pub(crate) variants: Vec<VariantRow>,
    pub(crate) images: Vec<ImageRow>,
}

/// The rows that a form for a number of languages shows, without any text.
fn blank_texts(locales: &[Locale]) -> Vec<TextRow> {
    let row = |locale: &Locale| TextRow {
        locale: locale.clone(),
        title: String::new(),
        description: String::new(),
    };
    locales.iter().map(row).collect()
}

impl ProductForm {
    /// For a new product.
    pub(crate) fn new(locales: &[Locale]) -> Self {
        Self {
            version: 0,
            seen: String::new(),
            slug: String::new(),
            texts: blank_texts(locales),
            brand: String::new(),
            new_brand: String::new(),
            categories: Vec::new(),
            new_category: String::new(),
            tags: String::new(),
            attributes: Vec::new(),
            options: Default::default(),
            variants: vec![VariantRow::default()],
            images: Vec::new(),
        }
    }

    /// For a product that there is.
    pub(crate) fn of(found: &ProductContent, locales: &[Locale], currency: Currency) -> Self {
        let content = &found.content;
        let ids = found.sku_ids.iter().copied().map(Some).chain(std::iter::repeat(None));
        let mut form = Self {
            version: found.version,
            seen: seen(content),
            slug: content.slug.to_string(),
            brand: content.brand_id.map(|id| id.to_string()).unwrap_or_default(),
            categories: content.category_ids.iter().map(ToString::to_string).collect(),
            tags: content.tags.join(", "),
            variants: content
                .skus
                .iter()
                .zip(ids)
                .map(|(s, id)| variant(s, id, currency))
                .collect(),
            ..Self::new(locales)
        };
        form.take_texts(content);
        form.take_lists(content);
        form
    }

    fn take_texts(&mut self, content: &NewProduct) {
        let of = |texts: &types::Texts, locale: &Locale| {
            texts.all().get(locale).cloned().unwrap_or_default()
        };
        for row in &mut self.texts {
            row.title = of(&content.title, &row.locale);
            let description = content.description.as_ref();
            row.description = description.map(|d| of(d, &row.locale)).unwrap_or_default();
        }
    }

    fn take_lists(&mut self, content: &NewProduct) {
        self.options = Default::default();
        for (row, option) in self.options.iter_mut().zip(&content.options) {
            *row = OptionRow { name: option.name.clone(), values: option.values.join("\n") };
        }
        let attribute = |a: &product_api::Attribute| AttributeRow {
            name: a.name.clone(),
            value: a.value.clone(),
        };
        self.attributes = content.attributes.iter().map(attribute).collect();
        let image = |i: &product_api::Image| ImageRow { url: i.url.clone(), alt: i.alt.clone() };
        self.images = content.images.iter().map(image).collect();
    }

    /// As it was sent.
    pub(crate) fn read(fields: &Fields, locales: &[Locale]) -> Self {
        let text = |name: String| fields.text(&name).to_owned();
        let rows = |name: &str, max: usize| fields.text(name).parse().unwrap_or(0_usize).min(max);
        let mut texts = blank_texts(locales);
        for row in &mut texts {
            row.title = text(format!("title_{}", row.locale));
            row.description = text(format!("description_{}", row.locale)).replace("\r\n", "\n");
        }
        let variant = |n: usize| VariantRow {
            sku_id: fields.text(&format!("v{n}_id")).parse().ok(),
            options: std::array::from_fn(|o| text(format!("v{n}_o{o}"))),
            code: text(format!("v{n}_code")),
            barcode: text(format!("v{n}_barcode")),
            price: text(format!("v{n}_price")),
            compare_at: text(format!("v{n}_compare")),
            weight: text(format!("v{n}_weight")),
            image: text(format!("v{n}_image")),
        };
        Self {
            version: fields.text("version").parse().unwrap_or(0),
            seen: text("seen".to_owned()),
            slug: text("slug".to_owned()),
            texts,
            brand: text("brand".to_owned()),
            new_brand: text("new_brand".to_owned()),
            categories: fields.all("category").map(str::to_owned).collect(),
            new_category: text("new_category".to_owned()),
            tags: text("tags".to_owned()),
            attributes: (0..rows("attributes", ATTRIBUTES_MAX))
                .map(|n| AttributeRow {
                    name: text(format!("a{n}_name")),
                    value: text(format!("a{n}_value")),
                })
                .collect(),
            options: std::array::from_fn(|n| OptionRow {
                name: text(format!("o{n}_name")),
                values: text(format!("o{n}_values")).replace("\r\n", "\n"),
            }),
            variants: (0..rows("variants", VARIANTS_MAX)).map(variant).collect(),
            images: (0..rows("images", IMAGES_MAX))
                .map(|n| ImageRow {
                    url: text(format!("i{n}_url")),
                    alt: text(format!("i{n}_alt")),
                })
                .collect(),
        }
    }

    /// Drops rows that nothing was typed into, so that every row left is a part of the product and has
    /// its place in it.
    pub(crate) fn compact(&mut self) {
        self.attributes.retain(|a| !(a.name.is_empty() && a.value.is_empty()));
        self.variants.retain(|v| !v.is_blank());
        if self.variants.is_empty() {
            self.variants.push(VariantRow::default());
        }
        for n in (0..OPTIONS).rev() {
            let option = &self.options[n];
            let used = self.variants.iter().any(|v| !v.options[n].is_empty());
            if option.name.is_empty() && option.values.is_empty() && !used {
                self.options[n..].rotate_left(1);
                self.variants.iter_mut().for_each(|v| v.options[n..].rotate_left(1));
            }
        }
    }

    /// How many options there are: those up to the last that has a name, values, or a variant with a value.
    pub(crate) fn options_used(&self) -> usize {
        let is_used = |n: &usize| {
            let option = &self.options[*n];
            !(option.name.is_empty() && option.values.is_empty())
                || self.variants.iter().any(|v| !v.options[*n].is_empty())
        };
        (0..OPTIONS).rev().find(is_used).map_or(0, |last| last + 1)
    }

    /// The values of an option: those that were listed, and those of variants, each once.
    pub(crate) fn values_of(&self, option: usize) -> Vec<String> {
        let listed = self.options[option].values.lines().map(str::trim);
        let of_variants = self.variants.iter().map(|v| v.options[option].as_str());
        let mut values: Vec<String> = Vec::new();
        for value in listed.chain(of_variants).filter(|v| !v.is_empty()) {
            if !values.iter().any(|known| known == value) {
                values.push(value.to_owned());
            }
        }
        values
    }

    /// Adds a row per combination of values that no variant has yet. Says whether there was room for all.
    pub(crate) fn make_variants(&mut self) -> bool {
        let used = self.options_used();
        let mut combinations: Vec<[String; OPTIONS]> = vec![Default::default()];
        for n in 0..used {
            let values = self.values_of(n);
            if values.is_empty() {
                continue;
            }
            // more than this is never made, so more need not be put together
            let with = |c: &[String; OPTIONS], value: &String| {
                let mut longer = c.clone();
                longer[n].clone_from(value);
                longer
            };
            combinations = combinations
                .iter()
                .flat_map(|c| values.iter().map(move |v| with(c, v)))
                .take(2 * VARIANTS_MAX)
                .collect();
        }
        self.variants.retain(|v| !v.is_blank());
        for options in combinations {
            if self.variants.iter().any(|v| v.options == options) {
                continue;
            }
            if self.variants.len() >= VARIANTS_MAX {
                return false;
            }
            self.variants.push(VariantRow { options, ..self.like_the_last() });
        }
        true
    }

    /// Adds a row for one more variant.
    pub(crate) fn add_variant(&mut self) {
        if self.variants.len() < VARIANTS_MAX {
            self.variants.push(self.like_the_last());
        }
    }

    /// What variants usually share.
    fn like_the_last(&self) -> VariantRow {
        let last = self.variants.last().cloned().unwrap_or_default();
        let VariantRow { price, compare_at, weight, .. } = last;
        VariantRow { price, compare_at, weight, ..VariantRow::default() }
    }

    /// Adds a row for one more property.
    pub(crate) fn add_attribute(&mut self) {
        if self.attributes.len() < ATTRIBUTES_MAX {
            self.attributes.push(AttributeRow::default());
        }
    }

    /// Adds a picture. Says whether there was room.
    pub(crate) fn add_image(&mut self, url: String) -> bool {
        if self.images.iter().any(|i| i.url == url) {
            return true;
        }
        let has_room = self.images.len() < IMAGES_MAX;
        if has_room {
            self.images.push(ImageRow { url, alt: String::new() });
        }
        has_room
    }
}

fn variant(sku: &NewSku, sku_id: Option<SkuId>, currency: Currency) -> VariantRow {
    let price = sku.prices.iter().find(|p| p.channel == DEFAULT_CHANNEL);
    let major = |amount: Option<i64>| {
        amount.and_then(|n| Money::new(n, currency).ok()).map(Money::to_major).unwrap_or_default()
    };
    let mut options: [String; OPTIONS] = Default::default();
    for (place, value) in options.iter_mut().zip(&sku.options) {
        place.clone_from(value);
    }
    VariantRow {
        sku_id,
        options,
        code: sku.code.clone(),
        barcode: sku.barcode.clone(),
        price: major(price.map(|p| p.amount)),
        compare_at: major(price.and_then(|p| p.compare_at)),
        weight: sku.weight_grams.to_string(),
        image: sku.image.as_ref().map(|i| i.url.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::wish::Change;
    use super::*;

    fn rows(form: &ProductForm) -> Vec<String> {
        form.variants.iter().map(|v| v.options.join("/")).collect()
    }

    fn form() -> ProductForm {
        let mut form = ProductForm::new(&["en".parse().unwrap()]);
        form.options[0] = OptionRow { name: "Size".into(), values: "S\nL\n\nS".into() };
        form.options[2] = OptionRow { name: "Colour".into(), values: "Red".into() };
        form
    }

    #[test]
    fn every_combination_gets_one_row_and_rows_that_are_there_stay() {
        let mut form = form();
        form.variants[0] = VariantRow {
            options: ["L".into(), String::new(), "Red".into()],
            price: "9".into(),
            ..VariantRow::default()
        };
        assert!(form.change(Change::MakeVariants));
        assert_eq!(rows(&form), ["L//Red", "S//Red"]);
        assert_eq!(form.variants[1].price, "9", "what variants usually share is filled in");
        assert!(form.change(Change::MakeVariants));
        assert_eq!(form.variants.len(), 2);
        let many: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        form.options[1] = OptionRow { name: "Number".into(), values: many.join("\n") };
        form.options[2].values = many.join("\n");
        assert!(!form.change(Change::MakeVariants));
        assert_eq!(form.variants.len(), VARIANTS_MAX);
    }

    #[test]
    fn blank_rows_and_options_are_dropped_with_their_column() {
        let mut form = form();
        form.variants = vec![
            VariantRow { options: ["S".into(), String::new(), "Red".into()], ..Default::default() },
            VariantRow::default(),
        ];
        form.attributes = vec![AttributeRow::default()];
        form.compact();
        assert_eq!(rows(&form), ["S/Red/"]);
        assert_eq!((form.options[1].name.as_str(), form.options_used()), ("Colour", 2));
        assert_eq!(form.attributes, []);
    }

    #[test]
    fn pictures_change_places_and_go_with_whoever_showed_them() {
        let mut form = form();
        for url in ["/media/1", "/media/2", "/media/2"] {
            assert!(form.add_image(url.to_owned()));
        }
        form.variants[0].image = "/media/2".into();
        form.change(Change::ImageUp(1));
        form.change(Change::ImageUp(0));
        form.change(Change::ImageDown(9));
        assert_eq!(form.images[0].url, "/media/2");
        form.change(Change::RemoveImage(0));
        assert_eq!((form.images.len(), form.variants[0].image.as_str()), (1, ""));
    }
}
