//! Every page is rendered with every sample and looked at: well formed, escaped, without an inline script,
//! with labels. With `STOA_PAGES_DIR` set the pages are also written there, to be looked at in a browser.
//! An area adds its pages by its `samples()`; a `render_…` that is not among them fails the test.

use std::collections::BTreeSet;
use std::path::Path;

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
    let layout = vec![rendered("render_error", crate::layout::error::render_error)];
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

#[test]
fn every_page_is_well_formed_and_escaped() {
    for (name, pages) in all() {
        for (n, html) in pages.iter().enumerate() {
            let at = format!("{name}, sample {n}");
            if let Ok(folder) = std::env::var("STOA_PAGES_DIR") {
                std::fs::write(Path::new(&folder).join(format!("{name}_{n}.html")), html).unwrap();
            }
            check_nesting(html).unwrap_or_else(|e| panic!("{at}: {e}\n{html}"));
            assert!(html.starts_with("<!DOCTYPE html><html lang="), "{at}");
            for never in ["javascript:", " style=", " onclick", "<b>\"", "<style"] {
                assert!(!html.contains(never), "{at} contains {never}");
            }
            assert_eq!(html.matches("<script").count(), 1, "{at}: our own script and no other");
            for broken in ["<Sons>", "<Lee>", "<request>", "<secret>", "<no>", "<wrong>"] {
                assert!(!html.contains(broken), "{at} does not escape {broken}");
            }
            assert!(!html.contains("&lt;secret&gt;"), "{at} tells an internal cause");
            check_access(html).unwrap_or_else(|e| panic!("{at}: {e}\n{html}"));
        }
    }
}

/// Tags without an end.
const VOID: [&str; 5] = ["input", "img", "link", "meta", "br"];

/// The tags of a page, with their attributes.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag)
}

/// Every tag that is opened is closed, in the right sequence.
fn check_nesting(html: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    for tag in tags(html).filter(|t| !t.starts_with('!')) {
        let name = tag.trim_start_matches('/').split_whitespace().next().unwrap_or_default();
        if tag.starts_with('/') {
            let last = open.pop();
            if last != Some(name) {
                return Err(format!("</{name}> closes {last:?}"));
            }
        } else if !VOID.contains(&name) {
            open.push(name);
        }
        if tag.matches('"').count() % 2 != 0 {
            return Err(format!("<{tag}> has an open quote"));
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("{open:?} stay open")) }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// One main, one h1, ids used once, every input labelled, every picture described, every form that posts
/// with a token.
fn check_access(html: &str) -> Result<(), String> {
    let count = |what: &str| html.matches(what).count();
    if (count("<main "), count("<h1")) != (1, 1) {
        return Err("not one main and one h1".to_owned());
    }
    let mut ids = BTreeSet::new();
    if let Some(twice) = tags(html).filter_map(|t| attribute(t, "id")).find(|id| !ids.insert(*id)) {
        return Err(format!("two things have the id {twice}"));
    }
    for tag in tags(html) {
        let name = tag.split_whitespace().next().unwrap_or_default();
        if name == "img" && attribute(tag, "alt").is_none() {
            return Err(format!("<{tag}> has no alt"));
        }
        let kind = attribute(tag, "type").unwrap_or_default();
        let input = name == "input" && !["hidden", "radio", "checkbox", "submit"].contains(&kind);
        if (input || name == "textarea" || name == "select")
            && attribute(tag, "aria-label").is_none()
        {
            let id = attribute(tag, "id").ok_or_else(|| format!("<{tag}> has no id"))?;
            if !html.contains(&format!("for=\"{id}\"")) {
                return Err(format!("<{tag}> has no label"));
            }
        }
    }
    if count("method=\"post\"") != count("name=\"csrf\"") {
        return Err("a form has no token".to_owned());
    }
    Ok(())
}
