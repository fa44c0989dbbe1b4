//! What narrows and sorts a list: a form of choices, the chosen ones as links that take them back, the order.
//! All of it works by addresses alone.

use maud::{Markup, html};
use search_api::{Facet, FacetKind, FacetValue};
use types::BrandId;
use ui::list::{field, property_field};
use ui::{ListFilter, ListSort, Route, Words, format, parts};

use super::listing::{ListingPage, Place};

/// Properties that are shown at most; more would not be looked through.
const PROPERTIES_MAX: usize = 8;
/// Values of one that are shown at most, the chosen ones first.
const VALUES_MAX: usize = 10;
/// Properties that are shown open.
const OPEN_MAX: usize = 3;

/// The form with all choices, behind a button on narrow screens.
pub(super) fn filters(page: &ListingPage) -> Markup {
    let (w, filter) = (page.shell.words(), &page.filter);
    let label = match filter.choices() {
        0 => w.filters.to_owned(),
        n => w.filters_chosen(n),
    };
    let is_wrong = !page.errors.is_empty();
    html! {
        details.filters open[is_wrong] {
            summary.button.quiet { (label) }
            form action=(page.place.to(ListFilter::default())) {
                (kept(page))
                (price(page))
                (availability(page))
                @for (n, facet) in shown(&page.found.facets).enumerate() {
                    (choices(facet, n, w))
                }
                div.apply { button type="submit" { (w.apply_filters) } }
            }
        }
    }
}

/// Brands, then properties.
fn shown(facets: &[Facet]) -> impl Iterator<Item = &Facet> {
    let brands = facets.iter().filter(|f| f.kind == FacetKind::Brand);
    let properties = facets.iter().filter(|f| f.kind == FacetKind::Property);
    brands.chain(properties.take(PROPERTIES_MAX))
}

/// The values of a facet that are shown.
fn values(facet: &Facet) -> impl Iterator<Item = (usize, &FacetValue)> {
    facet.values.iter().enumerate().filter(|(at, value)| *at < VALUES_MAX || value.chosen)
}

/// What the form keeps and does not show: what was searched for, the order, choices without a checkbox.
fn kept(page: &ListingPage) -> Markup {
    let ListFilter { text, sort, mut brands, mut properties, .. } = page.filter.clone();
    let facets: Vec<&Facet> = shown(&page.found.facets).collect();
    let is_shown = |kind: FacetKind, name: &str, value: &str| {
        let mut facets = facets.iter().filter(|f| f.kind == kind && f.name == name);
        facets.any(|f| values(f).any(|(_, v)| v.value == value))
    };
    brands.retain(|b| !is_shown(FacetKind::Brand, "", &b.to_string()));
    properties.retain(|(name, value)| !is_shown(FacetKind::Property, name, value));
    hidden(&ListFilter { text, sort, brands, properties, ..ListFilter::default() })
}

fn hidden(filter: &ListFilter) -> Markup {
    html! {
        @for (name, value) in filter.pairs() {
            input type="hidden" name=(name) value=(value);
        }
    }
}

fn price(page: &ListingPage) -> Markup {
    let w = page.shell.words();
    let [min, max] = &page.typed;
    let range = page.found.prices.map(|p| {
        let (min, max) = (format::money(p.min), format::money(p.max));
        if p.min == p.max { min } else { w.price_range(&min, &max) }
    });
    let amount = |name: &'static str, label, value| parts::Field {
        name,
        label,
        value,
        inputmode: "decimal",
        autocomplete: "off",
        error: page.errors.of(name),
        length_max: 16,
        ..parts::Field::default()
    };
    html! {
        fieldset.amounts {
            legend { (w.price) }
            @if let Some(range) = range { p.hint { (range) } }
            (parts::field(&amount(field::PRICE_MIN, w.price_at_least, min)))
            (parts::field(&amount(field::PRICE_MAX, w.price_at_most, max)))
        }
    }
}

fn availability(page: &ListingPage) -> Markup {
    let (w, filter, found) = (page.shell.words(), &page.filter, &page.found);
    let rows = [
        (field::IN_STOCK, w.only_in_stock, found.in_stock, filter.in_stock),
        (field::REDUCED, w.only_reduced, found.reduced, filter.reduced),
    ];
    html! {
        fieldset {
            legend { (w.availability) }
            ul {
                @for (name, label, count, chosen) in rows {
                    @if chosen || count > 0 {
                        li { (checkbox(&["f-", name].concat(), name, field::YES, label, count, chosen)) }
                    }
                }
            }
        }
    }
}

fn choices(facet: &Facet, n: usize, w: &Words) -> Markup {
    let (name, legend) = match facet.kind {
        FacetKind::Brand => (field::BRAND.to_owned(), w.brand),
        _ => (property_field(&facet.name), facet.name.as_str()),
    };
    let is_open = n < OPEN_MAX || facet.values.iter().any(|v| v.chosen);
    let id = |at: usize| format!("f-{n}-{at}");
    html! {
        details.facet open[is_open] {
            summary { (legend) }
            ul aria-label=(legend) {
                @for (at, value) in values(facet) {
                    li {
                        (checkbox(&id(at), &name, &value.value, &value.label, value.count, value.chosen))
                    }
                }
            }
        }
    }
}

