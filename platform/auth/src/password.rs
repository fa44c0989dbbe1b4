//! Password hashes: argon2id, slow on purpose, so few at a time and on threads of their own. What comes
//! in while the queue is full is refused, because every waiting caller would time out anyway.
//!
//! An unknown login is checked against a hash that no password fits, so that the time an answer takes
//! does not tell whether somebody has that login.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use kit::{ErrorCode, Secret, SharedEntropy};
use rpc::{Ctx, Fault};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of salt; the recommendation of RFC 9106.
const SALT_BYTES: usize = 16;
/// Bytes of the hash itself.
const OUTPUT_BYTES: usize = 32;

/// The knobs, with units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordOptions {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Hashes computed at the same time. Each takes a thread and `memory_kib`.
    pub concurrent: usize,
    /// Callers that wait for their turn at most; more are refused.
    pub queue_max: usize,
}

impl Default for PasswordOptions {
    /// 19 MiB, 2 passes, 1 lane: the recommendation of OWASP. 2 at a time, 64 waiting.
    fn default() -> Self {
        Self { memory_kib: 19 * 1_024, passes: 2, concurrent: 2, queue_max: 64 }
    }
}

impl PasswordOptions {
    /// Hashes that cost next to nothing, for tests. They protect nothing.
    #[must_use]
    pub const fn cheap_for_tests() -> Self {
        Self { memory_kib: 8, passes: 1, concurrent: 2, queue_max: 64 }
    }
}

/// A hash as it is stored: a PHC string with its own parameters and salt.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// From what was stored.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    /// A hash can be attacked offline, so it stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

/// Makes and checks hashes, a few at a time. Cheap to clone; clones share the limits.
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

struct Inner {
    params: Params,
    /// Fits no password, costs as much as the others.
    dummy: PasswordHash,
    entropy: SharedEntropy,
    /// One permit for everybody who waits or works.
    admitted: Arc<Semaphore>,
    /// One permit for everybody who works.
    working: Arc<Semaphore>,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Passwords({} KiB, {} passes)", self.0.params.m_cost(), self.0.params.t_cost())
    }
}

impl Passwords {
    /// Ready to work.
    ///
    /// # Errors
    /// When the options are out of the algorithm's range, or the random source fails.
    pub fn new(options: PasswordOptions, entropy: SharedEntropy) -> Result<Self, Fault> {
        let params = Params::new(options.memory_kib, options.passes, 1, Some(OUTPUT_BYTES))
            .map_err(|e| Fault::bug(format!("the options of password hashes: {e}")))?;
        let dummy = unfit(&params, &entropy)?;
        let concurrent = options.concurrent.max(1);
        Ok(Self(Arc::new(Inner {
            params,
            dummy,
            entropy,
            admitted: Arc::new(Semaphore::new(concurrent.saturating_add(options.queue_max))),
            working: Arc::new(Semaphore::new(concurrent)),
        })))
    }

    /// The hash of a new password.
    ///
    /// # Errors
    /// `Unavailable` when too many are waiting, `DeadlineExceeded` when the turn does not come in time.
    pub async fn hash(&self, ctx: &Ctx, password: Secret<String>) -> Result<PasswordHash, Fault> {
        let mut salt = [0; SALT_BYTES];
        self.0.entropy.fill(&mut salt).map_err(Fault::internal)?;
        let argon2 = self.argon2();
        self.in_turn(ctx, move || {
            let hash = argon2.hash_password_with_salt(password.expose().as_bytes(), &salt);
            hash.map(|h| PasswordHash(h.to_string())).map_err(|e| broken(&e))
        })
        .await
    }

    /// Whether a password fits a stored hash. `None` stands for an unknown login: it takes as long and
    /// never fits.
    ///
    /// # Errors
    /// As [`Passwords::hash`].
    pub async fn verify(
        &self,
        ctx: &Ctx,
        password: Secret<String>,
        stored: Option<PasswordHash>,
    ) -> Result<bool, Fault> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.0.dummy.clone());
        let argon2 = self.argon2();
        let fits = self
            .in_turn(ctx, move || {
                match argon2.verify_password(password.expose().as_bytes(), stored.as_str()) {
                    Ok(()) => Ok(true),
                    Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                    Err(e) => Err(broken(&e)),
                }
            })
            .await?;
        Ok(fits && known)
    }

    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.0.params.clone())
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        ctx: &Ctx,
        work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        ctx.check_deadline()?;
        let admitted = Arc::clone(&self.0.admitted).try_acquire_owned().map_err(|_| {
            metrics::counter!("auth_password_refused_total").increment(1);
            let text = "too many people are signing in right now; try again";
            Fault::new(ErrorCode::Unavailable, text)
        })?;
        let turn = Arc::clone(&self.0.working).acquire_owned();
        let working = tokio::time::timeout(ctx.remaining(), turn)
            .await
            .map_err(|_| Fault::new(ErrorCode::DeadlineExceeded, "the request ran out of time"))?
            .map_err(Fault::internal)?;
        // The thread goes on when its caller stops waiting, so the permits go with it.
        let done = tokio::task::spawn_blocking(move || {
            let _held: [OwnedSemaphorePermit; 2] = [working, admitted];
            work()
        });
        done.await.map_err(Fault::internal)?
    }
}

fn broken(e: &argon2::password_hash::Error) -> Fault {
    Fault::bug(format!("a password hash: {e}"))
}

/// A well-formed hash of random bits. That some password fits it is as likely as guessing 256 bits.
fn unfit(params: &Params, entropy: &SharedEntropy) -> Result<PasswordHash, Fault> {
    let mut bytes = [0; SALT_BYTES + OUTPUT_BYTES];
    entropy.fill(&mut bytes).map_err(Fault::internal)?;
    let (salt, output) = bytes.split_at(SALT_BYTES);
    Ok(PasswordHash(format!(
        "$argon2id$v=19$m={},t={},p={}${}${}",
        params.m_cost(),
        params.t_cost(),
        params.p_cost(),
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(output)
    )))
}
