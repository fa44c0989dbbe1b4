//! The rows of a product's form: pictures, options, variants, properties.

use maud::{Markup, html};
use product_api::rules;
use ui::forms::{Field, choice_cell, length};

use super::Words;
use super::edit::{ProductPage, button};
use super::form::{OPTIONS, VariantRow};
use super::pieces::{cell, field};
use super::wish::{Change, Wish};

fn change(change: Change, label: &str) -> Markup {
    button(Wish::Change(change), label, "quiet small")
}

/// A button of a row: what it is about is said to those who do not see the row.
fn in_row(wish: Change, label: &str, row: &str) -> Markup {
    html! {
        button.quiet.small type="submit" name="do" value=(Wish::Change(wish).value()) {
            (label) span.vh { " " (row) }
        }
    }
}

/// Pictures, with what they show, their sequence, and a field for more of them.
pub(crate) fn pictures(page: &ProductPage, w: &Words, may_write: bool) -> Markup {
    let last = page.form.images.len().saturating_sub(1);
    let words = ui::Words::of(page.shell.reader.lang);
    html! {
        section.panel aria-labelledby="pictures" {
            h2 id="pictures" { (w.pictures) }
            @if page.form.images.is_empty() { p.quiet { (w.no_pictures) } }
            @if !page.form.images.is_empty() {
                ol.pictures {
                    @for (n, image) in page.form.images.iter().enumerate() {
                        @let name = format!("i{n}_alt");
                        @let this = w.picture_number(place(n));
                        li {
                            (ui::parts::picture(Some(&image.url), &image.alt, words, true))
                            input type="hidden" name={ "i" (n) "_url" } value=(image.url);
                            (field(&Field {
                                name: &name, label: &w.picture_alt(place(n)), value: &image.alt,
                                length_max: length(rules::ALT_MAX), ..Field::default()
                            }, &page.problems))
                            @if may_write {
                                div.row {
                                    @if n > 0 { (in_row(Change::ImageUp(n), w.earlier, &this)) }
                                    @if n < last { (in_row(Change::ImageDown(n), w.later, &this)) }
                                    (in_row(Change::RemoveImage(n), w.remove, &this))
                                }
                            }
                        }
                    }
                }
            }
            @if may_write {
                div.toolbar {
                    div.field {
                        label for="f-files" { (w.add_pictures) }
                        input id="f-files" type="file" name="files" multiple accept="image/png,image/jpeg,image/webp,image/svg+xml" aria-describedby="f-files-hint";
                        p.hint id="f-files-hint" { (w.pictures_hint) }
                    }
                    (change(Change::Upload, w.upload))
                }
            }
        }
    }
}

/// A row's number for people; no form has more rows than fit.
fn place(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX).saturating_add(1)
}

/// What the buyer chooses.
pub(crate) fn options(page: &ProductPage, w: &Words, may_write: bool) -> Markup {
    let option = |n: usize| {
        let (name, values) = (format!("o{n}_name"), format!("o{n}_values"));
        let row = &page.form.options[n];
        html! {
            fieldset.stack {
                legend { (w.option_number(place(n))) }
                (field(&Field {
                    name: &name, label: w.option_name, value: &row.name, hint: w.option_name_hint,
                    length_max: length(rules::NAME_MAX), ..Field::default()
                }, &page.problems))
                (field(&Field {
                    name: &values, label: w.option_values, value: &row.values, rows: 4,
                    hint: w.option_values_hint, ..Field::default()
                }, &page.problems))
            }
        }
    };
    html! {
        section.panel aria-labelledby="options" {
            h2 id="options" { (w.options) }
            p.quiet { (w.options_text) }
            div.fields { @for n in 0..OPTIONS { (option(n)) } }
            @if may_write { p { (change(Change::MakeVariants, w.make_variants)) } }
        }
    }
}

/// What is bought: one row per variant.
pub(crate) fn variants(page: &ProductPage, w: &Words, may_write: bool) -> Markup {
    let used = page.form.options_used();
    let knows_stock = page.shell.may("stock:read") && page.product.is_some();
    let heads: Vec<String> = (0..used)
        .map(|n| Some(page.form.options[n].name.clone()).filter(|t| !t.is_empty()))
        .zip(1..)
        .map(|(name, n)| name.unwrap_or_else(|| w.option_number(n)))
        .collect();
    html! {
        section.panel aria-labelledby="variants" {
            h2 id="variants" { (w.variants) }
            p.quiet { (w.prices_in(page.shell.currency.code())) }
            div.table.cells tabindex="0" role="region" aria-label=(w.variants) {
                table {
                    thead { tr {
                        @for head in &heads { th scope="col" { (head) } }
                        th scope="col" { (w.price) }
                        th scope="col" { (w.compare_at) }
                        th scope="col" { (w.code) }
                        th scope="col" { (w.barcode) }
                        th scope="col" { (w.weight) }
                        th scope="col" { (w.own_picture) }
                        @if knows_stock { th scope="col" { (w.stock) } }
                        @if may_write { th scope="col" { span.vh { (w.remove) } } }
                    } }
                    tbody {
                        @for (n, row) in page.form.variants.iter().enumerate() {
                            (variant(page, w, (n, row), &heads, knows_stock, may_write))
                        }
                    }
                }
            }
            @if may_write { p { (change(Change::AddVariant, w.add_variant)) } }
        }
    }
}

