//! Writes products as a file that the reader of this module reads back. It asks nobody: brands, categories
//! and stock are handed in.
//!
//! What a file cannot hold, and an import of it leaves alone: texts in other languages than the tenant's
//! first, attributes, prices in other channels than `web`, categories after the first, ids and versions.
//! What it loses: values of options that no variant has, and the order of values other than that of the
//! variants; the text of a variant's picture that is not among the product's; a second picture with the
//! same address; commas inside tags, which part them; blanks at the ends of texts; a former price of 0. A
//! variant without a price in `web` is written, but read back only in a draft. Pictures kept by the
//! platform (`/media/…`) are found again by the same tenant only.

use std::collections::HashMap;
use std::io;

use kit::{Currency, Money};
use types::{BrandId, CategoryId, Locale, Texts};

use super::Settings;
use super::cells::{of_code, of_text};
use super::columns::{Column, READ};
use super::product::NO_OPTION;
use crate::rules::slugify;
use crate::{Brand, Category, DEFAULT_CHANNEL, ImportProduct, NewProduct, NewSku, ProductStatus};

/// Without it spreadsheets take UTF-8 for the encoding of their country.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Names of a catalogue's brands and categories as a file says them.
#[derive(Debug, Clone, Default)]
pub struct Names {
    brands: HashMap<BrandId, String>,
    categories: HashMap<CategoryId, String>,
}

impl Names {
    /// Out of all brands and categories. A category goes by its name in the language, or by its slug where
    /// the name does not lead back to it.
    #[must_use]
    pub fn new(brands: Vec<Brand>, categories: &[Category], locale: &Locale) -> Self {
        let name = |category: &Category| {
            let name = category.name.get(locale).trim();
            let leads_back = slugify(name).as_ref() == Some(&category.slug);
            let name = if leads_back { name } else { category.slug.as_str() };
            (category.id, name.to_owned())
        };
        Self {
            brands: brands.into_iter().map(|b| (b.id, b.name)).collect(),
            categories: categories.iter().map(name).collect(),
        }
    }

    /// A product of the catalogue as a file has it: with names for its brand and its first category.
    #[must_use]
    pub fn exported(&self, content: NewProduct, quantities: Vec<Option<i64>>) -> ImportProduct {
        let brand = content.brand_id.and_then(|id| self.brands.get(&id));
        let category = content.category_ids.first().and_then(|id| self.categories.get(id));
        ImportProduct {
            vendor: brand.cloned().unwrap_or_default(),
            category: category.cloned().unwrap_or_default(),
            product: NewProduct { brand_id: None, category_ids: Vec::new(), ..content },
            quantities,
        }
    }
}

/// Writes a file piece by piece. It keeps what was written since the last piece was taken.
pub struct Writer {
    csv: csv::Writer<Vec<u8>>,
    currency: Currency,
    locale: Locale,
}

fn buffer(bytes: Vec<u8>) -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().from_writer(bytes)
}

impl Writer {
    /// Begins a file: its first piece has the header.
    ///
    /// # Errors
    /// None that memory does not give.
    pub fn new(settings: &Settings) -> io::Result<Self> {
        let mut csv = buffer(BYTE_ORDER_MARK.to_vec());
        csv.write_record(READ.iter().map(|(_, name)| *name))?;
        Ok(Self { csv, currency: settings.currency, locale: settings.locale.clone() })
    }

