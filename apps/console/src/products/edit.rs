//! The page of one product: a form that works without a script. Every button sends the whole form, so what
//! was typed is never lost; the first of them saves, because that is what the enter key presses.

use std::collections::HashMap;

use maud::{Markup, html};
use product_api::{Brand, Category, ProductContent, ProductStatus};
use types::{Locale, SkuId, Slug, SpuId};
use ui::forms::{Errors, Field, choice, id, length};
use ui::parts::{Tone, notice};

use super::Words;
use super::form::{ProductForm, TextRow};
use super::list::status_tag;
use super::merge::{Merged, Part};
use super::pieces::field;
use super::routes::Route;
use super::table;
use super::wish::Wish;
use crate::layout::{Head, Shell, csrf_field, document};
use crate::nav::Section;

/// What the page has beside the form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lists {
    /// All brands.
    pub(crate) brands: Vec<Brand>,
    /// All categories, as a tree: each with how deep it stands.
    pub(crate) categories: Vec<(Category, usize)>,
}

/// A product.
#[derive(Debug, Clone)]
pub(crate) struct ProductPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Which; none for a new one.
    pub(crate) product: Option<Known>,
    /// What is typed.
    pub(crate) form: ProductForm,
    /// What is wrong with it.
    pub(crate) problems: Errors,
    /// What others changed meanwhile.
    pub(crate) merged: Option<Merged>,
    /// Whether it was just saved.
    pub(crate) saved: bool,
    /// Brands and categories; none when they cannot be asked for: what was chosen stays chosen.
    pub(crate) lists: Option<Lists>,
}

/// What is known of a product that there is.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Its address here.
    pub(crate) id: SpuId,
    /// Its name.
    pub(crate) title: String,
    /// Where it stands, and its address in the shop; none when that cannot be asked for.
    pub(crate) stands: Option<(ProductStatus, Slug)>,
    /// What is available of its variants, as far as the reader may know.
    pub(crate) stock: HashMap<SkuId, i64>,
}

impl Known {
    /// A product as the catalogue has it.
    pub(crate) fn of(
        content: &ProductContent,
        locale: &Locale,
        stock: HashMap<SkuId, i64>,
    ) -> Self {
        Self {
            id: content.id,
            title: content.content.title.get(locale).to_owned(),
            stands: Some((content.content.status, content.content.slug.clone())),
            stock,
        }
    }

    /// A product of which there is no more than what was typed.
    pub(crate) fn typed(id: SpuId, form: &ProductForm) -> Self {
        let title = form.texts.first().map(|t| t.title.clone()).unwrap_or_default();
        Self { id, title, stands: None, stock: HashMap::new() }
    }
}

/// The page.
pub(crate) fn render_product(page: &ProductPage) -> Markup {
    let w = Words::of(page.shell.reader.lang);
    let title = page.product.as_ref().map_or(w.new_product, |p| p.title.as_str());
    let may_write = page.shell.may("products:write");
    let content = html! {
        (bar(page, w, may_write))
        @if page.saved { (notice(Tone::Info, &html! { p { (w.saved) } })) }
        @if let Some(merged) = &page.merged { (changed_by_others(merged, w)) }
        @if !page.problems.is_empty() { (summary(page, w)) }
        (texts(page, w))
        (place(page, w))
        (table::pictures(page, w, may_write))
        (table::options(page, w, may_write))
        (table::variants(page, w, may_write))
        (table::attributes(page, w, may_write))
    };
    let to = page.product.as_ref().map_or(Route::New, |p| Route::product(p.id));
    let main = html! {
        p.crumbs { a href=(Route::list()) { (w.products) } }
        @if may_write {
            form.product method="post" action=(to) enctype="multipart/form-data" {
                (csrf_field(&page.shell))
                input type="hidden" name="version" value=(page.form.version);
                input type="hidden" name="seen" value=(page.form.seen);
                input type="hidden" name="variants" value=(page.form.variants.len());
                input type="hidden" name="attributes" value=(page.form.attributes.len());
                input type="hidden" name="images" value=(page.form.images.len());
                (content)
            }
        } @else {
            fieldset.product disabled { (content) }
        }
    };
    document(&page.shell, &Head { title, ..Head::default() }, &main)
}

/// A button of the form.
pub(crate) fn button(wish: Wish, label: &str, class: &str) -> Markup {
    html! { button class=(class) type="submit" name="do" value=(wish.value()) { (label) } }
}

