//! An order as the index has it, out of a message: nobody is asked, because every order comes by here.

use std::collections::BTreeSet;

use kit::{Money, Timestamp};
use order_api::{OrderMessage, PaymentMethod};
use types::{MemberId, OrderId};

use super::text::{Cut, terms};

/// The most words of an order. They are written with every order, so there are few.
const TERMS_MAX: usize = 64;
const HOUR_MICROS: i64 = 3_600 * 1_000_000;

/// An order as the index has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEntry {
    pub id: OrderId,
    /// The version of the order; a higher one supersedes a lower one.
    pub version: i64,
    /// The number of the message, 0 when the order was read again; of one version, a later one supersedes an
    /// earlier one.
    pub seq: i64,
    pub member_id: MemberId,
    pub status: String,
    pub status_label: String,
    pub is_final: bool,
    pub flow_version: u32,
    pub payment_method: &'static str,
    pub title: String,
    pub image_url: Option<String>,
    pub units: i64,
    pub total: Money,
    pub paid: Money,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Words of codes, lines and recipient.
    pub terms: Vec<String>,
    /// Nothing is known of it yet, most likely: it was just placed, or is read again.
    pub is_first: bool,
}

/// A payment method in the word that requests use.
pub const fn method_name(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Card => "card",
        PaymentMethod::CashOnDelivery => "cash_on_delivery",
    }
}

/// When the hour of a moment began, in microseconds.
pub const fn hour_of(at: Timestamp) -> i64 {
    at.micros().div_euclid(HOUR_MICROS) * HOUR_MICROS
}

impl OrderEntry {
    /// How an order stands that was read again. Whatever message there is of this version or a later one
    /// is taken over it, and it is taken over no such message.
    pub fn read_again(message: OrderMessage) -> Self {
        let at = message.data.updated_at;
        Self::of(message, 0, at)
    }

    /// What a message with this number says of its order.
    pub fn of(message: OrderMessage, seq: i64, sent_at: Timestamp) -> Self {
        let terms = words(&message);
        let is_first = seq == 0 || message.from.is_empty();
        let OrderMessage { to: status, version: message_version, data, .. } = message;
        // Messages of an older version of the program do not say these.
        let known = |at: Timestamp, or: Timestamp| if at == Timestamp::default() { or } else { at };
        let label = if data.status_label.is_empty() { status.clone() } else { data.status_label };
        let first = data.lines.first();
        // Not every engine takes U+0000, and a message that cannot be kept would hold up the next ones.
        let kept = |text: String| text.replace('\0', "");
        Self {
            id: data.order_id,
            version: message_version,
            seq,
            member_id: data.member_id,
            status_label: kept(label),
            status,
            is_final: data.is_final,
            flow_version: data.flow_version,
            payment_method: method_name(data.payment_method),
            title: first.map(|l| kept(l.title.clone())).unwrap_or_default(),
            image_url: first.and_then(|l| l.image_url.clone()).map(kept),
            units: data.lines.iter().map(|l| i64::from(l.quantity.get())).sum(),
            total: data.total,
            paid: data.paid,
            created_at: known(data.created_at, data.order_id.0.made_at()),
            updated_at: known(data.updated_at, sent_at),
            terms,
            is_first,
        }
    }
}

fn words(message: &OrderMessage) -> Vec<String> {
    let data = &message.data;
    let codes = data.lines.iter().map(|l| l.code.as_str());
    let titles = data.lines.iter().map(|l| l.title.as_str());
    let mut words = BTreeSet::new();
    for text in std::iter::once(data.address.name.as_str()).chain(codes).chain(titles) {
        for term in terms(text, Cut::Coarse) {
            if words.len() >= TERMS_MAX {
                return words.into_iter().collect();
            }
            words.insert(term);
        }
    }
    words.into_iter().collect()
}
