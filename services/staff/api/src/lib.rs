//! What others may see of the service `staff`: who works for a tenant, what they may do, their sessions,
//! and the credentials of programs.

mod permissions;

pub use permissions::{PERMISSIONS, PermissionInfo, is_grantable};

use kit::{Cursor, ErrorCode, FieldError, Limit, Page, Secret, Timestamp};
use rpc::{Ctx, Fault, ServiceError};
use serde::{Deserialize, Serialize};
use types::{CredentialId, StaffId};
use utoipa::ToSchema;

/// What somebody's work is. Permissions follow from it; see [`Role::permissions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Owner,
    /// Catalogue, stock, orders, flows.
    Operations,
    /// Stock and shipping.
    Warehouse,
    /// Orders and members.
    CustomerService,
    /// Sees everything, changes nothing.
    ReadOnly,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] =
        [Self::Owner, Self::Operations, Self::Warehouse, Self::CustomerService, Self::ReadOnly];

    /// The permission table: the one source for the API and the console. `*` grants all, `area:*` all of
    /// an area.
    #[must_use]
    pub const fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Owner => &["*"],
            Self::Operations => &[
                "tenant:read",
                "products:*",
                "stock:*",
                "orders:*",
                "payments:*",
                "fulfillment:*",
                "members:read",
                "flows:*",
                "messages:*",
                "staff:read",
            ],
            Self::Warehouse => &[
                "tenant:read",
                "products:read",
                "stock:*",
                "orders:read",
                "orders:ship",
                "fulfillment:*",
            ],
            Self::CustomerService => &[
                "tenant:read",
                "products:read",
                "stock:read",
                "orders:*",
                "payments:read",
                "payments:refund",
                "fulfillment:read",
                "members:*",
            ],
            Self::ReadOnly => &[
                "tenant:read",
                "products:read",
                "stock:read",
                "orders:read",
                "payments:read",
                "fulfillment:read",
                "members:read",
                "flows:read",
                "messages:read",
                "staff:read",
            ],
        }
    }
}

/// Somebody who works for a tenant.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StaffMember {
    /// The id.
    pub id: StaffId,
    /// What they sign in with.
    pub login: String,
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: Role,
    /// Whether they may sign in.
    pub enabled: bool,
    /// Since when.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for StaffMember {
    /// Personal data stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StaffMember({}, {:?})", self.id, self.role)
    }
}

/// Somebody to add. Needs `staff:write`, and nobody can give a role that may do more than he himself.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStaff {
    /// What they sign in with: 3 to 64 characters; unique in the tenant, case ignored.
    #[schema(min_length = 3, max_length = 64)]
    pub login: String,
    /// Their name.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Their role.
    pub role: Role,
    /// 10 to 128 characters.
    #[serde(serialize_with = "kit::secret::reveal")]
    #[schema(value_type = String, min_length = 10, max_length = 128, format = Password)]
    pub password: Secret<String>,
}

impl std::fmt::Debug for NewStaff {
    /// Personal data stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewStaff({:?})", self.role)
    }
}

/// Signing in.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StaffLogin)]
pub struct Login {
    /// The login.
    #[schema(max_length = 64)]
    pub login: String,
    /// The password.
    #[serde(serialize_with = "kit::secret::reveal")]
    #[schema(value_type = String, max_length = 128, format = Password)]
    pub password: Secret<String>,
}

impl std::fmt::Debug for Login {
    /// Personal data stays out of logs, and so does a password in the wrong field.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(***)")
    }
}

/// A session: the token goes into `Authorization: Bearer`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = StaffSession)]
pub struct Session {
    /// Opaque; shown once.
    #[serde(serialize_with = "kit::secret::reveal")]
    #[schema(value_type = String)]
    pub token: Secret<String>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Who signed in.
    pub staff: StaffMember,
}

/// A token to check or to end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// The token, of a session or of a credential.
    #[serde(serialize_with = "kit::secret::reveal")]
    pub token: Secret<String>,
}

/// Who a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The staff member's or the credential's id.
    pub id: i64,
    /// What it may do.
    pub permissions: Vec<String>,
}

/// A program's credential, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Credential {
    /// The id.
    pub id: CredentialId,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub permissions: Vec<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// Since when it no longer holds.
    pub revoked_at: Option<Timestamp>,
}

/// A credential to make. Needs `staff:write`; it cannot be granted more than its maker has. See
/// [`PERMISSIONS`]; `area:*` grants all of an area, `*` everything.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCredential {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What it may do, such as `products:read` or `stock:*`.
    #[schema(min_items = 1, max_items = 50)]
    pub permissions: Vec<String>,
}

