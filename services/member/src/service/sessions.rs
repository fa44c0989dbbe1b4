//! Registering, signing in and out, and whose a token is.
//!
//! An attempt is judged twice: before the password is looked at, so that a locked login costs nothing, and
//! again in the transaction that records the outcome. So of many attempts at once, only as many count
//! as the rule allows; the others learn nothing, not even that the password was right.

use std::sync::Arc;

use auth::lockout::attempts_key;
use auth::{Attempts, PasswordHash, TokenHash};
use kit::{Place, TenantCode, Timestamp};
use member_api::{Error, Login, MemberInfo, Register, Session, Token};
use rpc::{Ctx, Fault};
use shard::{Route, Tx};
use types::MemberId;

use super::{SESSION, Service};
use crate::{Options, model, store};

/// Somebody who is about to be a member.
struct Newcomer {
    tenant: TenantCode,
    member: MemberInfo,
    login_key: String,
    password: PasswordHash,
    token: TokenHash,
}

/// An attempt whose password has been looked at.
struct Attempt {
    tenant: TenantCode,
    login_key: String,
    attempts_key: String,
    /// The hash that the password fits, when it does.
    fitting: Option<PasswordHash>,
    token: TokenHash,
    options: Options,
}

/// What became of an attempt. Refusals are outcomes, not errors, because what they leave behind must be
/// committed.
enum Outcome {
    In { member: MemberInfo, expires_at: Timestamp },
    Refused,
    Locked(Timestamp),
}

impl Service {
    pub(super) async fn sign_up(&self, ctx: &Ctx, req: Register) -> Result<Session, Error> {
        model::check_new(&req)?;
        let login_key = model::login_key(&req.login);
        self.refuse_taken(ctx, &login_key).await?;
        let password = self.passwords.hash(ctx, req.password).await?;
        let (token, hash) = SESSION.mint(self.entropy.as_ref())?;
        let member = MemberInfo {
            id: MemberId(self.ids.mint(ctx, Place::ZERO).await?),
            login: req.login,
            name: req.name,
            locale: req.locale,
            created_at: Timestamp::default(),
        };
        let tenant = ctx.tenant.clone();
        let new = Arc::new(Newcomer { tenant, member, login_key, password, token: hash });
        let lasts = self.options.session;
        let added: Result<_, Error> = self
            .db
            .tx(ctx, Route::Whole, move |tx| {
                let new = Arc::clone(&new);
                async move {
                    let Newcomer { tenant, member, login_key, password, token } = &*new;
                    let member = MemberInfo { created_at: tx.now(), ..member.clone() };
                    if !store::insert(&tx, tenant, &member, login_key, password).await? {
                        return Err(Error::LoginTaken);
                    }
                    let expires_at = tx.now().plus(lasts);
                    store::insert_session(&tx, tenant, token, member.id, expires_at).await?;
                    Ok((member, expires_at))
                }
            })
            .await;
        let (member, expires_at) = added?;
        Ok(Session { token, expires_at, member })
    }

