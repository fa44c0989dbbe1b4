//! Who works here and what they may do, the credentials of programs, and one's own account.

pub(crate) mod account;
mod credential_handlers;
pub(crate) mod credentials;
mod handlers;
mod matrix;
mod own_handlers;
pub(crate) mod people;
pub(crate) mod routes;
pub(crate) mod token;
mod words;

use crate::guard::{Access, Pages};
use routes::pattern;

pub(crate) use words::Words;

const READ: Access = Access::May("staff:read");
const WRITE: Access = Access::May("staff:write");

/// Adds the routes.
pub(crate) fn pages(pages: Pages) -> Pages {
    pages
        .get(pattern::PEOPLE, READ, handlers::list)
        .post(pattern::PEOPLE, WRITE, handlers::add)
        .post(pattern::ROLE, WRITE, handlers::change_role)
        .post(pattern::ENABLED, WRITE, handlers::change_enabled)
        .get(pattern::CREDENTIALS, READ, credential_handlers::list)
        .post(pattern::CREDENTIALS, WRITE, credential_handlers::create)
        .post(pattern::REVOKE, WRITE, credential_handlers::revoke)
        .get(pattern::ACCOUNT, Access::SignedIn, own_handlers::show)
        .post(pattern::PASSWORD, Access::SignedIn, own_handlers::change_password)
}

#[cfg(test)]
pub(crate) fn samples() -> Vec<crate::samples::Rendered> {
    use crate::samples::rendered;
    vec![
        rendered("render_people", people::render_people),
        rendered("render_credentials", credentials::render_credentials),
        rendered("render_token", token::render_token),
        rendered("render_account", account::render_account),
    ]
}
