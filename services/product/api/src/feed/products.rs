//! Groups rows by handle and yields products. What must be remembered over the whole file (handles and
//! merchants' numbers that were there) is kept as 16-byte hashes, so that a million rows fit.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::columns::{Column, Columns};
use super::problem::{Problem, Problems, shown};
use super::product::{Draft, Found};
use super::records::{Broken, Record, Records};
use super::report::{Outcome, Report, Row};
use super::{Settings, Stopped};
use crate::ImportProduct;

type Name = [u8; 16];

fn name(text: &str) -> Name {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    short
}

/// Handles of products that are not imported.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rejected(Arc<HashSet<Name>>);

impl Rejected {
    pub(crate) fn has(&self, handle: &str) -> bool {
        self.0.contains(&name(handle))
    }
}

/// What comes out of the rows of a handle.
#[derive(Debug)]
pub(crate) enum Item {
    /// With the line it begins on.
    Good(u64, Box<ImportProduct>),
    Rejected,
}

/// A handle that was there, with what it counted for.
#[derive(Clone, Copy)]
struct Seen {
    line: u64,
    good: Option<(u32, u32)>,
}

/// The products of a file, one at a time.
pub(crate) struct Products<R> {
    records: Records<R>,
    settings: Settings,
    columns: Option<Columns>,
    record: Record,
    /// Whether `record` holds a row that belongs to the next product.
    pending: bool,
    rows: u32,
    seen: HashMap<Name, Seen>,
    codes: HashMap<Name, u64>,
    rejected: HashSet<Name>,
    rejected_count: u32,
    counts: [u32; 3],
    refused: Vec<Row>,
    errors: Problems,
    warnings: Problems,
}

impl<R: Read> Products<R> {
    pub(crate) fn new(input: R, settings: &Settings) -> Self {
        let kept = settings.limits.problems;
        Self {
            records: Records::new(input, settings.limits),
            settings: settings.clone(),
            columns: None,
            record: Record::default(),
            pending: false,
            rows: 0,
            seen: HashMap::new(),
            codes: HashMap::new(),
            rejected: HashSet::new(),
            rejected_count: 0,
            counts: [0; 3],
            refused: Vec::new(),
            errors: Problems::new(kept),
            warnings: Problems::new(kept),
        }
    }

    /// Reads the rows of the next product.
    pub(crate) fn next_item(&mut self) -> Result<Option<Item>, Stopped> {
        if self.columns.is_none() {
            self.read_header()?;
        }
        if !std::mem::take(&mut self.pending) && !self.read_row()? {
            return Ok(None);
        }
        let mut draft = self.begin();
        loop {
            self.add_row(&mut draft);
            if !self.read_row()? {
                break;
            }
            let handle = self.handle();
            // A row that does not say whose it is may belong to this product.
            if !handle.is_empty() && handle != draft.handle {
                self.pending = true;
                break;
            }
        }
        Ok(Some(self.finish(draft)))
    }

    pub(crate) fn into_report(self, fatal: bool) -> Report {
        let [products, variants, images] = self.counts;
        Report {
            products,
            variants,
            images,
            rows: self.rows,
            rejected: self.rejected_count,
            refused: self.refused,
            errors: self.errors,
            warnings: self.warnings,
            fatal,
            names: Rejected(Arc::new(self.rejected)),
        }
    }

    fn read_header(&mut self) -> Result<(), Stopped> {
        if !self.read_record()? {
            return self.stop(Problem::new(1, "the file is empty"));
        }
        let warnings = &mut self.warnings;
        match Columns::read(&self.record, |p| warnings.add(p)) {
            Ok(columns) => {
                self.columns = Some(columns);
                Ok(())
            }
            Err(problems) => {
                problems.into_iter().for_each(|p| self.errors.add(p));
                Err(Stopped::Fatal)
            }
        }
    }

    fn read_row(&mut self) -> Result<bool, Stopped> {
        if !self.read_record()? {
            return Ok(false);
        }
        self.rows += 1;
        let max = self.settings.limits.rows;
        if self.rows > max {
            let detail = format!("the file has more than {max} rows; import it in parts");
            return self.stop(Problem::new(self.record.line, detail));
        }
        Ok(true)
    }

    fn read_record(&mut self) -> Result<bool, Stopped> {
        match self.records.read(&mut self.record) {
            Ok(more) => Ok(more),
            Err(Broken::Io(e)) => Err(Stopped::Io(e)),
            Err(Broken::Fatal(problem)) => self.stop(problem),
        }
    }

