//! Sentences with something filled in. Markup escapes what they return.

use kit::Timestamp;

use super::Words;
use crate::format;
use crate::lang::Lang;

impl Words {
    /// How many units.
    #[must_use]
    pub fn units(&self, n: u32) -> String {
        match (self.lang, n) {
            (Lang::En, 1) => "1 item".to_owned(),
            (Lang::En, n) => format!("{n} items"),
            (Lang::ZhCn, n) => format!("{n} 件"),
        }
    }

    /// How many are left, when it is few.
    #[must_use]
    pub fn only_left(&self, n: i64) -> String {
        match self.lang {
            Lang::En => format!("Only {n} left"),
            Lang::ZhCn => format!("仅剩 {n} 件"),
        }
    }

    /// How many are wanted and how many there are.
    #[must_use]
    pub fn wanted_available(&self, wanted: i64, available: i64) -> String {
        match self.lang {
            Lang::En => format!("{wanted} wanted, {available} left"),
            Lang::ZhCn => format!("需要 {wanted} 件，仅剩 {available} 件"),
        }
    }

    /// The number of a picture.
    #[must_use]
    pub fn picture_no(&self, n: usize) -> String {
        match self.lang {
            Lang::En => format!("Picture {n}"),
            Lang::ZhCn => format!("图片 {n}"),
        }
    }

    /// The title of an order's page.
    #[must_use]
    pub fn order_no(&self, id: &str) -> String {
        match self.lang {
            Lang::En => format!("Order {id}"),
            Lang::ZhCn => format!("订单 {id}"),
        }
    }

    /// Too many failures to sign in.
    #[must_use]
    pub fn locked_until(&self, until: Timestamp) -> String {
        let until = format::date_time(until, self.lang);
        match self.lang {
            Lang::En => format!("Too many failed attempts. Try again after {until}."),
            Lang::ZhCn => format!("失败次数过多，请在 {until} 之后重试。"),
        }
    }

    /// A member has too many unpaid orders.
    #[must_use]
    pub fn too_many_unpaid(&self, n: u32) -> String {
        match self.lang {
            Lang::En => format!("You have {n} unpaid orders; pay or cancel one first."),
            Lang::ZhCn => format!("您有 {n} 个未支付订单，请先支付或取消其中一个。"),
        }
    }

    /// Why a provider declined, in words; its own word when it is not known.
    #[must_use]
    pub fn decline_reason(&self, reason: &str) -> String {
        match reason {
            "insufficient_funds" => self.declined_funds.to_owned(),
            "expired_card" => self.declined_expired.to_owned(),
            "incorrect_cvc" => self.declined_cvc.to_owned(),
            "" | "card_declined" => self.declined_card.to_owned(),
            other => other.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many_and_an_unknown_reason_is_shown() {
        let en = Words::of(Lang::En);
        assert_eq!((en.units(1).as_str(), en.units(2).as_str()), ("1 item", "2 items"));
        assert_eq!(en.decline_reason("expired_card"), en.declined_expired);
        assert_eq!(en.decline_reason("stolen"), "stolen");
    }
}
