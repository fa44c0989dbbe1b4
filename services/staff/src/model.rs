//! The rules of staff: what may be written, who may give what to whom. Pure; no IO.

use kit::{ErrorCode, FieldError};
use rpc::{Actor, Fault};
use staff_api::{
    ChangePassword, Credential, Login, NewCredential, NewStaff, Role, StaffMember, is_grantable,
};

/// Characters of a login.
const LOGIN: std::ops::RangeInclusive<usize> = 3..=64;
/// Characters of a name.
const NAME_MAX: usize = 100;
/// Characters of a password: the shortest that may be set, the longest that is looked at.
const PASSWORD: std::ops::RangeInclusive<usize> = 10..=128;
/// Permissions of one credential.
const PERMISSIONS_MAX: usize = 50;

/// The slug when the last owner would be gone.
const LAST_OWNER: &str = "last_owner";

/// What makes a login unique: case is ignored.
#[must_use]
pub fn login_key(login: &str) -> String {
    login.to_lowercase()
}

/// Checks somebody to add.
///
/// # Errors
/// `Invalid` with everything that is wrong.
pub fn check_new(new: &NewStaff) -> Result<(), Fault> {
    let mut problems = Vec::new();
    let login_ok = LOGIN.contains(&new.login.chars().count())
        && !new.login.chars().any(|c| c.is_control() || c.is_whitespace());
    if !login_ok {
        problems.push(FieldError::new("/login", "3 to 64 characters, without blanks"));
    }
    check_name(&new.name, &mut problems);
    if !PASSWORD.contains(&new.password.expose().chars().count()) {
        problems.push(FieldError::new("/password", "10 to 128 characters"));
    }
    refuse(problems)
}

/// Checks what somebody signs in with: only what no login can have, the rest is right or wrong.
///
/// # Errors
/// As [`check_new`].
pub fn check_login(login: &Login) -> Result<(), Fault> {
    let mut problems = Vec::new();
    if login.login.chars().count() > *LOGIN.end() || login.login.chars().any(char::is_control) {
        let detail = "up to 64 characters, without control characters";
        problems.push(FieldError::new("/login", detail));
    }
    if login.password.expose().chars().count() > *PASSWORD.end() {
        problems.push(FieldError::new("/password", "up to 128 characters"));
    }
    refuse(problems)
}

/// Checks a change of password. Whether the current one is right, only its hash tells.
///
/// # Errors
/// As [`check_new`].
pub fn check_passwords(change: &ChangePassword) -> Result<(), Fault> {
    let mut problems = Vec::new();
    if change.current.expose().chars().count() > *PASSWORD.end() {
        problems.push(FieldError::new("/current", "up to 128 characters"));
    }
    if !PASSWORD.contains(&change.new.expose().chars().count()) {
        problems.push(FieldError::new("/new", "10 to 128 characters"));
    }
    refuse(problems)
}

/// Checks a credential to make, apart from whether its maker has what it grants.
///
/// # Errors
/// As [`check_new`].
pub fn check_credential(new: &NewCredential) -> Result<(), Fault> {
    let mut problems = Vec::new();
    check_name(&new.name, &mut problems);
    if new.permissions.is_empty() || new.permissions.len() > PERMISSIONS_MAX {
        let detail = format!("1 to {PERMISSIONS_MAX} permissions");
        problems.push(FieldError::new("/permissions", detail));
        return refuse(problems);
    }
    for (i, permission) in new.permissions.iter().enumerate() {
        let detail = if !is_grantable(permission) {
            "there is no such permission"
        } else if new.permissions.iter().take(i).any(|p| p == permission) {
            "named twice"
        } else {
            continue;
        };
        problems.push(FieldError::new(format!("/permissions/{i}"), detail));
    }
    refuse(problems)
}

fn check_name(name: &str, problems: &mut Vec<FieldError>) {
    let fits = !name.trim().is_empty()
        && name.chars().count() <= NAME_MAX
        && !name.chars().any(char::is_control);
    if !fits {
        let detail = format!("1 to {NAME_MAX} characters, without control characters");
        problems.push(FieldError::new("/name", detail));
    }
}

fn refuse(problems: Vec<FieldError>) -> Result<(), Fault> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::Invalid, "the input has mistakes").with_fields(problems))
}

/// Whether somebody has all that `granted` grants. A wildcard must be had as a wildcard, so that what is
/// added to an area later is not given away unseen.
#[must_use]
pub fn has(actor: &Actor, granted: &str) -> bool {
    if granted.ends_with('*') {
        let all = |p: &String| p == "*" || p == granted;
        return actor.kind == rpc::ActorKind::System || actor.permissions.iter().any(all);
    }
    actor.may(granted)
}

/// Refuses to give a role or a credential that may do more than its giver.
///
/// # Errors
/// `Forbidden`, with what is missing.
pub fn within<'a>(actor: &Actor, granted: impl IntoIterator<Item = &'a str>) -> Result<(), Fault> {
    match granted.into_iter().find(|p| !has(actor, p)) {
        None => Ok(()),
        Some(missing) => {
            let text = format!("you do not have {missing} yourself, so you cannot give or take it");
            Err(Fault::new(ErrorCode::Forbidden, text))
        }
    }
}

/// Somebody after a change.
#[must_use]
pub fn changed(person: &StaffMember, role: Option<Role>, enabled: Option<bool>) -> StaffMember {
    StaffMember {
        role: role.unwrap_or(person.role),
        enabled: enabled.unwrap_or(person.enabled),
        ..person.clone()
    }
}

