//! Fields of the product's form, with what is wrong with them. None is for the browser's memory.

use maud::Markup;
use ui::forms::{self, Errors, Field};

fn told<'a>(field: &Field<'a>, problems: &'a Errors) -> Field<'a> {
    Field { error: problems.of(field.name), autocomplete: "off", ..*field }
}

/// A field with its label, hint and error.
pub(crate) fn field(field: &Field<'_>, problems: &Errors) -> Markup {
    forms::field(&told(field, problems))
}

/// A field in a table: its label is not seen.
pub(crate) fn cell(field: &Field<'_>, problems: &Errors) -> Markup {
    forms::cell(&told(field, problems))
}
