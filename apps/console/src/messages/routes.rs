//! The addresses of messages.

use std::fmt;

use kit::Cursor;
use messages_api::{MessageRef, MessageState};
use ui::routes::Url;

/// What the router matches.
pub(crate) mod pattern {
    pub(crate) const LIST: &str = "/console/messages";
    pub(crate) const RETRY_ALL: &str = "/console/messages/retry";
    pub(crate) const SHOW: &str = "/console/messages/{service}/{id}";
    pub(crate) const RETRY: &str = "/console/messages/{service}/{id}/retry";
    pub(crate) const DISCARD: &str = "/console/messages/{service}/{id}/discard";
}

/// Which messages a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Which {
    /// In this state.
    pub(crate) state: MessageState,
    /// Only what this service sent.
    pub(crate) service: Option<String>,
    /// Only with this topic.
    pub(crate) topic: Option<String>,
}

impl Which {
    /// All messages in a state.
    pub(crate) const fn all(state: MessageState) -> Self {
        Self { state, service: None, topic: None }
    }
}

/// An address of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// A list.
    List {
        /// Which messages.
        which: Which,
        /// Where it goes on.
        cursor: Option<Cursor>,
        /// How many were just tried again.
        retried: Option<u64>,
    },
    /// Where all dead messages are tried again.
    RetryAll,
    /// A message.
    Show {
        /// Which.
        message: MessageRef,
        /// What was just done: `retried` or `dropped`.
        done: Option<&'static str>,
    },
    /// Where a message is tried again.
    Retry(MessageRef),
    /// Where a message is dropped.
    Discard(MessageRef),
}

impl Route {
    /// The beginning of a list.
    pub(crate) const fn list(which: Which) -> Self {
        Self::List { which, cursor: None, retried: None }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::new(f);
        match self {
            Self::List { which, cursor, retried } => {
                url.path(pattern::LIST)?;
                url.query("state", Some(which.state.name()))?;
                url.query("service", which.service.as_ref())?;
                url.query("topic", which.topic.as_ref())?;
                url.query("cursor", cursor.as_ref().map(Cursor::as_str))?;
                url.query("retried", *retried)
            }
            Self::RetryAll => url.path(pattern::RETRY_ALL),
            Self::Show { message, done } => {
                url.filled(pattern::SHOW, &[&message.service, &message.id])?;
                url.query("done", *done)
            }
            Self::Retry(message) => url.filled(pattern::RETRY, &[&message.service, &message.id]),
            Self::Discard(message) => {
                url.filled(pattern::DISCARD, &[&message.service, &message.id])
            }
        }
    }
}
