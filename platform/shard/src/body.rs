//! The body of a transaction with its types put aside, so that what runs bodies is compiled once and not
//! again for each of the platform's some hundred. It decides nothing.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use rpc::Fault;

use crate::error::DbError;
use crate::tx::Tx;

/// How a body, or the transaction around it, ended.
pub(crate) type Ran = Result<(), Failed>;
/// A body on its way.
pub(crate) type Running = BoxFuture<'static, Ran>;
/// A body: it may run more than once.
pub(crate) type Body = Box<dyn Fn(Tx) -> Running + Send + Sync>;

/// Why a transaction did not commit.
pub(crate) enum Failed {
    /// Its body said so; [`Kept`] has what it said.
    Body,
    /// The database said so.
    Database(Fault),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Database(fault)
    }
}

/// What a body returned when it ran last.
pub(crate) struct Kept<T, E>(Arc<Mutex<Option<Result<T, E>>>>);

/// Puts the types of a body aside.
pub(crate) fn erase<T, E, F, Fut>(body: F) -> (Body, Kept<T, E>)
where
    T: Send + 'static,
    E: Send + 'static,
    F: Fn(Tx) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
{
    let kept = Arc::new(Mutex::new(None));
    let place = Arc::clone(&kept);
    let body = move |tx| -> Running {
        let (future, place) = (body(tx), Arc::clone(&place));
        Box::pin(async move {
            let result = future.await;
            let said = result.as_ref().map(|_| ()).map_err(|_| Failed::Body);
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            said
        })
    };
    (Box::new(body), Kept(kept))
}

impl<T, E: From<Fault>> Kept<T, E> {
    /// What the caller is told: what the body returned, unless the database has the last word.
    pub(crate) fn after(self, ran: Ran) -> Result<T, E> {
        if let Err(Failed::Database(fault)) = ran {
            return Err(fault.into());
        }
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // a body that has ended has kept what it returned
        kept.unwrap_or_else(|| Err(Fault::from(DbError::Closed).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(result: Result<u8, Fault>) -> Kept<u8, Fault> {
        Kept(Arc::new(Mutex::new(Some(result))))
    }

    #[test]
    fn the_database_has_the_last_word() {
        let refused = kept(Ok(7)).after(Err(Fault::not_found("it").into()));
        assert_eq!(refused.unwrap_err().code, kit::ErrorCode::NotFound);
        assert_eq!(kept(Ok(7)).after(Ok(())).unwrap(), 7);
        let own = kept(Err(Fault::invalid("/a", "b"))).after(Err(Failed::Body));
        assert_eq!(own.unwrap_err().code, kit::ErrorCode::Invalid);
    }
}
