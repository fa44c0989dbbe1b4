//! The rules of a cart: lines, merging, taking out what was ordered, what a cart costs. Pure: no async,
//! no IO.

use std::collections::HashMap;

use cart_api::{CartLine, CartView, Error, LINES_MAX};
use kit::{Currency, Money, Secret};
use product_api::SkuInfo;
use rpc::Fault;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use types::{MemberId, OrderId, Quantity, SkuId};

/// Random bytes of a token.
pub const TOKEN_BYTES: usize = 16;

/// Whose cart it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A member's.
    Member(MemberId),
    /// Of whoever has the token; kept as its hash.
    Token(String),
}

impl Owner {
    /// The owner by a token; `None` when it cannot be one.
    pub fn of_token(token: &Secret<String>) -> Option<Self> {
        let text = token.expose();
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let fits = text.len() == TOKEN_BYTES * 2 && text.bytes().all(hex);
        fits.then(|| Self::Token(hex::encode(Sha256::digest(text.as_bytes()))))
    }

    /// As the table has it.
    pub fn key(&self) -> String {
        match self {
            Self::Member(id) => format!("m:{id}"),
            Self::Token(hash) => format!("t:{hash}"),
        }
    }
}

/// What is in a cart, in the order it was put in; each sku once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Basket(Vec<(SkuId, Quantity)>);

impl Basket {
    /// The lines.
    pub fn lines(&self) -> &[(SkuId, Quantity)] {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets how many of a sku are in it, or adds to what is there, up to the largest quantity.
    ///
    /// # Errors
    /// `Full` when a new line is one too many.
    pub fn put(&mut self, sku: SkuId, quantity: Quantity, add: bool) -> Result<(), Error> {
        if let Some((_, there)) = self.0.iter_mut().find(|(s, _)| *s == sku) {
            *there = if add { there.plus_capped(quantity) } else { quantity };
            return Ok(());
        }
        if self.0.len() >= LINES_MAX {
            return Err(Error::Full);
        }
        self.0.push((sku, quantity));
        Ok(())
    }

    /// How many of a sku are in it.
    pub fn quantity(&self, sku: SkuId) -> Option<Quantity> {
        self.0.iter().find(|(s, _)| *s == sku).map(|(_, quantity)| *quantity)
    }

    fn must_have(&self, sku: SkuId) -> Result<(), Error> {
        match self.quantity(sku) {
            Some(_) => Ok(()),
            None => Err(Fault::not_found("this line").into()),
        }
    }

    /// Removes a line; nothing when there is none.
    pub fn remove(&mut self, sku: SkuId) {
        self.0.retain(|(s, _)| *s != sku);
    }

    /// Adds another cart's lines, summed per sku and capped; lines past the limit are left out.
    pub fn absorb(&mut self, other: &Self) {
        for (sku, quantity) in &other.0 {
            // Full: what is in the cart already wins.
            let _ = self.put(*sku, *quantity, true);
        }
    }

    /// Takes out what was ordered, as far as it is there.
    pub fn take_out(&mut self, ordered: &[(SkuId, Quantity)]) {
        for (sku, quantity) in ordered {
            let Some(at) = self.0.iter().position(|(s, _)| s == sku) else { continue };
            match Quantity::new(self.0[at].1.get().saturating_sub(quantity.get())) {
                Ok(left) => self.0[at].1 = left,
                Err(_) => drop(self.0.remove(at)),
            }
        }
    }
}

/// A cart as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    pub basket: Basket,
    /// For later: never ordered.
    pub saved: Basket,
    pub checkout_id: Option<OrderId>,
    /// Counts its changes; 0 for one that is not kept yet.
    pub version: i64,
}

impl Kept {
    /// Moves a line to what is saved, added to what is there. Nothing when it is there already.
    ///
    /// # Errors
    /// `SavedFull`, or not found when it is in neither.
    pub fn save_for_later(&mut self, sku: SkuId) -> Result<(), Error> {
        let Some(quantity) = self.basket.quantity(sku) else { return self.saved.must_have(sku) };
        self.saved.put(sku, quantity, true).map_err(|_| Error::SavedFull)?;
        self.basket.remove(sku);
        Ok(())
    }

    /// Moves a saved line into the cart, added to what is there. Nothing when it is there already.
    ///
    /// # Errors
    /// `Full`, or not found when it is in neither.
    pub fn move_to_cart(&mut self, sku: SkuId) -> Result<(), Error> {
        let Some(quantity) = self.saved.quantity(sku) else { return self.basket.must_have(sku) };
        self.basket.put(sku, quantity, true)?;
        self.saved.remove(sku);
        Ok(())
    }

