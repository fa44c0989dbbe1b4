//! Reads JSON strictly: a name that stands twice in one object is a problem with a place, not a silent
//! loss of the first one. It must not know what the JSON means.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::problem::{Problems, child};

/// Parses `text`. Duplicate names are reported and the first value is kept. `None` when it is not JSON.
pub(crate) fn parse(text: &str, problems: &mut Problems) -> Option<Value> {
    let mut de = serde_json::Deserializer::from_str(text);
    let parsed = Strict { pointer: "", problems: &mut *problems }
        .deserialize(&mut de)
        .and_then(|value| de.end().map(|()| value));
    match parsed {
        Ok(value) => Some(value),
        Err(e) => {
            problems.add("", format!("this is not JSON: {e}"));
            None
        }
    }
}

struct Strict<'a> {
    pointer: &'a str,
    problems: &'a mut Problems,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, de: D) -> Result<Value, D::Error> {
        de.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Value, E> {
        Ok(Number::from_f64(v).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let pointer = format!("{}/{}", self.pointer, items.len());
            let seed = Strict { pointer: &pointer, problems: &mut *self.problems };
            match seq.next_element_seed(seed)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let pointer = child(self.pointer, &name);
            let seed = Strict { pointer: &pointer, problems: &mut *self.problems };
            let value = map.next_value_seed(seed)?;
            if members.contains_key(&name) {
                self.problems.add(pointer, format!("`{name}` stands twice"));
            } else {
                members.insert(name, value);
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_json_is_refused_with_its_line() {
        let mut problems = Problems::default();
        assert_eq!(parse("{\n \"a\": }", &mut problems), None);
        assert!(problems.into_vec()[0].detail.contains("line 2"));
        for bad in ["", "{} {}", "[1,]", "nul"] {
            assert_eq!(parse(bad, &mut Problems::default()), None, "{bad}");
        }
        assert_eq!(parse(&"[".repeat(100_000), &mut Problems::default()), None);
    }

    #[test]
    fn a_name_that_stands_twice_is_a_problem_with_its_place() {
        let mut problems = Problems::default();
        let value = parse(r#"{"a": [{"x/y": 1, "x/y": 2}], "b": null}"#, &mut problems);
        assert_eq!(value, Some(serde_json::json!({"a": [{"x/y": 1}], "b": null})));
        let problems = problems.into_vec();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].pointer, "/a/0/x~1y");
    }
}
