//! One order: how it stands, what can be done, what is in it, its money, its parcels, how it came here and
//! where it lies.

use std::collections::BTreeMap;

use fulfillment_api::Fulfillment;
use maud::{Markup, html};
use member_api::MemberInfo;
use order_api::{HistoryEntry, OrderView, PaymentMethod};
use payment_api::OrderPayments;
use types::{Address, StaffId, WarehouseId};
#[cfg(test)]
use ui::Errors;
use ui::parts::{Tone, notice, picture, price, time};

use super::forms::{RefundForm, ShipForm, TrackForm};
use super::list::state;
use super::routes::{Done, Route};
use super::words::Words;
use super::{history, money, parcels};
use crate::layout::{Head, Shell, csrf_field, document};
use crate::members::routes as members;

/// The longest note, in characters.
const NOTE_MAX: u32 = 500;
/// Operations that take an order away from its buyer: the browser asks once more.
const GRAVE: [&str; 3] = ["cancel", "close", "close_refunded"];

/// What the page says about what was just done or tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is done.
    Done(Done),
    /// Somebody else was faster.
    Stale,
    /// It was refused: the reason.
    Refused(String),
    /// Nobody knows yet whether it was done: what to do about that.
    Busy(&'static str),
}

/// An order.
#[derive(Debug, Clone)]
pub(crate) struct OrderPage {
    /// The frame.
    pub(crate) shell: Shell,
    /// The order.
    pub(crate) order: OrderView,
    /// How it came to stand where it does.
    pub(crate) history: Vec<HistoryEntry>,
    /// Whose it is, where the reader may know.
    pub(crate) member: Option<MemberInfo>,
    /// Names of those who work here, as far as the reader may know them.
    pub(crate) staff: BTreeMap<StaffId, String>,
    /// Names of warehouses, as far as the reader may know them.
    pub(crate) warehouses: BTreeMap<WarehouseId, String>,
    /// Payments and refunds, where the reader may know.
    pub(crate) payments: Option<OrderPayments>,
    /// Parcels, where the reader may know and once the order may be shipped.
    pub(crate) fulfillment: Option<Fulfillment>,
    /// Whether a parcel may leave now.
    pub(crate) shippable: bool,
    /// Whether the cash is awaited now.
    pub(crate) collectable: bool,
    /// What was just done or tried.
    pub(crate) said: Option<Said>,
    /// The note that was typed.
    pub(crate) note: String,
    /// The parcel that is being packed.
    pub(crate) ship: ShipForm,
    /// The refund that did not work.
    pub(crate) refund: Option<RefundForm>,
    /// The tracking that did not work.
    pub(crate) track: Option<TrackForm>,
    /// Makes a form of this page take effect once.
    pub(crate) token: String,
}

impl OrderPage {
    pub(super) fn words(&self) -> &'static Words {
        Words::of(self.shell.reader.lang)
    }

    /// Who a principal is.
    pub(super) fn who(&self, actor: &str) -> String {
        let w = self.words();
        match actor.split_once(':') {
            Some(("system", _)) => w.the_platform.to_owned(),
            Some(("user", id)) if id == self.order.member_id.to_string() => w.the_buyer.to_owned(),
            Some(("user", id)) => w.member_no(id),
            Some(("operator", id)) => {
                let name = id.parse().ok().and_then(|id: StaffId| self.staff.get(&id));
                name.cloned().unwrap_or_else(|| w.staff_no(id))
            }
            _ => w.unknown_here.to_owned(),
        }
    }

    /// A line's name, by its sku.
    pub(super) fn title(&self, sku: types::SkuId) -> String {
        let line = self.order.lines.iter().find(|l| l.sku_id == sku);
        line.map_or_else(
            || sku.to_string(),
            |l| match l.variant.as_str() {
                "" => l.title.clone(),
                variant => format!("{} · {variant}", l.title),
            },
        )
    }
}

/// The page.
pub(crate) fn render_order(page: &OrderPage) -> Markup {
    let w = page.words();
    let title = w.order_no(&page.order.id.to_string());
    let main = html! {
        (said(page))
        div #now data-live-part { (now(page)) }
        div.sides {
            div {
                section.panel #lines data-live-part { (lines(page)) }
                @if page.payments.is_some() {
                    section.panel #payments data-live-part { (money::panel(page)) }
                }
                @if page.shell.may("fulfillment:read") {
                    section.panel #parcels data-live-part { (parcels::panel(page)) }
                }
            }
            div {
                section.panel { (facts(page)) }
                section.panel #history data-live-part { (history::panel(page)) }
                section.panel { (history::place(page)) }
            }
        }
    };
    let live = Some(Route::Events(page.order.id).to_string());
    document(&page.shell, &Head { title: &title, live, ..Head::default() }, &main)
}

