//! What is asked while orders are placed: the order itself, and before a window the lines and checkouts of
//! its carts. It counts nothing.

use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context as _, Result, ensure};
use http::StatusCode;

use crate::load::Work;
use crate::seed::Cart;
use crate::shop::{Pair, Shop, expect, number};
use crate::wire::{Answer, Outgoing};

/// Marks the answer to a request that was answered before.
const REPLAYED: &str = "idempotent-replayed";

/// Places the orders of a batch of carts.
pub struct Placing<'a> {
    /// Where.
    pub shop: &'a Shop,
    /// All carts.
    pub carts: &'a [Cart],
    /// What is in them.
    pub pairs: &'a [Pair],
    /// Those that are used, by number.
    pub batch: &'a [usize],
}

impl Placing<'_> {
    fn cart(&self, n: u64) -> Option<&Cart> {
        let cart = self.batch.get(usize::try_from(n).ok()?)?;
        self.carts.get(*cart)
    }
}

impl Work for Placing<'_> {
    fn request(&self, n: u64) -> Option<Outgoing> {
        let cart = self.cart(n)?;
        let total = &self.pairs[cart.pair].total;
        self.shop.place(&cart.bearer, cart.checkout_id, cart.address_id, total).ok()
    }

    fn check(&self, _n: u64, answer: &Answer) -> Result<()> {
        expect(answer, &[StatusCode::CREATED])?;
        ensure!(!answer.headers.contains_key(REPLAYED), "an order that was placed before");
        Ok(())
    }
}

/// A step of filling carts.
pub enum FillStep<'a> {
    /// Puts the first or the second sku in.
    Line(usize),
    /// Begins the checkouts and keeps their ids.
    Checkout(&'a [AtomicI64]),
}

/// Fills a batch of carts.
pub struct Filling<'a> {
    /// Which.
    pub on: Placing<'a>,
    /// With what.
    pub step: FillStep<'a>,
    /// Whether a checkout may be the one before: when an order of it was refused.
    pub may_go_on: bool,
}

impl Work for Filling<'_> {
    fn request(&self, n: u64) -> Option<Outgoing> {
        let cart = self.on.cart(n)?;
        match self.step {
            FillStep::Line(i) => {
                self.on.shop.put_line(&cart.bearer, self.on.pairs[cart.pair].skus[i]).ok()
            }
            FillStep::Checkout(_) => self.on.shop.begin_checkout(&cart.bearer).ok(),
        }
    }

    fn keeps_bodies(&self) -> bool {
        matches!(self.step, FillStep::Checkout(_))
    }

    fn check(&self, n: u64, answer: &Answer) -> Result<()> {
        expect(answer, &[StatusCode::OK])?;
        if let FillStep::Checkout(begun) = &self.step {
            let checkout_id = number(&serde_json::from_slice(&answer.body)?, "/checkout_id")?;
            let slot = begun.get(usize::try_from(n)?).context("a checkout too many")?;
            let before = self.on.cart(n).map(|cart| cart.checkout_id);
            ensure!(
                self.may_go_on || before != Some(checkout_id),
                "the checkout before is not over"
            );
            slot.store(checkout_id, Ordering::Relaxed);
        }
        Ok(())
    }
}
