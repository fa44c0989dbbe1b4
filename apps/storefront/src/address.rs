//! What a form says of a postal address: reading, checking, its fields. Pure. Whether the address book
//! takes it is the member service's business.

use kit::Currency;
use types::Address;
use ui::Words;

use crate::pages::Errors;
use crate::web::Fields;

/// The fields of an address, with the longest text of each in characters.
const FIELDS: [(&str, u32); 7] = [
    ("name", 100),
    ("phone", 32),
    ("country", 2),
    ("region", 100),
    ("city", 100),
    ("street", 300),
    ("postal_code", 16),
];

/// An address that nothing was typed into.
pub(crate) fn fresh(currency: Currency) -> Address {
    Address {
        name: String::new(),
        phone: String::new(),
        country: likely_country(currency),
        region: String::new(),
        city: String::new(),
        street: String::new(),
        postal_code: String::new(),
    }
}

pub(crate) fn read(fields: &Fields) -> Address {
    let text = |name: &str| fields.text(name).to_owned();
    Address {
        name: text("name"),
        phone: text("phone"),
        country: text("country").to_ascii_uppercase(),
        region: text("region"),
        city: text("city"),
        street: text("street"),
        postal_code: text("postal_code"),
    }
}

/// Adds what is wrong with it, by field.
pub(crate) fn check(address: &Address, errors: &mut Errors, w: &Words) {
    let typed = typed(address);
    for problem in address.problems("") {
        let name = problem.pointer.trim_start_matches('/');
        let field = typed.iter().find(|(n, ..)| *n == name);
        let (value, max) = field.map_or(("", 0), |(_, value, max)| (*value, *max));
        errors.add(name, told(value, max, w));
    }
}

/// Name, value and longest text of every field.
pub(crate) fn typed(address: &Address) -> [(&'static str, &str, u32); 7] {
    let values = [
        &address.name,
        &address.phone,
        &address.country,
        &address.region,
        &address.city,
        &address.street,
        &address.postal_code,
    ];
    let mut fields = [("", "", 0); 7];
    for (field, ((name, max), value)) in fields.iter_mut().zip(FIELDS.iter().zip(values)) {
        *field = (*name, value.as_str(), *max);
    }
    fields
}

fn told(value: &str, max: u32, w: &Words) -> &'static str {
    if value.is_empty() {
        w.fill_this
    } else if value.chars().count() > max as usize {
        w.too_long
    } else {
        w.not_understood
    }
}

/// Most currencies begin with the country's own letters; a currency of many countries does not say.
fn likely_country(currency: Currency) -> String {
    match currency.code() {
        "EUR" => String::new(),
        code if code.starts_with('X') => String::new(),
        code => code.chars().take(2).collect(),
    }
}

#[cfg(test)]
mod tests {
    use ui::Lang;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_field_by_field() {
        let w = Words::of(Lang::En);
        let long = ["name=&phone=1&country=C1&city=Xi&street=", &"x".repeat(301)].concat();
        let mut errors = Errors::default();
        check(&read(&Fields::parse(long.as_bytes())), &mut errors, w);
        let wrong: Vec<(&str, &str)> =
            errors.0.iter().map(|(n, e)| (n.as_str(), e.as_str())).collect();
        let expected = [
            ("country", w.not_understood),
            ("name", w.fill_this),
            ("phone", w.not_understood),
            ("street", w.too_long),
        ];
        assert_eq!(wrong, expected);
        let good = b"name=Li&phone=123&country=cn&city=Xi&street=A+1";
        let mut errors = Errors::default();
        check(&read(&Fields::parse(good)), &mut errors, w);
        assert!(errors.is_empty());
    }

    #[test]
    fn the_country_is_guessed_where_the_currency_says_it() {
        let of = |code: &str| likely_country(code.parse().unwrap());
        assert_eq!((of("CNY").as_str(), of("USD").as_str(), of("EUR").as_str()), ("CN", "US", ""));
    }
}