fn said(page: &OrderPage) -> Markup {
    let w = page.words();
    let (tone, text) = match &page.said {
        None => return html! {},
        Some(Said::Stale) => (Tone::Bad, w.stale.to_owned()),
        Some(Said::Refused(why)) => (Tone::Bad, w.not_now(why)),
        Some(Said::Busy(text)) => (Tone::Bad, (*text).to_owned()),
        Some(Said::Done(what)) => {
            let text = match what {
                Done::Moved => w.moved_done,
                Done::Shipped => w.shipped_done,
                Done::Tracked => w.tracked_done,
                Done::Delivered => w.delivered_done,
                Done::Collected => w.collected_done,
                Done::Refunded => w.refunded_done,
                Done::Underway => w.underway,
            };
            (Tone::Info, text.to_owned())
        }
    };
    notice(tone, &html! { p { (text) } })
}

/// How it stands, and what can be done.
fn now(page: &OrderPage) -> Markup {
    let (order, w) = (&page.order, page.words());
    let lang = page.shell.reader.lang;
    let words = ui::Words::of(lang);
    html! {
        p.row {
            (state(&words.status(&order.status, &order.status_label), order.is_final))
            span.quiet { (w.placed) " " (time(order.created_at, lang)) }
        }
        section.panel aria-labelledby="actions" {
            h2 #actions { (w.actions) }
            @if order.available_actions.is_empty() {
                p.quiet { (w.actions_none) }
            } @else {
                form.stack method="post" action=(Route::Actions(order.id)) data-typed[!page.note.is_empty()] {
                    (csrf_field(&page.shell))
                    input type="hidden" name="version" value=(order.version);
                    div.field {
                        label for="f-note" { (w.note) }
                        textarea id="f-note" name="note" rows="2" maxlength=(NOTE_MAX)
                            aria-describedby="f-note-about" { (page.note) }
                        p.hint id="f-note-about" { (w.note_hint) }
                    }
                    div.row {
                        @for action in &order.available_actions {
                            @let grave = GRAVE.contains(&action.operation.as_str());
                            button.quiet[!grave].danger[grave] type="submit" name="operation"
                                value=(action.operation) data-confirm=[grave.then_some(w.confirm_move)] {
                                (words.operation(&action.operation, &action.label))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn lines(page: &OrderPage) -> Markup {
    let (order, w) = (&page.order, page.words());
    let words = ui::Words::of(page.shell.reader.lang);
    html! {
        h2 { (w.lines) }
        div.table tabindex="0" role="region" aria-label=(w.lines) {
            table {
                thead { tr {
                    th scope="col" { (w.product) }
                    th.number scope="col" { (w.price) }
                    th.number scope="col" { (w.quantity) }
                    @if page.fulfillment.is_some() { th.number scope="col" { (w.shipped) } }
                    th.number scope="col" { (w.sum) }
                } }
                tbody {
                    @for line in &order.lines {
                        tr {
                            td {
                                div.thing {
                                    span.thumb { (picture(line.image_url.as_deref(), "", words, true)) }
                                    span {
                                        (line.title)
                                        @if !line.variant.is_empty() { " · " (line.variant) }
                                        @if !line.code.is_empty() { br; code { (line.code) } }
                                    }
                                }
                            }
                            td.number { (price(line.price)) }
                            td.number { (line.quantity.get()) }
                            @if let Some(f) = &page.fulfillment {
                                td.number { (parcels::shipped(f, line.sku_id)) }
                            }
                            td.number { (price(line.total)) }
                        }
                    }
                }
            }
        }
        (breakdown(page))
    }
}

fn breakdown(page: &OrderPage) -> Markup {
    let (order, w) = (&page.order, page.words());
    let refunded = page.payments.as_ref().map(money::refunded);
    html! {
        dl.breakdown {
            div { dt { (w.subtotal) } dd { (price(order.subtotal)) } }
            @for adjustment in &order.adjustments {
                div { dt { (adjustment.label) } dd { (price(adjustment.amount)) } }
            }
            div { dt { (w.shipping_fee) } dd { (price(order.shipping)) } }
            div.total { dt { (w.total) } dd { (price(order.total)) } }
            div { dt { (w.paid) } dd { (price(order.paid)) } }
            @if let Some(Some(refunded)) = refunded {
                div { dt { (w.refunded) } dd { (price(refunded)) } }
            }
        }
    }
}

fn facts(page: &OrderPage) -> Markup {
    let (order, w) = (&page.order, page.words());
    let method = match order.payment_method {
        PaymentMethod::Card => w.pay_card,
        PaymentMethod::CashOnDelivery => w.pay_cash,
    };
    let id = order.member_id.to_string();
    html! {
        h2 { (w.facts) }
        dl.facts {
            div {
                dt { (w.member) }
                dd {
                    @match &page.member {
                        Some(member) => {
                            @let to = members::Route::Member { id: member.id, cursor: None };
                            @if !member.name.is_empty() { (member.name) br; }
                            a href=(to) { (member.login) }
                        }
                        None => { (w.member_no(&id)) }
                    }
                    br;
                    a href=(Route::of_member(order.member_id)) { (w.all_of_member) }
                }
            }
            div { dt { (w.deliver_to) } dd { (address(&order.address)) } }
            @if !order.note.is_empty() { div { dt { (w.note_of_buyer) } dd.note { (order.note) } } }
            div { dt { (w.payment_method) } dd { (method) } }
            div { dt { (w.channel) } dd { (order.channel) } }
            div { dt { (w.flow_version) } dd { (order.flow_version) } }
            div { dt { (w.version) } dd { (order.version) } }
        }
    }
}

fn address(address: &Address) -> Markup {
    let Address { name, phone, country, region, city, street, postal_code } = address;
    let place = [street, city, region, postal_code, country];
    html! {
        (name) br; (phone)
        @for part in place.into_iter().filter(|p| !p.is_empty()) { br; (part) }
    }
}

#[cfg(test)]
impl crate::samples::Samples for OrderPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        use staff_api::Role;
        let page = |locale, role| Self {
            shell: crate::samples::shell_as(locale, role),
            order: sample::order(),
            history: sample::history(),
            member: None,
            staff: [(StaffId::from_i64(7).unwrap(), "Ann <Lee>".to_owned())].into(),
            warehouses: [(WarehouseId::from_i64(1).unwrap(), "Main <no>".to_owned())].into(),
            payments: Some(sample::payments()),
            fulfillment: Some(sample::fulfillment()),
            shippable: true,
            collectable: false,
            said: None,
            note: String::new(),
            ship: ShipForm::default(),
            refund: None,
            track: None,
            token: "a".repeat(32),
        };
        let wrong = |name: &str| Errors::one(name, "<wrong>");
        let mut errors = wrong("take-1");
        errors.add_all(wrong("lines"));
        errors.add_all(wrong("carrier"));
        let typed = ShipForm {
            carrier: "<no>".to_owned(),
            takes: [(sample::sku(1), "<wrong>".to_owned())].into(),
            errors,
            ..ShipForm::default()
        };
        let refused = Self {
            said: Some(Said::Refused("<no>".to_owned())),
            note: "<no>".to_owned(),
            ship: typed,
            refund: Some(RefundForm {
                payment: sample::payment_id(),
                amount: "<wrong>".to_owned(),
                reason: "<no>".to_owned(),
                errors: wrong("amount"),
            }),
            track: Some(TrackForm {
                parcel: sample::parcel_id(),
                location: "<no>".to_owned(),
                description: "<no>".to_owned(),
                errors: wrong("description"),
            }),
            ..page("en", Role::Owner)
        };
        let mut bare = page("zh-CN", Role::Warehouse);
        (bare.payments, bare.fulfillment, bare.shippable) = (None, None, false);
        bare.order.available_actions.clear();
        bare.said = Some(Said::Stale);
        let mut cash = page("zh-CN", Role::Owner);
        cash.order.payment_method = PaymentMethod::CashOnDelivery;
        cash.payments = Some(OrderPayments {
            payments: Vec::new(),
            refunds: Vec::new(),
            balance: sample::cny(0),
        });
        cash.collectable = true;
        cash.said = Some(Said::Done(Done::Shipped));
        vec![page("en", Role::Owner), refused, bare, cash, page("en", Role::ReadOnly)]
    }
}