    fn stop<T>(&mut self, problem: Problem) -> Result<T, Stopped> {
        self.errors.add(problem);
        Err(Stopped::Fatal)
    }

    fn handle(&self) -> &str {
        self.columns.as_ref().map_or("", |c| c.cell(&self.record, Column::Handle))
    }

    fn begin(&mut self) -> Draft {
        let mut draft = Draft::new(self.handle(), self.record.line);
        draft.title = self.columns.as_ref().map_or_else(String::new, |c| {
            super::cells::text(c.cell(&self.record, Column::Title)).to_owned()
        });
        let key = name(&draft.handle);
        if let Some(seen) = self.seen.get(&key).copied().filter(|_| !draft.handle.is_empty()) {
            let detail = format!(
                "{} stands on line {} already; the rows of a product follow one another",
                shown(&draft.handle),
                seen.line
            );
            self.wrong(&mut draft, Problem::at(self.record.line, Column::Handle.name(), detail));
            // The product that was there lacks these rows, so it is not whole either.
            if let Some((variants, images)) = seen.good {
                self.counts[0] -= 1;
                self.counts[1] -= variants;
                self.counts[2] -= images;
                self.seen.insert(key, Seen { good: None, ..seen });
            }
        }
        draft
    }

    fn wrong(&mut self, draft: &mut Draft, problem: Problem) {
        let mut found = Found { errors: &mut self.errors, warnings: &mut self.warnings };
        draft.wrong(problem, &mut found);
    }

    fn add_row(&mut self, draft: &mut Draft) {
        let Some(columns) = &self.columns else { return };
        let mut found = Found { errors: &mut self.errors, warnings: &mut self.warnings };
        let line = self.record.line;
        if let Some(problem) = malformed(&self.record, columns) {
            draft.rows += 1;
            draft.wrong(problem, &mut found);
            return;
        }
        let max = self.settings.limits.product_rows;
        if draft.rows >= max {
            if draft.rows == max {
                draft.rows += 1;
                let detail = format!("the product has more than {max} rows");
                draft.wrong(Problem::new(line, detail), &mut found);
            }
            return;
        }
        if columns.cell(&self.record, Column::Handle).is_empty() {
            draft.wrong(Problem::at(line, Column::Handle.name(), "is empty"), &mut found);
        }
        let currency = self.settings.currency;
        let Some(code) = draft.add(&self.record, columns, currency, &mut found) else { return };
        if let Some(before) = self.codes.insert(name(&code), line) {
            let detail = format!("{} stands on line {before} already", shown(&code));
            draft.wrong(Problem::at(line, Column::Sku.name(), detail), &mut found);
        }
    }

    fn finish(&mut self, mut draft: Draft) -> Item {
        let mut found = Found { errors: &mut self.errors, warnings: &mut self.warnings };
        let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let variants = size(draft.variants());
        let product = draft.finish(&self.settings.locale, &mut found);
        let key = name(&draft.handle);
        let good =
            product.as_ref().map(|p| (size(p.product.skus.len()), size(p.product.images.len())));
        match good {
            Some((variants, images)) => {
                self.counts[0] += 1;
                self.counts[1] += variants;
                self.counts[2] += images;
            }
            None => {
                self.rejected_count += 1;
                self.rejected.insert(key);
                if self.refused.len() < self.settings.limits.refused {
                    let Draft { line, handle, title, problems, .. } = &draft;
                    let mistakes = Outcome::Mistakes(problems.clone());
                    self.refused.push(Row::new(*line, handle, title, variants, mistakes));
                }
            }
        }
        // The first of two is the one that later messages name.
        self.seen.entry(key).or_insert(Seen { line: draft.line, good });
        product.map_or(Item::Rejected, |p| Item::Good(draft.line, Box::new(p)))
    }
}

/// What makes a row unreadable as a whole.
fn malformed(record: &Record, columns: &Columns) -> Option<Problem> {
    if record.len() != columns.count {
        let (has, needs) = (record.len(), columns.count);
        let detail = format!("has {has} fields where the header has {needs}");
        return Some(Problem::new(record.line, detail));
    }
    let (field, bad) = record.bad_byte()?;
    let detail = format!("byte {} (0x{:02x}) is not UTF-8", bad.offset, bad.byte);
    Some(match columns.name_at(field) {
        Some(column) => Problem::at(bad.line, column, detail),
        None => Problem::new(bad.line, detail),
    })
}
