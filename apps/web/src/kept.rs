//! Pages that are the same for everybody who has nothing of his own yet (no session, no cart): drawn once
//! in a moment, handed to all who ask meanwhile, each with his own token in the forms. It is what lets a
//! crowd that comes at once see the shop.
//!
//! It must not be given a page that shows anything of one visitor but his form token.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use kit::Timestamp;
use maud::Markup;

use crate::remembered::Remembered;
use crate::{Answer, Failure, FormToken, answer};

/// How old a page may be that is handed out.
pub const AGE_MAX: Duration = Duration::from_secs(1);
/// Pages that are kept at the same time: with 60 KB, the most that a page may have, 30 MB.
const PAGES_MAX: u64 = 500;
/// Addresses with longer queries are drawn anew: nobody gets them by following links.
pub const ADDRESS_MAX: usize = 500;

/// What a page depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageKey {
    /// Whose page.
    pub tenant: kit::TenantCode,
    /// Which state of the tenant's look and settings.
    pub tenant_version: i64,
    /// Scheme and host of its own addresses.
    pub origin: String,
    /// The reader's language.
    pub locale: types::Locale,
    /// Path and query.
    pub address: String,
}

/// Draws pages and keeps them. What is no success is not kept.
pub struct KeptPages(Remembered<PageKey, Page>);

/// A page without the token.
struct Page {
    bytes: Vec<u8>,
    /// Where the token stands.
    holes: Vec<usize>,
    /// As many bytes there are instead of it.
    token_length: usize,
}

/// Why a page is not kept: it is handed out to the one who had it drawn, others draw their own.
enum Unkept {
    Answer(Box<Response>),
    Failure(Failure),
}

impl Default for KeptPages {
    fn default() -> Self {
        Self(Remembered::new(PAGES_MAX, AGE_MAX))
    }
}

impl KeptPages {
    /// The page for a visitor with this token, drawn unless it is known. What `drawn` makes must hold no
    /// other token than that.
    ///
    /// # Errors
    /// Those of `drawn`.
    pub async fn get(
        &self,
        key: PageKey,
        now: Timestamp,
        token: &FormToken,
        drawn: impl Future<Output = Result<(StatusCode, Markup), Failure>>,
    ) -> Answer {
        let kept = self.0.get(key, now, async {
            match drawn.await.map_err(Unkept::Failure)? {
                (StatusCode::OK, markup) => Ok(Page::new(markup.into_string(), &token.value)),
                (status, markup) => Err(Unkept::Answer(Box::new(answer::page(status, markup)))),
            }
        });
        match kept.await {
            Ok(page) => Ok(answer::html(StatusCode::OK, Body::from(page.with(&token.value)))),
            Err(Unkept::Answer(response)) => Ok(*response),
            Err(Unkept::Failure(failure)) => Err(failure),
        }
    }
}

impl Page {
    fn new(text: String, token: &str) -> Self {
        let holes: Vec<usize> = text.match_indices(token).map(|(at, _)| at).collect();
        let mut page = Self { bytes: text.into_bytes(), holes, token_length: token.len() };
        // nobody's token is kept
        page.bytes = page.with(&"0".repeat(token.len()));
        page
    }

    /// The page with this token.
    fn with(&self, token: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut from = 0;
        for hole in &self.holes {
            bytes.extend_from_slice(self.bytes.get(from..*hole).unwrap_or_default());
            bytes.extend_from_slice(token.as_bytes());
            from = hole + self.token_length;
        }
        bytes.extend_from_slice(self.bytes.get(from..).unwrap_or_default());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use kit::ErrorCode;
    use maud::html;
    use rpc::Fault;

    use super::*;
    use crate::csrf;

    fn key(address: &str) -> PageKey {
        PageKey {
            tenant: "flora".parse().unwrap(),
            tenant_version: 1,
            origin: "http://flora.localhost".to_owned(),
            locale: "en".parse().unwrap(),
            address: address.to_owned(),
        }
    }

    fn token(seed: u64) -> FormToken {
        let value = csrf::token(&testkit::seeded_entropy(seed)).unwrap();
        FormToken { value, is_new: true }
    }

    async fn text(answer: Answer) -> String {
        let body = answer.unwrap_or_else(|_| panic!("a failure")).into_body();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_page_is_drawn_once_in_a_moment_and_everybody_has_his_own_token_in_it() {
        let (kept, drawn) = (KeptPages::default(), AtomicU32::new(0));
        let get = async |address, now, token: &FormToken| {
            let page = kept.get(key(address), now, token, async {
                let n = drawn.fetch_add(1, Ordering::SeqCst);
                let value = &token.value;
                Ok((StatusCode::OK, html! { p { (n) } i { (value) } "é" b { (value) } }))
            });
            text(page.await).await
        };
        let (mine, yours, now) = (token(1), token(2), testkit::BEGIN);
        let page = |n: u32, t: &FormToken| format!("<p>{n}</p><i>{0}</i>é<b>{0}</b>", t.value);
        assert_eq!(get("/", now, &mine).await, page(0, &mine));
        assert_eq!(get("/", now, &yours).await, page(0, &yours));
        assert_eq!(get("/p", now, &yours).await, page(1, &yours));
        assert_eq!(get("/", now.plus(AGE_MAX), &mine).await, page(2, &mine));
    }

    #[tokio::test]
    async fn what_is_no_success_is_told_and_not_kept() {
        let (kept, mine, now) = (KeptPages::default(), token(1), testkit::BEGIN);
        let failed = kept.get(key("/"), now, &mine, async {
            Err(Failure::from(Fault::new(ErrorCode::Unavailable, "away")))
        });
        assert!(failed.await.is_err());
        let away = kept.get(key("/"), now, &mine, async {
            Ok((StatusCode::SERVICE_UNAVAILABLE, html! { "away" }))
        });
        assert_eq!(away.await.map(|r| r.status()).ok(), Some(StatusCode::SERVICE_UNAVAILABLE));
        let back = kept.get(key("/"), now, &mine, async { Ok((StatusCode::OK, html! { "back" })) });
        assert_eq!(text(back.await).await, "back");
    }

    #[test]
    fn nobodys_token_is_kept() {
        let mine = token(1);
        let page = Page::new(["<i>", &mine.value, "</i>"].concat(), &mine.value);
        assert!(!String::from_utf8_lossy(&page.bytes).contains(&mine.value));
    }
}
