//! What a file holds, and what importing it would do, product by product. Bounded, whatever the file holds;
//! counts are exact. It asks nobody: what the catalogue knows is handed in.

use std::collections::HashSet;

use types::Slug;

use super::Batch;
use super::problem::{Problem, Problems};
use super::products::Rejected;
use crate::ImportConflict;

/// Products that a report lists, of those with a problem and of those without.
pub(crate) const ROWS_MAX: usize = 1_000;
/// Characters of a handle or a title that a report keeps.
const TEXT_MAX: usize = 100;

/// What a file holds, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Report {
    /// Products without a mistake.
    pub products: u32,
    /// Their variants.
    pub variants: u32,
    /// Their pictures.
    pub images: u32,
    /// Rows that were read, without the header.
    pub rows: u32,
    /// Products with a mistake.
    pub rejected: u32,
    /// What is wrong.
    pub errors: Problems,
    /// What is odd.
    pub warnings: Problems,
    /// The products with a mistake, as far as they are kept.
    pub refused: Vec<Row>,
    /// Whether reading stopped at the last error, so that nothing of the file can be imported.
    pub fatal: bool,
    pub(crate) names: Rejected,
}

impl Report {
    /// Whether the whole file can be imported.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.errors.count() == 0
    }
}

/// A product of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line it begins on, from 1.
    pub line: u64,
    /// Its handle, as far as it can be told; at most 100 characters.
    pub handle: String,
    /// Its title, as far as it can be told; at most 100 characters.
    pub title: String,
    /// How many variants it has, as far as they can be told.
    pub variants: u32,
    /// What importing it does.
    pub outcome: Outcome,
}

/// What importing a product does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is added.
    New,
    /// A product has its slug already and is replaced.
    Replaces,
    /// The catalogue does not take it, for this reason.
    Conflict(String),
    /// Nothing: these are its mistakes, the first of them at least.
    Mistakes(Problems),
}

impl Row {
    pub(crate) fn new(
        line: u64,
        handle: &str,
        title: &str,
        variants: u32,
        outcome: Outcome,
    ) -> Self {
        let short = |text: &str| text.chars().take(TEXT_MAX).collect();
        Self { line, handle: short(handle), title: short(title), variants, outcome }
    }
}

/// What importing a file would do, product by product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Products that would be added.
    pub new: u32,
    /// Products that would replace another.
    pub replaced: u32,
    /// Products that the catalogue would not take.
    pub conflicts: u32,
    /// Products with a mistake in the file.
    pub refused: u32,
    /// Why nothing of the file can be imported, if so.
    pub fatal: Option<Problem>,
    problems: Vec<Row>,
    good: Vec<Row>,
}

impl Plan {
    /// The plan of a file before the catalogue was asked about any of its products.
    #[must_use]
    pub fn new(report: &Report) -> Self {
        Self {
            new: 0,
            replaced: 0,
            conflicts: 0,
            refused: report.rejected,
            fatal: report.fatal.then(|| report.errors.last().cloned()).flatten(),
            problems: report.refused.clone(),
            good: Vec::new(),
        }
    }

    /// Adds what the catalogue says of a batch: which slugs it knows, and what it would not take.
    pub fn add(&mut self, batch: &Batch, known: &[Slug], conflicts: &[ImportConflict]) {
        let known: HashSet<&Slug> = known.iter().collect();
        let before = self.problems.len();
        for (i, (import, line)) in (0_u32..).zip(batch.products.iter().zip(&batch.lines)) {
            let product = &import.product;
            let conflict = conflicts.iter().find(|c| c.index == i);
            let outcome = match conflict {
                Some(conflict) => Outcome::Conflict(conflict.detail.clone()),
                None if known.contains(&product.slug) => Outcome::Replaces,
                None => Outcome::New,
            };
            let (count, rows) = match &outcome {
                Outcome::New => (&mut self.new, &mut self.good),
                Outcome::Replaces => (&mut self.replaced, &mut self.good),
                _ => (&mut self.conflicts, &mut self.problems),
            };
            *count += 1;
            // Room for a whole batch more, because problems of other kinds stand between these.
            if rows.len() < ROWS_MAX + batch.products.len() {
                let title = product.title.all().values().next().map_or("", String::as_str);
                let variants = u32::try_from(product.skus.len()).unwrap_or(u32::MAX);
                rows.push(Row::new(*line, product.slug.as_str(), title, variants, outcome));
            }
        }
        self.good.truncate(ROWS_MAX);
        if self.problems.len() > before {
            self.problems.sort_by_key(|row| row.line);
            self.problems.truncate(ROWS_MAX);
        }
    }

    /// The first products with a problem, in the order of the file.
    #[must_use]
    pub fn problems(&self) -> &[Row] {
        &self.problems
    }

    /// The first products that would be added or replace another, in the order of the file.
    #[must_use]
    pub fn good(&self) -> &[Row] {
        &self.good
    }

    /// Whether the whole file would be imported.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.fatal.is_none() && self.refused == 0 && self.conflicts == 0
    }

    /// Products that would be imported when those with a problem are passed over.
    #[must_use]
    pub const fn good_count(&self) -> u32 {
        self.new.saturating_add(self.replaced)
    }
}
