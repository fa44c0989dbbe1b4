//! The shape of a flow document and its canonical text. It must not judge a document: that is
//! `validate`, which also says where a document is wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest document, in bytes of its text.
pub const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// The role that triggers run as. Every kind of flow knows it.
pub const SYSTEM: &str = "system";

/// A flow as a tenant writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Document {
    /// What the flow is for; names the kind that judges it.
    pub code: String,
    /// The version it is published as; a document that names none gets the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Where everything begins.
    pub init_status: String,
    /// Every status by its code.
    pub statuses: BTreeMap<String, Status>,
    /// Every operation by its name.
    pub operations: BTreeMap<String, OneOrMany<Transition>>,
    /// What happens by itself after a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
    /// The statuses that may be entered again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cycles: Vec<String>,
}

/// One status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// What people read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What people of a locale read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Nothing leaves a final status; a move may stay in it, when it is named in `cycles`.
    #[serde(default, rename = "final", skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
}

/// One move, out of one status or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transition {
    /// The statuses it leaves.
    pub from: OneOrMany<String>,
    /// The status it enters.
    pub to: String,
    /// The roles that may do it.
    pub by: Vec<String>,
    /// A CEL condition; without one the transition is always open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// Names of actions that the owning service registered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// Names of events that the owning service registered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emit: Vec<String>,
    /// What people read on the button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What people of a locale read on the button.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// An operation that runs by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// The status whose entry starts the clock.
    pub on: String,
    /// ISO 8601 duration.
    pub after: String,
    /// What runs, as the role `system`.
    pub operation: String,
    /// A CEL condition that is asked when the time has come.
    #[serde(default, rename = "if", skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

/// One thing, or an array of such things.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// Written without an array.
    One(T),
    /// Written as an array.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// All of them, in the sequence of the document.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }

    /// Where the item at `index` stands, below `base`.
    pub(crate) fn pointer(&self, base: &str, index: usize) -> String {
        match self {
            Self::One(_) => base.to_owned(),
            Self::Many(_) => format!("{base}/{index}"),
        }
    }
}

impl Document {
    /// The one text of this document: same meaning, same bytes. Fields stand in a fixed sequence, maps
    /// are sorted, what says nothing is left out.
    #[must_use]
    pub fn canonical(&self) -> String {
        // Serialising plain structs, strings and sorted maps into memory has no way to fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// SHA-256 of the canonical text, in hexadecimal.
    #[must_use]
    pub fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.canonical()))
    }

    /// The label of a status for a locale, else its general label, else its code.
    #[must_use]
    pub fn status_label<'a>(&'a self, status: &'a str, locale: &str) -> &'a str {
        self.statuses
            .get(status)
            .and_then(|s| s.labels.get(locale).or(s.label.as_ref()))
            .map_or(status, String::as_str)
    }

    /// The label of an operation from a status for a locale, else its general label, else its name.
    #[must_use]
    pub fn operation_label<'a>(
        &'a self,
        operation: &'a str,
        status: &str,
        locale: &str,
    ) -> &'a str {
        let transitions = self.operations.get(operation).map_or(&[][..], OneOrMany::as_slice);
        transitions
            .iter()
            .filter(|t| t.from.as_slice().iter().any(|from| from == status))
            .find_map(|t| t.labels.get(locale).or(t.label.as_ref()))
            .map_or(operation, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{
        "operations": {"go": {"to": "B", "from": "A", "by": ["system"], "label": "Go", "labels": {"de": "Los"}}},
        "statuses": {"B": {"final": true}, "A": {"label": "Start", "labels": {"de": "Anfang"}, "final": false}},
        "initStatus": "A", "code": "x", "triggers": [], "version": 3
    }"#;

    #[test]
    fn the_same_meaning_has_the_same_text_and_checksum() {
        let document: Document = serde_json::from_str(SMALL).unwrap();
        let text = document.canonical();
        assert!(text.starts_with(r#"{"code":"x","version":3,"initStatus":"A","statuses":{"A":"#));
        assert!(!text.contains("triggers") && !text.contains("false"));
        let again: Document = serde_json::from_str(&text).unwrap();
        assert_eq!(again, document);
        assert_eq!(again.checksum(), document.checksum());
        assert_eq!(document.checksum().len(), 64);
        let mut other = document.clone();
        other.version = Some(4);
        assert_ne!(other.checksum(), document.checksum());
    }

    #[test]
    fn labels_fall_back_from_locale_to_general_to_code() {
        let document: Document = serde_json::from_str(SMALL).unwrap();
        assert_eq!(document.status_label("A", "de"), "Anfang");
        assert_eq!(document.status_label("A", "fr"), "Start");
        assert_eq!(document.status_label("B", "de"), "B");
        assert_eq!(document.operation_label("go", "A", "de"), "Los");
        assert_eq!(document.operation_label("go", "A", "fr"), "Go");
        assert_eq!(document.operation_label("go", "B", "fr"), "go");
    }
}
