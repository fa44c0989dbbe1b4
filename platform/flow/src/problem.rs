//! What is wrong with a document and where. It must not decide anything; it only collects.

/// One thing that is wrong: a JSON Pointer to the place and a sentence for a person. It is the field
/// error of a problem document, so that a service can hand it out as it is.
pub type Problem = kit::FieldError;

/// The most problems that are reported for one document.
pub const PROBLEMS_MAX: usize = 100;

/// Collects problems up to the limit.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one, unless the very same is there or the limit is reached.
    pub(crate) fn add(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        let problem = Problem::new(pointer, detail);
        if self.0.len() < PROBLEMS_MAX && !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

/// The pointer to member `name` of the object at `base` (RFC 6901).
pub(crate) fn child(base: &str, name: &str) -> String {
    format!("{base}/{}", name.replace('~', "~0").replace('/', "~1"))
}
