//! Pieces of forms: what is wrong with one, and its fields, each called by its name, saying what is wrong with
//! it, and to be led to from a list of what is wrong. It must not know any form.

use maud::{Markup, html};

/// What is wrong with a form, by the name of the field, in the sequence it was found; the empty name is the
/// whole form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Errors(Vec<(String, String)>);

impl Errors {
    /// One mistake.
    #[must_use]
    pub fn one(field: impl Into<String>, what: impl Into<String>) -> Self {
        Self(vec![(field.into(), what.into())])
    }

    /// Says what is wrong with a field, in the reader's language. The first thing said about a field stays.
    pub fn add(&mut self, field: impl Into<String>, what: impl Into<String>) {
        let field = field.into();
        if self.of(&field).is_none() {
            self.0.push((field, what.into()));
        }
    }

    /// Adds what somebody else found.
    pub fn add_all(&mut self, others: Self) {
        for (field, what) in others.0 {
            self.add(field, what);
        }
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn of(&self, field: &str) -> Option<&str> {
        self.all().find(|(f, _)| *f == field).map(|(_, what)| what)
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them: the field, and what is wrong with it.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(field, what)| (field.as_str(), what.as_str()))
    }
}

/// A text that a form asks for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Field<'a> {
    /// The name in the form; also makes the id.
    pub name: &'a str,
    /// Makes the id as well, where a page has the form more than once.
    pub of: &'a str,
    /// What is asked for.
    pub label: &'a str,
    /// What was typed; never of a secret.
    pub value: &'a str,
    /// `text` without.
    pub kind: &'a str,
    /// For the browser's memory, such as `email`.
    pub autocomplete: &'a str,
    /// How it is typed on a telephone, such as `numeric`.
    pub inputmode: &'a str,
    /// The language of what is typed.
    pub lang: &'a str,
    /// An example in the empty field.
    pub placeholder: &'a str,
    /// A word under the field.
    pub hint: &'a str,
    /// What is wrong with it.
    pub error: Option<&'a str>,
    /// Whether the browser insists on it.
    pub required: bool,
    /// The longest text, in characters.
    pub length_max: u32,
    /// Lines; up to one makes a plain field.
    pub rows: u32,
}

/// The id of a field that a page has once.
#[must_use]
pub fn id(name: &str) -> String {
    ["f-", name].concat()
}

/// A rule's longest text as a field has it.
#[must_use]
pub fn length(characters: usize) -> u32 {
    u32::try_from(characters).unwrap_or(u32::MAX)
}

fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|t| !t.is_empty())
}

impl Field<'_> {
    fn id(&self) -> String {
        if self.of.is_empty() { id(self.name) } else { ["f-", self.name, "-", self.of].concat() }
    }

    /// What is typed into.
    fn bare(&self, in_table: bool) -> Markup {
        let id = self.id();
        let described = match (self.error, self.hint) {
            (Some(_), _) => Some([&id, "-error"].concat()),
            (None, "") => None,
            (None, _) => Some([&id, "-hint"].concat()).filter(|_| !in_table),
        };
        let invalid = self.error.map(|_| "true");
        let label = in_table.then_some(self.label);
        let length_max = Some(self.length_max).filter(|n| *n > 0);
        html! {
            @if self.rows > 1 {
                // a browser drops the first line end
                textarea id=(id) name=(self.name) rows=(self.rows) maxlength=[length_max]
                    lang=[filled(self.lang)] required[self.required] aria-label=[label]
                    aria-invalid=[invalid] aria-describedby=[described] { "\n" (self.value) }
            } @else {
                input id=(id) name=(self.name) value=(self.value)
                    type=(filled(self.kind).unwrap_or("text")) placeholder=[filled(self.placeholder)]
                    lang=[filled(self.lang)] autocomplete=[filled(self.autocomplete)]
                    inputmode=[filled(self.inputmode)] maxlength=[length_max] required[self.required]
                    aria-label=[label] aria-invalid=[invalid] aria-describedby=[described];
            }
        }
    }

    fn wrong(&self) -> Markup {
        html! { @if let Some(error) = self.error { p.error id={ (self.id()) "-error" } { (error) } } }
    }
}

