//! The front door: tenant from host or credential, authentication, routing to the services.
//!
//! The bus takes finished routers and puts one edge around them: request id, trace, tenant, actor,
//! deadline, problem documents, access log and metrics. It must not know what any route does, and it
//! never logs a query, a body or a token.

mod build;
mod credentials;
mod directory;
mod edge;
mod front;
mod headers;
mod observe;
mod options;
mod seen;
mod serve;
mod sessions;

pub use build::{BuildError, Builder, Bus, Deps};
pub use credentials::{Malformed, SESSION_COOKIE, bearer, bearer_or_cookie, session_cookie};
pub use directory::TenantDirectory;
pub use headers::{REQUEST_ID, REQUEST_TIMEOUT_MS, TENANT};
pub use options::{CACHE_AGE_MAX, Options, ServeOptions};
pub use seen::SEEN;
pub use serve::serve;
pub use sessions::Authenticator;
