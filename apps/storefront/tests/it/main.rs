//! The pages as a browser meets them: through the router, with mocks of all services behind it.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod account;
mod browse;
mod browser;
mod buy;
mod data;
mod orders;
mod safety;
mod world;
