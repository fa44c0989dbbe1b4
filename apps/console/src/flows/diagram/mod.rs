//! A flow drawn as a diagram: read into a [`Chart`], laid out, written as SVG that scales and can be read
//! aloud. The page shows the same as a table.

mod chart;
mod layout;
mod measure;
mod rows;
mod svg;
#[cfg(test)]
mod tests;

pub(crate) use chart::{Actor, Chart, Labels, Move};
pub(crate) use svg::{Texts, draw, legend_clock, legend_line, legend_mark};
