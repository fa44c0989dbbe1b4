//! Layered, validated settings.
//!
//! Four layers, the later one wins: the embedded, commented defaults; a TOML file; environment variables
//! `STOA_SECTION__KEY`; explicit overrides of the command line. The result is deserialised into any type
//! and then validated. Every problem names the key, where its value came from and what is allowed.
//! It must not read the environment or a file by itself, and must never repeat a secret's value.

mod error;
mod loader;
mod tree;
mod units;
mod validate;

pub use error::{Error, Problem, Source};
pub use loader::Loader;
pub use units::{ByteSize, Duration, InvalidUnit};
pub use validate::{Problems, Validate};
