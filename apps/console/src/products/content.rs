//! The product that a form describes, or everything that is wrong with it. Pure; whether the catalogue
//! takes the product is for it to say.

use kit::{Currency, Money};
use product_api::rules::{check, not_sellable, slugify};
use product_api::{
    Attribute, ChannelPrice, DEFAULT_CHANNEL, Image, NewProduct, NewSku, ProductContent,
    ProductOption, ProductStatus,
};
use types::{Locale, Slug, Texts};
use ui::Errors;

use super::Words;
use super::form::{ProductForm, TextRow, VariantRow};
use super::problems::add_place;

/// What a form does not hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around<'a> {
    /// What the shop sells in.
    pub(crate) currency: Currency,
    /// The product as it is now: what the form does not show of it stays.
    pub(crate) before: Option<&'a ProductContent>,
    /// The status that it shall have.
    pub(crate) status: ProductStatus,
    /// The reader's words.
    pub(crate) words: &'a Words,
}

/// What is to be bought when nothing was typed for its weight.
const NO_WEIGHT: i64 = 0;

/// The product.
pub(crate) fn build(form: &ProductForm, around: Around<'_>) -> Result<NewProduct, Errors> {
    let mut problems = Errors::default();
    let w = around.words;
    let before = around.before.map(|b| &b.content);
    let title = texts(form, before.map(|b| &b.title), |row| &row.title);
    if title.is_none() {
        let first = form.texts.first().map_or_else(String::new, |t| format!("title_{}", t.locale));
        problems.add(first, w.title_missing);
    }
    let slug = slug(form, w, &mut problems);
    let used = form.options_used();
    let images: Vec<Image> =
        form.images.iter().map(|i| Image { url: i.url.clone(), alt: i.alt.clone() }).collect();
    let skus = form
        .variants
        .iter()
        .enumerate()
        .map(|(n, row)| sku(n, row, used, &images, around, &mut problems))
        .collect();
    // a product that lacks these is not looked at further, so what stands in their place does not matter
    let (Some(title), Some(slug)) = (title, slug) else { return Err(problems) };
    let attribute =
        |a: &super::form::AttributeRow| Attribute { name: a.name.clone(), value: a.value.clone() };
    let product = NewProduct {
        slug,
        title,
        description: texts(form, before.and_then(|b| b.description.as_ref()), |r| &r.description),
        brand_id: form.brand.parse().ok(),
        category_ids: form.categories.iter().filter_map(|id| id.parse().ok()).collect(),
        tags: tags(&form.tags),
        attributes: form.attributes.iter().map(attribute).collect(),
        options: (0..used)
            .map(|n| ProductOption {
                name: form.options[n].name.clone(),
                values: form.values_of(n),
            })
            .collect(),
        images,
        skus,
        status: around.status,
    };
    for place in check(&product) {
        add_place(&mut problems, &place.pointer, &place.detail, w);
    }
    if problems.is_empty()
        && product.status == ProductStatus::OnSale
        && not_sellable(&product).is_some()
    {
        problems.add("", w.not_sellable);
    }
    if problems.is_empty() { Ok(product) } else { Err(problems) }
}

/// A text in the languages of the form, and in those that it does not show.
fn texts(
    form: &ProductForm,
    before: Option<&Texts>,
    text: impl Fn(&TextRow) -> &String,
) -> Option<Texts> {
    let shown = |locale: &Locale| form.texts.iter().any(|row| row.locale == *locale);
    let others = before.into_iter().flat_map(|b| b.all()).filter(|(l, _)| !shown(l));
    let typed = form.texts.iter().map(|row| (&row.locale, text(row)));
    let all = others.chain(typed.filter(|(_, t)| !t.is_empty()));
    Texts::new(all.map(|(l, t)| (l.clone(), t.clone())).collect()).ok()
}

/// The name for the address bar; made of the title when none was typed.
fn slug(form: &ProductForm, w: &Words, problems: &mut Errors) -> Option<Slug> {
    let made = || form.texts.iter().find_map(|row| slugify(&row.title));
    let slug = if form.slug.is_empty() { made() } else { form.slug.parse().ok() };
    if slug.is_none() {
        problems.add("slug", w.rules.get("slug").unwrap_or_default());
    }
    slug
}

