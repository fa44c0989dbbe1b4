//! Fields of the product's form: every one is called by its name, says what is wrong with it, and can be
//! led to from the summary of what is wrong.

use maud::{Markup, html};

use super::problems::Problems;

/// A field's id.
pub(crate) fn id(name: &str) -> String {
    format!("f-{name}")
}

/// What every field is made of.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Input<'a> {
    /// The name in the form.
    pub(crate) name: &'a str,
    /// What is asked for.
    pub(crate) label: &'a str,
    /// What was typed.
    pub(crate) value: &'a str,
    /// A word under it.
    pub(crate) hint: &'a str,
    /// How it is typed on a telephone.
    pub(crate) inputmode: &'a str,
    /// Lines; one makes a plain field.
    pub(crate) rows: u32,
    /// The longest text, in characters.
    pub(crate) length_max: usize,
    /// The language of what is typed.
    pub(crate) lang: &'a str,
}

fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|t| !t.is_empty())
}

/// A field with its label, hint and error.
pub(crate) fn field(input: &Input<'_>, problems: &Problems) -> Markup {
    let id = id(input.name);
    html! {
        div.field {
            label for=(id) { (input.label) }
            (bare(input, problems, false))
            @if let Some(error) = problems.get(input.name) {
                p.error id={ (id) "-error" } { (error) }
            } @else if !input.hint.is_empty() {
                p.hint id={ (id) "-hint" } { (input.hint) }
            }
        }
    }
}

/// A field in a table: its label is not seen.
pub(crate) fn cell(input: &Input<'_>, problems: &Problems) -> Markup {
    html! {
        (bare(input, problems, true))
        @if let Some(error) = problems.get(input.name) {
            p.error id={ (id(input.name)) "-error" } { (error) }
        }
    }
}

fn bare(input: &Input<'_>, problems: &Problems, in_table: bool) -> Markup {
    let id = id(input.name);
    let is_wrong = problems.get(input.name).is_some();
    let described = match (is_wrong, input.hint) {
        (true, _) => Some([&id, "-error"].concat()),
        (false, "") => None,
        (false, _) => Some([&id, "-hint"].concat()),
    };
    let invalid = is_wrong.then_some("true");
    let label = in_table.then_some(input.label);
    let length_max = Some(input.length_max).filter(|n| *n > 0);
    html! {
        @if input.rows > 1 {
            textarea id=(id) name=(input.name) rows=(input.rows) maxlength=[length_max]
                lang=[filled(input.lang)] aria-label=[label] aria-invalid=[invalid]
                aria-describedby=[described] { "\n" (input.value) }
        } @else {
            input id=(id) name=(input.name) type="text" value=(input.value) maxlength=[length_max]
                lang=[filled(input.lang)] inputmode=[filled(input.inputmode)] autocomplete="off"
                aria-label=[label] aria-invalid=[invalid] aria-describedby=[described];
        }
    }
}

/// A choice among some.
pub(crate) fn choice<'a>(
    name: &str,
    label: &str,
    chosen: &str,
    options: impl IntoIterator<Item = (&'a str, &'a str)>,
    in_table: bool,
) -> Markup {
    let id = id(name);
    let options: Vec<(&str, &str)> = options.into_iter().collect();
    let choice = html! {
        select id=(id) name=(name) aria-label=[in_table.then_some(label)] {
            @for (value, text) in options {
                option value=(value) selected[value == chosen] { (text) }
            }
        }
    };
    if in_table {
        return choice;
    }
    html! { div.field { label for=(id) { (label) } (choice) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_says_what_is_wrong_and_keeps_what_was_typed() {
        let mut problems = Problems::default();
        problems.add("slug", "no <good>");
        let input = Input { name: "slug", label: "Address", value: "<b>", ..Input::default() };
        let html = field(&input, &problems).into_string();
        assert!(html.contains("value=\"&lt;b&gt;\"") && html.contains("aria-invalid=\"true\""));
        assert!(
            html.contains("aria-describedby=\"f-slug-error\"") && html.contains("no &lt;good&gt;")
        );
        let area = Input { rows: 5, value: "\nx", hint: "h", ..input };
        let html = field(&area, &Problems::default()).into_string();
        assert!(html.contains("aria-describedby=\"f-slug-hint\""), "{html}");
        assert!(html.contains(">\n\nx</textarea>"), "a browser drops the first line end: {html}");
    }
}
