//! The address of placements.

use std::fmt;

use ui::routes::Url;

/// What the router matches.
pub(crate) mod pattern {
    pub(crate) const SHOW: &str = "/console/placements";
}

/// An address of placements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// The placements, and what an id says.
    Show {
        /// The id, as it was typed.
        id: Option<String>,
    },
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Show { id } = self;
        let mut url = Url::new(f);
        url.path(pattern::SHOW)?;
        url.query("id", id.as_ref())
    }
}
