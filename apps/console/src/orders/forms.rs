//! The forms of orders, and reading what was typed into them. What was typed is kept, whatever is wrong with
//! it.

use std::collections::BTreeMap;

use fulfillment_api::{Fulfillment, Units};
use types::{PaymentId, Quantity, ShipmentId, SkuId, WarehouseId};
use ui::Errors;

use super::words::Words;
use crate::web::Fields;

/// A parcel that somebody packs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ShipForm {
    pub(super) carrier: String,
    pub(super) number: String,
    /// A warehouse's id; empty for any.
    pub(super) warehouse: String,
    /// Units by sku, as typed. A sku that is not among them goes whole.
    pub(super) takes: BTreeMap<SkuId, String>,
    pub(super) errors: Errors,
}

/// The name of the field for a sku's units.
pub(super) fn take_name(sku: SkuId) -> String {
    format!("take-{sku}")
}

/// Units that have not left, by sku.
pub(super) fn left(fulfillment: &Fulfillment) -> BTreeMap<SkuId, u32> {
    let mut left = BTreeMap::new();
    for line in &fulfillment.to_ship {
        let open = line.ordered.saturating_sub(line.shipped);
        if open > 0 {
            *left.entry(line.sku_id).or_default() += open;
        }
    }
    left
}

impl ShipForm {
    /// Reads what was typed.
    pub(super) fn read(form: &Fields, fulfillment: &Fulfillment) -> Self {
        let text = |name: &str| form.text(name).to_owned();
        let typed = |sku: SkuId| (sku, text(&take_name(sku)));
        Self {
            carrier: text("carrier"),
            number: text("tracking_number"),
            warehouse: text("warehouse"),
            takes: left(fulfillment).into_keys().map(typed).collect(),
            errors: Errors::default(),
        }
    }

    /// The warehouse, if one was chosen.
    pub(super) fn from(&self) -> Option<WarehouseId> {
        self.warehouse.parse().ok()
    }

    /// What goes into the parcel: `None` for all that is left. Errors stay in the form.
    pub(super) fn lines(
        &mut self,
        fulfillment: &Fulfillment,
        w: &Words,
    ) -> Result<Option<Vec<Units>>, ()> {
        let mut lines = Vec::new();
        let mut whole = true;
        for (sku_id, left) in left(fulfillment) {
            let typed = self.takes.get(&sku_id).map_or("", String::as_str);
            let wanted = if typed.is_empty() { Ok(0) } else { typed.parse::<u32>() };
            let wrong = match wanted {
                Ok(n) if n <= left => {
                    whole &= n == left;
                    if let Ok(quantity) = Quantity::new(n) {
                        lines.push(Units { sku_id, quantity });
                    }
                    continue;
                }
                Ok(_) => w.only_left(left.into()),
                Err(_) => w.not_a_number.to_owned(),
            };
            self.errors.add(take_name(sku_id), wrong);
        }
        if !self.errors.is_empty() {
            return Err(());
        }
        if lines.is_empty() {
            self.errors.add("lines", w.nothing_chosen);
            return Err(());
        }
        Ok(Some(lines).filter(|_| !whole))
    }
}

/// Money that somebody gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefundForm {
    pub(super) payment: PaymentId,
    pub(super) amount: String,
    pub(super) reason: String,
    pub(super) errors: Errors,
}

/// Where somebody says that a parcel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TrackForm {
    pub(super) parcel: ShipmentId,
    pub(super) location: String,
    pub(super) description: String,
    pub(super) errors: Errors,
}

#[cfg(test)]
mod tests {
    use ui::Lang;

    use super::super::sample;
    use super::*;

    fn packed(typed: &[(i64, &str)]) -> (ShipForm, Result<Option<Vec<Units>>, ()>) {
        let fulfillment = sample::fulfillment();
        let encoded: Vec<String> = typed.iter().map(|(s, n)| format!("take-{s}={n}")).collect();
        let fields = Fields::parse(encoded.join("&").as_bytes());
        let mut form = ShipForm::read(&fields, &fulfillment);
        let lines = form.lines(&fulfillment, Words::of(Lang::En));
        (form, lines)
    }

    #[test]
    fn all_that_is_left_is_a_whole_parcel_and_less_names_its_lines() {
        // of sku 1 two are left in one warehouse and one in another, of sku 2 one
        assert_eq!(packed(&[(1, "3"), (2, "1")]).1, Ok(None));
        let some = packed(&[(1, "2"), (2, "")]).1.unwrap().unwrap();
        assert_eq!(some.iter().map(|u| u.quantity.get()).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn what_cannot_be_packed_is_named_and_kept() {
        for typed in ["4", "x", "-1", "1.5"] {
            let (form, lines) = packed(&[(1, typed), (2, "1")]);
            assert_eq!(lines, Err(()), "{typed}");
            assert!(form.errors.of("take-1").is_some() && form.errors.of("take-2").is_none());
            assert!(form.takes.values().any(|t| t == typed));
        }
        let (form, lines) = packed(&[(1, "0")]);
        assert!(lines.is_err() && form.errors.of("lines").is_some());
    }
}
