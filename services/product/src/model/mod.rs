//! The rules of the catalogue: what a product may contain, when it may be sold, which variant keeps its
//! id. Pure: no async, no IO, no clock. What a product may contain is said by `product_api::rules`, so
//! that whoever writes products may check them; limits that only this service keeps stand here.

pub mod group;
pub mod html;
pub mod image;
pub mod merge;
pub mod plan;
mod svg;

pub use group::{Branch, Tree};
pub use image::{NotKept, inspect};
pub use merge::carry_over;
pub use plan::{Card, match_skus};
pub use product_api::rules::{
    BATCH_MAX, CHANNELS_MAX, CONTENTS_MAX, GROUPS_MAX, IMAGE_BYTES_MAX, NAME_MAX, QUANTITY_MAX,
    SKU_IDS_MAX, check, not_sellable, slugify, text,
};

/// How deep categories nest.
pub const DEPTH_MAX: usize = 8;

#[cfg(test)]
pub(crate) mod samples;
