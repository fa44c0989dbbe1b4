//! The JSON Schema of flow documents. It judges the shape only; what the names mean is `validate`'s.

use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::problem::{Problems, child};

/// The schema (draft 2020-12), for editors and for people.
pub const SCHEMA: &str = include_str!("../schema/flow.schema.json");

/// Reports every place where `value` breaks the schema.
pub(crate) fn check(value: &Value, problems: &mut Problems) {
    let validator = serde_json::from_str::<Value>(SCHEMA)
        .map_err(|e| e.to_string())
        .and_then(|schema| jsonschema::draft202012::new(&schema).map_err(|e| e.to_string()));
    let validator = match validator {
        Ok(validator) => validator,
        // A test holds that the committed schema compiles; refusing is the safe answer if it did not.
        Err(e) => return problems.add("", format!("the schema of flow documents is broken: {e}")),
    };
    for error in validator.iter_errors(value) {
        let place = error.instance_path().to_string();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                for name in unexpected {
                    problems.add(child(&place, name), format!("`{name}` is not known here"));
                }
            }
            ValidationErrorKind::PropertyNames { error: inner } => {
                let name = inner.instance().as_str().unwrap_or_default();
                problems.add(child(&place, name), format!("the name is not allowed: {inner}"));
            }
            _ => problems.add(place, error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_a_valid_schema() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        assert!(jsonschema::meta::is_valid(&schema));
        assert!(jsonschema::draft202012::new(&schema).is_ok());
    }

    #[test]
    fn a_violation_names_its_place() {
        let value = serde_json::json!({
            "code": "x", "initStatus": "A", "colour": 1,
            "statuses": {"A": {}, "b": {"final": true}, "C": {"final": "yes"}},
            "operations": {"go": [{"from": "A", "by": ["system"], "to": 7}], "run": {"from": [], "to": "A"}}
        });
        let mut problems = Problems::default();
        check(&value, &mut problems);
        let problems = problems.into_vec();
        for place in [
            "/colour",
            "/statuses/b",
            "/statuses/C/final",
            "/operations/go/0/to",
            "/operations/run",
            "/operations/run/from",
        ] {
            assert!(problems.iter().any(|p| p.pointer == place), "{place} in {problems:#?}");
        }
    }
}
