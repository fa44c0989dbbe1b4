//! How a list of products is narrowed and sorted, as its address says it. An address is printed in one
//! canonical order, whatever order the parameters came in; what cannot be read is left out.

use std::fmt;

use kit::{Currency, Cursor, Money};
use types::BrandId;

/// The most values that may be chosen of brands, and of all properties together.
pub const CHOICES_MAX: usize = 20;
/// The longest searched text, in characters.
pub const TEXT_MAX: usize = 200;
/// The longest name or value of a property, in characters.
const PROPERTY_MAX: usize = 200;

/// Names of the parameters, which are the fields of the forms.
pub mod field {
    /// The searched text.
    pub const TEXT: &str = "q";
    /// A brand; may come several times.
    pub const BRAND: &str = "brand";
    /// What the name of a property's field begins with.
    pub const PROPERTY: &str = "f.";
    /// The lowest price.
    pub const PRICE_MIN: &str = "min";
    /// The highest price.
    pub const PRICE_MAX: &str = "max";
    /// Only what is in stock.
    pub const IN_STOCK: &str = "stock";
    /// Only what used to cost more.
    pub const REDUCED: &str = "sale";
    /// The order.
    pub const SORT: &str = "sort";
    /// Where the list goes on.
    pub const CURSOR: &str = "cursor";
    /// What a checkbox sends.
    pub const YES: &str = "1";
}

/// In which order a list is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListSort {
    /// The best match first; the newest without a text.
    #[default]
    Best,
    /// The newest first.
    Newest,
    /// The cheapest first.
    PriceUp,
    /// The dearest first.
    PriceDown,
}

impl ListSort {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Best, Self::Newest, Self::PriceUp, Self::PriceDown];

    /// As it stands in an address.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Newest => "newest",
            Self::PriceUp => "price-up",
            Self::PriceDown => "price-down",
        }
    }
}

/// What a list is narrowed to, how it is sorted, and where it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListFilter {
    /// The searched text.
    pub text: String,
    /// Any of these brands; ascending.
    pub brands: Vec<BrandId>,
    /// Names and values of properties; ascending.
    pub properties: Vec<(String, String)>,
    /// The lowest price.
    pub price_min: Option<Money>,
    /// The highest price.
    pub price_max: Option<Money>,
    /// Only what is in stock.
    pub in_stock: bool,
    /// Only what used to cost more.
    pub reduced: bool,
    /// The order.
    pub sort: ListSort,
    /// Where the list goes on.
    pub cursor: Option<Cursor>,
}

impl ListFilter {
    /// Reads the parameters of an address. What is too long, too much, or nothing that a form of ours sends
    /// is left out.
    #[must_use]
    pub fn read<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        currency: Currency,
    ) -> Self {
        let mut filter = Self::default();
        let amount = |text| Money::parse_major(text, currency).ok().filter(|m| m.amount() >= 0);
        for (name, value) in pairs {
            let value = value.trim();
            match name {
                field::TEXT => filter.text = value.chars().take(TEXT_MAX).collect(),
                field::BRAND => filter.brands.extend(value.parse::<BrandId>().ok()),
                field::PRICE_MIN => filter.price_min = amount(value),
                field::PRICE_MAX => filter.price_max = amount(value),
                field::IN_STOCK => filter.in_stock = value == field::YES,
                field::REDUCED => filter.reduced = value == field::YES,
                field::SORT => {
                    let sort = ListSort::ALL.into_iter().find(|s| s.name() == value);
                    filter.sort = sort.unwrap_or_default();
                }
                field::CURSOR => {
                    let cursor = Some(value).filter(|v| !v.is_empty());
                    filter.cursor = cursor.map(|v| Cursor::from(v.to_owned()));
                }
                _ => filter.properties.extend(property(name, value)),
            }
        }
        if filter.text.is_empty() && filter.sort == ListSort::Newest {
            // without a text that is the best match
            filter.sort = ListSort::Best;
        }
        filter.brands.sort_unstable();
        filter.brands.dedup();
        filter.brands.truncate(CHOICES_MAX);
        filter.properties.sort_unstable();
        filter.properties.dedup();
        filter.properties.truncate(CHOICES_MAX);
        filter
    }

    /// The parameters in their canonical order.
    #[must_use]
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            pairs.extend(value.map(|value| (name.to_owned(), value)));
        };
        let yes = |is: bool| is.then(|| field::YES.to_owned());
        add(field::TEXT, Some(self.text.clone()).filter(|t| !t.is_empty()));
        self.brands.iter().for_each(|b| add(field::BRAND, Some(b.to_string())));
        for (name, value) in &self.properties {
            add(&property_field(name), Some(value.clone()));
        }
        add(field::PRICE_MIN, self.price_min.map(amount_text));
        add(field::PRICE_MAX, self.price_max.map(amount_text));
        add(field::IN_STOCK, yes(self.in_stock));
        add(field::REDUCED, yes(self.reduced));
        let sort = Some(self.sort).filter(|s| *s != ListSort::default());
        add(field::SORT, sort.map(|s| s.name().to_owned()));
        add(field::CURSOR, self.cursor.as_ref().map(|c| c.as_str().to_owned()));
        pairs
    }

    /// Whether the list shows all there is from its begin, as the address without parameters does.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// How many choices narrow the list. The text is none of them.
    #[must_use]
    pub fn choices(&self) -> usize {
        let flags =
            [self.price_min.is_some(), self.price_max.is_some(), self.in_stock, self.reduced];
        let flags = flags.into_iter().filter(|is| *is).count();
        self.brands.len() + self.properties.len() + flags
    }

    /// The same from its begin.
    #[must_use]
    pub fn from_begin(&self) -> Self {
        Self { cursor: None, ..self.clone() }
    }

    /// The same from where it goes on.
    #[must_use]
    pub fn at(&self, cursor: Cursor) -> Self {
        Self { cursor: Some(cursor), ..self.clone() }
    }

    /// The same text in the same order without any choice, from its begin.
    #[must_use]
    pub fn without_choices(&self) -> Self {
        Self { text: self.text.clone(), sort: self.sort, ..Self::default() }
    }

    /// The same without a brand, from its begin.
    #[must_use]
    pub fn without_brand(&self, brand: BrandId) -> Self {
        let mut filter = self.from_begin();
        filter.brands.retain(|b| *b != brand);
        filter
    }

    /// The same without a value of a property, from its begin.
    #[must_use]
    pub fn without_property(&self, name: &str, value: &str) -> Self {
        let mut filter = self.from_begin();
        filter.properties.retain(|(n, v)| n != name || v != value);
        filter
    }
}

