//! A router whose every route declares its rule, and the OpenAPI document that grows with it. A route
//! without a rule cannot be added.

use axum::Router;
use utoipa::openapi::{OpenApi, OpenApiBuilder};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::access::RouteRule;
use crate::openapi;

/// Routes with rules. Built out of a service's handlers in its `http.rs`:
/// `Api::new(state).route(Access::User, routes!(list, show)).route(Access::User.idempotent(), routes!(place))`.
pub struct Api<S = ()> {
    state: S,
    router: OpenApiRouter,
    conflicts: Vec<String>,
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// No routes yet. The state is given to every handler.
    #[must_use]
    pub fn new(state: S) -> Self {
        let router = OpenApiRouter::with_openapi(OpenApiBuilder::new().build());
        Self { state, router, conflicts: Vec::new() }
    }

    /// Adds routes that share a rule.
    ///
    /// # Panics
    /// When a route with the same method and path is there already: a mistake in the wiring, found by
    /// the first test that builds the router.
    #[must_use]
    pub fn route(mut self, rule: impl Into<RouteRule>, routes: UtoipaMethodRouter<S>) -> Self {
        let rule = rule.into();
        let (schemas, mut paths, handlers) = routes;
        for item in paths.paths.values_mut() {
            for (_, operation) in openapi::operations(item) {
                openapi::declare(operation, rule);
            }
        }
        let mut addition = OpenApiBuilder::new().build();
        addition.components.get_or_insert_default().schemas.extend(schemas.iter().cloned());
        self.note_conflicts(&addition);
        let handlers = handlers.route_layer(rule.layer()).with_state(self.state.clone());
        self.router = self.router.routes((schemas, paths, handlers));
        self
    }

    /// Adds another service's routes.
    ///
    /// # Panics
    /// As [`Api::route`].
    #[must_use]
    pub fn merge<T>(mut self, other: Api<T>) -> Self {
        self.conflicts.extend(other.conflicts);
        self.note_conflicts(other.router.get_openapi());
        self.router = self.router.merge(other.router);
        self
    }

    /// Names of schemas that mean different things in different places; a test asserts that there are none.
    #[must_use]
    pub fn schema_conflicts(&self) -> &[String] {
        &self.conflicts
    }

    /// The router and its finished document: every operation has an id, and every error answer the
    /// schema of a problem.
    pub fn finish(self) -> (Router, OpenApi) {
        for name in &self.conflicts {
            tracing::error!(schema = name, "two different schemas have the same name");
        }
        let (router, mut document) = self.router.split_for_parts();
        openapi::finish(&mut document);
        (router, document)
    }

    fn note_conflicts(&mut self, addition: &OpenApi) {
        let Some(new) = &addition.components else { return };
        let Some(known) = &self.router.get_openapi().components else { return };
        let clashing = new
            .schemas
            .iter()
            .filter(|(name, schema)| known.schemas.get(*name).is_some_and(|k| k != *schema))
            .map(|(name, _)| name.clone());
        self.conflicts.extend(clashing);
    }
}
