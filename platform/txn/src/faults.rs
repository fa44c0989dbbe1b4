//! Named points at which a test stops, fails or counts. In production nothing is set and a point costs a branch.

use std::sync::Arc;

use futures::future::BoxFuture;
use rpc::Fault;

type Hit = dyn Fn(&'static str) -> BoxFuture<'static, Result<(), Fault>> + Send + Sync;

/// What happens at the points.
#[derive(Clone, Default)]
pub struct Failpoints(Option<Arc<Hit>>);

impl Failpoints {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whatever the function does: it may wait for ever, as a process does that is stopped, or fail.
    pub fn from_fn(
        hit: impl Fn(&'static str) -> BoxFuture<'static, Result<(), Fault>> + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(hit)))
    }

    pub(crate) async fn hit(&self, point: &'static str) -> Result<(), Fault> {
        match &self.0 {
            None => Ok(()),
            Some(hit) => hit(point).await,
        }
    }
}

impl std::fmt::Debug for Failpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Failpoints(set)" } else { "Failpoints(none)" })
    }
}