/// A field with its label, hint and error.
#[must_use]
pub fn field(field: &Field<'_>) -> Markup {
    let id = field.id();
    html! {
        div.field {
            label for=(id) { (field.label) }
            (field.bare(false))
            (field.wrong())
            @if field.error.is_none() && !field.hint.is_empty() {
                p.hint id={ (id) "-hint" } { (field.hint) }
            }
        }
    }
}

/// A field in a table: its label is not seen.
#[must_use]
pub fn cell(field: &Field<'_>) -> Markup {
    html! { (field.bare(true)) (field.wrong()) }
}

/// A list to choose one of: values and how they are called.
#[must_use]
pub fn choice(
    name: &str,
    label: &str,
    chosen: &str,
    options: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
) -> Markup {
    html! { div.field { label for=(id(name)) { (label) } (select(name, None, chosen, options)) } }
}

/// The same in a table: its label is not seen.
#[must_use]
pub fn choice_cell(
    name: &str,
    label: &str,
    chosen: &str,
    options: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
) -> Markup {
    select(name, Some(label), chosen, options)
}

fn select(
    name: &str,
    label: Option<&str>,
    chosen: &str,
    options: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
) -> Markup {
    html! {
        select id=(id(name)) name=(name) aria-label=[label] {
            @for (value, text) in options {
                option value=(value.as_ref()) selected[value.as_ref() == chosen] { (text.as_ref()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thing_said_about_a_field_stays_and_all_stand_in_their_sequence() {
        let mut errors = Errors::one("b", "first");
        errors.add("b", "second");
        errors.add("a", "third");
        errors.add_all(Errors::one("", "whole"));
        assert_eq!(
            errors.all().collect::<Vec<_>>(),
            [("b", "first"), ("a", "third"), ("", "whole")]
        );
        assert_eq!((errors.of("a"), errors.of("c")), (Some("third"), None));
        assert!(Errors::default().is_empty() && !errors.is_empty());
    }

    #[test]
    fn a_field_tells_its_error_and_keeps_what_was_typed() {
        let wrong = Field { name: "city", value: "<b>", error: Some("<no>"), ..Field::default() };
        let html = field(&wrong).into_string();
        assert!(html.contains("value=\"&lt;b&gt;\"") && html.contains("aria-invalid=\"true\""));
        assert!(html.contains("aria-describedby=\"f-city-error\""), "{html}");
        assert!(html.contains("id=\"f-city-error\">&lt;no&gt;"), "{html}");
        let area = Field { rows: 5, value: "\nx", hint: "h", error: None, ..wrong };
        let html = field(&area).into_string();
        assert!(html.contains("aria-describedby=\"f-city-hint\""), "{html}");
        assert!(html.contains(">\n\nx</textarea>"), "{html}");
    }

    #[test]
    fn a_form_that_stands_twice_on_a_page_has_ids_of_its_own() {
        let twin = Field { name: "reason", of: "7", label: "Why", hint: "h", ..Field::default() };
        let html = field(&twin).into_string();
        assert!(html.contains("for=\"f-reason-7\"") && html.contains("id=\"f-reason-7-hint\""));
        let html = cell(&twin).into_string();
        assert!(html.contains("aria-label=\"Why\"") && !html.contains("hint"), "{html}");
    }

    #[test]
    fn what_was_chosen_is_selected() {
        let html = choice("status", "Status", "b", [("a", "A"), ("b", "<B>")]).into_string();
        assert!(html.contains("<option value=\"b\" selected>&lt;B&gt;</option>"), "{html}");
        assert!(!html.contains("value=\"a\" selected") && html.contains("for=\"f-status\""));
        let html = choice_cell("status", "Status", "", [("a", String::from("A"))]).into_string();
        assert!(html.starts_with("<select") && html.contains("aria-label=\"Status\""), "{html}");
    }
}
