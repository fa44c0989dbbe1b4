//! What the samples of all pages are made of.

use std::collections::BTreeMap;

use ui::{Local, Reader, Route, Shell};

use crate::picker::Stock;

#[path = "../../tests/it/data.rs"]
mod data;

pub(crate) use data::*;

/// A page that can be looked at without a service.
pub(crate) trait Samples: Sized {
    /// At least one, with every state that looks different.
    fn samples() -> Vec<Self>;
}

/// The frame of a shop whose texts try to break out of the markup.
pub(crate) fn shell(locale: &str) -> Shell {
    let locale: types::Locale = locale.parse().unwrap();
    Shell {
        shop: tenant().name.get(&locale).to_owned(),
        tagline: tenant().theme.tagline,
        logo: None,
        version: 3,
        locales: tenant().locales,
        reader: Reader::of(locale),
        signed_in: true,
        cart_units: Some(2),
        sections: vec![("Pots & <vases>".into(), Route::Home)],
        search_text: "\"><b>".into(),
        csrf: "c".repeat(32),
        origin: "https://flora.test".into(),
        here: Local::from(&Route::Home),
    }
}

/// The first two variants are there, of the second few; the others are sold out.
pub(crate) fn stock() -> Stock {
    let ids = product().skus.into_iter().map(|s| s.id);
    Stock(Some(ids.zip([100, 3, 0]).collect::<BTreeMap<_, _>>()))
}

/// Some products with what they can be narrowed by, of which some is chosen.
pub(crate) fn found() -> crate::lists::Found {
    crate::lists::Found::from(results())
}
