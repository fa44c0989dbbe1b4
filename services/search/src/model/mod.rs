//! The rules of finding: what the words of a text are, what a product and an order are found by, what a
//! result can be narrowed by. Pure: no async, no IO.

pub mod catch_up;
pub mod entry;
pub mod facets;
pub mod order;
pub mod text;
pub mod tree;
pub mod wanted;

#[cfg(test)]
mod tests;
