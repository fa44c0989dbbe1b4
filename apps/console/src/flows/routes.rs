//! The addresses of flows.

use std::fmt;

use ui::routes::Url;

/// What the router matches.
pub(crate) mod pattern {
    pub(crate) const LIST: &str = "/console/flows";
    pub(crate) const SHOW: &str = "/console/flows/{code}";
    pub(crate) const EDIT: &str = "/console/flows/{code}/edit";
}

/// An address of flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// All flows with their versions.
    List,
    /// A flow.
    Show {
        /// `order` or `after_sale`.
        code: String,
        /// Which version; the active one without.
        version: Option<u32>,
        /// The version that it is compared with.
        against: Option<u32>,
        /// Whether it was just published.
        is_new: bool,
    },
    /// Where a flow is edited.
    Edit {
        /// Which.
        code: String,
        /// The version to begin with; the active one without.
        version: Option<u32>,
    },
}

impl Route {
    /// A version of a flow.
    pub(crate) fn version(code: &str, version: u32) -> Self {
        let code = code.to_owned();
        Self::Show { code, version: Some(version), against: None, is_new: false }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::new(f);
        match self {
            Self::List => url.path(pattern::LIST),
            Self::Show { code, version, against, is_new } => {
                url.filled(pattern::SHOW, &[code])?;
                url.query("version", *version)?;
                url.query("against", *against)?;
                url.query("published", is_new.then_some(1))
            }
            Self::Edit { code, version } => {
                url.filled(pattern::EDIT, &[code])?;
                url.query("version", *version)
            }
        }
    }
}
