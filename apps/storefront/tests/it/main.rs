//! The pages as a browser meets them: through the router, with mocks of all services behind it.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod account;
mod browse;
mod buy;
mod cart;
mod crawl;
mod data;
mod escape;
mod kept;
mod lists;
mod orders;
mod own;
mod profile;
mod safety;
mod world;
