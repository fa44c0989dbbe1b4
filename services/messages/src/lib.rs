//! The service `messages`: a tenant's view on the messages between services. It has no database: it asks
//! the outboxes of all services, in the name of the caller's tenant, and knows no topic by name.

mod http;
mod model;
mod service;

use std::sync::Arc;

use messages_api::MessagesClient;
use outbox::Outbox;

/// What the service needs.
pub struct Deps {
    /// Every service's outbox, by the service's name: the handles that the services put with, so that a
    /// retry wakes their relays.
    pub outboxes: Vec<(&'static str, Outbox)>,
}

/// The running service.
pub struct Running {
    /// The handle for others.
    pub client: MessagesClient,
    /// Its routes.
    pub api: http_kit::Api<MessagesClient>,
}

/// Starts the service.
#[must_use]
pub fn start(deps: Deps) -> Running {
    let client = MessagesClient::from_arc(Arc::new(service::Service { outboxes: deps.outboxes }));
    Running { api: http::api(client.clone()), client }
}
