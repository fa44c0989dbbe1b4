//! What a product may contain, and every limit of it: said here and nowhere else, so that whoever writes
//! products (a page, a file) finds the same mistakes as the catalogue. Pure: no async, no IO, no clock. It
//! decides nothing that needs the catalogue, such as whether a slug is taken.

mod content;
pub mod text;

pub use content::{check, not_sellable};
pub use text::slugify;

/// Characters of a title in one language.
pub const TITLE_MAX: usize = 255;
/// Characters of a description in one language.
pub const DESCRIPTION_MAX: usize = 100_000;
/// Tags of a description in one language: parsing nested ones takes time that grows with the square.
pub const TAGS_IN_HTML_MAX: usize = 5_000;
/// Characters of the name of an option, an attribute, a category, a brand or a channel.
pub const NAME_MAX: usize = 100;
/// Characters of one value of an option.
pub const OPTION_VALUE_MAX: usize = 100;
/// Characters of the value of an attribute.
pub const ATTRIBUTE_VALUE_MAX: usize = 500;
/// Characters of a tag.
pub const TAG_MAX: usize = 100;
/// Characters of a merchant's number and of a barcode.
pub const CODE_MAX: usize = 100;
/// Characters of an address of a picture.
pub const URL_MAX: usize = 2_000;
/// Characters of the text that stands for a picture.
pub const ALT_MAX: usize = 500;
/// Characters of a channel's code.
pub const CHANNEL_MAX: usize = 32;
/// Options of a product.
pub const OPTIONS_MAX: usize = 3;
/// Values of an option.
pub const OPTION_VALUES_MAX: usize = 100;
/// Variants of a product.
pub const SKUS_MAX: usize = 200;
/// Pictures of a product.
pub const IMAGES_MAX: usize = 50;
/// Attributes of a product.
pub const ATTRIBUTES_MAX: usize = 100;
/// Tags of a product.
pub const TAGS_MAX: usize = 50;
/// Categories of a product.
pub const PRODUCT_CATEGORIES_MAX: usize = 20;
/// Prices of a variant, and channels of a tenant.
pub const CHANNELS_MAX: usize = 50;
/// Categories of a tenant, and brands of a tenant.
pub const GROUPS_MAX: usize = 1_000;
/// Grams of a variant.
pub const WEIGHT_MAX: i64 = 10_000_000;
/// Units that an import may set for a variant.
pub const QUANTITY_MAX: i64 = 1_000_000_000;
/// Bytes of a kept picture.
pub const IMAGE_BYTES_MAX: usize = 512 * 1024;
/// Skus of one question.
pub const SKU_IDS_MAX: usize = 200;
/// Products of one batch of an import.
pub const BATCH_MAX: usize = 50;
/// Products of one question for contents, and slugs of one question for which are known.
pub const CONTENTS_MAX: usize = 100;