    /// All its skus, each once.
    #[must_use]
    pub fn skus(&self) -> Vec<SkuId> {
        let lines = self.basket.lines().iter().chain(self.saved.lines());
        let mut skus: Vec<SkuId> = lines.map(|(sku, _)| *sku).collect();
        skus.sort();
        skus.dedup();
        skus
    }
}

/// A cart with what is known of its skus now. A line that is unknown, not on sale, or past what money
/// can carry is shown, but is not sellable and not in the sum.
#[must_use]
pub fn view(kept: &Kept, skus: Vec<SkuInfo>, currency: Currency) -> CartView {
    let known: HashMap<SkuId, SkuInfo> = skus.into_iter().map(|s| (s.sku_id, s)).collect();
    let show = |(sku, quantity): &(SkuId, Quantity)| line(*sku, *quantity, known.get(sku));
    let mut subtotal = Money::zero(currency);
    let mut lines: Vec<CartLine> = kept.basket.lines().iter().map(show).collect();
    for line in lines.iter_mut().filter(|line| line.sellable) {
        match line.total.and_then(|total| subtotal.plus(total).ok()) {
            Some(sum) => subtotal = sum,
            None => line.sellable = false,
        }
    }
    let saved = kept.saved.lines().iter().map(show).collect();
    CartView { lines, saved, subtotal, version: kept.version }
}

fn line(sku_id: SkuId, quantity: Quantity, info: Option<&SkuInfo>) -> CartLine {
    let Some(info) = info else { return unknown_line(sku_id, quantity) };
    let total = info.price.and_then(|price| price.times(quantity.get().into()).ok());
    CartLine {
        sku_id,
        quantity,
        slug: Some(info.slug.clone()),
        title: Some(info.title.clone()),
        variant: info.variant.clone(),
        image_url: info.image.as_ref().map(|i| i.url.clone()),
        price: info.price,
        total,
        sellable: info.sellable && total.is_some(),
    }
}

