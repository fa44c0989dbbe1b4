//! One row as values. A row carries a variant, a picture, or both; the first of a product also carries
//! the product. Every mistake in it is found, not only the first.

use kit::Currency;
use types::Slug;

use super::cells;
use super::columns::{Column, Columns};
use super::problem::{Problem, shown};
use super::records::Record;
use crate::rules::text::{html_problem, line_problem, url_problem};
use crate::rules::{
    ALT_MAX, CODE_MAX, NAME_MAX, OPTION_VALUE_MAX, OPTIONS_MAX, TAG_MAX, TAGS_MAX, TITLE_MAX,
};
use crate::{Image, ProductStatus};

/// What the first row of a product says of it.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) slug: Slug,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) vendor: String,
    pub(crate) category: String,
    pub(crate) tags: Vec<String>,
    pub(crate) status: ProductStatus,
    pub(crate) option_names: [String; OPTIONS_MAX],
}

/// What a row says of a variant.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    pub(crate) line: u64,
    pub(crate) options: [String; OPTIONS_MAX],
    pub(crate) code: String,
    pub(crate) barcode: String,
    pub(crate) grams: i64,
    pub(crate) quantity: Option<i64>,
    pub(crate) price: Option<i64>,
    pub(crate) compare_at: Option<i64>,
    pub(crate) image: Option<String>,
}

/// What a row says of a picture.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) position: Option<u32>,
    pub(crate) image: Image,
}

/// The cells of a row, with the mistakes found so far.
pub(crate) struct Row<'a> {
    pub(crate) record: &'a Record,
    pub(crate) columns: &'a Columns,
    pub(crate) currency: Currency,
    pub(crate) errors: Vec<Problem>,
}

const VARIANT: [Column; 10] = [
    Column::OptionValue(0),
    Column::OptionValue(1),
    Column::OptionValue(2),
    Column::Sku,
    Column::Grams,
    Column::Quantity,
    Column::Price,
    Column::CompareAt,
    Column::Barcode,
    Column::VariantImage,
];

impl<'a> Row<'a> {
    pub(crate) fn cell(&self, column: Column) -> &'a str {
        self.columns.cell(self.record, column)
    }

    pub(crate) fn wrong(&mut self, column: Column, detail: impl Into<String>) {
        self.errors.push(Problem::at(self.record.line, column.name(), detail));
    }

    fn check(&mut self, column: Column, problem: Option<String>) {
        if let Some(detail) = problem {
            self.wrong(column, detail);
        }
    }

    /// Reads a cell that is empty or has a value of a kind.
    fn read<T>(
        &mut self,
        column: Column,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.cell(column);
        if text.is_empty() {
            return None;
        }
        match read(text) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.wrong(column, detail);
                None
            }
        }
    }

    fn line(&mut self, column: Column, max: usize) -> String {
        let text = cells::one_line(cells::text(self.cell(column)));
        self.check(column, line_problem(&text, 0, max));
        text
    }

    pub(crate) fn has_variant(&self) -> bool {
        VARIANT.iter().any(|c| !self.cell(*c).is_empty())
    }

    /// The product's own cells; nothing when the product cannot be told without what is wrong.
    pub(crate) fn head(&mut self) -> Option<Head> {
        let handle = self.cell(Column::Handle);
        let slug = handle.parse::<Slug>();
        if let Err(e) = &slug {
            self.wrong(Column::Handle, format!("{}: {e}", shown(handle)));
        }
        let title = self.line(Column::Title, TITLE_MAX);
        if title.is_empty() {
            self.wrong(Column::Title, "is empty on the first row of the product");
        }
        let body = cells::text(self.cell(Column::Body));
        self.check(Column::Body, html_problem(body));
        let tags = cells::tags(cells::text(self.cell(Column::Tags)));
        let too_many = (tags.len() > TAGS_MAX)
            .then(|| format!("has {} tags; the most is {TAGS_MAX}", tags.len()));
        self.check(Column::Tags, too_many);
        self.check(Column::Tags, tags.iter().find_map(|t| line_problem(t, 1, TAG_MAX)));
        let published = self.read(Column::Published, cells::yes_or_no).unwrap_or(true);
        let status = cells::status(self.cell(Column::Status), published);
        if let Err(detail) = &status {
            self.wrong(Column::Status, detail.as_str());
        }
        let (vendor, category) =
            (self.line(Column::Vendor, NAME_MAX), self.line(Column::Type, NAME_MAX));
        let option_names = [0, 1, 2].map(|i| self.line(Column::OptionName(i), NAME_MAX));
        Some(Head {
            slug: slug.ok()?,
            title,
            body: body.to_owned(),
            vendor,
            category,
            tags,
            status: status.ok()?,
            option_names,
        })
    }

    /// The cells of the variant; nothing when it lacks the price that it needs.
    pub(crate) fn variant(&mut self, may_lack_price: bool) -> Option<Variant> {
        let currency = self.currency;
        let options = [0, 1, 2].map(|i| self.line(Column::OptionValue(i), OPTION_VALUE_MAX));
        let price = self.read(Column::Price, |t| cells::price(t, currency));
        let unpriced = self.cell(Column::Price).is_empty();
        if unpriced && !may_lack_price {
            self.wrong(Column::Price, "is empty");
        }
        // Exports write 0 where nothing is crossed out.
        let compare_at =
            self.read(Column::CompareAt, |t| cells::price(t, currency)).filter(|n| *n > 0);
        let grams = self.read(Column::Grams, cells::grams).unwrap_or(0);
        let quantity = self.read(Column::Quantity, cells::quantity);
        let [code, barcode] = [Column::Sku, Column::Barcode].map(|column| {
            let text = cells::code(self.cell(column));
            self.check(column, line_problem(&text, 0, CODE_MAX));
            text
        });
        let image = self.read(Column::VariantImage, url);
        if price.is_none() && !(unpriced && may_lack_price) {
            return None;
        }
        Some(Variant {
            line: self.record.line,
            options,
            code,
            barcode,
            grams,
            quantity,
            price,
            compare_at,
            image,
        })
    }

    /// The cells of the picture, if the row has one.
    pub(crate) fn picture(&mut self) -> Option<Picture> {
        let position = self.read(Column::ImagePosition, cells::position);
        let alt = self.line(Column::ImageAlt, ALT_MAX);
        let url = self.read(Column::ImageSrc, url)?;
        Some(Picture { position, image: Image { url, alt } })
    }
}

fn url(text: &str) -> Result<String, String> {
    url_problem(text).map_or_else(|| Ok(text.to_owned()), |p| Err(format!("{}: {p}", shown(text))))
}
