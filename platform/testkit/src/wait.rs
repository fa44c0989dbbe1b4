//! Waiting for a condition with a timeout: the one place of the tests that sleeps. The timeout is real
//! time even where a test has paused the runtime's clock, because other threads do not stand still.

use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

/// A timeout for conditions that a healthy program meets at once, even on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(5);

/// Waits until the condition holds.
///
/// ```
/// # use std::time::Duration;
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// testkit::eventually(Duration::from_secs(1), || async { 1 + 1 == 2 }).await;
/// # }
/// ```
///
/// # Panics
/// When it does not within the timeout; the message names the line that waited.
#[track_caller]
pub fn eventually<F, Fut>(timeout: Duration, condition: F) -> impl Future<Output = ()>
where
    F: Fn() -> Fut,
    Fut: Future<Output = bool>,
{
    let at = Location::caller();
    async move {
        let holds = || async { condition().await.then_some(()) };
        poll(timeout, at, holds).await;
    }
}

/// Waits until there is a value, and yields it.
///
/// # Panics
/// When there is none within the timeout; the message names the line that waited.
#[track_caller]
pub fn eventually_some<T, F, Fut>(timeout: Duration, look: F) -> impl Future<Output = T>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    poll(timeout, Location::caller(), look)
}

async fn poll<T, F, Fut>(timeout: Duration, at: &'static Location<'static>, look: F) -> T
where
    F: Fn() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let began = Instant::now();
    loop {
        if let Some(value) = look().await {
            return value;
        }
        assert!(began.elapsed() < timeout, "what {at} waits for did not happen in {timeout:?}");
        tokio::time::sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_condition_is_polled_until_it_holds() {
        let looks = Cell::new(0);
        let look = || async {
            looks.set(looks.get() + 1);
            (looks.get() == 3).then_some("there")
        };
        assert_eq!(eventually_some(PATIENCE, look).await, "there");
        assert_eq!(looks.get(), 3);
    }

    #[tokio::test]
    #[should_panic(expected = "wait.rs")]
    async fn a_condition_that_never_holds_fails_the_test_by_name() {
        eventually(Duration::from_millis(30), || async { false }).await;
    }
}
