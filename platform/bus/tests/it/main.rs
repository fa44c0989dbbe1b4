//! The bus as clients meet it: through a TCP listener, with a small demo service behind it.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod demo;
mod identity;
mod limits;
mod logs;
mod observing;
mod seen;
mod serving;
mod tenants;
