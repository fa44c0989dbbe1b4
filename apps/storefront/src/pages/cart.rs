//! The cart: its lines, each with a form to change it, what was saved for later, and the way to the
//! checkout.

use cart_api::{CartLine, CartView};
use inventory_api::SHOWN_MAX;
use maud::{Markup, html};
use types::Quantity;
use ui::layout::csrf_field;
use ui::parts::{Tone, notice};
use ui::{Head, Reader, Route, Shell, Words, document, parts};

use super::card::to_product;
use crate::picker::Stock;

/// The cart.
pub(crate) struct CartPage {
    pub(crate) shell: Shell,
    pub(crate) cart: CartView,
    /// Of the lines and of what was saved.
    pub(crate) stock: Stock,
    /// Why the last change was not made.
    pub(crate) problem: Option<String>,
}

impl CartPage {
    /// How much there is of a line that wants more. Of plenty it is not known how much it is.
    fn short(&self, line: &CartLine) -> Option<i64> {
        let wanted = i64::from(line.quantity.get()).min(SHOWN_MAX);
        self.stock.available(line.sku_id).filter(|n| *n < wanted && line.sellable)
    }
}

pub(crate) fn render_cart(page: &CartPage) -> Markup {
    let CartPage { shell, cart, problem, .. } = page;
    let w = shell.words();
    let main = html! {
        h1 { (w.cart) }
        @if let Some(problem) = problem { (notice(Tone::Bad, &html! { p { (problem) } })) }
        @if cart.lines.is_empty() {
            (parts::empty(w.cart_empty, Some((w.go_shopping, Route::products()))))
        } @else {
            (troubles(page))
            ul.lines.cart { @for line in &cart.lines { (cart_line(page, line)) } }
            (way_on(page))
        }
        (saved(page))
    };
    document(shell, &Head { title: w.cart, ..Head::default() }, &main)
}

/// What keeps the cart from being ordered, line by line.
fn troubles(page: &CartPage) -> Markup {
    let (w, reader) = (page.shell.words(), &page.shell.reader);
    let lines = &page.cart.lines;
    let gone: Vec<&CartLine> = lines.iter().filter(|l| !l.sellable).collect();
    let short: Vec<(&CartLine, i64)> =
        lines.iter().filter_map(|l| page.short(l).map(|n| (l, n))).collect();
    html! {
        @if !gone.is_empty() || !short.is_empty() {
            (notice(Tone::Bad, &html! {
                @if !gone.is_empty() {
                    p { (w.order_line_gone) }
                    ul { @for line in &gone { li { (line_name(line, reader, w)) } } }
                }
                @if !short.is_empty() {
                    p { (w.sold_out_lines) }
                    ul {
                        @for (line, n) in &short {
                            @let wanted = line.quantity.get().into();
                            li {
                                (line_name(line, reader, w)) " — "
                                (w.wanted_available(wanted, (*n).max(0)))
                            }
                        }
                    }
                }
            }))
        }
    }
}

/// Title and variant of a line, in the reader's language.
pub(crate) fn line_name(line: &CartLine, reader: &Reader, w: &Words) -> String {
    let title = line.title.as_ref().map_or(w.gone_product, |t| t.get(&reader.locale));
    let parts = [title, &line.variant];
    parts.into_iter().filter(|p| !p.is_empty()).collect::<Vec<_>>().join(", ")
}

fn way_on(page: &CartPage) -> Markup {
    let (w, cart) = (page.shell.words(), &page.cart);
    let has_gone = cart.lines.iter().any(|l| !l.sellable);
    let has_short = cart.lines.iter().any(|l| page.short(l).is_some());
    html! {
        div.checkout-bar {
            p.subtotal { (w.subtotal) " " strong { (parts::price(cart.subtotal)) } }
            p.small.quiet { (w.shipping_at_checkout) }
            @if has_gone {
                p.error { (w.cart_has_gone_lines) }
            } @else if has_short {
                p.error { (w.cart_has_short_lines) }
            } @else {
                a.button href=(Route::Checkout) { (w.to_checkout) }
            }
        }
    }
}

