//! Every page is rendered with every sample and looked at: well formed, escaped, without a script, with
//! labels. With `STOA_PAGES_DIR` set the pages are also written there, to be looked at in a browser.

use std::collections::BTreeSet;
use std::path::Path;

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

#[test]
fn every_page_is_well_formed_and_escaped() {
    for (name, pages) in all() {
        for (n, html) in pages.iter().enumerate() {
            let at = format!("{name}, sample {n}");
            check_nesting(html).unwrap_or_else(|e| panic!("{at}: {e}\n{html}"));
            assert!(html.starts_with("<!DOCTYPE html><html lang="), "{at}");
            for never in [
                "javascript:",
                " style=",
                " onclick",
                "<b>\"",
                "http-equiv=\"refresh\" content=\"0",
            ] {
                assert!(!html.contains(never), "{at} contains {never}");
            }
            check_scripts(html).unwrap_or_else(|e| panic!("{at}: {e}"));
            for broken in ["<little>", "<twice>", "<depot>", "<wrong>", "<taken>", "<no>", "<Sons>"]
            {
                assert!(!html.contains(broken), "{at} does not escape {broken}");
            }
            assert!(!html.contains("&lt;secret&gt;"), "{at} tells an internal cause");
            check_access(html).unwrap_or_else(|e| panic!("{at}: {e}\n{html}"));
            if let Ok(folder) = std::env::var("STOA_PAGES_DIR") {
                std::fs::write(Path::new(&folder).join(format!("{name}_{n}.html")), html).unwrap();
            }
        }
    }
}

/// The one script, and data for programs. Nothing else.
fn check_scripts(html: &str) -> Result<(), String> {
    let own = format!("script src=\"{}\" defer", ui::Route::SiteJs);
    let others = tags(html).filter(|t| t.starts_with("script") && *t != own);
    let mut others = others.filter(|t| *t != "script type=\"application/ld+json\"");
    match (html.matches(&own).count(), others.next()) {
        (1, None) => Ok(()),
        (n, other) => Err(format!("{n} times the script, and {other:?}")),
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

/// One main, one h1, ids used once, every input labelled, every picture described, every form with a
/// token.
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
        let shown = name == "textarea" || (name == "input" && !["hidden", "radio"].contains(&kind));
        if shown {
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

#[test]
fn the_checks_find_what_they_look_for() {
    assert!(check_nesting("<p><b></p></b>").is_err());
    assert!(check_nesting("<p a=\"x>").is_err());
    assert!(check_nesting("<p>").is_err());
    assert!(check_nesting("<p><img src=\"x\"></p>").is_ok());
    let page = |inner: &str| format!("<main id=\"main\"><h1></h1>{inner}</main>");
    let own = format!("<script src=\"{}\" defer></script>", ui::Route::SiteJs);
    assert!(check_scripts(&own).is_ok());
    for bad in ["", "<script>", "<script src=\"//evil.test\" defer>", "<script type=\"module\">"] {
        assert!(check_scripts(&[&own, bad].concat()).is_ok() == bad.is_empty(), "{bad}");
    }
    assert!(check_access(&page("")).is_ok());
    for bad in [
        "<img src=\"x\">",
        "<input id=\"a\">",
        "<form method=\"post\"></form>",
        "<p id=\"main\"></p>",
        "<h1></h1>",
    ] {
        assert!(check_access(&page(bad)).is_err(), "{bad}");
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