fn checkbox(id: &str, name: &str, value: &str, label: &str, count: u64, chosen: bool) -> Markup {
    html! {
        input id=(id) type="checkbox" name=(name) value=(value) checked[chosen];
        label for=(id) { (label) " " span.count { "(" (count) ")" } }
    }
}

/// What is chosen, each as a link that takes it back.
pub(super) fn chosen(page: &ListingPage) -> Markup {
    let (w, filter) = (page.shell.words(), &page.filter);
    let begin = filter.from_begin();
    let mut chips: Vec<(String, ListFilter)> = Vec::new();
    // among all products the list's name says it
    if page.place != Place::Products && !filter.text.is_empty() {
        let label = w.quoted(&filter.text);
        chips.push((label, ListFilter { text: String::new(), ..begin.clone() }));
    }
    for brand in &filter.brands {
        let label = label(&page.found.facets, *brand).unwrap_or(w.brand).to_owned();
        chips.push((label, filter.without_brand(*brand)));
    }
    for (name, value) in &filter.properties {
        chips.push(([name, ": ", value].concat(), filter.without_property(name, value)));
    }
    if let Some(min) = filter.price_min {
        let without = ListFilter { price_min: None, ..begin.clone() };
        chips.push((w.price_is_at_least(&format::money(min)), without));
    }
    if let Some(max) = filter.price_max {
        let without = ListFilter { price_max: None, ..begin.clone() };
        chips.push((w.price_is_at_most(&format::money(max)), without));
    }
    if filter.in_stock {
        chips.push((w.only_in_stock.to_owned(), ListFilter { in_stock: false, ..begin.clone() }));
    }
    if filter.reduced {
        chips.push((w.only_reduced.to_owned(), ListFilter { reduced: false, ..begin }));
    }
    html! {
        @if !chips.is_empty() {
            nav.chips.chosen aria-label=(w.chosen_filters) {
                @for (label, without) in chips {
                    a href=(page.place.to(without)) rel="nofollow" {
                        span.vh { (w.remove_filter) " " } (label) span aria-hidden="true" { "×" }
                    }
                }
                @if filter.choices() > 0 {
                    a.clear href=(page.place.to(filter.without_choices())) rel="nofollow" {
                        (w.clear_filters)
                    }
                }
            }
        }
    }
}

fn label(facets: &[Facet], brand: BrandId) -> Option<&str> {
    let id = brand.to_string();
    let brands = facets.iter().filter(|f| f.kind == FacetKind::Brand).flat_map(|f| &f.values);
    brands.filter(|v: &&FacetValue| v.value == id).map(|v| v.label.as_str()).next()
}

/// The order of the list. It is sent by itself where there is a script, else by its button.
pub(super) fn sorting(page: &ListingPage) -> Markup {
    let (w, filter) = (page.shell.words(), &page.filter);
    let has_text = !filter.text.is_empty();
    // without a text the best match is the newest
    let orders = ListSort::ALL.into_iter().filter(|s| has_text || *s != ListSort::Best);
    let shown = match filter.sort {
        ListSort::Best if !has_text => ListSort::Newest,
        sort => sort,
    };
    let name = |sort| match sort {
        ListSort::Best => w.sort_best,
        ListSort::Newest => w.sort_newest,
        ListSort::PriceUp => w.sort_price_up,
        ListSort::PriceDown => w.sort_price_down,
    };
    let rest = ListFilter { sort: ListSort::default(), ..filter.from_begin() };
    html! {
        form.sorting action=(page.place.to(ListFilter::default())) data-auto {
            (hidden(&rest))
            label for="f-sort" { (w.sort_by) }
            select #f-sort name=(field::SORT) {
                @for sort in orders {
                    option value=(sort) selected[sort == shown] { (name(sort)) }
                }
            }
            button.quiet type="submit" { (w.sort_button) }
        }
    }
}

/// Where to go from a list with nothing in it.
pub(super) fn nothing(page: &ListingPage) -> Markup {
    let (w, filter) = (page.shell.words(), &page.filter);
    let is_narrowed = filter.choices() > 0;
    let has_text = !filter.text.is_empty();
    html! {
        div.empty {
            @if has_text { p.strong { (w.nothing_found_for(&filter.text)) } }
            @else if is_narrowed { p.strong { (w.nothing_found) } }
            @else { p { (w.no_products) } }
            @if has_text { p { (w.try_fewer_words) } }
            @if is_narrowed {
                p { (w.try_fewer_filters) }
                p { a.button href=(page.place.to(filter.without_choices())) { (w.clear_filters) } }
            }
            @if has_text || is_narrowed {
                p { a.button.quiet href=(Route::products()) { (w.all_products) } }
            } @else {
                p { a.button href=(Route::Home) { (w.home) } }
            }
            @if has_text && !page.shell.sections.is_empty() {
                nav.chips aria-label=(w.categories) {
                    @for (name, to) in &page.shell.sections { a href=(to) { (name) } }
                }
            }
        }
    }
}