    /// Spares the work of hashing when the login is taken. Whether it still is free, inserting tells.
    async fn refuse_taken(&self, ctx: &Ctx, login_key: &str) -> Result<(), Error> {
        let keys = Arc::new((ctx.tenant.clone(), login_key.to_owned()));
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let keys = Arc::clone(&keys);
                async move {
                    match store::is_taken(&tx, &keys.0, &keys.1).await? {
                        true => Err(Error::LoginTaken),
                        false => Ok(()),
                    }
                }
            })
            .await
    }

    pub(super) async fn sign_in(&self, ctx: &Ctx, req: Login) -> Result<Session, Error> {
        model::check_login(&req)?;
        let login_key = model::login_key(&req.login);
        let attempts_key = attempts_key(&login_key);
        let stored = self.known(ctx, &login_key, &attempts_key).await?.map(|k| k.password);
        let fits = self.passwords.verify(ctx, req.password, stored.clone()).await?;
        let (token, hash) = SESSION.mint(self.entropy.as_ref())?;
        let attempt = Arc::new(Attempt {
            tenant: ctx.tenant.clone(),
            login_key,
            attempts_key,
            fitting: stored.filter(|_| fits),
            token: hash,
            options: self.options,
        });
        let outcome: Result<Outcome, Error> =
            self.db.tx(ctx, Route::Whole, move |tx| settle(tx, Arc::clone(&attempt))).await;
        match outcome? {
            Outcome::In { member, expires_at } => Ok(Session { token, expires_at, member }),
            Outcome::Refused => Err(Error::BadLogin),
            Outcome::Locked(until) => Err(Error::Locked { until }),
        }
    }

    /// Who has a login; refused when it is locked, whether or not anybody has it.
    async fn known(
        &self,
        ctx: &Ctx,
        login_key: &str,
        attempts_key: &str,
    ) -> Result<Option<store::Known>, Error> {
        let keys = Arc::new((ctx.tenant.clone(), login_key.to_owned(), attempts_key.to_owned()));
        let rule = self.options.lockout;
        self.db
            .read(ctx, Route::Whole, move |tx| {
                let keys = Arc::clone(&keys);
                async move {
                    let (tenant, login_key, attempts_key) = &*keys;
                    let attempts = store::attempts(&tx, tenant, attempts_key).await?;
                    rule.check(&attempts, tx.now()).map_err(|until| Error::Locked { until })?;
                    Ok(store::known(&tx, tenant, login_key).await?)
                }
            })
            .await
    }

    pub(super) async fn sign_out(&self, ctx: &Ctx, req: Token) -> Result<(), Error> {
        let Some(token) = SESSION.recognise(&req.token) else { return Ok(()) };
        let tenant = ctx.tenant.clone();
        self.db
            .tx(ctx, Route::Whole, move |tx| {
                let (tenant, token) = (tenant.clone(), token.clone());
                async move { Ok(store::end_session(&tx, &tenant, token.as_str()).await?) }
            })
            .await
    }

    /// Reads only, so that a request that merely shows its token changes nothing.
    pub(super) async fn holder_of(&self, ctx: &Ctx, req: Token) -> Result<Option<MemberId>, Error> {
        let Some(token) = SESSION.recognise(&req.token) else { return Ok(None) };
        let tenant = ctx.tenant.clone();
        self.db
            .read_one(ctx, Route::Whole, move |tx| {
                let (tenant, token) = (tenant.clone(), token.clone());
                async move {
                    let now = tx.now();
                    let holder = store::holder(&tx, &tenant, &token).await?;
                    Ok(holder.filter(|(_, expires_at)| now < *expires_at).map(|(id, _)| id))
                }
            })
            .await
    }
}

/// Counts a failure; until when the login is locked if others came first, and then this one is not
/// counted. Nobody can be held of a login that nobody has, so the first failures of one may meet.
pub(super) async fn note_failure(
    tx: &Tx,
    tenant: &TenantCode,
    attempts_key: &str,
    held: Option<Attempts>,
    options: &Options,
) -> Result<Option<Timestamp>, Fault> {
    let (now, rule) = (tx.now(), options.lockout);
    let held = match held {
        Some(held) => held,
        None => {
            let first = rule.failed(&Attempts::default(), now);
            if store::insert_attempts(tx, tenant, attempts_key, &first).await? {
                return Ok(None);
            }
            store::attempts_to_change(tx, tenant, attempts_key).await?.unwrap_or_default()
        }
    };
    if let Err(until) = rule.check(&held, now) {
        return Ok(Some(until));
    }
    store::update_attempts(tx, tenant, attempts_key, &rule.failed(&held, now)).await?;
    Ok(None)
}

/// Records what became of an attempt.
async fn settle(tx: Tx, attempt: Arc<Attempt>) -> Result<Outcome, Error> {
    let Attempt { tenant, login_key, attempts_key, fitting, token, options } = &*attempt;
    let now = tx.now();
    // Held whether or not the password fits: attempts of one login are judged one after the other.
    let known = store::known_to_change(&tx, tenant, login_key).await?;
    let attempts = store::attempts_to_change(&tx, tenant, attempts_key).await?;
    if let Err(until) = options.lockout.check(&attempts.unwrap_or_default(), now) {
        return Ok(Outcome::Locked(until));
    }
    // Somebody may have got another password while this one was looked at.
    let Some(known) = known.filter(|k| Some(&k.password) == fitting.as_ref()) else {
        return match note_failure(&tx, tenant, attempts_key, attempts, options).await? {
            None => Ok(Outcome::Refused),
            Some(until) => Ok(Outcome::Locked(until)),
        };
    };
    if attempts.is_some() {
        store::clear_attempts(&tx, tenant, attempts_key).await?;
    }
    let expires_at = now.plus(options.session);
    let id = known.member.id;
    store::prune_sessions(&tx, tenant, id, options.sessions_max.saturating_sub(1)).await?;
    store::insert_session(&tx, tenant, token, id, expires_at).await?;
    Ok(Outcome::In { member: known.member, expires_at })
}