/// Where the product stands, and what can be done with all of it.
fn bar(page: &ProductPage, w: &Words, may_write: bool) -> Markup {
    let stands = page.product.as_ref().map(|p| p.stands.as_ref());
    let status = stands.map_or(Some(ProductStatus::Draft), |s| s.map(|(status, _)| *status));
    let to = |status| Wish::Save(Some(status));
    html! {
        div.row.save-bar {
            @if may_write {
                (button(Wish::Save(None), w.save, ""))
                @match status {
                    // saving leaves it where it is
                    None => {}
                    Some(ProductStatus::OnSale) => (button(to(ProductStatus::Off), w.save_and_take_off, "quiet")),
                    Some(_) => (button(to(ProductStatus::OnSale), w.save_and_sell, "quiet")),
                }
                @if status == Some(ProductStatus::Off) { (button(to(ProductStatus::Draft), w.make_draft, "quiet")) }
            }
            @if let Some(status) = status { (status_tag(status, w)) }
            @if let Some(Some((ProductStatus::OnSale, slug))) = stands {
                a href=(ui::Route::Product { slug: slug.clone(), sku: None }) { (w.see_in_shop) }
            }
        }
    }
}

/// What is wrong, with a way to each field.
fn summary(page: &ProductPage, w: &Words) -> Markup {
    let content = html! {
        p { strong { (w.not_saved) } }
        ul {
            @for (name, text) in page.problems.all() {
                li {
                    @if name.is_empty() { (text) } @else { a href={ "#" (id(name)) } { (text) } }
                }
            }
        }
    };
    notice(Tone::Bad, &content)
}

fn changed_by_others(merged: &Merged, w: &Words) -> Markup {
    let names =
        |parts: &[Part]| parts.iter().map(|p| part_label(*p, w)).collect::<Vec<_>>().join(", ");
    let content = html! {
        p { strong { (w.changed_meanwhile) } }
        @if !merged.taken.is_empty() { p { (w.taken_over(&names(&merged.taken))) } }
        @if !merged.both.is_empty() {
            p { (w.both_changed) }
            div.table tabindex="0" role="region" aria-label=(w.both_changed) {
                table {
                    thead { tr { th scope="col" { (w.part) } th scope="col" { (w.now) } th scope="col" { (w.yours) } } }
                    tbody {
                        @for difference in &merged.both {
                            tr {
                                th scope="row" { (part_label(difference.part, w)) }
                                td { (difference.now) }
                                td { (difference.yours) }
                            }
                        }
                    }
                }
            }
        }
        p { (w.save_again) }
    };
    notice(Tone::Bad, &content)
}

const fn part_label(part: Part, w: &Words) -> &'static str {
    match part {
        Part::Slug => w.address,
        Part::Titles => w.title,
        Part::Descriptions => w.description,
        Part::Brand => w.brand,
        Part::Categories => w.categories,
        Part::Tags => w.tags,
        Part::Attributes => w.attributes,
        Part::Variants => w.variants,
        Part::Images => w.pictures,
    }
}

fn texts(page: &ProductPage, w: &Words) -> Markup {
    let of_language = |row: &TextRow| {
        let (title, description) =
            (format!("title_{}", row.locale), format!("description_{}", row.locale));
        html! {
            fieldset.stack {
                legend { (ui::layout::name_of(&row.locale)) }
                (field(&Field {
                    name: &title, label: w.title, value: &row.title, lang: row.locale.as_str(),
                    length_max: length(product_api::rules::TITLE_MAX), ..Field::default()
                }, &page.problems))
                (field(&Field {
                    name: &description, label: w.description, value: &row.description, rows: 6,
                    hint: w.description_hint, lang: row.locale.as_str(),
                    length_max: length(product_api::rules::DESCRIPTION_MAX), ..Field::default()
                }, &page.problems))
            }
        }
    };
    html! {
        section.panel aria-labelledby="texts" {
            h2 id="texts" { (w.texts) }
            div.languages { @for row in &page.form.texts { (of_language(row)) } }
        }
    }
}

