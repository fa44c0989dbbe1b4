//! Pieces about postal addresses that several pages share: the fields of a form, an address in one line.

use maud::{Markup, html};
use types::Address;
use ui::Words;
use ui::parts::{Field, field};

use super::Errors;
use crate::address::typed;

/// The fields of a form. `required` says whether the browser insists on them.
pub(super) fn address_fields(
    address: &Address,
    errors: &Errors,
    required: bool,
    w: &Words,
) -> Markup {
    html! {
        @for (name, value, length_max) in typed(address) {
            @let (label, autocomplete, kind) = described(name, w);
            @let optional = matches!(name, "region" | "postal_code");
            @let with_optional = [label, " (", w.optional, ")"].concat();
            (field(&Field {
                name, value, autocomplete, kind, length_max,
                label: if optional { &with_optional } else { label },
                hint: if name == "country" { w.country_hint } else { "" },
                error: errors.of(name),
                required: required && !optional,
                ..Field::default()
            }))
        }
    }
}

/// Label, the browser's name for it, and the kind of input.
pub(super) fn described(name: &str, w: &Words) -> (&'static str, &'static str, &'static str) {
    match name {
        "name" => (w.recipient, "shipping name", "text"),
        "phone" => (w.phone, "shipping tel", "tel"),
        "country" => (w.country, "shipping country", "text"),
        "region" => (w.region, "shipping address-level1", "text"),
        "city" => (w.city, "shipping address-level2", "text"),
        "street" => (w.street, "shipping street-address", "text"),
        _ => (w.postal_code, "shipping postal-code", "text"),
    }
}

/// An address in one line.
pub(super) fn address_text(address: &Address) -> String {
    let parts = [
        &address.name,
        &address.street,
        &address.city,
        &address.region,
        &address.postal_code,
        &address.country,
        &address.phone,
    ];
    let filled: Vec<&str> =
        parts.into_iter().map(String::as_str).filter(|p| !p.is_empty()).collect();
    filled.join(", ")
}
