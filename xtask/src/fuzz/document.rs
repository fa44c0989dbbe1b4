//! Cutting the OpenAPI document into the parts that are fuzzed one after the other. Pure.

use serde_json::Value;

/// The keys of a path item that are operations.
const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The document with only the wanted operations, and their labels (`GET /v1/…`), sorted.
pub fn slice(document: &Value, wanted: impl Fn(&str, &str) -> bool) -> (Value, Vec<String>) {
    let mut part = document.clone();
    let mut labels = Vec::new();
    if let Some(paths) = part.get_mut("paths").and_then(Value::as_object_mut) {
        paths.retain(|path, item| {
            let Some(item) = item.as_object_mut() else { return false };
            let before = labels.len();
            item.retain(|method, _| {
                if !METHODS.contains(&method.as_str()) {
                    return true;
                }
                let keep = wanted(method, path);
                if keep {
                    labels.push(format!("{} {path}", method.to_uppercase()));
                }
                keep
            });
            labels.len() > before
        });
    }
    labels.sort();
    (part, labels)
}

/// Whether the operation makes the token that calls it useless.
pub fn ends_session(method: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    (method.eq_ignore_ascii_case("delete") && segments.any(|segment| segment == "sessions"))
        || path.ends_with("/logout")
}

/// The first operation that is read without parameters below a prefix.
pub fn plain_read<'a>(document: &'a Value, prefix: &str) -> Option<&'a str> {
    let paths = document.get("paths")?.as_object()?;
    let plain = |path: &str| path.starts_with(prefix) && !path.contains('{');
    paths
        .iter()
        .find(|(path, item)| plain(path) && item.get("get").is_some())
        .map(|(path, _)| path.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({ "openapi": "3.1.0", "components": { "schemas": { "A": {} } }, "paths": {
            "/v1/store/sessions": { "post": {}, "delete": {} },
            "/v1/store/orders/{id}": { "parameters": [], "get": {} },
            "/v1/admin/orders": { "get": {} },
            "/healthz": { "get": {} } } })
    }

    #[test]
    fn a_part_keeps_the_wanted_operations_and_everything_they_may_refer_to() {
        let (part, labels) = slice(&document(), |method, path| {
            path.starts_with("/v1/store/") && !ends_session(method, path)
        });
        assert_eq!(labels, ["GET /v1/store/orders/{id}", "POST /v1/store/sessions"]);
        assert!(part["components"]["schemas"]["A"].is_object());
        assert!(part["paths"]["/v1/store/orders/{id}"]["parameters"].is_array());
        assert!(part["paths"]["/v1/store/sessions"].get("delete").is_none());
        assert!(part["paths"].get("/healthz").is_none());
    }

    #[test]
    fn only_the_end_of_a_session_ends_a_session() {
        assert!(ends_session("DELETE", "/v1/store/sessions/current"));
        assert!(ends_session("post", "/v1/admin/logout"));
        assert!(!ends_session("post", "/v1/store/sessions"));
        assert!(!ends_session("delete", "/v1/store/carts/{id}"));
    }

    #[test]
    fn a_plain_read_has_no_parameter_in_its_path() {
        assert_eq!(plain_read(&document(), "/v1/admin/"), Some("/v1/admin/orders"));
        assert_eq!(plain_read(&document(), "/v1/store/"), None);
    }
}
