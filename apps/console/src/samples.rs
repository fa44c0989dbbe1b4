//! Every page is rendered with every sample and looked at: well formed, escaped, without an inline script,
//! with labels. With `STOA_PAGES_DIR` set the pages are also written there, to be looked at in a browser.
//! An area adds its pages by its `samples()`; a `render_…` that is not among them fails the test.

use std::collections::BTreeSet;
use std::path::Path;

use ::web::testing::html::check;
use maud::Markup;
use rpc::Actor;
use staff_api::Role;
use ui::{Local, Reader};

use crate::layout::Shell;

/// A page that can show examples of itself: full, empty, refused, in both languages.
pub(crate) trait Samples: Sized {
    /// The examples.
    fn samples() -> Vec<Self>;
}

/// A page's name and its rendered samples.
pub(crate) type Rendered = (&'static str, Vec<String>);

/// Renders all samples of a page; `name` is the name of the function.
pub(crate) fn rendered<P: Samples>(name: &'static str, render: impl Fn(&P) -> Markup) -> Rendered {
    (name, P::samples().iter().map(|page| render(page).into_string()).collect())
}

/// The frame around a sample, as the owner sees it.
pub(crate) fn shell(locale: &str) -> Shell {
    shell_as(locale, Role::Owner)
}

/// The frame around a sample, as somebody in a role sees it.
pub(crate) fn shell_as(locale: &str, role: Role) -> Shell {
    let permissions = role.permissions().iter().map(|p| (*p).to_owned()).collect();
    Shell {
        shop: "Flowers & <Sons>".to_owned(),
        version: 3,
        currency: "CNY".parse().unwrap(),
        locales: vec!["en".parse().unwrap(), "zh-CN".parse().unwrap()],
        reader: Reader::of(locale.parse().unwrap()),
        actor: Actor::operator(7, permissions),
        staff: Some(("Ann <Lee>".to_owned(), role)),
        csrf: "0123456789abcdef0123456789abcdef".to_owned(),
        here: Local::own("/console".to_owned()),
        section: None,
    }
}

fn all() -> Vec<Rendered> {
    let layout = vec![
        rendered("render_again", crate::layout::again::render_again),
        rendered("render_error", crate::layout::error::render_error),
    ];
    [
        layout,
        crate::sign_in::samples(),
        crate::home::samples(),
        crate::products::samples(),
        crate::imports::samples(),
        crate::stock::samples(),
        crate::orders::samples(),
        crate::flows::samples(),
        crate::messages::samples(),
        crate::placements::samples(),
        crate::members::samples(),
        crate::staff::samples(),
        crate::settings::samples(),
    ]
    .concat()
}

#[test]
fn no_page_lacks_a_sample() {
    let sampled: BTreeSet<String> = all()
        .into_iter()
        .filter(|(_, pages)| !pages.is_empty())
        .map(|(name, _)| name.to_owned())
        .collect();
    let mut written = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut written);
    assert_eq!(sampled, written, "every `render_…` of a page is rendered with samples");
}

fn collect(folder: &Path, written: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, written);
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let functions = text.match_indices(concat!("fn ", "render_")).filter_map(|(at, _)| {
            let name = &text[at + 3..];
            name.find('(').map(|end| name[..end].to_owned())
        });
        written.extend(functions);
    }
}

/// What stands in the samples to see whether it is escaped.
const RAW: [&str; 6] = ["<Sons>", "<Lee>", "<request>", "<secret>", "<no>", "<wrong>"];

#[test]
fn every_page_is_well_formed_and_escaped() {
    for (name, pages) in all() {
        for (n, html) in pages.iter().enumerate() {
            let at = format!("{name}, sample {n}");
            if let Ok(folder) = std::env::var("STOA_PAGES_DIR") {
                std::fs::write(Path::new(&folder).join(format!("{name}_{n}.html")), html).unwrap();
            }
            assert_eq!(html.matches("<script").count(), 1, "{at}: our own script and no other");
            check(html, &RAW).unwrap_or_else(|e| panic!("{at}: {e}\n{html}"));
        }
    }
}