/// Words between commas, of either width, each once.
fn tags(text: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in text.split([',', '，']).map(str::trim).filter(|t| !t.is_empty()) {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

fn sku(
    n: usize,
    row: &VariantRow,
    used: usize,
    images: &[Image],
    around: Around<'_>,
    problems: &mut Errors,
) -> NewSku {
    let before = around.before.and_then(|b| {
        let place = b.sku_ids.iter().position(|id| Some(*id) == row.sku_id)?;
        b.content.skus.get(place)
    });
    let weight_grams = match row.weight.as_str() {
        "" => NO_WEIGHT,
        text => text.parse().unwrap_or(-1),
    };
    let alt = |url: &str| {
        let known = images.iter().chain(before.and_then(|b| b.image.as_ref()));
        known.into_iter().find(|i| i.url == url).map(|i| i.alt.clone()).unwrap_or_default()
    };
    let image = Some(&row.image).filter(|url| !url.is_empty());
    NewSku {
        code: row.code.clone(),
        barcode: row.barcode.clone(),
        options: row.options[..used].to_vec(),
        prices: prices(n, row, before, around, problems),
        weight_grams,
        image: image.map(|url| Image { url: url.clone(), alt: alt(url) }),
    }
}

/// The price in the shop, as typed, and those in other channels, as they were.
fn prices(
    n: usize,
    row: &VariantRow,
    before: Option<&NewSku>,
    around: Around<'_>,
    problems: &mut Errors,
) -> Vec<ChannelPrice> {
    let mut amount = |field: &str, text: &str| {
        let parsed = (!text.is_empty()).then(|| Money::parse_major(text, around.currency));
        if let Some(Err(_)) = parsed {
            let example = Money::new(1_999, around.currency).map(Money::to_major);
            let text = around.words.bad_price(&example.unwrap_or_default());
            problems.add(format!("v{n}_{field}"), text);
        }
        parsed.and_then(Result::ok).map(Money::amount)
    };
    let (price, compare_at) = (amount("price", &row.price), amount("compare", &row.compare_at));
    if row.price.is_empty() && compare_at.is_some() {
        problems.add(format!("v{n}_price"), around.words.price_missing);
    }
    let web = price.map(|amount| ChannelPrice {
        channel: DEFAULT_CHANNEL.to_owned(),
        amount,
        compare_at,
    });
    let others =
        before.into_iter().flat_map(|b| &b.prices).filter(|p| p.channel != DEFAULT_CHANNEL);
    let mut prices: Vec<ChannelPrice> = web.into_iter().chain(others.cloned()).collect();
    // as the catalogue lists them, so that an unchanged product is seen as such
    prices.sort_by(|a, b| a.channel.cmp(&b.channel));
    prices
}

#[cfg(test)]
mod tests {
    use ui::Lang;

    use super::*;
    use crate::products::form::OptionRow;
    use crate::products::merge::tests::found;

    fn around(before: Option<&ProductContent>) -> Around<'_> {
        Around {
            currency: "CNY".parse().unwrap(),
            before,
            status: ProductStatus::Draft,
            words: Words::of(Lang::En),
        }
    }

    fn locales() -> Vec<Locale> {
        vec!["en".parse().unwrap(), "zh-CN".parse().unwrap()]
    }

    #[test]
    fn an_unchanged_form_describes_the_product_as_it_is() {
        let found = found();
        let mut form = ProductForm::of(&found, &locales(), "CNY".parse().unwrap());
        form.compact();
        let product = build(&form, around(Some(&found))).unwrap();
        assert_eq!(product, found.content, "languages and channels that the form lacks stay");
    }

    #[test]
    fn every_mistake_is_found_at_its_field() {
        let mut form = ProductForm::new(&locales());
        form.slug = "Bad Slug".into();
        form.texts[0].title = "x".repeat(300);
        form.options[0] = OptionRow { name: "Size".into(), values: "S".into() };
        form.variants[0] = VariantRow {
            price: "9,99".into(),
            compare_at: "x".into(),
            weight: "heavy".into(),
            ..VariantRow::default()
        };
        let first = build(&form, around(None)).unwrap_err();
        assert!(first.of("slug").is_some());
        form.slug.clear();
        let problems = build(&form, around(None)).unwrap_err();
        for field in ["title_en", "v0_price", "v0_compare", "v0_weight", "v0_o0"] {
            assert!(problems.of(field).is_some(), "{field}: {problems:?}");
        }
        assert!(problems.of("v0_price").unwrap().contains("19.99"));
        form.texts[0].title.clear();
        assert!(build(&form, around(None)).unwrap_err().of("title_en").is_some());
    }

    #[test]
    fn going_on_sale_needs_something_to_see_and_a_price() {
        let mut form = ProductForm::new(&locales());
        form.texts[1].title = "玫瑰".into();
        let around = Around { status: ProductStatus::OnSale, ..around(None) };
        assert!(build(&form, around).unwrap_err().of("").is_some());
        form.variants[0].price = "5".into();
        form.texts[0].description = "A rose".into();
        let product = build(&form, around).unwrap();
        assert_eq!((product.slug.as_str(), product.skus[0].prices[0].amount), ("玫瑰", 500));
    }

    #[test]
    fn tags_are_parted_by_commas_of_either_width() {
        assert_eq!(tags("红，gift, ,gift"), ["红", "gift"]);
    }
}