/// Picture, name and price of a line.
fn what(page: &CartPage, line: &CartLine) -> Markup {
    let (shell, w) = (&page.shell, page.shell.words());
    let title = line.title.as_ref().map_or(w.gone_product, |t| t.get(&shell.reader.locale));
    html! {
        span.thumb { (parts::picture(line.image_url.as_deref(), "", w, true)) }
        div.what {
            @if let Some(slug) = &line.slug {
                a.title href=(to_product(slug)) { (title) }
            } @else {
                span.title { (title) }
            }
            @if !line.variant.is_empty() { span.quiet { (line.variant) } }
            @if let Some(price) = line.price {
                span.quiet { (parts::price(price)) " " (w.each) }
            }
            (state(page, line))
        }
    }
}

fn state(page: &CartPage, line: &CartLine) -> Markup {
    let w = page.shell.words();
    html! {
        @if !line.sellable { span.error { (w.line_gone) } }
        @match page.short(line) {
            Some(n) if n <= 0 => { span.error { (w.sold_out) } }
            Some(n) => { span.error { (w.only_left(n)) } }
            None => {}
        }
    }
}

fn cart_line(page: &CartPage, line: &CartLine) -> Markup {
    let (shell, w) = (&page.shell, page.shell.words());
    let name = line_name(line, &shell.reader, w);
    let field = ["quantity-", &line.sku_id.to_string()].concat();
    html! {
        li {
            (what(page, line))
            form.quantity method="post" action=(Route::CartLines) {
                (csrf_field(shell))
                input type="hidden" name="sku_id" value=(line.sku_id);
                @if line.sellable {
                    label.vh for=(field) { (w.quantity) ": " (name) }
                    input id=(field) type="number" name="quantity" value=(line.quantity.get())
                        min="1" max=(Quantity::MAX) inputmode="numeric"
                        aria-invalid=[page.short(line).map(|_| "true")];
                    button.quiet type="submit" { (w.update) span.vh { ": " (name) } }
                }
                button.link type="submit" name="save" value="1" formaction=(Route::CartSaved) {
                    (w.save_for_later) span.vh { ": " (name) }
                }
                button.link type="submit" name="remove" value="1" {
                    (w.remove) span.vh { ": " (name) }
                }
            }
            span.sum { @if let Some(total) = line.total { (parts::price(total)) } }
        }
    }
}

fn saved(page: &CartPage) -> Markup {
    let (shell, w) = (&page.shell, page.shell.words());
    html! {
        @if !page.cart.saved.is_empty() {
            section aria-labelledby="saved" {
                h2 #saved { (w.saved_for_later) }
                ul.lines.cart {
                    @for line in &page.cart.saved {
                        @let name = line_name(line, &shell.reader, w);
                        li {
                            (what(page, line))
                            form.quantity method="post" action=(Route::CartSaved) {
                                (csrf_field(shell))
                                input type="hidden" name="sku_id" value=(line.sku_id);
                                @if line.sellable {
                                    button.quiet type="submit" name="restore" value="1" {
                                        (w.move_to_cart) span.vh { ": " (name) }
                                    }
                                }
                                button.link type="submit" name="remove" value="1" {
                                    (w.remove) span.vh { ": " (name) }
                                }
                            }
                            span.sum.quiet { (line.quantity.get()) " ×" }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
impl super::sample::Samples for CartPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let page = |locale: &str, cart: &CartView| Self {
            shell: sample::shell(locale),
            cart: cart.clone(),
            stock: sample::stock(),
            problem: None,
        };
        let full = sample::cart();
        let mut gone = full.lines[0].clone();
        gone.sellable = false;
        gone.slug = None;
        gone.title = None;
        gone.price = None;
        gone.total = None;
        gone.image_url = None;
        let mut with_gone = full.clone();
        with_gone.lines.push(gone.clone());
        with_gone.saved.push(gone);
        let mut with_gone = page("zh-CN", &with_gone);
        with_gone.problem = Some("<no>".to_owned());
        with_gone.stock = Stock(None);
        let mut short = full.clone();
        short.lines[0].quantity = Quantity::new(9).unwrap();
        short.saved = full.lines.clone();
        let mut sold_out = page("zh-CN", &short);
        sold_out.stock = Stock(Some(std::collections::BTreeMap::new()));
        let mut empty = full.clone();
        empty.saved = full.lines.clone();
        empty.lines.clear();
        let nothing = CartView { saved: vec![], ..empty.clone() };
        vec![
            page("en", &full),
            with_gone,
            page("en", &short),
            sold_out,
            page("en", &empty),
            page("en", &nothing),
        ]
    }
}
