//! What two people changed of one product at the same time. A form carries a mark of every part that it
//! was made of; what only others changed is taken over, what both changed is shown side by side. Pure.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use kit::{Currency, Money};
use product_api::{DEFAULT_CHANNEL, NewProduct, ProductContent};
use types::Texts;

use super::form::ProductForm;

/// A part of a product that is taken or kept as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Slug,
    Titles,
    Descriptions,
    Brand,
    Categories,
    Tags,
    Attributes,
    Variants,
    Images,
}

impl Part {
    /// All of them, in the sequence of their marks.
    pub(crate) const ALL: [Self; 9] = [
        Self::Slug,
        Self::Titles,
        Self::Descriptions,
        Self::Brand,
        Self::Categories,
        Self::Tags,
        Self::Attributes,
        Self::Variants,
        Self::Images,
    ];

    /// Stands for the content of the part. Compared within one version of the program only.
    fn mark(self, product: &NewProduct) -> u64 {
        let json = match self {
            Self::Slug => serde_json::to_string(&product.slug),
            Self::Titles => serde_json::to_string(&product.title),
            Self::Descriptions => serde_json::to_string(&product.description),
            Self::Brand => serde_json::to_string(&product.brand_id),
            Self::Categories => {
                let mut ids = product.category_ids.clone();
                ids.sort_unstable();
                serde_json::to_string(&ids)
            }
            Self::Tags => serde_json::to_string(&product.tags),
            Self::Attributes => serde_json::to_string(&product.attributes),
            Self::Variants => serde_json::to_string(&(&product.options, &product.skus)),
            Self::Images => serde_json::to_string(&product.images),
        };
        let mut hasher = DefaultHasher::new();
        json.unwrap_or_default().hash(&mut hasher);
        hasher.finish()
    }
}

/// The marks of a product's parts, as a form carries them.
pub(crate) fn seen(product: &NewProduct) -> String {
    let marks: Vec<String> = Part::ALL.iter().map(|p| format!("{:x}", p.mark(product))).collect();
    marks.join("-")
}

/// A part that both changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Which.
    pub(crate) part: Part,
    /// As it is now, by somebody else.
    pub(crate) now: String,
    /// As it was typed.
    pub(crate) yours: String,
}

/// What became of a form after others changed its product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Merged {
    /// Parts that only others changed: the form has theirs.
    pub(crate) taken: Vec<Part>,
    /// Parts that both changed: the form has the reader's.
    pub(crate) both: Vec<Difference>,
}

/// Brings a form up to the product as it is now. Sent again it replaces what was shown here.
pub(crate) fn merge(
    form: &mut ProductForm,
    typed: &NewProduct,
    current: &ProductContent,
    currency: Currency,
    names: &dyn Fn(Part, &NewProduct) -> Option<String>,
) -> Merged {
    let mut merged = Merged::default();
    let marks: Vec<String> = form.seen.split('-').map(str::to_owned).collect();
    for (n, part) in Part::ALL.into_iter().enumerate() {
        let (mine, theirs) = (part.mark(typed), part.mark(&current.content));
        let before = marks.get(n).and_then(|m| u64::from_str_radix(m, 16).ok());
        if mine == theirs || before == Some(theirs) {
            continue;
        }
        if before == Some(mine) {
            take(form, part, current, currency);
            merged.taken.push(part);
            continue;
        }
        let said = |product| names(part, product).unwrap_or_else(|| said(part, product, currency));
        let (now, yours) = (said(&current.content), said(typed));
        merged.both.push(Difference { part, now, yours });
    }
    form.version = current.version;
    form.seen = seen(&current.content);
    merged
}

fn take(form: &mut ProductForm, part: Part, current: &ProductContent, currency: Currency) {
    let locales: Vec<_> = form.texts.iter().map(|t| t.locale.clone()).collect();
    let fresh = ProductForm::of(current, &locales, currency);
    match part {
        Part::Slug => form.slug = fresh.slug,
        Part::Brand => form.brand = fresh.brand,
        Part::Categories => form.categories = fresh.categories,
        Part::Tags => form.tags = fresh.tags,
        Part::Attributes => form.attributes = fresh.attributes,
        Part::Images => form.images = fresh.images,
        Part::Variants => {
            form.options = fresh.options;
            form.variants = fresh.variants;
        }
        Part::Titles => {
            for (row, new) in form.texts.iter_mut().zip(fresh.texts) {
                row.title = new.title;
            }
        }
        Part::Descriptions => {
            for (row, new) in form.texts.iter_mut().zip(fresh.texts) {
                row.description = new.description;
            }
        }
    }
}

/// Characters of a text that are shown of a difference.
const SHOWN_MAX: usize = 300;