    /// Writes a product: a row per variant or picture, whichever are more.
    ///
    /// # Errors
    /// When a price is not one, which the catalogue does not keep.
    pub fn write(&mut self, import: &ImportProduct) -> io::Result<()> {
        let product = &import.product;
        for i in 0..product.skus.len().max(product.images.len()).max(1) {
            let row = Row { import, i, currency: self.currency, locale: &self.locale };
            for (column, _) in READ {
                self.csv.write_field(row.cell(column).map_err(io::Error::other)?)?;
            }
            self.csv.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    /// Takes what was written since the last time.
    ///
    /// # Errors
    /// None that memory does not give.
    pub fn take(&mut self) -> io::Result<Vec<u8>> {
        let written = std::mem::replace(&mut self.csv, buffer(Vec::new()));
        written.into_inner().map_err(|e| io::Error::other(e.to_string()))
    }
}

/// One row of a product.
struct Row<'a> {
    import: &'a ImportProduct,
    i: usize,
    currency: Currency,
    locale: &'a Locale,
}

impl Row<'_> {
    fn cell(&self, column: Column) -> Result<String, kit::money::MoneyError> {
        let product = &self.import.product;
        if let Column::Handle = column {
            return Ok(product.slug.to_string());
        }
        if let Some(cell) = self.of_picture(column) {
            return Ok(cell);
        }
        if let Some(cell) = self.of_product(column) {
            return Ok(if self.i == 0 { cell } else { String::new() });
        }
        product.skus.get(self.i).map_or(Ok(String::new()), |sku| self.of_variant(sku, column))
    }

    /// Cells that stand on the first row only.
    fn of_product(&self, column: Column) -> Option<String> {
        let product = &self.import.product;
        let on_sale = product.status == ProductStatus::OnSale;
        Some(match column {
            Column::Title => of_text(self.text(&product.title)),
            Column::Body => of_text(product.description.as_ref().map_or("", |d| self.text(d))),
            Column::Vendor => of_text(&self.import.vendor),
            Column::Type => of_text(&self.import.category),
            Column::Tags => of_text(&product.tags.join(", ")),
            Column::Published => on_sale.to_string(),
            Column::Status => match product.status {
                ProductStatus::Draft => "draft",
                ProductStatus::OnSale => "active",
                ProductStatus::Off => "archived",
            }
            .to_owned(),
            Column::OptionName(n) => match product.options.get(usize::from(n)) {
                Some(option) => of_text(&option.name),
                None if n == 0 && product.options.is_empty() => NO_OPTION.0.to_owned(),
                None => String::new(),
            },
            _ => return None,
        })
    }

    fn of_picture(&self, column: Column) -> Option<String> {
        let image = self.import.product.images.get(self.i);
        let position = || image.map(|_| (self.i + 1).to_string());
        match column {
            Column::ImageSrc => Some(image.map(|i| i.url.clone()).unwrap_or_default()),
            Column::ImagePosition => Some(position().unwrap_or_default()),
            Column::ImageAlt => Some(image.map(|i| of_text(&i.alt)).unwrap_or_default()),
            _ => None,
        }
    }

    fn of_variant(&self, sku: &NewSku, column: Column) -> Result<String, kit::money::MoneyError> {
        let price = sku.prices.iter().find(|p| p.channel == DEFAULT_CHANNEL);
        let major = |amount: Option<i64>| match amount {
            Some(amount) => Money::new(amount, self.currency).map(Money::to_major),
            None => Ok(String::new()),
        };
        Ok(match column {
            Column::OptionValue(n) => match sku.options.get(usize::from(n)) {
                Some(value) => of_text(value),
                None if n == 0 && sku.options.is_empty() => NO_OPTION.1.to_owned(),
                None => String::new(),
            },
            Column::Sku => of_code(&sku.code),
            Column::Barcode => of_code(&sku.barcode),
            Column::Grams => sku.weight_grams.to_string(),
            Column::Quantity => {
                let units = self.import.quantities.get(self.i).copied().flatten();
                units.map(|n| n.to_string()).unwrap_or_default()
            }
            Column::Price => major(price.map(|p| p.amount))?,
            Column::CompareAt => major(price.and_then(|p| p.compare_at))?,
            Column::VariantImage => sku.image.as_ref().map(|i| i.url.clone()).unwrap_or_default(),
            _ => String::new(),
        })
    }

    /// The text in the language of the file, or any that there is.
    fn text<'a>(&self, texts: &'a Texts) -> &'a str {
        let own = Some(texts.get(self.locale)).filter(|t| !t.trim().is_empty());
        let any = || texts.all().values().map(String::as_str).find(|t| !t.trim().is_empty());
        own.or_else(any).unwrap_or_default()
    }
}
