//! What others may see of the service `member`: registered shoppers, their sessions and address books.

use kit::{Cursor, ErrorCode, FieldError, Limit, Page, Secret, Timestamp};
use rpc::{Ctx, Fault, ServiceError};
use serde::{Deserialize, Serialize};
use types::{Address, AddressId, Locale, MemberId};
use utoipa::ToSchema;

/// A registered shopper.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberInfo {
    /// The id.
    pub id: MemberId,
    /// What they sign in with: an e-mail address.
    pub login: String,
    /// How they want to be called; may be empty.
    pub name: String,
    /// Their language, when they chose one.
    pub locale: Option<Locale>,
    /// Since when.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for MemberInfo {
    /// Personal data stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MemberInfo({})", self.id)
    }
}

/// Somebody who registers.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RegisterMember)]
pub struct Register {
    /// An e-mail address; unique in the tenant, case ignored.
    #[schema(min_length = 3, max_length = 254)]
    pub login: String,
    /// 8 to 128 characters.
    #[serde(serialize_with = "kit::secret::reveal")]
    #[schema(value_type = String, min_length = 8, max_length = 128, format = Password)]
    pub password: Secret<String>,
    /// How they want to be called.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub name: String,
    /// Their language.
    #[serde(default)]
    pub locale: Option<Locale>,
}

impl std::fmt::Debug for Register {
    /// Personal data stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Register(***)")
    }
}

/// Signing in.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MemberLogin)]
pub struct Login {
    /// The login.
    #[schema(max_length = 254)]
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
#[schema(as = MemberSession)]
pub struct Session {
    /// Opaque; shown once.
    #[serde(serialize_with = "kit::secret::reveal")]
    #[schema(value_type = String)]
    pub token: Secret<String>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Who signed in.
    pub member: MemberInfo,
}

/// A token to check or to end.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// The token.
    #[serde(serialize_with = "kit::secret::reveal")]
    pub token: Secret<String>,
}

/// Asks for the member who signed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Me {}

/// Changes to one's profile; what is absent stays.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProfile {
    /// A new name.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub name: Option<String>,
    /// A new language.
    #[serde(default)]
    pub locale: Option<Locale>,
}

impl std::fmt::Debug for UpdateProfile {
    /// Personal data stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UpdateProfile(***)")
    }
}

/// A new password for the member who signed in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password until now.
    #[serde(serialize_with = "kit::secret::reveal")]
    #[schema(value_type = String, max_length = 128, format = Password)]
    pub current: Secret<String>,
    /// The new one: 8 to 128 characters.
    #[serde(serialize_with = "kit::secret::reveal")]
    #[schema(value_type = String, min_length = 8, max_length = 128, format = Password)]
    pub new: Secret<String>,
}

/// Ends all sessions of the member who signed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignOutEverywhere {}

/// Asks for one member. Needs `members:read`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Get {
    /// Who.
    pub id: MemberId,
}

/// Asks for members, newest first, or for the one with a login. Needs `members:read`.
#[derive(Clone, Serialize, Deserialize)]
pub struct List {
    /// Exactly this login.
    pub login: Option<String>,
    /// Where to go on.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: Limit,
}

impl std::fmt::Debug for List {
    /// Personal data stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "List({}, limit {})",
            if self.login.is_some() { "one" } else { "all" },
            self.limit.get()
        )
    }
}

/// The most addresses in a book.
pub const ADDRESSES_MAX: usize = 50;

/// An address in the book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SavedAddress {
    /// The id.
    pub id: AddressId,
    /// Whether it is offered first.
    pub is_default: bool,
    /// The address.
    pub address: Address,
}

/// An address to add or to replace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PutAddress {
    /// Which one to replace; a new one without.
    #[serde(default)]
    pub id: Option<AddressId>,
    /// Whether it is offered first from now on. A book has one such address: the first one is it, and it
    /// stays it until another one is.
    #[serde(default)]
    pub is_default: bool,
    /// The address.
    pub address: Address,
}

/// Which address of the member who signed in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddressRef {
    /// The address.
    pub id: AddressId,
}

/// Asks for the whole book: at most 50 addresses, the default first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListAddresses {}

/// Members of a tenant.
#[rpc::service(name = "member")]
pub trait Member: Send + Sync + 'static {
    /// Registers and signs in.
    async fn register(&self, ctx: &Ctx, req: Register) -> Result<Session, Error>;
    /// Signs in. Too many failures lock the login for a while.
    async fn login(&self, ctx: &Ctx, req: Login) -> Result<Session, Error>;
    /// Ends a session; fine when it is over already.
    async fn logout(&self, ctx: &Ctx, req: Token) -> Result<(), Error>;
    /// Whose token it is, in the tenant of the call; nobody's when it does not hold.
    async fn authenticate(&self, ctx: &Ctx, req: Token) -> Result<Option<MemberId>, Error>;
    /// Who signed in.
    async fn me(&self, ctx: &Ctx, req: Me) -> Result<MemberInfo, Error>;
    /// Changes one's profile.
    async fn update_profile(&self, ctx: &Ctx, req: UpdateProfile) -> Result<MemberInfo, Error>;
    /// Changes one's password and ends all one's sessions, this one too; the answer is a new one. A wrong
    /// current password counts as a failure to sign in.
    async fn change_password(&self, ctx: &Ctx, req: ChangePassword) -> Result<Session, Error>;
    /// Ends all one's sessions, this one too.
    async fn sign_out_everywhere(&self, ctx: &Ctx, req: SignOutEverywhere) -> Result<(), Error>;
    /// One member.
    async fn get(&self, ctx: &Ctx, req: Get) -> Result<MemberInfo, Error>;
    /// Members.
    async fn list(&self, ctx: &Ctx, req: List) -> Result<Page<MemberInfo>, Error>;
    /// Adds or replaces an address.
    async fn put_address(&self, ctx: &Ctx, req: PutAddress) -> Result<SavedAddress, Error>;
    /// One address of the member who signed in.
    async fn get_address(&self, ctx: &Ctx, req: AddressRef) -> Result<SavedAddress, Error>;
    /// The book of the member who signed in.
    async fn list_addresses(
        &self,
        ctx: &Ctx,
        req: ListAddresses,
    ) -> Result<Vec<SavedAddress>, Error>;
    /// Removes an address; fine when it is gone already. When it was the one offered first, the newest of
    /// the others is now.
    async fn delete_address(&self, ctx: &Ctx, req: AddressRef) -> Result<(), Error>;
}

/// What can go wrong.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// Login or password is wrong: not told which.
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
    #[error("somebody is registered with this login already")]
    LoginTaken,
    /// The book is full.
    #[error("an address book holds at most 50 addresses")]
    TooManyAddresses,
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
            Self::LoginTaken | Self::TooManyAddresses => ErrorCode::Conflict,
            Self::Fault(f) => f.code,
        }
    }

    fn into_fault(self) -> Fault {
        let slug = match &self {
            Self::BadLogin => "bad_login",
            Self::WrongPassword => "wrong_password",
            Self::Locked { .. } => "locked",
            Self::LoginTaken => "login_taken",
            Self::TooManyAddresses => "too_many_addresses",
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
