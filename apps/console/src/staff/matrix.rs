//! Who may what: the table of roles and permissions, made of the ones that the services check by.

use maud::{Markup, html};
use rpc::Actor;
use staff_api::Role;

use super::words::{Words, by_area};
use crate::layout::role_label;
use crate::text::Words as Desk;

/// The table.
pub(super) fn matrix(desk: &Desk, w: &Words) -> Markup {
    let actors = Role::ALL.map(holder);
    html! {
        div.table tabindex="0" role="region" aria-label=(w.who_may_what) {
            table {
                thead {
                    tr {
                        th scope="col" { (w.permission) }
                        @for role in Role::ALL { th scope="col" { (role_label(role, desk)) } }
                    }
                }
                @for area in by_area(&Actor::system("table")) {
                    tbody {
                        @if let Some(first) = area.first() {
                            tr.area { th scope="rowgroup" colspan=(actors.len() + 1) { (w.area(first)) } }
                        }
                        @for permission in area {
                            tr {
                                td { (w.allows(permission)) " " code.quiet { (permission.name) } }
                                @for actor in &actors { (cell(actor.may(permission.name), w)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(may: bool, w: &Words) -> Markup {
    let (sign, class, word) = if may { ("✓", "good", w.yes) } else { ("–", "quiet", w.no) };
    html! { td.mark { span.(class) aria-hidden="true" { (sign) } span.vh { (word) } } }
}

/// Somebody with a role: what its wildcards grant is decided where permissions are checked.
fn holder(role: Role) -> Actor {
    let permissions = role.permissions().iter().map(|p| (*p).to_owned()).collect();
    Actor::operator(0, permissions)
}
