//! What holds for the HTML of every page of every application: well formed, escaped, nothing that runs but
//! our own script, usable with a screen reader. Each check says what is wrong; a test fails by it.
//!
//! It must not know any page's content.

use std::collections::BTreeSet;

/// What no page contains: code in attributes, styles of its own, an escape that failed, a page that reloads
/// itself without a pause, the cause of a failure (samples call it so).
const NEVER: [&str; 7] = [
    "javascript:",
    " style=",
    "<style",
    " onclick",
    "<b>\"",
    "http-equiv=\"refresh\" content=\"0",
    "&lt;secret&gt;",
];

/// Tags without an end.
const VOID: [&str; 5] = ["input", "img", "link", "meta", "br"];

/// All checks. `raw` is what samples contain that must not arrive as it is, such as `<twice>`.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(html: &str, raw: &[&str]) -> Result<(), String> {
    check_nesting(html)?;
    if !html.starts_with("<!DOCTYPE html><html lang=") {
        return Err("it does not begin like a page in a language".to_owned());
    }
    if let Some(never) = NEVER.iter().find(|n| html.contains(*n)) {
        return Err(format!("it contains {never}"));
    }
    if let Some(raw) = raw.iter().find(|r| html.contains(*r)) {
        return Err(format!("it does not escape {raw}"));
    }
    check_scripts(html)?;
    check_access(html)
}

/// The one script, and data for programs. Nothing else.
///
/// # Errors
/// When there is another.
pub fn check_scripts(html: &str) -> Result<(), String> {
    let own = format!("script src=\"{}\" defer", ui::Route::SiteJs);
    let others = tags(html).filter(|t| t.starts_with("script") && *t != own);
    let mut others = others.filter(|t| *t != "script type=\"application/ld+json\"");
    match (html.matches(&own).count(), others.next()) {
        (1, None) => Ok(()),
        (n, other) => Err(format!("{n} times the script, and {other:?}")),
    }
}

/// Every tag that is opened is closed, in the right sequence.
///
/// # Errors
/// The first that is not.
pub fn check_nesting(html: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    for tag in tags(html).filter(|t| !t.starts_with('!')) {
        let name = name_of(tag);
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

/// One main, one h1, ids used once, every field labelled, every picture described, every form that posts
/// with a token.
///
/// # Errors
/// The first that is not so.
pub fn check_access(html: &str) -> Result<(), String> {
    let count = |what: &str| html.matches(what).count();
    if (count("<main "), count("<h1")) != (1, 1) {
        return Err("not one main and one h1".to_owned());
    }
    let mut ids = BTreeSet::new();
    if let Some(twice) = tags(html).filter_map(|t| attribute(t, "id")).find(|id| !ids.insert(*id)) {
        return Err(format!("two things have the id {twice}"));
    }
    let mut in_label = false;
    for tag in tags(html) {
        match name_of(tag) {
            "label" => in_label = !tag.starts_with('/'),
            "img" if attribute(tag, "alt").is_none() => return Err(format!("<{tag}> has no alt")),
            _ if !is_labelled(html, tag, in_label) => return Err(format!("<{tag}> has no label")),
            _ => {}
        }
    }
    if count("method=\"post\"") != count("name=\"csrf\"") {
        return Err("a form has no token".to_owned());
    }
    Ok(())
}

/// Whether a field has a label: one that names it, or its own; a choice may also stand inside of one. What is
/// no field needs none.
fn is_labelled(html: &str, tag: &str, in_label: bool) -> bool {
    let kind = attribute(tag, "type").unwrap_or_default();
    let is_choice = match (name_of(tag), kind) {
        _ if tag.starts_with('/') => return true,
        ("input", "hidden" | "submit") => return true,
        ("input", "radio" | "checkbox") => true,
        ("input" | "textarea" | "select", _) => false,
        _ => return true,
    };
    let is_named = |id: &str| html.contains(&format!("for=\"{id}\""));
    attribute(tag, "aria-label").is_some()
        || attribute(tag, "id").is_some_and(is_named)
        || (is_choice && in_label)
}

/// The tags of a page, with their attributes.
pub fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag)
}

/// The value of a tag's attribute.
#[must_use]
pub fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn name_of(tag: &str) -> &str {
    tag.trim_start_matches('/').split_whitespace().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_are_not_closed_in_their_sequence_are_found() {
        for bad in ["<p><b></p></b>", "<p a=\"x>", "<p>", "</p>"] {
            assert!(check_nesting(bad).is_err(), "{bad}");
        }
        assert_eq!(check_nesting("<p><img src=\"x\"></p>"), Ok(()));
    }

    #[test]
    fn a_script_that_is_not_our_own_is_found() {
        let own = format!("<script src=\"{}\" defer></script>", ui::Route::SiteJs);
        assert_eq!(check_scripts(&own), Ok(()));
        assert!(check_scripts("").is_err());
        let data = "<script type=\"application/ld+json\">{}</script>";
        assert_eq!(check_scripts(&[&own, data].concat()), Ok(()));
        let evil = "<script src=\"//evil.test\" defer>";
        for bad in ["<script>", evil, "<script type=\"module\">", &own] {
            assert!(check_scripts(&[&own, bad].concat()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_some_readers_cannot_use_is_found() {
        let page = |inner: &str| format!("<main id=\"main\"><h1></h1>{inner}</main>");
        for good in [
            "",
            "<img alt=\"\" src=\"x\">",
            "<label for=\"a\"></label><input id=\"a\">",
            "<select aria-label=\"a\"></select>",
            "<label><input type=\"checkbox\"></label>",
            "<input type=\"hidden\"><input type=\"submit\">",
            "<form method=\"post\"><input type=\"hidden\" name=\"csrf\"></form>",
        ] {
            assert_eq!(check_access(&page(good)), Ok(()), "{good}");
        }
        for bad in [
            "<img src=\"x\">",
            "<input id=\"a\">",
            "<input>",
            "<label><input></label>",
            "<textarea></textarea>",
            "<select id=\"a\"></select>",
            "<label></label><input type=\"radio\">",
            "<form method=\"post\"></form>",
            "<p id=\"main\"></p>",
            "<h1></h1>",
        ] {
            assert!(check_access(&page(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_no_page_contains_is_found() {
        let page = |inner: &str| {
            let script = format!("<script src=\"{}\" defer></script>", ui::Route::SiteJs);
            let main = format!("<main id=\"main\"><h1></h1>{inner}</main>");
            format!("<!DOCTYPE html><html lang=\"en\">{script}{main}</html>")
        };
        let check = |inner: &str| check(&page(inner), &["<twice>"]);
        assert_eq!(check("<p>&lt;twice&gt;</p>"), Ok(()));
        for bad in [
            "<twice></twice>",
            "<a href=\"javascript:x\"></a>",
            "<p style=\"x\"></p>",
            "<style></style>",
            "<p onclick=\"x\"></p>",
            "<meta http-equiv=\"refresh\" content=\"0; url=/\">",
            "<p>&lt;secret&gt;</p>",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        let without_language = page("").replace(" lang=\"en\"", "");
        assert!(super::check(&without_language, &[]).is_err());
    }
}
