//! What every service that signs somebody in needs: password hashes, opaque tokens, the rule of
//! locking out.
//!
//! Nothing here knows a table, a route or who signs in; the service keeps the rows.

pub mod lockout;
pub mod password;
pub mod token;

pub use lockout::{Attempts, LockoutRule};
pub use password::{PasswordHash, PasswordOptions, Passwords};
pub use token::{TokenHash, TokenKind};
