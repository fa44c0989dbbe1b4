//! Sitemaps: where each begins in the list of products, remembered for a while, and how they are written.
//! Everything is bounded: a sitemap has at most 5,000 addresses, and there are at most 20 of products.

use std::sync::Arc;
use std::time::Duration;

use kit::{Cursor, Limit, Page, SharedClock, TenantCode};
use maud::{Markup, PreEscaped, html};
use moka::sync::Cache;
use product_api::{Error, ListProducts, ProductClient, ProductSummary};
use rpc::Ctx;
use tokio::sync::OnceCell;

/// Products in a sitemap.
const PRODUCTS_MAX: usize = 5_000;
/// Pages of the list in a sitemap, should they be short.
const PAGES_MAX: usize = 100;
/// Sitemaps of products.
const SITEMAPS_MAX: usize = 20;
/// How old the list of sitemaps may be.
const AGE_MAX: Duration = Duration::from_secs(600);
/// Shops that are remembered at the same time.
const SHOPS_MAX: u64 = 1_000;

/// Where the second sitemap begins and every further one, as far as that is known; none where they end. A place
/// is found out by one request at a time, and stays known when that request goes no further.
type Places = Arc<[OnceCell<Option<Cursor>>]>;

/// Knows where the sitemaps of products begin.
pub(crate) struct Sitemaps {
    client: ProductClient,
    clock: SharedClock,
    /// By the shop and the time, in steps of [`AGE_MAX`].
    known: Cache<(TenantCode, i64), Places>,
}

impl Sitemaps {
    pub(crate) fn new(client: ProductClient, clock: SharedClock) -> Self {
        Self { client, clock, known: Cache::new(SHOPS_MAX) }
    }

    /// Where the sitemaps begin (none: at the begin of the list), as it was at most ten minutes ago. Finding out
    /// walks over all products, however many ask.
    pub(crate) async fn begins(&self, ctx: &Ctx) -> Result<Vec<Option<Cursor>>, Error> {
        let age = i64::try_from(AGE_MAX.as_millis()).unwrap_or(i64::MAX);
        let key = (ctx.tenant.clone(), self.clock.now().millis().div_euclid(age));
        let places = self.known.get_with(key, || {
            std::iter::repeat_with(OnceCell::new).take(SITEMAPS_MAX - 1).collect()
        });
        let mut begins = vec![None];
        for place in places.iter() {
            let begin = begins.last().cloned().flatten();
            match place.get_or_try_init(|| self.after(ctx, begin)).await? {
                Some(next) => begins.push(Some(next.clone())),
                None => break,
            }
        }
        Ok(begins)
    }

    /// Where the sitemap ends that begins at a place; none when the list ends there.
    async fn after(&self, ctx: &Ctx, begin: Option<Cursor>) -> Result<Option<Cursor>, Error> {
        let (mut cursor, mut written) = (begin, Written::default());
        loop {
            let page = self.page(ctx, cursor).await?;
            written.add(&page);
            if written.is_full() || page.next_cursor.is_none() {
                return Ok(page.next_cursor);
            }
            cursor = page.next_cursor;
        }
    }

    /// A page of products on sale, as long as pages may be.
    pub(crate) async fn page(
        &self,
        ctx: &Ctx,
        cursor: Option<Cursor>,
    ) -> Result<Page<ProductSummary>, Error> {
        let request = ListProducts {
            channel: None,
            category_id: None,
            brand_id: None,
            status: Some(product_api::ProductStatus::OnSale),
            cursor,
            limit: Limit::new(Limit::MAX).unwrap_or_default(),
        };
        self.client.list(ctx, request).await
    }
}

/// How much of a sitemap there is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Written {
    products: usize,
    pages: usize,
}

impl Written {
    pub(crate) const fn add(&mut self, page: &Page<ProductSummary>) {
        self.products += page.items.len();
        self.pages += 1;
    }

    /// Whether the next sitemap begins here.
    pub(crate) const fn is_full(self) -> bool {
        self.products >= PRODUCTS_MAX || self.pages >= PAGES_MAX
    }
}

/// The first line of every file.
pub(crate) const PROLOGUE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
/// What a sitemap begins with.
pub(crate) const BEGIN: &str = "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n";
/// What it ends with.
pub(crate) const END: &str = "</urlset>\n";