/// A part in words.
fn said(part: Part, product: &NewProduct, currency: Currency) -> String {
    let text = match part {
        Part::Slug => product.slug.to_string(),
        Part::Titles => languages(&product.title),
        Part::Descriptions => product.description.as_ref().map(languages).unwrap_or_default(),
        Part::Brand => product.brand_id.map(|id| id.to_string()).unwrap_or_default(),
        Part::Categories => joined(product.category_ids.iter().map(ToString::to_string)),
        Part::Tags => product.tags.join(", "),
        Part::Attributes => {
            joined(product.attributes.iter().map(|a| format!("{}: {}", a.name, a.value)))
        }
        Part::Images => joined(product.images.iter().map(|i| i.url.clone())),
        Part::Variants => joined(product.skus.iter().map(|s| {
            let price = s.prices.iter().find(|p| p.channel == DEFAULT_CHANNEL);
            let price = price.and_then(|p| Money::new(p.amount, currency).ok());
            let words = [s.options.join(" / "), s.code.clone()];
            let price = price.map(Money::to_major);
            let words = words.into_iter().filter(|w| !w.is_empty()).chain(price);
            words.collect::<Vec<_>>().join(" ")
        })),
    };
    let mut chars = text.chars();
    let short: String = chars.by_ref().take(SHOWN_MAX).collect();
    if chars.next().is_some() { format!("{short}…") } else { short }
}

fn languages(texts: &Texts) -> String {
    joined(texts.all().iter().map(|(locale, text)| format!("{locale}: {text}")))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
pub(crate) mod tests {
    use kit::Timestamp;
    use product_api::{Attribute, ChannelPrice, Image, NewSku, ProductOption, ProductStatus};
    use types::{SkuId, SpuId};

    use super::*;

    fn sku(size: &str, amount: i64) -> NewSku {
        let price = |channel: &str| ChannelPrice {
            channel: channel.to_owned(),
            amount,
            compare_at: Some(amount + 100),
        };
        NewSku {
            code: format!("R-{size}"),
            barcode: "0123".into(),
            options: vec![size.into()],
            prices: vec![price("app"), price("web")],
            weight_grams: 50,
            image: Some(Image { url: "/media/9".into(), alt: "own".into() }),
        }
    }

    /// A product with everything.
    pub(crate) fn found() -> ProductContent {
        let texts = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(l, t)| (l.parse().unwrap(), (*t).to_owned()));
            Texts::new(pairs.collect()).unwrap()
        };
        let image = |n: u8| Image { url: format!("/media/{n}"), alt: format!("alt {n}") };
        ProductContent {
            id: SpuId::from_i64(5).unwrap(),
            version: 3,
            updated_at: Timestamp::from_millis(1_763_690_000_000),
            sku_ids: [11, 12].map(|n| SkuId::from_i64(n).unwrap()).to_vec(),
            content: NewProduct {
                slug: "rose".parse().unwrap(),
                title: texts(&[("en", "Rose <b>\"x\"</b>"), ("zh-CN", "玫瑰"), ("fr", "Rose")]),
                description: Some(texts(&[("en", "<p>Red</p>"), ("fr", "Rouge")])),
                brand_id: types::BrandId::from_i64(2).ok(),
                category_ids: types::CategoryId::from_i64(3).into_iter().collect(),
                tags: vec!["gift".into(), "red".into()],
                attributes: vec![Attribute { name: "Origin".into(), value: "Yunnan".into() }],
                options: vec![ProductOption {
                    name: "Size".into(),
                    values: vec!["S".into(), "L".into()],
                }],
                images: vec![image(1), image(2)],
                skus: vec![sku("S", 1_000), sku("L", 2_000)],
                status: ProductStatus::Draft,
            },
        }
    }

    fn nothing(_: Part, _: &NewProduct) -> Option<String> {
        None
    }

    #[test]
    fn what_only_others_changed_is_taken_and_what_both_changed_is_shown() {
        let (base, currency) = (found(), "CNY".parse().unwrap());
        let mut form = ProductForm::of(&base, &["en".parse().unwrap()], currency);
        let mut typed = base.content.clone();
        typed.tags = vec!["mine".into()];
        typed.images.clear();
        form.tags = "mine".into();
        form.images.clear();
        let mut current = base.clone();
        current.version = 4;
        current.content.tags = vec!["theirs".into()];
        current.content.slug = "rose-two".parse().unwrap();
        current.content.skus[0].prices[1].amount = 1_500;
        let merged = merge(&mut form, &typed, &current, currency, &nothing);
        assert_eq!(merged.taken, [Part::Slug, Part::Variants]);
        assert_eq!((form.slug.as_str(), form.variants[0].price.as_str()), ("rose-two", "15.00"));
        let [both] = merged.both.as_slice() else { panic!("{merged:?}") };
        assert_eq!(
            (both.part, both.now.as_str(), both.yours.as_str()),
            (Part::Tags, "theirs", "mine")
        );
        assert_eq!((form.tags.as_str(), form.images.len(), form.version), ("mine", 0, 4));
        let again = merge(&mut form, &typed, &current, currency, &nothing);
        assert_eq!(again.both, [], "what was shown once is now meant");
    }

    #[test]
    fn who_typed_the_same_did_not_differ() {
        let (base, currency) = (found(), "CNY".parse().unwrap());
        let mut form = ProductForm::of(&base, &["en".parse().unwrap()], currency);
        let mut current = base.clone();
        current.content.tags = vec!["same".into()];
        let typed = NewProduct { tags: vec!["same".into()], ..base.content };
        let merged = merge(&mut form, &typed, &current, currency, &nothing);
        assert_eq!(merged, Merged::default());
    }
}