fn unknown_line(sku_id: SkuId, quantity: Quantity) -> CartLine {
    CartLine {
        sku_id,
        quantity,
        slug: None,
        title: None,
        variant: String::new(),
        image_url: None,
        price: None,
        total: None,
        sellable: false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use types::Texts;

    use super::*;

    fn sku(n: i64) -> SkuId {
        SkuId::from_i64(n).unwrap()
    }

    fn many(n: u32) -> Quantity {
        Quantity::new(n).unwrap()
    }

    fn basket(lines: &[(i64, u32)]) -> Basket {
        Basket(lines.iter().map(|(s, n)| (sku(*s), many(*n))).collect())
    }

    fn info(n: i64, amount: i64, sellable: bool) -> SkuInfo {
        SkuInfo {
            sku_id: sku(n),
            spu_id: types::SpuId::from_i64(1).unwrap(),
            slug: "rose".parse().unwrap(),
            title: Texts::one("en".parse().unwrap(), "Rose"),
            variant: String::new(),
            code: String::new(),
            price: Some(Money::new(amount, "CNY".parse().unwrap()).unwrap()),
            image: None,
            sellable,
        }
    }

    #[test]
    fn lines_keep_the_order_they_came_in() {
        let mut b = basket(&[(5, 1), (3, 2)]);
        b.put(sku(9), many(1), false).unwrap();
        b.put(sku(5), many(4), true).unwrap();
        b.put(sku(3), many(1), false).unwrap();
        assert_eq!(b, basket(&[(5, 5), (3, 1), (9, 1)]));
        b.remove(sku(3));
        b.remove(sku(3));
        assert_eq!(b, basket(&[(5, 5), (9, 1)]));
    }

    #[test]
    fn a_cart_is_full_at_a_hundred_lines_and_its_lines_at_ten_thousand() {
        let mut b = Basket::default();
        for n in 0..100 {
            b.put(sku(n), many(1), true).unwrap();
        }
        assert_eq!(b.put(sku(100), many(1), true), Err(Error::Full));
        b.put(sku(0), many(10_000), true).unwrap();
        assert_eq!(b.lines()[0].1.get(), 10_000);
        let mut merged = b.clone();
        merged.absorb(&basket(&[(0, 5), (100, 1)]));
        assert_eq!(merged, b, "neither over the cap nor past the last line");
    }

    #[test]
    fn what_cannot_be_bought_is_shown_and_not_summed() {
        let b = basket(&[(1, 2), (2, 1), (3, 1), (4, 10_000)]);
        let saved = basket(&[(1, 5), (8, 1)]);
        let kept = Kept { basket: b, saved, checkout_id: None, version: 7 };
        let infos =
            vec![info(4, kit::money::AMOUNT_MAX, true), info(1, 150, true), info(2, 999, false)];
        let view = view(&kept, infos, "CNY".parse().unwrap());
        assert_eq!((view.subtotal.amount(), view.version), (300, 7));
        let sellable: Vec<_> = view.lines.iter().map(|l| (l.sku_id.get(), l.sellable)).collect();
        assert_eq!(sellable, [(1, true), (2, false), (3, false), (4, false)]);
        assert_eq!(view.lines[1].total.map(Money::amount), Some(999));
        assert!(view.lines[2].title.is_none());
        let saved: Vec<_> = view.saved.iter().map(|l| (l.sku_id.get(), l.sellable)).collect();
        assert_eq!(saved, [(1, true), (8, false)], "shown with its price, and not in the sum");
        assert_eq!(view.saved[0].total.map(Money::amount), Some(750));
    }

    #[test]
    fn a_line_moves_there_and_back_and_none_is_lost() {
        let basket_of = |lines| Kept { basket: basket(lines), ..Kept::default() };
        let mut kept = basket_of(&[(1, 2), (2, 1)]);
        kept.save_for_later(sku(1)).unwrap();
        kept.save_for_later(sku(1)).unwrap();
        assert_eq!((&kept.basket, &kept.saved), (&basket(&[(2, 1)]), &basket(&[(1, 2)])));
        kept.basket.put(sku(1), many(3), false).unwrap();
        kept.save_for_later(sku(1)).unwrap();
        assert_eq!(kept.saved, basket(&[(1, 5)]), "added to what was saved");
        kept.move_to_cart(sku(1)).unwrap();
        kept.move_to_cart(sku(1)).unwrap();
        assert_eq!((&kept.basket, kept.saved.is_empty()), (&basket(&[(2, 1), (1, 5)]), true));
        assert!(kept.save_for_later(sku(9)).is_err() && kept.move_to_cart(sku(9)).is_err());
        let hundred: Vec<_> = (0..100).map(|n| (n, 1)).collect();
        let mut full = Kept { saved: basket(&hundred), ..basket_of(&[(200, 1)]) };
        let before = full.clone();
        assert_eq!(full.save_for_later(sku(200)), Err(Error::SavedFull));
        assert_eq!(full, before);
        let mut full = Kept { saved: basket(&[(200, 1)]), ..basket_of(&hundred) };
        let before = full.clone();
        assert_eq!(full.move_to_cart(sku(200)), Err(Error::Full));
        assert_eq!(full, before);
    }

    #[test]
    fn a_token_is_known_by_its_hash_and_only_its_shape_is_one() {
        let of = |t: &str| Owner::of_token(&Secret::new(t.to_owned()));
        let token = "00112233445566778899aabbccddeeff";
        let key = of(token).unwrap().key();
        assert!(key.starts_with("t:") && key.len() == 66 && !key.contains(token));
        for bad in ["", "00112233445566778899AABBCCDDEEFF", "00112233445566778899aabbccddee", "é"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    prop_compose! {
        fn lines()(lines in prop::collection::vec((0_i64..12, 1_u32..=Quantity::MAX), 0..20)) -> Vec<(SkuId, Quantity)> {
            lines.into_iter().map(|(s, n)| (sku(s), many(n))).collect()
        }
    }

    proptest! {
        #[test]
        fn a_basket_never_has_a_sku_twice_and_survives_its_json(put in lines(), merged in lines(), out in lines()) {
            let mut b = Basket::default();
            for (s, n) in &put {
                b.put(*s, *n, true).unwrap();
            }
            let mut other = Basket::default();
            for (s, n) in &merged {
                other.put(*s, *n, false).unwrap();
            }
            b.absorb(&other);
            let before = b.clone();
            b.take_out(&out);
            let mut skus: Vec<_> = b.lines().iter().map(|(s, _)| *s).collect();
            skus.sort();
            skus.dedup();
            prop_assert_eq!(skus.len(), b.lines().len());
            for (s, n) in b.lines() {
                let had = before.lines().iter().find(|(x, _)| x == s).map_or(0, |(_, n)| n.get());
                prop_assert!(n.get() <= had);
            }
            let json = serde_json::to_string(&b).unwrap();
            prop_assert_eq!(serde_json::from_str::<Basket>(&json).unwrap(), b);
        }
    }
}
