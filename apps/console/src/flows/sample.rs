//! A flow for samples of pages. Used by tests only.

use std::collections::BTreeMap;

use ui::Reader;

use super::diagram::Chart;
use super::json::text_of;
use super::words::FlowLabels;

const FLOW: &str = include_str!("../../../../stoa/demo/flows/gadget-order.json");

pub(crate) fn source() -> String {
    text_of(&serde_json::from_str(FLOW).unwrap())
}

pub(crate) fn chart(locale: &str, is_counted: bool) -> Chart {
    let document = serde_json::from_str(FLOW).unwrap();
    let running = BTreeMap::from([("PAID".to_owned(), 3), ("SHIPPED".to_owned(), 1_204)]);
    let reader = Reader::of(locale.parse().unwrap());
    Chart::of(&document, &FlowLabels(&reader), is_counted.then_some(&running))
}
