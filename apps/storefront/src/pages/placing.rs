//! An order that another click or tab is just placing: looks again by itself, a few times.

use maud::{Markup, html};
use types::OrderId;
use ui::{Head, Route, Shell, document};

use super::order::REFRESH_S;

/// An order that is being placed.
pub(crate) struct PlacingPage {
    pub(crate) shell: Shell,
    pub(crate) order_id: OrderId,
    /// How often it was looked for.
    pub(crate) round: u32,
}

pub(crate) fn render_placing(page: &PlacingPage) -> Markup {
    let w = page.shell.words();
    let main = html! {
        div.narrow {
            h1 { (w.placing) }
            p role="status" { (w.placing_text) }
        }
    };
    let again = Route::OrderPlacing { id: page.order_id, round: page.round + 1 };
    let refresh = Some((REFRESH_S, again));
    document(&page.shell, &Head { title: w.placing, refresh, ..Head::default() }, &main)
}

#[cfg(test)]
impl super::sample::Samples for PlacingPage {
    fn samples() -> Vec<Self> {
        let order_id = OrderId::from_i64(5).unwrap();
        vec![Self { shell: super::sample::shell("en"), order_id, round: 1 }]
    }
}
