//! Orders for samples and tests of these pages.

#[path = "../../tests/it/orders_data.rs"]
mod data;

pub(super) use data::*;