/// The list of sitemaps.
pub(crate) fn index(addresses: &[String]) -> Markup {
    html! {
        (PreEscaped(PROLOGUE))
        sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" {
            @for address in addresses { sitemap { loc { (address) } } "\n" }
        }
    }
}

/// Addresses within a sitemap.
pub(crate) fn entries(addresses: impl IntoIterator<Item = String>) -> Markup {
    html! { @for address in addresses { url { loc { (address) } } "\n" } }
}

#[cfg(test)]
mod tests {
    use product_api::ProductMock;
    use std::sync::Mutex;

    use super::*;
    use crate::pages::sample;

    /// A shop with so many pages of a hundred products.
    fn shop(pages: usize, asked: Arc<Mutex<usize>>) -> ProductClient {
        ProductClient::mock(ProductMock::new().on_list(move |_, req| {
            *asked.lock().unwrap() += 1;
            let n: usize = req.cursor.map_or(0, |c| c.as_str().parse().unwrap());
            let items = sample::products().into_iter().cycle().take(100).collect();
            let next_cursor = (n + 1 < pages).then(|| (n + 1).to_string().into());
            Ok(Page { items, next_cursor })
        }))
    }

    async fn begins(pages: usize) -> Vec<String> {
        let asked = Arc::default();
        let sitemaps = Sitemaps::new(shop(pages, Arc::clone(&asked)), testkit::test_clock());
        let ctx = testkit::test_ctx("flora");
        sitemaps.begins(&ctx).await.unwrap();
        let before = *asked.lock().unwrap();
        let begins = sitemaps.begins(&ctx).await.unwrap();
        assert_eq!(*asked.lock().unwrap(), before, "remembered");
        begins
            .iter()
            .map(|b| b.as_ref().map_or("-".to_owned(), |c| c.as_str().to_owned()))
            .collect()
    }

    #[tokio::test]
    async fn a_sitemap_has_five_thousand_products_and_there_are_at_most_twenty() {
        assert_eq!(begins(1).await, ["-"]);
        assert_eq!(begins(50).await, ["-"]);
        assert_eq!(begins(101).await, ["-", "50", "100"]);
        let many = begins(2_000).await;
        assert_eq!((many.len(), many[19].as_str()), (20, "950"));
    }

    #[tokio::test]
    async fn however_many_ask_the_products_are_walked_over_once() {
        let asked = Arc::default();
        let sitemaps = Sitemaps::new(shop(120, Arc::clone(&asked)), testkit::test_clock());
        let ctx = testkit::test_ctx("flora");
        let all = futures::future::join_all((0..8).map(|_| sitemaps.begins(&ctx))).await;
        assert!(all.iter().all(|begins| begins.as_ref().unwrap().len() == 3));
        assert_eq!(*asked.lock().unwrap(), 120);
    }

    #[tokio::test]
    async fn a_walk_that_was_broken_off_goes_on_where_a_sitemap_begins() {
        let asked = Arc::<Mutex<usize>>::default();
        let calls = Arc::clone(&asked);
        let client = ProductClient::mock(ProductMock::new().on_list(move |_, req| {
            let mut calls = calls.lock().unwrap();
            *calls += 1;
            if *calls == 70 {
                return Err(rpc::Fault::new(kit::ErrorCode::Unavailable, "away").into());
            }
            let n: usize = req.cursor.map_or(0, |c| c.as_str().parse().unwrap());
            let items = sample::products().into_iter().cycle().take(100).collect();
            Ok(Page { items, next_cursor: (n + 1 < 120).then(|| (n + 1).to_string().into()) })
        }));
        let sitemaps = Sitemaps::new(client, testkit::test_clock());
        let ctx = testkit::test_ctx("flora");
        assert!(sitemaps.begins(&ctx).await.is_err());
        assert_eq!(sitemaps.begins(&ctx).await.unwrap().len(), 3);
        assert_eq!(*asked.lock().unwrap(), 70 + 70, "the first fifty were not asked for again");
    }

    #[test]
    fn an_address_is_escaped() {
        let xml = entries(["https://a.test/?a=1&b=<".to_owned()]).into_string();
        assert_eq!(xml, "<url><loc>https://a.test/?a=1&amp;b=&lt;</loc></url>\n");
    }
}
