//! Pages that are the same for everybody who has nothing of his own yet (no session, no cart): drawn once
//! in a moment, handed to all who ask meanwhile, each with his own token in the forms. It is what lets a
//! crowd that comes at once see the shop.
//!
//! It must not be given a page that shows anything of one visitor but his form token.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use kit::{SharedEntropy, Timestamp};
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
pub struct KeptPages {
    pages: Remembered<PageKey, Page>,
    entropy: SharedEntropy,
}

/// A page without the token: what stands between its places.
struct Page(Vec<String>);

/// Why a page is not kept: it is handed out to the one who had it drawn, others draw their own.
enum Unkept {
    Page(StatusCode, Page),
    Failure(Failure),
}

impl KeptPages {
    /// Keeps nothing yet.
    #[must_use]
    pub fn new(entropy: SharedEntropy) -> Self {
        Self { pages: Remembered::new(PAGES_MAX, AGE_MAX), entropy }
    }

    /// The page for a visitor with this token, drawn unless it is known. `draw` is given what stands for the
    /// token in the forms.
    ///
    /// # Errors
    /// Those of `draw`, and when the source of randomness fails.
    pub async fn get<D>(
        &self,
        key: PageKey,
        now: Timestamp,
        token: &FormToken,
        draw: impl FnOnce(FormToken) -> D,
    ) -> Answer
    where
        D: Future<Output = Result<(StatusCode, Markup), Failure>>,
    {
        let kept = self.pages.get(key, now, async {
            // Never the visitor's own token: that is what his cookie says, and may stand anywhere in the page.
            let place = FormToken::fresh(&self.entropy).map_err(|e| Unkept::Failure(e.into()))?;
            let (status, markup) = draw(place.clone()).await.map_err(Unkept::Failure)?;
            let page = Page::new(&markup.into_string(), &place);
            if status == StatusCode::OK { Ok(page) } else { Err(Unkept::Page(status, page)) }
        });
        let (status, text) = match kept.await {
            Ok(page) => (StatusCode::OK, page.with(token)),
            Err(Unkept::Page(status, page)) => (status, page.with(token)),
            Err(Unkept::Failure(failure)) => return Err(failure),
        };
        Ok(answer::html(status, Body::from(text)))
    }
}

impl Page {
    /// A page in which `place` stands for the token.
    fn new(text: &str, place: &FormToken) -> Self {
        Self(text.split(&place.value).map(str::to_owned).collect())
    }

    /// The page with this token.
    fn with(&self, token: &FormToken) -> String {
        self.0.join(&token.value)
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

    fn kept() -> KeptPages {
        KeptPages::new(testkit::seeded_entropy(9))
    }

    #[tokio::test]
    async fn a_page_is_drawn_once_in_a_moment_and_everybody_has_his_own_token_in_it() {
        let (kept, drawn) = (kept(), AtomicU32::new(0));
        let get = async |address, now, token: &FormToken| {
            let page = kept.get(key(address), now, token, async |place| {
                let n = drawn.fetch_add(1, Ordering::SeqCst);
                let value = &place.value;
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
    async fn what_is_no_success_is_told_with_ones_own_token_and_not_kept() {
        let (kept, mine, now) = (kept(), token(1), testkit::BEGIN);
        let failed = kept.get(key("/"), now, &mine, async |_| {
            Err(Failure::from(Fault::new(ErrorCode::Unavailable, "away")))
        });
        assert!(failed.await.is_err());
        let away = kept.get(key("/"), now, &mine, async |place| {
            Ok((StatusCode::SERVICE_UNAVAILABLE, html! { (place.value) }))
        });
        let away = away.await;
        let status = away.as_ref().map(|r| r.status()).ok();
        assert_eq!(status, Some(StatusCode::SERVICE_UNAVAILABLE));
        assert_eq!(text(away).await, mine.value);
        let back = async |_| Ok((StatusCode::OK, html! { "back" }));
        assert_eq!(text(kept.get(key("/"), now, &mine, back).await).await, "back");
    }

    #[tokio::test]
    async fn a_token_that_stands_in_the_page_leaves_it_as_it_is() {
        let (kept, now) = (kept(), testkit::BEGIN);
        let (chosen, other) = (token(1), token(2));
        for visitor in [&chosen, &other] {
            let page = kept.get(key("/"), now, visitor, async |place| {
                Ok((StatusCode::OK, html! { i { (chosen.value) } b { (place.value) } }))
            });
            let expected = format!("<i>{}</i><b>{}</b>", chosen.value, visitor.value);
            assert_eq!(text(page.await).await, expected);
        }
    }

    #[tokio::test]
    async fn each_drawing_has_a_place_of_its_own_that_nobody_is_told() {
        let (kept, now) = (kept(), testkit::BEGIN);
        let (mine, places) = (token(1), std::sync::Mutex::new(Vec::new()));
        for address in ["/", "/p"] {
            let page = kept.get(key(address), now, &mine, async |place| {
                places.lock().unwrap().push(place.value.clone());
                Ok((StatusCode::OK, html! { (place.value) }))
            });
            assert_eq!(text(page.await).await, mine.value);
        }
        let places = places.into_inner().unwrap();
        assert!(places.len() == 2 && places[0] != places[1] && !places.contains(&mine.value));
    }
}
