//! Changing one's password. Guessing the current one is limited like signing in: whoever found an open
//! session must not find out the password with it.

use std::sync::Arc;

use auth::lockout::attempts_key;
use auth::{PasswordHash, TokenHash};
use kit::{TenantCode, Timestamp};
use rpc::Ctx;
use shard::{Route, Tx};
use staff_api::{ChangePassword, Error, Session, StaffMember};
use types::StaffId;

use super::people::{own_id, unknown};
use super::sessions::note_failure;
use super::{SESSION, Service};
use crate::{Options, model, store};

/// A change whose current password has been looked at.
struct Change {
    tenant: TenantCode,
    id: StaffId,
    attempts_key: String,
    /// The hash that the current password fits, and the new one.
    hashes: Option<(PasswordHash, PasswordHash)>,
    token: TokenHash,
    options: Options,
}

/// What became of it. Refusals are outcomes, not errors, because the failure must be committed.
enum Outcome {
    Changed { person: StaffMember, expires_at: Timestamp },
    Wrong,
    Locked(Timestamp),
}

impl Service {
    pub(super) async fn new_password(
        &self,
        ctx: &Ctx,
        req: ChangePassword,
    ) -> Result<Session, Error> {
        let id = own_id(ctx)?;
        model::check_passwords(&req)?;
        let known = self.known_by_id(ctx, id).await?;
        let stored = known.password;
        let fits = self.passwords.verify(ctx, req.current, Some(stored.clone())).await?;
        let hashes = match fits {
            true => Some((stored, self.passwords.hash(ctx, req.new).await?)),
            false => None,
        };
        let (token, hash) = SESSION.mint(self.entropy.as_ref())?;
        let change = Arc::new(Change {
            tenant: ctx.tenant.clone(),
            id,
            attempts_key: key_of(&known.person),
            hashes,
            token: hash,
            options: self.options,
        });
        let outcome: Result<Outcome, Error> =
            self.db.tx(ctx, Route::Whole, move |tx| settle(tx, Arc::clone(&change))).await;
        match outcome? {
            Outcome::Changed { person, expires_at } => {
                Ok(Session { token, expires_at, staff: person })
            }
            Outcome::Wrong => Err(Error::WrongPassword),
            Outcome::Locked(until) => Err(Error::Locked { until }),
        }
    }

    /// What is known of somebody who may sign in; refused while the login is locked.
    async fn known_by_id(&self, ctx: &Ctx, id: StaffId) -> Result<store::Known, Error> {
        let (tenant, rule) = (ctx.tenant.clone(), self.options.lockout);
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let tenant = tenant.clone();
                async move {
                    let known = store::known_by_id(&tx, &tenant, id).await?;
                    let known = known.filter(|k| k.person.enabled).ok_or_else(unknown)?;
                    let key = key_of(&known.person);
                    let attempts = store::attempts(&tx, &tenant, &key).await?;
                    rule.check(&attempts, tx.now()).map_err(|until| Error::Locked { until })?;
                    Ok(known)
                }
            })
            .await
    }
}

/// Failures are counted together with those of signing in.
fn key_of(person: &StaffMember) -> String {
    attempts_key(&model::login_key(&person.login))
}

/// Records what became of a change.
async fn settle(tx: Tx, change: Arc<Change>) -> Result<Outcome, Error> {
    let Change { tenant, id, attempts_key, hashes, token, options } = &*change;
    let now = tx.now();
    // Held first, as when signing in.
    let known = store::known_by_id_to_change(&tx, tenant, *id).await?;
    let attempts = store::attempts_to_change(&tx, tenant, attempts_key).await?;
    if let Err(until) = options.lockout.check(&attempts.unwrap_or_default(), now) {
        return Ok(Outcome::Locked(until));
    }
    // Another change may have come first, or somebody was disabled meanwhile.
    let fitting = known.zip(hashes.as_ref());
    let fitting = fitting.filter(|(k, (current, _))| k.person.enabled && k.password == *current);
    let Some((person, new)) = fitting.map(|(k, (_, new))| (k.person, new)) else {
        return match note_failure(&tx, tenant, attempts_key, attempts, options).await? {
            None => Ok(Outcome::Wrong),
            Some(until) => Ok(Outcome::Locked(until)),
        };
    };
    if attempts.is_some() {
        store::clear_attempts(&tx, tenant, attempts_key).await?;
    }
    store::save_password(&tx, tenant, *id, new).await?;
    store::end_sessions_of(&tx, tenant, *id).await?;
    let expires_at = now.plus(options.session);
    store::insert_session(&tx, tenant, token, *id, expires_at).await?;
    Ok(Outcome::Changed { person, expires_at })
}
