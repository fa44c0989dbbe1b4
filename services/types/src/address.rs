//! A postal address as a shopper writes it.

use kit::FieldError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a parcel goes. An order keeps a snapshot of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who receives it.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// How to reach them.
    #[schema(min_length = 3, max_length = 32)]
    pub phone: String,
    /// ISO 3166-1 alpha-2, such as CN.
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: String,
    /// Province or state; may be empty.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub region: String,
    /// City.
    #[schema(min_length = 1, max_length = 100)]
    pub city: String,
    /// Street, house, flat.
    #[schema(min_length = 1, max_length = 300)]
    pub street: String,
    /// Postal code; may be empty.
    #[serde(default)]
    #[schema(max_length = 16)]
    pub postal_code: String,
}

impl std::fmt::Debug for Address {
    /// Personal data stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({}, …)", self.country)
    }
}

impl Address {
    /// What is wrong with it, field by field; `prefix` is the JSON Pointer of the address.
    #[must_use]
    pub fn problems(&self, prefix: &str) -> Vec<FieldError> {
        let rules: [(&str, &str, usize, usize); 7] = [
            ("name", &self.name, 1, 100),
            ("phone", &self.phone, 3, 32),
            ("country", &self.country, 2, 2),
            ("region", &self.region, 0, 100),
            ("city", &self.city, 1, 100),
            ("street", &self.street, 1, 300),
            ("postal_code", &self.postal_code, 0, 16),
        ];
        let mut problems = Vec::new();
        for (field, value, min, max) in rules {
            let length = value.trim().chars().count();
            let printable = !value.chars().any(char::is_control);
            if length < min || value.chars().count() > max || !printable {
                let detail = format!("{min} to {max} characters, without control characters");
                problems.push(FieldError::new(format!("{prefix}/{field}"), detail));
            }
        }
        if self.country.len() == 2 && !self.country.bytes().all(|b| b.is_ascii_uppercase()) {
            let detail = "two capital letters, such as CN";
            problems.push(FieldError::new(format!("{prefix}/country"), detail));
        }
        problems
    }
}
