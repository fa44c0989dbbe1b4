//! Reads and writes product files in the Shopify CSV format. Reading is two passes over the same file:
//! [`validate`] finds everything that is wrong and changes nothing; [`batches`] yields what the first pass
//! found good. [`Plan`] says row by row what importing would do; [`Writer`] writes products, and says what
//! a file cannot hold.
//!
//! Pure over any [`Read`]: it opens no file, knows no service and keeps at most one product, a set of
//! names and a bounded number of problems in memory, whatever the file holds.
//!
//! A product is imported whole or not at all: one bad row rejects its product. What makes rows
//! impossible to tell apart (an unclosed quote, a field without end, an encoding other than UTF-8
//! throughout, a header without its columns) is fatal to the file.
//!
//! **Formulas.** A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@`. Texts that people wrote
//! (titles, names, tags, numbers of merchants) are written with a `'` before it, and a `'` before such a
//! character is taken off when a file is read, so that nothing changes on the way. Numbers stay as they are.

mod cells;
mod columns;
mod problem;
mod product;
mod products;
mod records;
mod report;
mod rows;
mod write;

use std::io::{self, Read};

use kit::Currency;
use sha2::{Digest as _, Sha256};
use types::Locale;

use crate::ImportProduct;
use crate::rules::BATCH_MAX;
pub use problem::{Problem, Problems};
use products::{Item, Products, Rejected};
pub use report::{Outcome, Plan, Report, Row};
pub use write::{Names, Writer};

/// How much of a file is taken at a time and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one field.
    pub field_bytes: usize,
    /// Bytes of one record.
    pub record_bytes: usize,
    /// Fields of one record.
    pub fields: usize,
    /// Rows of one product.
    pub product_rows: u32,
    /// Rows of the file.
    pub rows: u32,
    /// Errors, and warnings, that a report keeps; more are counted.
    pub problems: usize,
    /// Products with a mistake that a report lists; more are counted.
    pub refused: usize,
    /// Bytes of JSON of one batch, about.
    pub batch_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            field_bytes: 1 << 20,
            record_bytes: 4 << 20,
            fields: 1_000,
            product_rows: 2_000,
            rows: 1_000_000,
            problems: 100,
            refused: report::ROWS_MAX,
            batch_bytes: 1 << 20,
        }
    }
}

/// How a file is to be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The currency of its prices: the tenant's.
    pub currency: Currency,
    /// The language of its texts: the tenant's first.
    pub locale: Locale,
    /// Limits.
    pub limits: Limits,
}

impl Settings {
    /// Settings with the usual limits.
    #[must_use]
    pub fn new(currency: Currency, locale: Locale) -> Self {
        Self { currency, locale, limits: Limits::default() }
    }
}

/// The names of the columns that are read, as they are written.
pub fn columns() -> impl Iterator<Item = &'static str> {
    columns::READ.iter().map(|(_, name)| *name)
}

/// Reads a file to its end and reports what it holds. Changes nothing.
///
/// # Errors
/// When it cannot be read. What is wrong with its content is in the report.
pub fn validate(input: impl Read, settings: &Settings) -> io::Result<Report> {
    let mut products = Products::new(input, settings);
    let fatal = loop {
        match products.next_item() {
            Ok(Some(_)) => {}
            Ok(None) => break false,
            Err(Stopped::Io(e)) => return Err(e),
            Err(Stopped::Fatal) => break true,
        }
    };
    Ok(products.into_report(fatal))
}

/// Why reading stopped before the end.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// The file cannot be read.
    Io(io::Error),
    /// The rest cannot be understood; the problem is recorded.
    Fatal,
}

/// Why a file is not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The report has errors, and they may not be passed over.
    #[error("the file has mistakes; nothing of it is imported")]
    NotClean,
    /// It is not the file of the report any more.
    #[error("the file has changed since it was checked")]
    Changed,
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Products that follow one another in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Index of the first among the good products of the file.
    pub offset: u32,
    /// At most 50, and about a mebibyte, unless a single one is larger.
    pub products: Vec<ImportProduct>,
    /// The line each begins on.
    pub lines: Vec<u64>,
}

/// The second pass: the good products of a file in batches.
pub struct Batches<R> {
    products: Products<R>,
    rejected: Rejected,
    expected: u32,
    yielded: u32,
    carried: Option<(u64, ImportProduct)>,
    batch_bytes: usize,
    done: bool,
}

/// Begins the second pass. With `skip_bad_rows` products with a mistake are left out; without it a file
/// with one is refused whole.
///
/// # Errors
/// [`ImportError::NotClean`].
pub fn batches<R: Read>(
    input: R,
    settings: &Settings,
    report: &Report,
    skip_bad_rows: bool,
) -> Result<Batches<R>, ImportError> {
    if report.fatal || !(skip_bad_rows || report.is_clean()) {
        return Err(ImportError::NotClean);
    }
    Ok(Batches {
        products: Products::new(input, settings),
        rejected: report.names.clone(),
        expected: report.products,
        yielded: 0,
        carried: None,
        batch_bytes: settings.limits.batch_bytes,
        done: false,
    })
}

impl<R: Read> Batches<R> {
    fn next_product(&mut self) -> Result<Option<(u64, ImportProduct)>, ImportError> {
        if let Some(product) = self.carried.take() {
            return Ok(Some(product));
        }
        loop {
            match self.products.next_item() {
                Ok(Some(Item::Good(line, product))) => {
                    if !self.rejected.has(product.product.slug.as_str()) {
                        return Ok(Some((line, *product)));
                    }
                }
                Ok(Some(Item::Rejected)) => {}
                Ok(None) => return Ok(None),
                Err(Stopped::Io(e)) => return Err(e.into()),
                Err(Stopped::Fatal) => return Err(ImportError::Changed),
            }
        }
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, ImportError> {
        let offset = self.yielded;
        let (mut products, mut lines, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
        while products.len() < BATCH_MAX {
            let Some((line, product)) = self.next_product()? else { break };
            let size = weight(&product);
            if !products.is_empty() && bytes.saturating_add(size) > self.batch_bytes {
                self.carried = Some((line, product));
                break;
            }
            bytes = bytes.saturating_add(size);
            products.push(product);
            lines.push(line);
        }
        if products.is_empty() {
            return if offset == self.expected { Ok(None) } else { Err(ImportError::Changed) };
        }
        self.yielded += u32::try_from(products.len()).unwrap_or(u32::MAX);
        if self.yielded > self.expected {
            return Err(ImportError::Changed);
        }
        Ok(Some(Batch { offset, products, lines }))
    }
}

impl<R: Read> Iterator for Batches<R> {
    type Item = Result<Batch, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.next_batch().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Bytes of JSON that a product takes; only text counts, the rest is small beside it.
fn weight(product: &ImportProduct) -> usize {
    serde_json::to_vec(product).map_or(usize::MAX, |json| json.len())
}

/// SHA-256 of a file in hex, which tells an import that was cut off from a new one.
///
/// # Errors
/// When it cannot be read.
pub fn hash_file(mut input: impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(hex::encode(hash.finalize())),
            Ok(n) => hash.update(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests;
