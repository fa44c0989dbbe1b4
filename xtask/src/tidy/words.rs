//! The rule about words: the platform knows nothing of shops, so no identifier in `platform/*/src` is made of a shop
//! word. Strings, comments, tests and examples are not looked at. Pure.

use super::Finding;
use super::source::{Source, TokenKind};
use super::tree::Tree;

/// The words, in the singular.
const SHOP_WORDS: &[&str] =
    &["order", "sku", "cart", "coupon", "shipment", "warehouse", "checkout"];

/// Phrases in which `order` means a sequence, with the reason each is here.
const PHRASES: &[(&str, &str)] = &[
    ("order_by", "sorting, in SQL and elsewhere"),
    ("in_order", "one after the other"),
    ("out_of_order", "not one after the other"),
    ("sort_order", "a direction of sorting"),
    ("byte_order", "of numbers in memory"),
    ("lock_order", "in which locks are taken"),
    ("commit_order", "in which transactions become durable"),
    ("insertion_order", "of a map or list"),
    ("total_order", "of a comparison"),
    ("reverse_order", "of a list"),
    ("start_order", "in which parts come up"),
    ("topological_order", "of a graph"),
];

/// Whole identifiers that are no shop words, with the reason each is here.
const IDENTIFIERS: &[(&str, &str)] =
    &[("ORDER", "a constant of this name alone lists the columns of a sort")];

/// What may follow `Order::`, which is then sea-query's direction of sorting.
const DIRECTIONS: &[&str] = &["Asc", "Desc", "Field"];

/// The rule.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, source) in tree.sources("platform/") {
        if file.path.split('/').nth(2) != Some("src") {
            continue;
        }
        for (word, line) in shop_words(source) {
            if !tree.exceptions.allows("shop-word", &file.path, &word) {
                let message = format!(
                    "`{word}` is a shop word; the platform has none: name what it is here, or move it to services/ \
                     (if it is none here, allow it with a reason in {})",
                    super::exceptions::FILE
                );
                found.push(Finding::new("shop-word", &file.path, line, message));
            }
        }
    }
    found
}

/// The identifiers with a shop word outside tests, with their lines.
fn shop_words(source: &Source) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut in_sea_query_import = false;
    for (index, token) in source.tokens.iter().enumerate() {
        let after = &source.tokens[index + 1..];
        match token.ident() {
            Some("use") => {
                let mut import =
                    after.iter().take_while(|token| token.kind != TokenKind::Punct(';'));
                in_sea_query_import = import.any(|token| token.ident() == Some("sea_query"));
            }
            Some("Order")
                if in_sea_query_import
                    || is_direction(after.iter().take(3).map(|token| &token.kind)) => {}
            Some(name) if !source.is_test(token.line) && is_shop_word(name) => {
                found.push((name.to_owned(), token.line))
            }
            _ => {}
        }
        if token.kind == TokenKind::Punct(';') {
            in_sea_query_import = false;
        }
    }
    found
}

fn is_direction<'a>(mut next: impl Iterator<Item = &'a TokenKind>) -> bool {
    next.next() == Some(&TokenKind::Punct(':'))
        && next.next() == Some(&TokenKind::Punct(':'))
        && matches!(next.next(), Some(TokenKind::Ident(name)) if DIRECTIONS.contains(&name.as_str()))
}

/// Whether an identifier has a shop word in it, phrases aside.
fn is_shop_word(identifier: &str) -> bool {
    if IDENTIFIERS.iter().any(|(fine, _)| *fine == identifier) {
        return false;
    }
    let mut words = format!("_{}_", snake(identifier));
    for (phrase, _) in PHRASES {
        words = words.replace(&format!("_{phrase}_"), "_");
    }
    words.split('_').any(|word| {
        SHOP_WORDS.contains(&word)
            || word.strip_suffix('s').is_some_and(|word| SHOP_WORDS.contains(&word))
    })
}

/// `OrderLine`, `orderLine` and `ORDER_LINE` as `order_line`.
fn snake(identifier: &str) -> String {
    let mut out = String::new();
    let mut before_is_lower = false;
    for c in identifier.chars() {
        if c.is_uppercase() && before_is_lower {
            out.push('_');
        }
        before_is_lower = c.is_lowercase() || c.is_ascii_digit();
        out.extend(c.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str) -> Vec<String> {
        let text = format!("//! The order of things.\n{code}\n");
        let tree = Tree::sample(&[("platform/x/src/lib.rs", &text)]);
        check(&tree)
            .iter()
            .map(|finding| finding.message.split('`').nth(1).unwrap().to_owned())
            .collect()
    }

    #[test]
    fn shop_words_are_found_in_every_spelling() {
        let code = "struct OrderLine; fn cart() {} const MAX_SKUS: u8 = 1; fn f(warehouse_id: u8) {} use a::Coupon; macro_rules! m { () => { checkout } }";
        assert_eq!(
            found(code),
            ["OrderLine", "cart", "MAX_SKUS", "warehouse_id", "Coupon", "checkout"]
        );
    }

    #[test]
    fn the_sequence_is_no_shop_word() {
        let code = "use std::cmp::Ordering; use sea_query::{Expr, Order}; /// An order.\nfn f() { q.order_by(C, Order::Asc).order_by_with_nulls(x); \
                    let s: OrderedStatement; let in_order = \"order\"; let border = recorder; } const ORDER: [u8; 2] = [1, 2]; #[cfg(test)] mod t { fn cart() {} }";
        assert_eq!(found(code), Vec::<String>::new());
        assert_eq!(
            found("use sea_query::Order; fn f(x: Order) {}"),
            ["Order"],
            "only directions are meant"
        );
    }

    #[test]
    fn only_the_sources_of_the_platform_are_looked_at_and_an_exception_holds() {
        let code = "//! A.\nfn cart() {}\n";
        let elsewhere = [
            "platform/rpc/examples/a.rs",
            "platform/x/tests/it/main.rs",
            "services/cart/src/lib.rs",
        ];
        assert!(check(&Tree::sample(&elsewhere.map(|path| (path, code)))).is_empty());
        let entry = "[[allow]]\nrule = 'shop-word'\nfile = 'platform/x/src/a.rs'\nword = 'cart'\nreason = 'a go-cart'\n";
        assert!(
            check(&Tree::sample(&[("platform/x/src/a.rs", code)]).with_exceptions(entry))
                .is_empty()
        );
    }
}
