//! Waiting for something to come true, by looking again and again until a deadline. Nothing else here
//! lets time pass.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::client::Answer;
use crate::{PATIENCE, logs};

/// How often it is looked.
const POLL: Duration = Duration::from_millis(10);
/// How long somebody waits before he asks again where too much is going on.
const PAUSE: Duration = Duration::from_millis(500);

/// Waits until looking gives something.
///
/// # Errors
/// When looking fails, or [`PATIENCE`] ends; then with how the logs of the test's servers end.
pub async fn until<T, F, Fut>(what: &str, look: F) -> Result<T>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Option<T>>>,
{
    let began = Instant::now();
    loop {
        // Looked at once more after every pause, however long a loaded machine made that.
        if let Some(seen) = look().await? {
            return Ok(seen);
        }
        if began.elapsed() >= PATIENCE {
            bail!("not within {PATIENCE:?}: {what}{}", logs::tails());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Asks until the answer is another than that too much is going on; that one, when [`PATIENCE`] ends.
///
/// # Errors
/// When asking fails.
pub(crate) async fn until_heard<F, Fut>(ask: F) -> Result<Answer>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Answer>>,
{
    let began = Instant::now();
    loop {
        let answer = ask().await?;
        if !answer.is_busy() || began.elapsed() >= PATIENCE {
            return Ok(answer);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
