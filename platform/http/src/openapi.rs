//! The OpenAPI document: what rules write into operations, and the last step that makes it whole. The
//! document is committed, so the same routes must always give the same text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::PartialSchema as _;
use utoipa::ToSchema as _;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Content, InfoBuilder, OpenApi, OpenApiVersion, Ref, RefOr, Required, Response, ResponseBuilder,
};

use crate::access::{Access, RouteRule};
use crate::idempotency::{IDEMPOTENCY_KEY_NAME, KEY_LENGTH_MAX};
use crate::problem::{PROBLEM_JSON, ProblemBody};

/// The name of the security scheme: a bearer token.
pub const BEARER: &str = "bearer";

/// The operations of a path, by lower-case method.
pub(crate) fn operations(
    item: &mut PathItem,
) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("delete", &mut item.delete),
        ("options", &mut item.options),
        ("head", &mut item.head),
        ("patch", &mut item.patch),
        ("trace", &mut item.trace),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|o| (method, o)))
}

/// Writes a route's rule into its operation.
pub(crate) fn declare(operation: &mut Operation, rule: RouteRule) {
    let bearer = |scopes: &[&str]| vec![SecurityRequirement::new(BEARER, scopes.iter().copied())];
    operation.security = Some(match rule.access {
        Access::Public => Vec::new(),
        Access::User | Access::Operator => bearer(&[]),
        Access::Permission(permission) => bearer(&[permission]),
    });
    if let Access::Permission(permission) = rule.access {
        let addition = ExtensionsBuilder::new().add("x-permission", permission).build();
        operation.extensions.get_or_insert_default().merge(addition);
    }
    if rule.idempotent {
        operation.parameters.get_or_insert_default().push(RefOr::T(idempotency_parameter()));
    }
}

fn idempotency_parameter() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .min_length(Some(1))
        .max_length(Some(KEY_LENGTH_MAX))
        .pattern(Some("^[!-~]+$"))
        .build();
    ParameterBuilder::new()
        .name(IDEMPOTENCY_KEY_NAME)
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(
            "Names this request. Sent again with the same body, it takes effect once and is answered \
             as the first time, marked `Idempotent-Replayed: true`.",
        ))
        .schema(Some(Schema::Object(schema)))
        .build()
}

/// Makes a document whole: version, scheme, ids of operations, problem answers. Doing it twice changes
/// nothing.
pub fn finish(document: &mut OpenApi) {
    document.openapi = OpenApiVersion::Version31;
    if document.info.title.is_empty() {
        document.info = InfoBuilder::new().title("Stoa").version("1").build();
    }
    let components = document.components.get_or_insert_default();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An opaque session token or API credential of this tenant."))
        .build();
    components.security_schemes.insert(BEARER.to_owned(), RefOr::T(SecurityScheme::Http(scheme)));
    let mut schemas = Vec::new();
    ProblemBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.schemas.insert("Problem".to_owned(), ProblemBody::schema());
    components.responses.insert("Problem".to_owned(), RefOr::T(problem_response()));
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(operation_id(method, path));
            let responses = &mut operation.responses.responses;
            for (status, response) in responses.iter_mut() {
                if status.starts_with(['4', '5']) {
                    give_problem_content(response);
                }
            }
            responses
                .entry("default".to_owned())
                .or_insert_with(|| RefOr::Ref(Ref::from_response_name("Problem")));
        }
    }
}

fn problem_content() -> Content {
    Content::new(Some(Ref::from_schema_name("Problem")))
}

fn problem_response() -> Response {
    ResponseBuilder::new()
        .description("What went wrong, as a problem document (RFC 9457).")
        .content(PROBLEM_JSON, problem_content())
        .build()
}

fn give_problem_content(response: &mut RefOr<Response>) {
    if let RefOr::T(response) = response
        && response.content.is_empty()
    {
        response.content.insert(PROBLEM_JSON.to_owned(), RefOr::T(problem_content()));
    }
}

/// `post /v1/store/things/{id}/actions/{operation}` is `post_store_things_id_actions_operation`: unique,
/// because method and path are.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_owned();
    for part in path.split('/').filter(|p| !p.is_empty() && *p != "v1") {
        id.push('_');
        id.extend(
            part.chars()
                .filter(|c| *c != '{' && *c != '}')
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }),
        );
    }
    id
}

/// The document as text: sorted keys, two spaces, a newline at the end.
///
/// # Errors
/// When it cannot be written as JSON, which would be a mistake in a schema's example.
pub fn to_json(document: &OpenApi) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&sorted(serde_json::to_value(document)?))?;
    text.push('\n');
    Ok(text)
}

/// Sorts keys at every depth, whatever order the JSON library keeps.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<String, Value> = map.into_iter().collect();
            Value::Object(ordered.into_iter().map(|(k, v)| (k, sorted(v))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_operations_come_from_method_and_path() {
        assert_eq!(
            operation_id("post", "/v1/store/things/{id}/actions/{operation}"),
            "post_store_things_id_actions_operation"
        );
    }
}
