//! A list of products: all of them, what was searched for, or a category's.

use maud::{Markup, html};
use product_api::Category;
use types::Slug;
use ui::parts::Tone;
use ui::{Head, ListFilter, Route, Shell, Words, document, parts};

use super::card::{Errors, card_grid};
use super::{filters, schema};
use crate::lists::Found;

/// Which list it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// All products.
    Products,
    /// A category's.
    Category { slug: Slug, name: String },
}

impl Place {
    /// The same list with another filter.
    pub(crate) fn to(&self, filter: ListFilter) -> Route {
        match self {
            Self::Products => Route::Products { filter },
            Self::Category { slug, .. } => Route::Category { slug: slug.clone(), filter },
        }
    }
}

/// A list of products.
pub(crate) struct ListingPage {
    pub(crate) shell: Shell,
    pub(crate) place: Place,
    /// What is above the list.
    pub(crate) above: Vec<(String, Route)>,
    /// Categories to go on to, with how many products they have.
    pub(crate) below: Vec<(Category, Option<u64>)>,
    pub(crate) filter: ListFilter,
    /// The prices as they were typed: the lowest, the highest.
    pub(crate) typed: [String; 2],
    pub(crate) errors: Errors,
    pub(crate) found: Found,
}

pub(crate) fn render_listing(page: &ListingPage) -> Markup {
    let ListingPage { shell, place, filter, found, .. } = page;
    let w = shell.words();
    let title = title(page, w);
    let is_searched = found.total.is_some();
    // without anything to choose from there is nothing to choose
    let has_choices = is_searched && (!found.cards.is_empty() || filter.choices() > 0);
    let main = html! {
        (parts::crumbs(w.you_are_here, &page.above, &title))
        h1 { (title) }
        (below(page, w))
        @if found.is_away {
            (parts::notice(Tone::Bad, &html! { p { (w.search_away) } }))
        } @else if !is_searched {
            (parts::notice(Tone::Info, &html! { p { (w.search_rests) } }))
        }
        div.listing {
            @if has_choices || !page.errors.is_empty() { (filters::filters(page)) }
            div.results {
                (filters::chosen(page))
                @if found.is_away {
                    p { a.button href=(place.to(ListFilter::default())) { (whole(page, w)) } }
                } @else if found.cards.is_empty() {
                    (filters::nothing(page))
                } @else {
                    div.heading {
                        p.quiet role="status" { (total(found, w)) }
                        @if is_searched { (filters::sorting(page)) }
                    }
                    (card_grid(&found.cards, &shell.reader, w))
                }
                (parts::pager(w, first(page), next(page)))
            }
        }
    };
    let all = w.all_of_shop(&shell.shop);
    let own = place.to(ListFilter::default());
    let description = match place {
        Place::Products => all,
        Place::Category { name, .. } => [name, " · ", &all].concat(),
    };
    let head = Head {
        title: &title,
        description: &description,
        // the whole list from its begin stands for all that can be made of it
        canonical: filter.is_plain().then(|| own.clone()),
        json_ld: vec![schema::trail(shell, &page.above, (&title, &own))],
        ..Head::default()
    };
    document(shell, &head, &main)
}

fn title(page: &ListingPage, w: &Words) -> String {
    match &page.place {
        Place::Category { name, .. } => name.clone(),
        Place::Products if page.filter.text.is_empty() => w.all_products.to_owned(),
        Place::Products => w.results_for(&page.filter.text),
    }
}

/// What the list without any choice is called.
fn whole<'a>(page: &'a ListingPage, w: &'a Words) -> &'a str {
    match &page.place {
        Place::Products => w.all_products,
        Place::Category { name, .. } => name,
    }
}

fn total(found: &Found, w: &Words) -> String {
    match found.total {
        None => String::new(),
        Some((n, false)) => w.n_products(n),
        Some((n, true)) => w.more_than_products(n),
    }
}

/// Categories under this one. They keep what was searched for and chosen.
fn below(page: &ListingPage, w: &Words) -> Markup {
    let label = match page.place {
        Place::Products => w.categories,
        Place::Category { .. } => w.subcategories,
    };
    let filter = page.filter.from_begin();
    html! {
        @if !page.below.is_empty() {
            nav.chips aria-label=(label) {
                @for (category, count) in &page.below {
                    @let to = Route::Category { slug: category.slug.clone(), filter: filter.clone() };
                    a href=(to) rel=[(!filter.is_plain()).then_some("nofollow")] {
                        (category.name.get(&page.shell.reader.locale))
                        @if let Some(count) = count { span.count { "(" (count) ")" } }
                    }
                }
            }
        }
    }
}

fn first(page: &ListingPage) -> Option<Route> {
    page.filter.cursor.as_ref().map(|_| page.place.to(page.filter.from_begin()))
}

fn next(page: &ListingPage) -> Option<Route> {
    page.found.next.clone().map(|cursor| page.place.to(page.filter.at(cursor)))
}

#[cfg(test)]
impl super::sample::Samples for ListingPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let home = || vec![("Home".to_owned(), Route::Home)];
        let all = Self {
            shell: sample::shell("en"),
            place: Place::Products,
            above: home(),
            below: sample::categories().into_iter().map(|c| (c, Some(3))).collect(),
            filter: ListFilter::default(),
            typed: Default::default(),
            errors: Errors::default(),
            found: sample::found(),
        };
        let query = "q=ro%22se%3Cb%3E&brand=1&brand=77&f.Colour=Red&f.Colour=%3Cb%3E%22&f.Gone=x\
                     &min=10&stock=1&sale=1&sort=price-up&cursor=abc";
        let pairs = ::web::Fields::parse(query.as_bytes());
        let filter = ListFilter::read(pairs.pairs(), "CNY".parse().unwrap());
        let slug: Slug = "flowers".parse().unwrap();
        let mut errors = Errors::default();
        errors.add("max", "<wrong>");
        let narrowed = Self {
            shell: sample::shell("zh-CN"),
            place: Place::Category { slug: slug.clone(), name: "鲜花 <&>".into() },
            above: vec![("<All>".into(), Route::Home)],
            below: vec![],
            filter: filter.clone(),
            typed: ["10".into(), "\"><b>".into()],
            errors,
            found: sample::found(),
        };
        let nothing = Self {
            shell: sample::shell("en"),
            place: Place::Products,
            above: home(),
            below: vec![],
            filter,
            typed: Default::default(),
            errors: Errors::default(),
            found: Found { total: Some((0, false)), ..Found::default() },
        };
        let bare = Self {
            shell: sample::shell("zh-CN"),
            place: Place::Category { slug, name: "鲜花".into() },
            above: vec![],
            below: vec![],
            filter: ListFilter::default(),
            typed: Default::default(),
            errors: Errors::default(),
            found: Found { total: Some((0, false)), ..Found::default() },
        };
        let resting = Self {
            shell: sample::shell("en"),
            place: Place::Products,
            above: home(),
            below: sample::categories().into_iter().map(|c| (c, None)).collect(),
            filter: ListFilter::default(),
            typed: Default::default(),
            errors: Errors::default(),
            found: Found { total: None, facets: vec![], ..sample::found() },
        };
        let away = Self {
            found: Found { is_away: true, ..Found::default() },
            typed: Default::default(),
            errors: Errors::default(),
            shell: sample::shell("en"),
            place: narrowed.place.clone(),
            above: home(),
            below: vec![],
            filter: narrowed.filter.clone(),
        };
        vec![all, narrowed, nothing, bare, resting, away]
    }
}
