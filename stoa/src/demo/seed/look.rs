//! A shop's logo, fonts and banners: drawn, kept as pictures, and written into the tenant. What is so
//! already is left as it is.

use product_api::PutImage;
use tenant_api::{Banner, Theme, UpdateTenant};

use super::goods::NoMotif;
use super::{SeedError, Seeder, content, failed};
use crate::demo::catalogue::{Notice, Shop};
use crate::demo::pictures;

impl Seeder<'_> {
    pub(super) async fn look(&self, shop: &Shop) -> Result<(), SeedError> {
        let step = "setting the look";
        let logo = match shop.logo() {
            Some(look) => Some(self.keep(shop, pictures::logo(&look), look.motif).await?),
            None => None,
        };
        let mut banners = Vec::with_capacity(shop.banners.len());
        for notice in &shop.banners {
            banners.push(self.banner(shop, notice).await?);
        }
        let theme = Theme { logo, ..shop.theme.clone() };
        let known = self.services.tenant.get(&self.ctx(shop, step)?, tenant_api::Get {}).await;
        let known = known.map_err(|e| failed(shop, step, e))?;
        if known.theme == theme && known.banners == banners {
            return Ok(());
        }
        let change = UpdateTenant {
            theme: Some(theme),
            banners: Some(banners),
            ..UpdateTenant::of(known.version)
        };
        let changed = self.services.tenant.update(&self.ctx(shop, step)?, change).await;
        changed.map(|_| ()).map_err(|e| failed(shop, step, e))
    }

    async fn banner(&self, shop: &Shop, notice: &Notice) -> Result<Banner, SeedError> {
        let title = shop.locales.first().map_or("", |l| notice.title.get(l));
        let drawn = pictures::draw(&notice.look(shop.scene), title);
        Ok(Banner {
            title: notice.title.clone(),
            text: notice.text.clone(),
            image: Some(self.keep(shop, drawn, &notice.motif).await?),
            link: notice.link.clone(),
        })
    }

    /// Keeps a picture; its address. The same bytes are kept once, however often this is cut off.
    async fn keep(
        &self,
        shop: &Shop,
        svg: Option<String>,
        motif: &str,
    ) -> Result<String, SeedError> {
        let step = "keeping a picture";
        let svg = svg.ok_or_else(|| content(NoMotif(motif.to_owned())))?;
        let request =
            PutImage { content_type: "image/svg+xml".to_owned(), bytes: svg.into_bytes() };
        let kept = self.services.product.put_image(&self.ctx(shop, step)?, request).await;
        Ok(kept.map_err(|e| failed(shop, step, e))?.url)
    }
}