fn variant(
    page: &ProductPage,
    w: &Words,
    (n, row): (usize, &VariantRow),
    heads: &[String],
    knows_stock: bool,
    may_write: bool,
) -> Markup {
    let this = w.variant_number(place(n));
    let text = |name: &str, label: &str, value: &str, inputmode: &str| {
        let (name, label) = (format!("v{n}_{name}"), format!("{label}, {this}"));
        let input = Field { name: &name, label: &label, value, inputmode, ..Field::default() };
        html! { td { (cell(&input, &page.problems)) } }
    };
    html! {
        tr {
            @for (o, head) in heads.iter().enumerate() {
                (text(&format!("o{o}"), head, row.options.get(o).map_or("", String::as_str), ""))
            }
            (text("price", w.price, &row.price, "decimal"))
            (text("compare", w.compare_at, &row.compare_at, "decimal"))
            (text("code", w.code, &row.code, ""))
            (text("barcode", w.barcode, &row.barcode, ""))
            (text("weight", w.weight, &row.weight, "numeric"))
            td { (own_picture(page, w, n, row, &this)) }
            @if knows_stock { td.number { (stock(page, w, row)) } }
            @if may_write {
                td {
                    @if let Some(id) = row.sku_id { input type="hidden" name={ "v" (n) "_id" } value=(id); }
                    (in_row(Change::RemoveVariant(n), w.remove, &this))
                }
            }
        }
    }
}

/// Which of the product's pictures shows the variant.
fn own_picture(page: &ProductPage, w: &Words, n: usize, row: &VariantRow, this: &str) -> Markup {
    let numbers: Vec<String> =
        (0..page.form.images.len()).map(|n| w.picture_number(place(n))).collect();
    let known = page.form.images.iter().map(|i| i.url.as_str());
    let is_known = row.image.is_empty() || known.clone().any(|url| url == row.image);
    let options = std::iter::once(("", w.no_own_picture))
        .chain(known.zip(numbers.iter().map(String::as_str)))
        .chain((!is_known).then_some((row.image.as_str(), w.other_picture)));
    choice_cell(&format!("v{n}_image"), &format!("{}, {this}", w.own_picture), &row.image, options)
}

/// What is available, which is changed elsewhere.
fn stock(page: &ProductPage, w: &Words, row: &VariantRow) -> Markup {
    let known = page.product.as_ref().zip(row.sku_id);
    let units = known.and_then(|(p, id)| p.stock.get(&id));
    html! {
        @match (row.sku_id, units) {
            (Some(id), Some(units)) => a href=(crate::stock::routes::Route::sku(id)) { (units) },
            (Some(id), None) => a href=(crate::stock::routes::Route::sku(id)) { (w.see_stock) },
            _ => "–",
        }
    }
}

/// Properties that nobody chooses.
pub(crate) fn attributes(page: &ProductPage, w: &Words, may_write: bool) -> Markup {
    html! {
        section.panel aria-labelledby="attributes" {
            h2 id="attributes" { (w.attributes) }
            p.quiet { (w.attributes_text) }
            @if !page.form.attributes.is_empty() {
                div.table.cells tabindex="0" role="region" aria-label=(w.attributes) {
                    table {
                        thead { tr {
                            th scope="col" { (w.attribute_name) }
                            th scope="col" { (w.attribute_value) }
                            @if may_write { th scope="col" { span.vh { (w.remove) } } }
                        } }
                        tbody {
                            @for (n, row) in page.form.attributes.iter().enumerate() {
                                @let (name, value) = (format!("a{n}_name"), format!("a{n}_value"));
                                @let this = w.attribute_number(place(n));
                                tr {
                                    td { (cell(&Field { name: &name, label: &format!("{}, {this}", w.attribute_name), value: &row.name, ..Field::default() }, &page.problems)) }
                                    td { (cell(&Field { name: &value, label: &format!("{}, {this}", w.attribute_value), value: &row.value, ..Field::default() }, &page.problems)) }
                                    @if may_write { td { (in_row(Change::RemoveAttribute(n), w.remove, &this)) } }
                                }
                            }
                        }
                    }
                }
            }
            @if may_write { p { (change(Change::AddAttribute, w.add_attribute)) } }
        }
    }
}