/// Where the product is found.
fn place(page: &ProductPage, w: &Words) -> Markup {
    let (form, problems) = (&page.form, &page.problems);
    let plain = |name: &'static str, label, value, hint| {
        field(&Field { name, label, value, hint, ..Field::default() }, problems)
    };
    html! {
        section.panel aria-labelledby="place" {
            h2 id="place" { (w.place) }
            div.fields {
                (plain("slug", w.address, &form.slug, w.address_hint))
                (plain("tags", w.tags, &form.tags, w.tags_hint))
                @match &page.lists {
                    Some(lists) => (brand(form, lists, w)),
                    None => input type="hidden" name="brand" value=(form.brand);,
                }
                (plain("new_brand", w.new_brand, &form.new_brand, w.new_brand_hint))
            }
            fieldset.checks id=(id("category")) {
                legend { (w.categories) }
                @if let Some(error) = problems.of("category") { p.error { (error) } }
                @match &page.lists {
                    Some(lists) => (categories(page, lists, w)),
                    None => @for chosen in &form.categories {
                        input type="hidden" name="category" value=(chosen);
                    },
                }
            }
            (plain("new_category", w.new_category, &form.new_category, w.new_category_hint))
        }
    }
}

fn brand(form: &ProductForm, lists: &Lists, w: &Words) -> Markup {
    let brands: Vec<(String, &str)> =
        lists.brands.iter().map(|b| (b.id.to_string(), b.name.as_str())).collect();
    let options = std::iter::once(("", w.no_brand))
        .chain(brands.iter().map(|(id, name)| (id.as_str(), *name)));
    choice("brand", w.brand, &form.brand, options)
}

fn categories(page: &ProductPage, lists: &Lists, w: &Words) -> Markup {
    html! {
        @if lists.categories.is_empty() { p.quiet { (w.no_categories) } }
        @for (category, depth) in &lists.categories {
            @let value = category.id.to_string();
            label.check {
                input type="checkbox" name="category" value=(value) checked[page.form.categories.contains(&value)];
                span { @for _ in 0..*depth { "— " } (category.name.get(&page.shell.reader.locale)) }
            }
        }
    }
}

/// The part of the menu.
pub(crate) const SECTION: Section = Section::Products;

#[cfg(test)]
impl crate::samples::Samples for ProductPage {
    fn samples() -> Vec<Self> {
        use super::merge::tests::found;
        use crate::samples::{shell, shell_as};

        let locales: Vec<types::Locale> = vec!["en".parse().unwrap(), "zh-CN".parse().unwrap()];
        let found = found();
        let category = |n, name: &str| Category {
            id: types::CategoryId::from_i64(n).unwrap(),
            parent_id: None,
            slug: "c".parse().unwrap(),
            name: types::Texts::one("en".parse().unwrap(), name),
            position: 0,
        };
        let lists = Lists {
            brands: vec![Brand { id: types::BrandId::from_i64(2).unwrap(), name: "<Sons>".into() }],
            categories: vec![(category(3, "Flowers <b>\"x\""), 0), (category(4, "Roses"), 1)],
        };
        let known = Known {
            id: found.id,
            title: "Rose <Sons>".into(),
            stands: Some((ProductStatus::OnSale, found.content.slug.clone())),
            stock: HashMap::from([(found.sku_ids[0], 7)]),
        };
        let full = Self {
            shell: shell("en"),
            product: Some(known),
            form: ProductForm::of(&found, &locales, "CNY".parse().unwrap()),
            problems: Errors::default(),
            merged: None,
            saved: true,
            lists: Some(lists),
        };
        let mut problems = Errors::default();
        for field in [
            "",
            "slug",
            "v0_price",
            "v1_o0",
            "title_en",
            "o0_values",
            "a0_name",
            "i1_alt",
            "category",
        ] {
            problems.add(field, "<wrong>");
        }
        let merged = Merged {
            taken: vec![Part::Slug, Part::Tags],
            both: vec![super::merge::Difference {
                part: Part::Titles,
                now: "en: <Lee>".into(),
                yours: "en: <Sons>".into(),
            }],
        };
        let wrong = Self {
            shell: shell("zh-CN"),
            problems,
            merged: Some(merged),
            saved: false,
            ..full.clone()
        };
        let new = Self {
            shell: shell("zh-CN"),
            product: None,
            form: ProductForm::new(&locales),
            problems: Errors::default(),
            merged: None,
            saved: false,
            lists: Some(Lists::default()),
        };
        let read_only =
            Self { shell: shell_as("en", staff_api::Role::ReadOnly), saved: false, ..full.clone() };
        // nobody answers: nothing is known but what was typed
        let form = ProductForm { categories: vec!["<3>".into()], ..full.form.clone() };
        let busy = Self {
            product: Some(Known::typed(found.id, &form)),
            form,
            problems: wrong.problems.clone(),
            saved: false,
            lists: None,
            ..full.clone()
        };
        vec![full, wrong, new, read_only, busy]
    }
}