/// A credential with its token, which is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedCredential {
    /// The credential.
    pub credential: Credential,
    /// The bearer token.
    #[serde(serialize_with = "kit::secret::reveal")]
    #[schema(value_type = String)]
    pub token: Secret<String>,
}

/// Which credential.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevokeCredential {
    /// The id.
    pub id: CredentialId,
}

/// Asks for a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct List {
    /// Where to go on.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: Limit,
}

/// Changes to somebody; what is absent stays. Needs `staff:write`, and at least what that person's old and
/// new roles may do. The last enabled owner stays one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateStaff {
    /// Who.
    pub id: StaffId,
    /// A new role.
    #[serde(default)]
    pub role: Option<Role>,
    /// Whether they may sign in; taking it away ends their sessions.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// Asks who signed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Me {}

/// A new password for the one who signed in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StaffChangePassword)]
pub struct ChangePassword {
    /// The password until now.
    #[serde(serialize_with = "kit::secret::reveal")]
    #[schema(value_type = String, max_length = 128, format = Password)]
    pub current: Secret<String>,
    /// The new one: 10 to 128 characters.
    #[serde(serialize_with = "kit::secret::reveal")]
    #[schema(value_type = String, min_length = 10, max_length = 128, format = Password)]
    pub new: Secret<String>,
}

/// The staff of a tenant.
#[rpc::service(name = "staff")]
pub trait Staff: Send + Sync + 'static {
    /// Adds somebody.
    async fn add(&self, ctx: &Ctx, req: NewStaff) -> Result<StaffMember, Error>;
    /// Changes somebody.
    async fn update(&self, ctx: &Ctx, req: UpdateStaff) -> Result<StaffMember, Error>;
    /// Everybody, by login. Needs `staff:read`.
    async fn list(&self, ctx: &Ctx, req: List) -> Result<Page<StaffMember>, Error>;
    /// Who signed in; not found for a credential.
    async fn me(&self, ctx: &Ctx, req: Me) -> Result<StaffMember, Error>;
    /// Changes one's own password and ends all one's sessions, this one too; the answer is a new one. A
    /// wrong current password counts as a failure to sign in. Not found for a credential.
    async fn change_password(&self, ctx: &Ctx, req: ChangePassword) -> Result<Session, Error>;
    /// Signs in. Too many failures lock the login for a while.
    async fn login(&self, ctx: &Ctx, req: Login) -> Result<Session, Error>;
    /// Ends a session; fine when it is over already. A credential is not ended so: see
    /// `revoke_credential`.
    async fn logout(&self, ctx: &Ctx, req: Token) -> Result<(), Error>;
    /// Who a token belongs to, in the tenant of the call; nobody when it does not hold.
    async fn authenticate(&self, ctx: &Ctx, req: Token) -> Result<Option<Identity>, Error>;
    /// Makes a credential for a program.
    async fn create_credential(
        &self,
        ctx: &Ctx,
        req: NewCredential,
    ) -> Result<CreatedCredential, Error>;
    /// All credentials, newest first. Needs `staff:read`.
    async fn list_credentials(&self, ctx: &Ctx, req: List) -> Result<Page<Credential>, Error>;
    /// Ends a credential. Needs `staff:write`.
    async fn revoke_credential(
        &self,
        ctx: &Ctx,
        req: RevokeCredential,
    ) -> Result<Credential, Error>;
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// Login or password is wrong, or the login is disabled: not told which.
    #[error("login or password is wrong")]
    BadLogin,
    /// The current password is wrong; nothing was changed.
    #[error("this is not the current password")]
    WrongPassword,
    /// Too many failures.
    #[error("too many failed attempts; try again after {until}")]
    Locked {
        /// When to try again.
        until: Timestamp,
    },
    /// The login is taken.
    #[error("this login is taken")]
    LoginTaken,
    /// Anything that can happen to any call.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ServiceError for Error {
    fn code(&self) -> ErrorCode {
        match self {
            Self::BadLogin => ErrorCode::Unauthenticated,
            // Not "unauthenticated": the session is fine.
            Self::WrongPassword => ErrorCode::Invalid,
            Self::Locked { .. } => ErrorCode::TooManyRequests,
            Self::LoginTaken => ErrorCode::Conflict,
            Self::Fault(f) => f.code,
        }
    }

    fn into_fault(self) -> Fault {
        let slug = match &self {
            Self::BadLogin => "bad_login",
            Self::WrongPassword => "wrong_password",
            Self::Locked { .. } => "locked",
            Self::LoginTaken => "login_taken",
            Self::Fault(f) => return f.clone(),
        };
        let fault = Fault::new(self.code(), self.to_string()).with_slug(slug);
        match &self {
            Self::WrongPassword => {
                fault.with_fields(vec![FieldError::new("/current", self.to_string())])
            }
            _ => fault,
        }
    }
}
