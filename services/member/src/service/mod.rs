//! The trait of members: load, decide, save. Whose data it is, is checked in the files of this folder:
//! everything that is not staff's is about the member who signed in.

mod addresses;
mod password;
mod profile;
mod sessions;

use auth::{Passwords, TokenKind};
use kit::{Page, SharedEntropy};
use member_api::{
    AddressRef, ChangePassword, Error, Get, List, ListAddresses, Login, Me, Member, MemberInfo,
    PutAddress, Register, SavedAddress, Session, SignOutEverywhere, Token, UpdateProfile,
};
use rpc::{Ctx, Fault};
use shard::{Database, Ids};
use types::MemberId;

use crate::Options;

/// Tokens of sessions.
const SESSION: TokenKind = TokenKind::new("sm_");

pub struct Service {
    pub db: Database,
    pub ids: Ids,
    pub entropy: SharedEntropy,
    pub passwords: Passwords,
    pub options: Options,
}

#[rpc::async_trait]
impl Member for Service {
    async fn register(&self, ctx: &Ctx, req: Register) -> Result<Session, Error> {
        self.sign_up(ctx, req).await
    }

    async fn login(&self, ctx: &Ctx, req: Login) -> Result<Session, Error> {
        self.sign_in(ctx, req).await
    }

    async fn logout(&self, ctx: &Ctx, req: Token) -> Result<(), Error> {
        self.sign_out(ctx, req).await?;
        ctx.session.mark_ended();
        Ok(())
    }

    async fn authenticate(&self, ctx: &Ctx, req: Token) -> Result<Option<MemberId>, Error> {
        self.holder_of(ctx, req).await
    }

    async fn me(&self, ctx: &Ctx, _req: Me) -> Result<MemberInfo, Error> {
        self.one(ctx, own_id(ctx)?).await
    }

    async fn update_profile(&self, ctx: &Ctx, req: UpdateProfile) -> Result<MemberInfo, Error> {
        self.change_profile(ctx, req).await
    }

    async fn change_password(&self, ctx: &Ctx, req: ChangePassword) -> Result<Session, Error> {
        let session = self.new_password(ctx, req).await?;
        // the session that this call came with is over, too
        ctx.session.mark_ended();
        Ok(session)
    }

    async fn sign_out_everywhere(&self, ctx: &Ctx, _req: SignOutEverywhere) -> Result<(), Error> {
        self.end_all_sessions(ctx).await?;
        ctx.session.mark_ended();
        Ok(())
    }

    async fn get(&self, ctx: &Ctx, req: Get) -> Result<MemberInfo, Error> {
        ctx.require("members:read")?;
        self.one(ctx, req.id).await
    }

    async fn list(&self, ctx: &Ctx, req: List) -> Result<Page<MemberInfo>, Error> {
        ctx.require("members:read")?;
        self.find(ctx, req).await
    }

    async fn put_address(&self, ctx: &Ctx, req: PutAddress) -> Result<SavedAddress, Error> {
        self.save_address(ctx, req).await
    }

    async fn get_address(&self, ctx: &Ctx, req: AddressRef) -> Result<SavedAddress, Error> {
        self.one_address(ctx, req.id).await
    }

    async fn list_addresses(
        &self,
        ctx: &Ctx,
        _req: ListAddresses,
    ) -> Result<Vec<SavedAddress>, Error> {
        self.own_book(ctx).await
    }

    async fn delete_address(&self, ctx: &Ctx, req: AddressRef) -> Result<(), Error> {
        self.remove_address(ctx, req.id).await
    }
}

/// The member who signed in.
fn own_id(ctx: &Ctx) -> Result<MemberId, Fault> {
    MemberId::from_i64(ctx.user_id()?).map_err(|_| unknown())
}

fn unknown() -> Fault {
    Fault::not_found("this member")
}
