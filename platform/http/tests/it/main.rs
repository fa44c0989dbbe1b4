//! A small service's routes behind [`http_kit::edge::serve_as`]: rules, refusals, limits, and the
//! OpenAPI document.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod demo;
mod document;
mod refusals;
mod rules;
