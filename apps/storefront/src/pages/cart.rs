//! The cart: its lines, each with a form to change it, and the way to the checkout.

use cart_api::{CartLine, CartView};
use maud::{Markup, html};
use types::Quantity;
use ui::layout::csrf_field;
use ui::parts::{Tone, notice};
use ui::{Head, Route, Shell, document, parts};

use super::card::to_product;
use crate::picker::Stock;

/// The cart.
pub(crate) struct CartPage {
    pub(crate) shell: Shell,
    pub(crate) cart: CartView,
    pub(crate) stock: Stock,
    /// Why the last change was not made.
    pub(crate) problem: Option<String>,
}

pub(crate) fn render_cart(page: &CartPage) -> Markup {
    let CartPage { shell, cart, problem, .. } = page;
    let w = shell.words();
    let has_gone = cart.lines.iter().any(|l| !l.sellable);
    let main = html! {
        h1 { (w.cart) }
        @if let Some(problem) = problem { (notice(Tone::Bad, &html! { p { (problem) } })) }
        @if cart.lines.is_empty() {
            (parts::empty(w.cart_empty, Some((w.go_shopping, Route::Products { cursor: None }))))
        } @else {
            ul.lines.cart { @for line in &cart.lines { (cart_line(page, line)) } }
            div.checkout-bar {
                p.subtotal { (w.subtotal) " " strong { (parts::price(cart.subtotal)) } }
                p.small.quiet { (w.shipping_at_checkout) }
                @if has_gone {
                    p.error { (w.cart_has_gone_lines) }
                } @else {
                    a.button href=(Route::Checkout) { (w.to_checkout) }
                }
            }
        }
    };
    document(shell, &Head { title: w.cart, refresh: None }, &main)
}

fn cart_line(page: &CartPage, line: &CartLine) -> Markup {
    let (shell, w) = (&page.shell, page.shell.words());
    let title = line.title.as_ref().map_or(w.gone_product, |t| t.get(&shell.reader.locale));
    let wanted = i64::from(line.quantity.get());
    let short = page.stock.available(line.sku_id).filter(|n| *n < wanted && line.sellable);
    let field = ["quantity-", &line.sku_id.to_string()].concat();
    html! {
        li {
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
                @if !line.sellable { span.error { (w.line_gone) } }
                @match short {
                    Some(n) if n <= 0 => { span.error { (w.sold_out) } }
                    Some(n) => { span.error { (w.only_left(n)) } }
                    None => {}
                }
            }
            form.quantity method="post" action=(Route::CartLines) {
                (csrf_field(shell))
                input type="hidden" name="sku_id" value=(line.sku_id);
                @if line.sellable {
                    label.vh for=(field) { (w.quantity) ": " (title) }
                    input id=(field) type="number" name="quantity" value=(line.quantity.get())
                        min="1" max=(Quantity::MAX) inputmode="numeric";
                    button.quiet type="submit" { (w.update) }
                }
                button.link type="submit" name="remove" value="1" {
                    (w.remove) span.vh { ": " (title) }
                }
            }
            span.sum { @if let Some(total) = line.total { (parts::price(total)) } }
        }
    }
}

#[cfg(test)]
impl super::sample::Samples for CartPage {
    fn samples() -> Vec<Self> {
        use super::sample;
        let mut full = sample::cart();
        let mut gone = full.lines[0].clone();
        gone.sellable = false;
        gone.slug = None;
        gone.title = None;
        gone.price = None;
        gone.total = None;
        gone.image_url = None;
        let plain = Self {
            shell: sample::shell("en"),
            cart: full.clone(),
            stock: sample::stock(),
            problem: None,
        };
        full.lines.push(gone);
        let problem = Some("<no>".to_owned());
        let with_gone =
            Self { shell: sample::shell("zh-CN"), cart: full.clone(), stock: Stock(None), problem };
        full.lines.clear();
        let shell = sample::shell("en");
        vec![plain, with_gone, Self { shell, cart: full, stock: Stock(None), problem: None }]
    }
}
