//! The trait of staff: load, decide, save. Who may call what is checked in the files of this folder.

mod credentials;
mod password;
mod people;
mod sessions;

use auth::{Passwords, TokenKind};
use kit::{Cursor, Page, SharedEntropy};
use rpc::{Ctx, Fault};
use serde::de::DeserializeOwned;
use shard::{Database, Ids};
use staff_api::{
    ChangePassword, CreatedCredential, Credential, Error, Identity, List, Login, Me, NewCredential,
    NewStaff, RevokeCredential, Session, Staff, StaffMember, Token, UpdateStaff,
};

use crate::Options;

/// Tokens of sessions.
const SESSION: TokenKind = TokenKind::new("ss_");
/// Tokens of credentials.
const CREDENTIAL: TokenKind = TokenKind::new("sc_");

pub struct Service {
    pub db: Database,
    pub ids: Ids,
    pub entropy: SharedEntropy,
    pub passwords: Passwords,
    pub options: Options,
}

#[rpc::async_trait]
impl Staff for Service {
    async fn add(&self, ctx: &Ctx, req: NewStaff) -> Result<StaffMember, Error> {
        self.add_person(ctx, req).await
    }

    async fn update(&self, ctx: &Ctx, req: UpdateStaff) -> Result<StaffMember, Error> {
        self.update_person(ctx, req).await
    }

    async fn list(&self, ctx: &Ctx, req: List) -> Result<Page<StaffMember>, Error> {
        self.list_people(ctx, req).await
    }

    async fn me(&self, ctx: &Ctx, _req: Me) -> Result<StaffMember, Error> {
        self.who_signed_in(ctx).await
    }

    async fn change_password(&self, ctx: &Ctx, req: ChangePassword) -> Result<Session, Error> {
        let session = self.new_password(ctx, req).await?;
        // the session that this call came with is over, too
        ctx.session.mark_ended();
        Ok(session)
    }

    async fn login(&self, ctx: &Ctx, req: Login) -> Result<Session, Error> {
        self.sign_in(ctx, req).await
    }

    async fn logout(&self, ctx: &Ctx, req: Token) -> Result<(), Error> {
        self.sign_out(ctx, req).await?;
        ctx.session.mark_ended();
        Ok(())
    }

    async fn authenticate(&self, ctx: &Ctx, req: Token) -> Result<Option<Identity>, Error> {
        self.holder_of(ctx, req).await
    }

    async fn create_credential(
        &self,
        ctx: &Ctx,
        req: NewCredential,
    ) -> Result<CreatedCredential, Error> {
        self.make_credential(ctx, req).await
    }

    async fn list_credentials(&self, ctx: &Ctx, req: List) -> Result<Page<Credential>, Error> {
        self.credentials(ctx, req).await
    }

    async fn revoke_credential(
        &self,
        ctx: &Ctx,
        req: RevokeCredential,
    ) -> Result<Credential, Error> {
        self.end_credential(ctx, req).await
    }
}

/// The key inside a list's cursor.
fn key<K: DeserializeOwned>(cursor: Option<&Cursor>) -> Result<Option<K>, Fault> {
    let wrong = |e: kit::page::InvalidCursor| Fault::invalid("cursor", e.to_string());
    cursor.map(Cursor::decode).transpose().map_err(wrong)
}
