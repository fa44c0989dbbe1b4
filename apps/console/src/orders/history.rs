//! How an order came to stand where it does, as an audit trail: who, when, what, why. And where it lies.

use maud::{Markup, html};
use ui::parts::time;

use super::order::OrderPage;
use super::words::Words;

/// The history.
pub(super) fn panel(page: &OrderPage) -> Markup {
    let (w, lang) = (page.words(), page.shell.reader.lang);
    let words = ui::Words::of(lang);
    html! {
        h2 { (w.history) }
        ol.steps {
            @for step in &page.history {
                li {
                    p {
                        strong { (words.operation(&step.operation, &step.operation_label)) }
                        " → " (words.status(&step.to, &step.to_label))
                    }
                    p.quiet { (time(step.at, lang)) " · " (page.who(&step.actor)) }
                    @if let Some(note) = note(&step.note, w) { p.note { (note) } }
                }
            }
        }
    }
}

/// What stands beside a step. The platform's own notes are JSON: what they say is told in words.
fn note(note: &str, w: &Words) -> Option<String> {
    if note.is_empty() {
        return None;
    }
    let known = serde_json::from_str::<serde_json::Value>(note).ok().and_then(|value| {
        if value.get("trigger").is_some() {
            return Some(w.by_timer.to_owned());
        }
        Some(w.by_payment(value.get("payment_id")?.as_str()?))
    });
    Some(known.unwrap_or_else(|| note.to_owned()))
}

/// What the order's id says of where it is.
pub(super) fn place(page: &OrderPage) -> Markup {
    let (w, id) = (page.words(), page.order.id.0);
    let at = id.place();
    html! {
        h2 { (w.where_it_lies) }
        dl.facts {
            div { dt { (w.database) } dd { (at.db) } }
            div { dt { (w.table) } dd { (at.table) } }
            div { dt { (w.worker) } dd { (id.worker()) } }
            div { dt { (w.sequence) } dd { (id.sequence()) } }
            div { dt { (w.made_at) } dd { (time(id.made_at(), page.shell.reader.lang)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use ui::Lang;

    use super::*;

    #[test]
    fn a_note_is_told_as_it_was_written_and_the_platforms_own_in_words() {
        let told = |text| note(text, Words::of(Lang::En));
        assert_eq!(told(""), None);
        assert_eq!(told("{ not json").as_deref(), Some("{ not json"));
        assert_eq!(told("{\"trigger\":0}").as_deref(), Some("By its timer"));
        assert_eq!(told("{\"payment_id\":\"62\"}").as_deref(), Some("Payment 62"));
        assert_eq!(told("{\"other\":1}").as_deref(), Some("{\"other\":1}"));
    }
}
