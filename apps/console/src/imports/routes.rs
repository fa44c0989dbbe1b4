//! The addresses of imports.

use std::fmt;

use ui::routes::Url;

/// What the router matches.
pub(crate) mod pattern {
    pub(crate) const BEGIN: &str = "/console/products/import";
    pub(crate) const JOB: &str = "/console/products/import/{job}";
    pub(crate) const APPLY: &str = "/console/products/import/{job}/apply";
    pub(crate) const DISCARD: &str = "/console/products/import/{job}/discard";
}

/// An address of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// Choosing a file.
    Begin,
    /// How an import stands.
    Job {
        /// Which.
        job: String,
        /// The part of a long report, from 0.
        part: usize,
    },
    /// Where the decision to import is sent.
    Apply {
        /// Which.
        job: String,
    },
    /// Where the decision against it is sent.
    Discard {
        /// Which.
        job: String,
    },
}

impl Route {
    /// How an import stands.
    pub(crate) fn job(job: &str) -> Self {
        Self::Job { job: job.to_owned(), part: 0 }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::new(f);
        match self {
            Self::Begin => url.path(pattern::BEGIN),
            Self::Job { job, part } => {
                url.filled(pattern::JOB, &[job])?;
                url.query("part", Some(part).filter(|n| **n > 0))
            }
            Self::Apply { job } => url.filled(pattern::APPLY, &[job]),
            Self::Discard { job } => url.filled(pattern::DISCARD, &[job]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_typed() {
        let job = "a/b".to_owned();
        assert_eq!(
            Route::Job { job: job.clone(), part: 2 }.to_string(),
            "/console/products/import/a%2Fb?part=2"
        );
        assert_eq!(Route::Apply { job }.to_string(), "/console/products/import/a%2Fb/apply");
    }
}
