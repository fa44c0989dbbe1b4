//! The rows of one handle put together to a product, or to a list of mistakes.

use std::collections::HashMap;

use kit::Currency;
use types::{Locale, Texts};

use super::cells;
use super::columns::{Column, Columns};
use super::problem::{Problem, Problems, shown};
use super::records::Record;
use super::rows::{Head, Picture, Row, Variant};
use crate::rules::{self, IMAGES_MAX, OPTIONS_MAX, SKUS_MAX};
use crate::{
    ChannelPrice, DEFAULT_CHANNEL, Image, ImportProduct, NewProduct, NewSku, ProductOption,
    ProductStatus,
};

/// Mistakes that are kept of one product.
const PROBLEMS_MAX: usize = 10;
/// How a product without options is written.
pub(crate) const NO_OPTION: (&str, &str) = ("Title", "Default Title");

/// A product while its rows are read.
pub(crate) struct Draft {
    pub(crate) handle: String,
    pub(crate) line: u64,
    pub(crate) rows: u32,
    /// Whether something is wrong with it; its rows are still looked at, for what else is.
    pub(crate) bad: bool,
    /// As it stands in the file.
    pub(crate) title: String,
    /// The first mistakes of it.
    pub(crate) problems: Problems,
    head: Option<Head>,
    variants: Vec<Variant>,
    pictures: Vec<Picture>,
    /// Lines by option values.
    combinations: HashMap<[String; OPTIONS_MAX], u64>,
}

/// Where mistakes go.
pub(crate) struct Found<'a> {
    pub(crate) errors: &'a mut Problems,
    pub(crate) warnings: &'a mut Problems,
}

impl Draft {
    pub(crate) fn new(handle: &str, line: u64) -> Self {
        Self {
            handle: handle.to_owned(),
            line,
            rows: 0,
            bad: false,
            title: String::new(),
            problems: Problems::new(PROBLEMS_MAX),
            head: None,
            variants: Vec::new(),
            pictures: Vec::new(),
            combinations: HashMap::new(),
        }
    }

    pub(crate) fn wrong(&mut self, problem: Problem, found: &mut Found<'_>) {
        self.bad = true;
        self.problems.add(problem.clone());
        found.errors.add(problem);
    }

    /// How many variants it has so far.
    pub(crate) fn variants(&self) -> usize {
        self.variants.len()
    }

    /// Adds a row. Yields the merchant's number of the variant that it added, if it has one.
    pub(crate) fn add(
        &mut self,
        record: &Record,
        columns: &Columns,
        currency: Currency,
        found: &mut Found<'_>,
    ) -> Option<String> {
        let first = self.rows == 0;
        self.rows += 1;
        let mut row = Row { record, columns, currency, errors: Vec::new() };
        if first {
            self.head = row.head();
        } else {
            self.check_repeats(&mut row, found.warnings);
        }
        let has_variant = first || row.has_variant();
        let code = has_variant
            .then(|| row.variant(self.is_draft()))
            .flatten()
            .and_then(|variant| self.add_variant(variant, &mut row));
        match row.picture() {
            Some(picture) => self.add_picture(picture, &mut row),
            None if !has_variant && row.errors.is_empty() => {
                let detail = "has neither a variant nor a picture; passed over";
                found.warnings.add(Problem::new(record.line, detail));
            }
            None => {}
        }
        for problem in row.errors {
            self.wrong(problem, found);
        }
        code
    }

    /// A draft may lack prices; what is or was on sale may not.
    fn is_draft(&self) -> bool {
        self.head.as_ref().is_some_and(|h| h.status == ProductStatus::Draft)
    }

    fn check_repeats(&self, row: &mut Row<'_>, warnings: &mut Problems) {
        let Some(head) = &self.head else { return };
        let title = cells::text(row.cell(Column::Title));
        if !title.is_empty() && title != head.title {
            let detail = "differs from the first row of the product; passed over";
            warnings.add(Problem::at(row.record.line, Column::Title.name(), detail));
        }
        for (i, name) in (0_u8..).zip(&head.option_names) {
            let repeated = cells::text(row.cell(Column::OptionName(i)));
            if !repeated.is_empty() && repeated != name {
                let detail = format!(
                    "{} is not the option's name on the first row, {}",
                    shown(repeated),
                    shown(name)
                );
                row.wrong(Column::OptionName(i), detail);
            }
        }
    }

