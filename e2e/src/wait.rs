//! Waiting for something to come true, by looking again and again until a deadline. Nothing else here
//! lets time pass.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::PATIENCE;

/// How often it is looked.
const POLL: Duration = Duration::from_millis(10);

/// Waits until looking gives something.
///
/// # Errors
/// When looking fails, or [`PATIENCE`] ends.
pub async fn until<T, F, Fut>(what: &str, look: F) -> Result<T>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Option<T>>>,
{
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(seen) = look().await? {
            return Ok(seen);
        }
        tokio::time::sleep(POLL).await;
    }
    bail!("not within {PATIENCE:?}: {what}")
}
