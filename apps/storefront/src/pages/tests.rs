//! Every page is rendered with every sample and looked at: well formed, escaped, without a script, with
//! labels. With `STOA_PAGES_DIR` set the pages are also written there, to be looked at in a browser.

use std::collections::BTreeSet;
use std::path::Path;

use ::web::testing::html;
use maud::Markup;

use super::sample::Samples;
use super::*;

/// A page's name and its rendered samples.
type Rendered = (&'static str, Vec<String>);

fn rendered<P: Samples>(name: &'static str, render: impl Fn(&P) -> Markup) -> Rendered {
    (name, P::samples().iter().map(|page| render(page).into_string()).collect())
}

fn all() -> Vec<Rendered> {
    vec![
        rendered("render_account", render_account),
        rendered("render_address", render_address),
        rendered("render_addresses", render_addresses),
        rendered("render_cart", render_cart),
        rendered("render_checkout", render_checkout),
        rendered("render_error", render_error),
        rendered("render_home", render_home),
        rendered("render_listing", render_listing),
        rendered("render_order", render_order),
        rendered("render_orders", render_orders),
        rendered("render_pay", render_pay),
        rendered("render_placing", render_placing),
        rendered("render_plain", render_plain),
        rendered("render_product", render_product),
        rendered("render_register", render_register),
        rendered("render_shops", render_shops),
        rendered("render_sign_in", render_sign_in),
    ]
}

#[test]
fn no_page_lacks_a_sample() {
    let sampled: BTreeSet<&str> =
        all().into_iter().filter(|(_, pages)| !pages.is_empty()).map(|(name, _)| name).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages");
    let mut written = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let functions = text.match_indices(concat!("fn ", "render_")).filter_map(|(at, _)| {
            let name = &text[at + 3..];
            name.find('(').map(|end| name[..end].to_owned())
        });
        written.extend(functions);
    }
    let sampled: BTreeSet<String> = sampled.into_iter().map(str::to_owned).collect();
    assert_eq!(sampled, written, "every `render_…` of a page is rendered with samples");
}

/// What samples contain, as it must not arrive.
const RAW: [&str; 7] = ["<little>", "<twice>", "<depot>", "<wrong>", "<taken>", "<no>", "<Sons>"];

#[test]
fn every_page_is_well_formed_and_escaped() {
    for (name, pages) in all() {
        for (n, page) in pages.iter().enumerate() {
            let at = format!("{name}, sample {n}");
            html::check(page, &RAW).unwrap_or_else(|e| panic!("{at}: {e}\n{page}"));
            let is_field =
                |t: &&str| ["input", "textarea", "select"].iter().any(|f| t.starts_with(f));
            for field in html::tags(page).filter(is_field) {
                let hidden = html::attribute(field, "aria-label");
                assert_eq!(hidden, None, "{at}: everybody reads the labels of a shop's forms");
            }
            if let Ok(folder) = std::env::var("STOA_PAGES_DIR") {
                std::fs::write(Path::new(&folder).join(format!("{name}_{n}.html")), page).unwrap();
            }
        }
    }
}

#[test]
fn only_a_page_that_waits_for_a_payment_or_an_order_reloads_itself() {
    for (name, pages) in all() {
        let reloading = pages.iter().filter(|p| p.contains("http-equiv")).count();
        let expected = usize::from(matches!(name, "render_order" | "render_placing"));
        assert_eq!(reloading, expected, "{name}");
    }
}