    fn add_variant(&mut self, variant: Variant, row: &mut Row<'_>) -> Option<String> {
        if let Some(head) = &self.head {
            for (i, (name, value)) in (0_u8..).zip(head.option_names.iter().zip(&variant.options)) {
                let default = i == 0 && value == NO_OPTION.1;
                if name.is_empty() && !value.is_empty() && !default {
                    row.wrong(Column::OptionValue(i), "has a value, but the option has no name");
                } else if !name.is_empty() && value.is_empty() {
                    row.wrong(Column::OptionValue(i), format!("has no {}", shown(name)));
                }
            }
        }
        if let Some(line) = self.combinations.get(&variant.options) {
            let values: Vec<&str> =
                variant.options.iter().map(String::as_str).filter(|v| !v.is_empty()).collect();
            let detail =
                format!("{} is the variant of line {line} already", shown(&values.join(" / ")));
            row.wrong(Column::OptionValue(0), detail);
            return None;
        }
        if self.variants.len() >= SKUS_MAX {
            // Said once, unless something else is wrong anyway.
            if !self.bad {
                let detail = format!("is one variant more than {SKUS_MAX}, the most of a product");
                row.wrong(Column::OptionValue(0), detail);
            }
            return None;
        }
        let code = variant.code.clone();
        self.combinations.insert(variant.options.clone(), variant.line);
        self.variants.push(variant);
        (!code.is_empty()).then_some(code)
    }

    fn add_picture(&mut self, picture: Picture, row: &mut Row<'_>) {
        if self.pictures.iter().any(|p| p.image.url == picture.image.url) {
            return;
        }
        if self.pictures.len() >= IMAGES_MAX {
            if !self.bad {
                let detail =
                    format!("is one picture more than {IMAGES_MAX}, the most of a product");
                row.wrong(Column::ImageSrc, detail);
            }
            return;
        }
        self.pictures.push(picture);
    }

    /// The product; nothing when something is wrong with it.
    pub(crate) fn finish(
        &mut self,
        locale: &Locale,
        found: &mut Found<'_>,
    ) -> Option<ImportProduct> {
        if self.bad {
            return None;
        }
        let head = self.head.take()?;
        let (options, used) = options(&head.option_names, &self.variants);
        let mut pictures = std::mem::take(&mut self.pictures);
        // Stable: pictures without a position follow in the order of the file.
        pictures.sort_by_key(|p| p.position.unwrap_or(u32::MAX));
        let images: Vec<Image> = pictures.into_iter().map(|p| p.image).collect();
        let quantities = self.variants.iter().map(|v| v.quantity).collect();
        let skus = std::mem::take(&mut self.variants)
            .into_iter()
            .map(|v| sku(v, &used, &images))
            .collect();
        let text = |s: &str| Texts::one(locale.clone(), s);
        let mut product = NewProduct {
            slug: head.slug,
            title: text(&head.title),
            description: (!head.body.is_empty()).then(|| text(&head.body)),
            brand_id: None,
            category_ids: Vec::new(),
            tags: head.tags,
            attributes: Vec::new(),
            options,
            images,
            skus,
            status: head.status,
        };
        if product.status == ProductStatus::OnSale
            && let Some(why) = rules::not_sellable(&product)
        {
            product.status = ProductStatus::Draft;
            found.warnings.add(Problem::new(self.line, format!("imported as a draft: {why}")));
        }
        // Whatever the rows allowed and the catalogue does not.
        for problem in rules::check(&product) {
            let detail = format!("{} {}", problem.pointer, problem.detail);
            self.wrong(Problem::new(self.line, detail), found);
        }
        let import =
            ImportProduct { product, vendor: head.vendor, category: head.category, quantities };
        (!self.bad).then_some(import)
    }
}

/// The options with their values in the order they first appear, and which of the three columns they are.
fn options(
    names: &[String; OPTIONS_MAX],
    variants: &[Variant],
) -> (Vec<ProductOption>, Vec<usize>) {
    let only_default = variants.len() == 1 && variants[0].options[0] == NO_OPTION.1;
    let begin = usize::from(names[0] == NO_OPTION.0 && only_default);
    let used: Vec<usize> = (begin..OPTIONS_MAX).filter(|i| !names[*i].is_empty()).collect();
    let options = used.iter().map(|i| {
        let mut values: Vec<String> = Vec::new();
        for variant in variants {
            if !values.contains(&variant.options[*i]) {
                values.push(variant.options[*i].clone());
            }
        }
        ProductOption { name: names[*i].clone(), values }
    });
    (options.collect(), used)
}

fn sku(variant: Variant, used: &[usize], images: &[Image]) -> NewSku {
    let image = variant.image.map(|url| {
        let alt = images.iter().find(|i| i.url == url).map(|i| i.alt.clone()).unwrap_or_default();
        Image { url, alt }
    });
    let price = variant.price.map(|amount| ChannelPrice {
        channel: DEFAULT_CHANNEL.to_owned(),
        amount,
        compare_at: variant.compare_at,
    });
    NewSku {
        code: variant.code,
        barcode: variant.barcode,
        options: used.iter().map(|i| variant.options[*i].clone()).collect(),
        prices: price.into_iter().collect(),
        weight_grams: variant.grams,
        image,
    }
}
