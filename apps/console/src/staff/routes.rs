//! The addresses of staff, credentials and one's own account, and what a page says was done.

use std::fmt;

use kit::Cursor;
use types::{CredentialId, StaffId};
use ui::routes::Url;

use super::Words;

/// What the router matches.
pub(crate) mod pattern {
    pub(crate) const PEOPLE: &str = "/console/staff";
    pub(crate) const ROLE: &str = "/console/staff/{id}/role";
    pub(crate) const ENABLED: &str = "/console/staff/{id}/enabled";
    pub(crate) const CREDENTIALS: &str = "/console/credentials";
    pub(crate) const REVOKE: &str = "/console/credentials/{id}/revoke";
    pub(crate) const ACCOUNT: &str = "/console/account";
    pub(crate) const PASSWORD: &str = "/console/account/password";
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// Who works here; also where somebody is added.
    People {
        /// Where the list goes on.
        cursor: Option<Cursor>,
        /// What was just done.
        done: Option<Done>,
    },
    /// Gives somebody another role.
    Role {
        /// Who.
        id: StaffId,
    },
    /// Says whether somebody may sign in.
    Enabled {
        /// Who.
        id: StaffId,
    },
    /// The credentials; also where one is made.
    Credentials {
        /// Where the list goes on.
        cursor: Option<Cursor>,
        /// What was just done.
        done: Option<Done>,
    },
    /// Ends a credential.
    Revoke {
        /// Which.
        id: CredentialId,
    },
    /// One's own account.
    Account {
        /// What was just done.
        done: Option<Done>,
    },
    /// Changes one's own password.
    Password,
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::new(f);
        let mut list = |path, cursor: &Option<Cursor>, done: &Option<Done>| {
            url.path(path)?;
            url.query("cursor", cursor.as_ref().map(Cursor::as_str))?;
            url.query("done", done.map(Done::key))
        };
        match self {
            Self::People { cursor, done } => list(pattern::PEOPLE, cursor, done),
            Self::Credentials { cursor, done } => list(pattern::CREDENTIALS, cursor, done),
            Self::Account { done } => list(pattern::ACCOUNT, &None, done),
            Self::Role { id } => url.filled(pattern::ROLE, &[&id.to_string()]),
            Self::Enabled { id } => url.filled(pattern::ENABLED, &[&id.to_string()]),
            Self::Revoke { id } => url.filled(pattern::REVOKE, &[&id.to_string()]),
            Self::Password => url.path(pattern::PASSWORD),
        }
    }
}

/// What was just done. Addresses name it, so it is a closed set and no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Somebody was added.
    Added,
    /// Somebody has another role.
    Role,
    /// Somebody may not sign in any more.
    Disabled,
    /// Somebody may sign in again.
    Enabled,
    /// A credential was ended.
    Revoked,
    /// One has another password.
    Password,
}

impl Done {
    const ALL: [Self; 6] =
        [Self::Added, Self::Role, Self::Disabled, Self::Enabled, Self::Revoked, Self::Password];

    /// As addresses have it.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Role => "role",
            Self::Disabled => "disabled",
            Self::Enabled => "enabled",
            Self::Revoked => "revoked",
            Self::Password => "password",
        }
    }

    /// Reads an address; anything else is nothing.
    pub(crate) fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.key() == key)
    }

    /// In words.
    pub(crate) const fn text(self, w: &Words) -> &'static str {
        match self {
            Self::Added => w.done_added,
            Self::Role => w.done_role,
            Self::Disabled => w.done_disabled,
            Self::Enabled => w.done_enabled,
            Self::Revoked => w.done_revoked,
            Self::Password => w.done_password,
        }
    }
}
