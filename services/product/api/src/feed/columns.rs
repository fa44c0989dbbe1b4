//! Which column of a file is which. Names are compared without case and surrounding spaces, because
//! files pass through spreadsheets. Unknown columns are told of and passed over.

use std::collections::HashMap;

use super::problem::{Problem, shown};
use super::records::Record;

/// A column that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    Handle,
    Title,
    Body,
    Vendor,
    Type,
    Tags,
    Published,
    Status,
    OptionName(u8),
    OptionValue(u8),
    Sku,
    Grams,
    Quantity,
    Price,
    CompareAt,
    Barcode,
    ImageSrc,
    ImagePosition,
    ImageAlt,
    VariantImage,
}

/// All that are read, with their names in the file.
pub(crate) const READ: [(Column, &str); 24] = [
    (Column::Handle, "Handle"),
    (Column::Title, "Title"),
    (Column::Body, "Body (HTML)"),
    (Column::Vendor, "Vendor"),
    (Column::Type, "Type"),
    (Column::Tags, "Tags"),
    (Column::Published, "Published"),
    (Column::Status, "Status"),
    (Column::OptionName(0), "Option1 Name"),
    (Column::OptionValue(0), "Option1 Value"),
    (Column::OptionName(1), "Option2 Name"),
    (Column::OptionValue(1), "Option2 Value"),
    (Column::OptionName(2), "Option3 Name"),
    (Column::OptionValue(2), "Option3 Value"),
    (Column::Sku, "Variant SKU"),
    (Column::Grams, "Variant Grams"),
    (Column::Quantity, "Variant Inventory Qty"),
    (Column::Price, "Variant Price"),
    (Column::CompareAt, "Variant Compare At Price"),
    (Column::Barcode, "Variant Barcode"),
    (Column::ImageSrc, "Image Src"),
    (Column::ImagePosition, "Image Position"),
    (Column::ImageAlt, "Image Alt Text"),
    (Column::VariantImage, "Variant Image"),
];

/// Without these a file cannot be imported.
const REQUIRED: [Column; 3] = [Column::Handle, Column::Title, Column::Price];

/// Columns of the format that say nothing to this platform (yet), lower case.
const PASSED_OVER: [&str; 24] = [
    "variant inventory tracker",
    "variant inventory policy",
    "variant fulfillment service",
    "variant requires shipping",
    "variant taxable",
    "variant weight unit",
    "variant tax code",
    "gift card",
    "seo title",
    "seo description",
    "cost per item",
    "collection",
    "product category",
    "standard product type",
    "custom product type",
    "standardized product type",
    "option1 linked to",
    "option2 linked to",
    "option3 linked to",
    "unit price total measure",
    "unit price total measure unit",
    "unit price base measure",
    "unit price base measure unit",
    "template suffix",
];

/// Families of such columns, lower case.
const PASSED_OVER_BY_START: [&str; 4] =
    ["google shopping / ", "price / ", "compare at price / ", "included / "];

impl Column {
    /// Its name in the file.
    pub(crate) fn name(self) -> &'static str {
        READ.iter().find(|(c, _)| *c == self).map_or("", |(_, name)| name)
    }
}

/// Where the columns of a file are.
#[derive(Debug)]
pub(crate) struct Columns {
    index: HashMap<Column, usize>,
    /// How many fields every record must have.
    pub(crate) count: usize,
}

impl Columns {
    /// Reads the header.
    ///
    /// # Errors
    /// Everything that keeps the file from being understood.
    pub(crate) fn read(header: &Record, warn: impl FnMut(Problem)) -> Result<Self, Vec<Problem>> {
        if let Some((_, bad)) = header.bad_byte() {
            let detail = format!("byte {} (0x{:02x}) is not UTF-8", bad.offset, bad.byte);
            return Err(vec![Problem::new(bad.line, detail)]);
        }
        let names: Vec<&str> = (0..header.len()).filter_map(|i| header.get(i)).collect();
        Self::of(&names, header.line, warn)
    }

    fn of(names: &[&str], line: u64, mut warn: impl FnMut(Problem)) -> Result<Self, Vec<Problem>> {
        let mut index = HashMap::new();
        let mut errors = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let wanted = name.trim().to_lowercase();
            let known = READ.iter().find(|(_, n)| n.to_lowercase() == wanted);
            if let Some((column, name)) = known {
                if index.insert(*column, i).is_some() {
                    errors.push(Problem::at(line, *name, "stands in the header twice"));
                }
            } else if !is_passed_over(&wanted) {
                let detail = format!("the column {} is unknown and passed over", shown(name));
                warn(Problem::new(line, detail));
            }
        }
        for column in REQUIRED {
            if !index.contains_key(&column) {
                errors.push(Problem::at(line, column.name(), "is missing in the header"));
            }
        }
        if errors.is_empty() { Ok(Self { index, count: names.len() }) } else { Err(errors) }
    }

    /// A cell; empty when the file does not have the column.
    pub(crate) fn cell<'a>(&self, record: &'a Record, column: Column) -> &'a str {
        self.index.get(&column).and_then(|i| record.get(*i)).unwrap_or_default().trim()
    }

    /// The name of the column at an index, for problems.
    pub(crate) fn name_at(&self, i: usize) -> Option<&'static str> {
        self.index.iter().find(|(_, at)| **at == i).map(|(column, _)| column.name())
    }
}

fn is_passed_over(name: &str) -> bool {
    name.is_empty()
        || PASSED_OVER.contains(&name)
        || PASSED_OVER_BY_START.iter().any(|start| name.starts_with(start))
        || name.contains("(product.metafields.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(names: &[&str]) -> (Result<usize, Vec<String>>, Vec<String>) {
        let mut warnings = Vec::new();
        let result = Columns::of(names, 1, |p| warnings.push(p.to_string()));
        let result =
            result.map(|c| c.count).map_err(|e| e.iter().map(ToString::to_string).collect());
        (result, warnings)
    }

    #[test]
    fn required_columns_are_asked_for_by_name() {
        let (result, _) = read(&["handle ", "Titel"]);
        assert_eq!(
            result.unwrap_err(),
            [
                "line 1, column Title: is missing in the header",
                "line 1, column Variant Price: is missing in the header"
            ]
        );
        let (result, _) = read(&["Handle", "Title", "title", "Variant Price"]);
        assert_eq!(result.unwrap_err(), ["line 1, column Title: stands in the header twice"]);
    }

    #[test]
    fn unknown_columns_are_only_told_of() {
        let (result, warnings) = read(&[
            "Handle",
            "TITLE",
            "Variant price",
            "Google Shopping / MPN",
            "SEO Title",
            "Farbe (product.metafields.custom.color)",
            "Mood",
        ]);
        assert_eq!(result, Ok(7));
        assert_eq!(warnings, ["line 1: the column \"Mood\" is unknown and passed over"]);
    }
}