/// The field of a property in a form.
#[must_use]
pub fn property_field(name: &str) -> String {
    [field::PROPERTY, name].concat()
}

fn property(field_name: &str, value: &str) -> Option<(String, String)> {
    let name = field_name.strip_prefix(field::PROPERTY)?.trim();
    let fits = |text: &str| !text.is_empty() && text.chars().count() <= PROPERTY_MAX;
    (fits(name) && fits(value)).then(|| (name.to_owned(), value.to_owned()))
}

/// An amount as people type it: without the zeros of a whole one.
fn amount_text(amount: Money) -> String {
    let text = amount.to_major();
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|b| b == b'0') => whole.to_owned(),
        _ => text,
    }
}

impl fmt::Display for ListSort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Route;

    fn read(pairs: &[(&str, &str)]) -> ListFilter {
        ListFilter::read(pairs.iter().copied(), "CNY".parse().unwrap())
    }

    #[test]
    fn an_address_is_the_same_in_whatever_order_its_parameters_came() {
        let some = [
            ("max", "1299.5"),
            ("f.尺码 Size", "L"),
            ("brand", "9"),
            ("sort", "price-up"),
            ("stock", "1"),
            ("f.Colour", "Red & white"),
            ("q", "  rose "),
            ("brand", "5"),
            ("f.Colour", "Blue"),
            ("min", "10.00"),
            ("sale", "1"),
            ("cursor", "abc"),
            ("brand", "5"),
            ("utm_source", "mail"),
        ];
        let mut turned = some;
        turned.reverse();
        let filter = read(&some);
        assert_eq!(filter, read(&turned));
        let route = Route::Products { filter: filter.clone() };
        assert_eq!(
            route.to_string(),
            "/products?q=rose&brand=5&brand=9&f.Colour=Blue&f.Colour=Red%20%26%20white\
             &f.%E5%B0%BA%E7%A0%81%20Size=L&min=10&max=1299.50&stock=1&sale=1&sort=price-up\
             &cursor=abc"
        );
        let pairs = filter.pairs();
        let again = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        assert_eq!(ListFilter::read(again, "CNY".parse().unwrap()), filter);
        assert_eq!((filter.choices(), filter.is_plain()), (9, false));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let long = "x".repeat(300);
        let nothing = read(&[
            ("brand", "rose"),
            ("min", "cheap"),
            ("max", "-5"),
            ("stock", "yes"),
            ("sort", "random"),
            ("cursor", ""),
            ("f.", "x"),
            ("f.Colour", ""),
            ("f.Colour", &long),
            ("q", "   "),
            ("sort", "newest"),
        ]);
        assert!(nothing.is_plain(), "{nothing:?}");
        assert_eq!(read(&[("q", &long)]).text.len(), TEXT_MAX);
        let brands: Vec<String> = (1..40).map(|n| n.to_string()).collect();
        let many: Vec<_> = brands.iter().map(|b| ("brand", b.as_str())).collect();
        assert_eq!(read(&many).brands.len(), CHOICES_MAX);
    }

    #[test]
    fn a_choice_can_be_taken_back_and_leads_to_the_begin() {
        let filter = read(&[
            ("q", "rose"),
            ("brand", "5"),
            ("f.Colour", "Red"),
            ("f.Colour", "Blue"),
            ("min", "1"),
            ("sort", "newest"),
            ("cursor", "abc"),
        ]);
        let brand = filter.brands[0];
        let text = |filter: ListFilter| Route::Products { filter }.to_string();
        assert_eq!(
            text(filter.without_brand(brand)),
            "/products?q=rose&f.Colour=Blue&f.Colour=Red&min=1&sort=newest"
        );
        assert_eq!(
            text(filter.without_property("Colour", "Red")),
            "/products?q=rose&brand=5&f.Colour=Blue&min=1&sort=newest"
        );
        assert_eq!(text(filter.without_choices()), "/products?q=rose&sort=newest");
    }
}
