//! The categories of a shop, remembered for a few seconds: every page shows the uppermost in its menu. Bounded in size
//! and age; it must not be used to decide anything.

use std::sync::Arc;
use std::time::Duration;

use ::web::Remembered;
use kit::{SharedClock, TenantCode};
use product_api::{Category, Error, ListCategories, ProductClient};
use rpc::Ctx;
use types::{CategoryId, Locale};
use ui::Route;

/// How old an answer may be.
const AGE_MAX: Duration = Duration::from_secs(5);
/// Shops that are remembered at the same time.
const SHOPS_MAX: u64 = 10_000;
/// Categories in the menu.
const SECTIONS_MAX: usize = 8;
/// How deep categories nest, and more.
const DEPTH_MAX: usize = 10;

/// All categories of a shop, by position.
#[derive(Debug, Default)]
pub(crate) struct Categories(Vec<Category>);

impl Categories {
    pub(crate) fn new(all: Vec<Category>) -> Self {
        Self(all)
    }

    pub(crate) fn find(&self, slug: &str) -> Option<&Category> {
        self.0.iter().find(|c| c.slug.as_str() == slug)
    }

    pub(crate) fn all(&self) -> &[Category] {
        &self.0
    }

    /// The ones directly under another, or the uppermost.
    pub(crate) fn under(&self, parent: Option<CategoryId>) -> Vec<Category> {
        self.0.iter().filter(|c| c.parent_id == parent).cloned().collect()
    }

    /// The uppermost, for the menu.
    pub(crate) fn sections(&self, locale: &Locale) -> Vec<(String, Route)> {
        let uppermost = self.0.iter().filter(|c| c.parent_id.is_none());
        uppermost.take(SECTIONS_MAX).map(|c| link(c, locale)).collect()
    }

    /// A category with everything above it, the uppermost first.
    pub(crate) fn trail(&self, id: CategoryId, locale: &Locale) -> Vec<(String, Route)> {
        let parent = |c: &&Category| self.0.iter().find(|p| Some(p.id) == c.parent_id);
        let begin = self.0.iter().find(|c| c.id == id);
        let mut trail: Vec<_> =
            std::iter::successors(begin, parent).take(DEPTH_MAX).map(|c| link(c, locale)).collect();
        trail.reverse();
        trail
    }

    /// The longest way to a product that stands in several categories.
    pub(crate) fn longest_trail(
        &self,
        ids: &[CategoryId],
        locale: &Locale,
    ) -> Vec<(String, Route)> {
        let trails = ids.iter().map(|id| self.trail(*id, locale));
        // of equal ones the first
        trails.rev().max_by_key(Vec::len).unwrap_or_default()
    }
}

fn link(category: &Category, locale: &Locale) -> (String, Route) {
    let to = Route::category(&category.slug);
    (category.name.get(locale).to_owned(), to)
}

/// Asks for categories and remembers them for [`AGE_MAX`]. Failures are not remembered.
pub(crate) struct CachedCategories {
    client: ProductClient,
    clock: SharedClock,
    known: Remembered<TenantCode, Categories>,
}

impl CachedCategories {
    pub(crate) fn new(client: ProductClient, clock: SharedClock) -> Self {
        Self { client, clock, known: Remembered::new(SHOPS_MAX, AGE_MAX) }
    }

    /// The categories of the call's shop, at most [`AGE_MAX`] old.
    pub(crate) async fn get(&self, ctx: &Ctx) -> Result<Arc<Categories>, Error> {
        let asked = async {
            let all = self.client.list_categories(ctx, ListCategories {}).await;
            all.map(Categories::new)
        };
        self.known.get(ctx.tenant.clone(), self.clock.now(), asked).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use product_api::ProductMock;

    use super::*;
    use crate::pages::sample;

    fn names(trail: Vec<(String, Route)>) -> Vec<String> {
        trail.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn the_way_to_a_category_begins_at_the_top_and_a_circle_ends() {
        let mut all = sample::categories();
        let en = "en".parse().unwrap();
        let ids: Vec<CategoryId> = all.iter().map(|c| c.id).collect();
        let categories = Categories::new(all.clone());
        assert_eq!(names(categories.trail(ids[2], &en)), ["Cut flowers", "Roses"]);
        let longest = categories.longest_trail(&[ids[1], ids[2]], &en);
        assert_eq!(names(longest), ["Cut flowers", "Roses"]);
        assert_eq!(names(categories.sections(&en)), ["Cut flowers", "Pots & vases"]);
        assert!(categories.longest_trail(&[], &en).is_empty());
        all[0].parent_id = Some(ids[2]);
        assert_eq!(Categories::new(all).trail(ids[2], &en).len(), DEPTH_MAX);
    }

    #[tokio::test]
    async fn a_shop_is_asked_for_its_categories_once_in_five_seconds() {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let client = ProductClient::mock(ProductMock::new().on_list_categories(|_, _| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            Ok(sample::categories())
        }));
        let clock = testkit::test_clock();
        let cached = CachedCategories::new(client, clock.clone());
        let ctx = testkit::test_ctx("flora");
        for expected in [1, 1] {
            cached.get(&ctx).await.unwrap();
            assert_eq!(ASKED.load(Ordering::SeqCst), expected);
        }
        clock.advance(AGE_MAX);
        cached.get(&ctx).await.unwrap();
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
    }
}