/// Refuses a change that would leave the tenant without an owner who may sign in.
///
/// # Errors
/// `Conflict` with the slug `last_owner`.
pub fn keep_an_owner(
    before: &StaffMember,
    after: &StaffMember,
    other_owners: u64,
) -> Result<(), Fault> {
    if is_owner(before) && !is_owner(after) && other_owners == 0 {
        let text = "this is the last owner who may sign in; make somebody else one first";
        return Err(Fault::new(ErrorCode::Conflict, text).with_slug(LAST_OWNER));
    }
    Ok(())
}

/// An owner who may sign in.
#[must_use]
pub fn is_owner(person: &StaffMember) -> bool {
    person.enabled && person.role == Role::Owner
}

/// Refuses one more when a limit is reached.
///
/// # Errors
/// `Conflict` with this slug.
pub fn below(count: u64, max: u64, what: &str, slug: &'static str) -> Result<(), Fault> {
    if count < max {
        return Ok(());
    }
    let text = format!("a tenant has at most {max} {what}");
    Err(Fault::new(ErrorCode::Conflict, text).with_slug(slug))
}

/// What a credential may do now: nothing once it is revoked.
#[must_use]
pub fn in_force(credential: &Credential) -> bool {
    credential.revoked_at.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::{Secret, Timestamp};
    use types::StaffId;

    fn person(role: Role, enabled: bool) -> StaffMember {
        StaffMember {
            id: StaffId::from_i64(1).unwrap(),
            login: "anna".into(),
            name: "Anna".into(),
            role,
            enabled,
            created_at: Timestamp::default(),
        }
    }

    fn actor(permissions: &[&str]) -> Actor {
        Actor::operator(1, permissions.iter().map(|p| (*p).to_owned()).collect())
    }

    fn pointers(result: Result<(), Fault>) -> Vec<String> {
        result.unwrap_err().fields.into_iter().map(|f| f.pointer).collect()
    }

    #[test]
    fn nobody_gives_what_he_does_not_have() {
        let stock = actor(&["stock:*", "orders:read"]);
        for (granted, may) in [
            ("stock:read", true),
            ("stock:*", true),
            ("orders:read", true),
            ("orders:*", false),
            ("*", false),
            ("orders:ship", false),
        ] {
            assert_eq!(has(&stock, granted), may, "{granted}");
        }
        // All there is in an area today is not what may be in it tomorrow.
        assert!(!has(&actor(&["messages:read", "messages:write"]), "messages:*"));
        assert!(has(&actor(&["*"]), "messages:*") && has(&actor(&["*"]), "*"));
        assert!(has(&Actor::system("demo"), "*"));
        assert!(!has(&Actor::user(1), "stock:read") && !has(&Actor::anonymous(), "*"));
        let lacking = within(&stock, ["stock:read", "orders:*"]).unwrap_err();
        assert!(lacking.message.contains("orders:*"));
    }

    #[test]
    fn the_last_owner_stays_one() {
        let owner = person(Role::Owner, true);
        for after in [person(Role::ReadOnly, true), person(Role::Owner, false)] {
            assert_eq!(keep_an_owner(&owner, &after, 0).unwrap_err().slug(), LAST_OWNER);
            assert!(keep_an_owner(&owner, &after, 1).is_ok());
        }
        assert!(keep_an_owner(&owner, &owner, 0).is_ok());
        let off = person(Role::Owner, false);
        assert!(keep_an_owner(&off, &person(Role::Warehouse, false), 0).is_ok());
    }

    #[test]
    fn mistakes_are_named_at_their_place() {
        let new = |login: &str, name: &str, password: &str| NewStaff {
            login: login.into(),
            name: name.into(),
            role: Role::Warehouse,
            password: Secret::new(password.into()),
        };
        assert!(check_new(&new("anna", "Anna", "0123456789")).is_ok());
        assert!(check_new(&new("安安安", "Анна Ли", &"ü".repeat(128))).is_ok());
        assert_eq!(
            pointers(check_new(&new("an", "\n", "012345678"))),
            ["/login", "/name", "/password"]
        );
        assert_eq!(pointers(check_new(&new("an na", "Anna", &"x".repeat(129)))).len(), 2);
        let login = Login { login: "x".repeat(65), password: Secret::new("x".repeat(129)) };
        assert_eq!(pointers(check_login(&login)), ["/login", "/password"]);
        // Not every engine can look for it.
        let login = Login { login: "an\0na".into(), password: Secret::new("x".into()) };
        assert_eq!(pointers(check_login(&login)), ["/login"]);
    }

    #[test]
    fn a_credential_names_each_known_permission_once() {
        let new = |permissions: &[&str]| NewCredential {
            name: "erp".into(),
            permissions: permissions.iter().map(|p| (*p).to_owned()).collect(),
        };
        assert!(check_credential(&new(&["stock:*", "orders:read"])).is_ok());
        assert_eq!(pointers(check_credential(&new(&[]))), ["/permissions"]);
        assert_eq!(
            pointers(check_credential(&new(&["stock:read", "moon:read", "stock:read"]))),
            ["/permissions/1", "/permissions/2"]
        );
        assert_eq!(pointers(check_credential(&new(&["stock:read"; 51]))), ["/permissions"]);
    }
}
