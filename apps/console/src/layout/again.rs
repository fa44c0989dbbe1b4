//! A form whose outcome nobody knows, alone: for when the page that it stands on cannot be gathered either. It
//! holds what was sent, with its key, so that sending it again finds out and does nothing twice. It asks nobody
//! for anything.

use maud::{Markup, html};
use ui::layout::CSRF_FIELD;
use ui::parts::{Tone, notice};

use super::{Head, Shell, csrf_field, document};
use crate::web::Fields;

/// Names of fields with what people call them. The others are sent again without being shown.
pub(crate) type Labels<'a> = &'a [(&'static str, &'static str)];

/// The form.
#[derive(Debug, Clone)]
pub(crate) struct AgainPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// Where it is sent.
    pub(crate) action: String,
    /// What was typed: name, label, value.
    pub(crate) typed: Vec<(&'static str, &'static str, String)>,
    /// What came along: name and value.
    pub(crate) hidden: Vec<(String, String)>,
    /// Names the request in the logs.
    pub(crate) request_id: String,
}

impl AgainPage {
    /// A form as it was sent.
    pub(crate) fn of(
        shell: Shell,
        action: String,
        sent: &Fields,
        labels: Labels<'_>,
        request_id: String,
    ) -> Self {
        let is_sent = |name: &str| sent.pairs().any(|(n, _)| n == name);
        let typed = labels.iter().filter(|(name, _)| is_sent(name));
        let typed = typed.map(|(name, label)| (*name, *label, sent.raw(name).to_owned()));
        let is_hidden =
            |name: &str| name != CSRF_FIELD && labels.iter().all(|(labelled, _)| *labelled != name);
        let hidden = sent.pairs().filter(|(name, _)| is_hidden(name));
        let hidden = hidden.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { typed: typed.collect(), hidden: hidden.collect(), shell, action, request_id }
    }
}

/// The page.
pub(crate) fn render_again(page: &AgainPage) -> Markup {
    let w = page.shell.words();
    let main = html! {
        (notice(Tone::Bad, &html! { p { (w.busy_text) } p { (w.again_text) } }))
        form.stack method="post" action=(page.action) {
            (csrf_field(&page.shell))
            @for (name, value) in &page.hidden { input type="hidden" name=(name) value=(value); }
            @for (name, label, value) in &page.typed {
                div.field {
                    label for={ "f-" (name) } { (label) }
                    // with another text it would be another request under the same key
                    input id={ "f-" (name) } name=(name) value=(value) readonly;
                }
            }
            p { button type="submit" { (w.again) } }
        }
        p.quiet { (w.request_id) ": " code { (page.request_id) } }
    };
    document(&page.shell, &Head { title: w.busy_title, ..Head::default() }, &main)
}

#[cfg(test)]
impl crate::samples::Samples for AgainPage {
    fn samples() -> Vec<Self> {
        let sent = b"csrf=x&key=0123&operation=%3Cno%3E&note=%3Cwrong%3E";
        let of = |locale, labels| {
            Self::of(
                crate::samples::shell(locale),
                "/console/orders/5/actions".to_owned(),
                &Fields::parse(sent),
                labels,
                "<request>".to_owned(),
            )
        };
        vec![of("en", &[("note", "Note"), ("absent", "Absent")]), of("zh-CN", &[])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_was_sent_is_sent_again_but_the_old_token() {
        let sent = Fields::parse(b"csrf=old&key=k&amount=1&take-1=2");
        let shell = crate::samples::shell("en");
        let page = AgainPage::of(shell, "/x".into(), &sent, &[("amount", "Amount")], String::new());
        assert_eq!(page.typed, [("amount", "Amount", "1".to_owned())]);
        let hidden = [("key", "k"), ("take-1", "2")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(page.hidden, hidden);
    }
}
