//! Staff and members of a shop. Who is there already is left as he is.

use futures::future::try_join;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use kit::{Limit, Secret};
use member_api::{PutAddress, Register};
use rpc::{Actor, Ctx};
use staff_api::NewStaff;
use types::MemberId;

use super::{DEMO_PASSWORD, SeedError, Seeder, all_pages, failed};
use crate::demo::catalogue::{Member, Shop, Staff};

/// People added at a time: as many as hashes are computed, and one that waits.
const AT_ONCE: usize = 4;

impl Seeder<'_> {
    pub(super) async fn people(&self, shop: &Shop) -> Result<(), SeedError> {
        try_join(Box::pin(self.staff(shop)), Box::pin(self.members(shop))).await.map(|_| ())
    }

    async fn staff(&self, shop: &Shop) -> Result<(), SeedError> {
        let step = "reading the staff";
        let known = all_pages(async |cursor, limit| {
            let ctx = self.ctx(shop, step)?;
            let page = self.services.staff.list(&ctx, staff_api::List { cursor, limit }).await;
            page.map_err(|e| failed(shop, step, e))
        })
        .await?;
        stream::iter(&shop.staff)
            .map(|person| {
                let is_there = known.iter().any(|k| k.login.eq_ignore_ascii_case(&person.login));
                async move {
                    if !is_there {
                        self.add_staff(shop, person).await?;
                    }
                    self.advance(1);
                    Ok(())
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await
    }

    async fn add_staff(&self, shop: &Shop, person: &Staff) -> Result<(), SeedError> {
        let step = "adding staff";
        let new = NewStaff {
            login: person.login.clone(),
            name: person.name.clone(),
            role: person.role,
            password: Secret::new(DEMO_PASSWORD.to_owned()),
        };
        match self.services.staff.add(&self.ctx(shop, step)?, new).await {
            Ok(_) | Err(staff_api::Error::LoginTaken) => Ok(()),
            Err(e) => Err(failed(shop, step, e)),
        }
    }

    async fn members(&self, shop: &Shop) -> Result<(), SeedError> {
        stream::iter(&shop.members)
            .map(|member| async move {
                let id = match self.find(shop, member).await? {
                    Some(id) => id,
                    None => self.register(shop, member).await?,
                };
                self.addresses(shop, member, id).await?;
                self.advance(1);
                Ok(())
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await
    }

    async fn find(&self, shop: &Shop, member: &Member) -> Result<Option<MemberId>, SeedError> {
        let step = "looking for a member";
        let login = Some(member.login.clone());
        let request = member_api::List { login, cursor: None, limit: Limit::default() };
        let page = self.services.member.list(&self.ctx(shop, step)?, request).await;
        let page = page.map_err(|e| failed(shop, step, e))?;
        Ok(page.items.first().map(|m| m.id))
    }

    async fn register(&self, shop: &Shop, member: &Member) -> Result<MemberId, SeedError> {
        let step = "registering a member";
        let ctx = Ctx { actor: Actor::anonymous(), ..self.ctx(shop, step)? };
        let request = Register {
            login: member.login.clone(),
            password: Secret::new(DEMO_PASSWORD.to_owned()),
            name: member.name.clone(),
            locale: Some(member.locale.clone()),
        };
        let session = self.services.member.register(&ctx, request).await;
        session.map(|s| s.member.id).map_err(|e| failed(shop, step, e))
    }

    /// The book is filled in the file's order, so what is missing is what comes after what is there.
    async fn addresses(&self, shop: &Shop, member: &Member, id: MemberId) -> Result<(), SeedError> {
        let step = "filling an address book";
        let ctx = self.ctx_of(shop, id.get(), step)?;
        let book = self.services.member.list_addresses(&ctx, member_api::ListAddresses {}).await;
        let there = book.map_err(|e| failed(shop, step, e))?.len();
        for (index, address) in member.addresses.iter().enumerate().skip(there) {
            let ctx = self.ctx_of(shop, id.get(), step)?;
            let (is_default, address) = (index == 0, address.clone());
            let request = PutAddress { id: None, is_default, address };
            let put = self.services.member.put_address(&ctx, request).await;
            put.map_err(|e| failed(shop, step, e))?;
        }
        Ok(())
    }
}
