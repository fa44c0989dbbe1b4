//! The rules of members: what may be written. Pure; no IO.

pub mod book;

use kit::{ErrorCode, FieldError};
use member_api::{ChangePassword, Login, Register, UpdateProfile};
use rpc::Fault;

/// Characters of a login, as RFC 5321 limits addresses.
const LOGIN_MAX: usize = 254;
/// Characters before the `@`.
const LOCAL_PART_MAX: usize = 64;
/// Characters of a name.
const NAME_MAX: usize = 100;
/// Characters of a password: the shortest that may be set, the longest that is looked at.
const PASSWORD: std::ops::RangeInclusive<usize> = 8..=128;

/// What makes a login unique: case is ignored.
#[must_use]
pub fn login_key(login: &str) -> String {
    login.to_lowercase()
}

/// Whether a text has the shape of an e-mail address. Whether mail arrives there, only a mail can tell.
#[must_use]
pub fn is_address(text: &str) -> bool {
    if text.len() > LOGIN_MAX * 4 || text.chars().count() > LOGIN_MAX {
        return false;
    }
    let Some((local, domain)) = text.split_once('@') else { return false };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '@';
    let dotted = |part: &str| !part.split('.').any(str::is_empty);
    (1..=LOCAL_PART_MAX).contains(&local.chars().count())
        && text.replacen('@', "", 1).chars().all(plain)
        && dotted(domain)
}

/// Checks somebody who registers.
///
/// # Errors
/// `Invalid` with everything that is wrong.
pub fn check_new(new: &Register) -> Result<(), Fault> {
    let mut problems = Vec::new();
    if !is_address(&new.login) {
        problems.push(FieldError::new("/login", "an e-mail address, such as anna@example.com"));
    }
    if !PASSWORD.contains(&new.password.expose().chars().count()) {
        problems.push(FieldError::new("/password", "8 to 128 characters"));
    }
    check_name(&new.name, &mut problems);
    refuse(problems)
}

/// Checks what somebody signs in with: only what no login can have, the rest is right or wrong.
///
/// # Errors
/// As [`check_new`].
pub fn check_login(login: &Login) -> Result<(), Fault> {
    let mut problems = Vec::new();
    if login.login.chars().count() > LOGIN_MAX || login.login.chars().any(char::is_control) {
        let detail = "up to 254 characters, without control characters";
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
        problems.push(FieldError::new("/new", "8 to 128 characters"));
    }
    refuse(problems)
}

/// Checks changes to a profile.
///
/// # Errors
/// As [`check_new`].
pub fn check_profile(update: &UpdateProfile) -> Result<(), Fault> {
    let mut problems = Vec::new();
    if let Some(name) = &update.name {
        check_name(name, &mut problems);
    }
    refuse(problems)
}

fn check_name(name: &str, problems: &mut Vec<FieldError>) {
    if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        let detail = format!("up to {NAME_MAX} characters, without control characters");
        problems.push(FieldError::new("/name", detail));
    }
}

/// Refuses input with mistakes.
///
/// # Errors
/// `Invalid` with all of them.
pub fn refuse(problems: Vec<FieldError>) -> Result<(), Fault> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Fault::new(ErrorCode::Invalid, "the input has mistakes").with_fields(problems))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::Secret;
    use proptest::prelude::*;

    #[test]
    fn only_what_looks_like_an_address_is_one() {
        for good in
            ["a@b", "anna@flora.example", "anna+shop@b.co", "o'hara@b.c", "安娜@例え.jp", "A.B@C.D"]
        {
            assert!(is_address(good), "{good}");
        }
        let too_long = format!("a@{}.c", "b".repeat(251));
        let long_local = format!("{}@b.c", "a".repeat(65));
        for bad in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            " a@b",
            "a@b ",
            "a@b.",
            "a@.b",
            "a@b..c",
            "a@b\n",
            "a\0@b",
            &too_long,
            &long_local,
        ] {
            assert!(!is_address(bad), "{bad}");
        }
        assert!(is_address(&format!("a@{}.c", "b".repeat(250))));
    }

    #[test]
    fn mistakes_are_named_at_their_place() {
        let new = |login: &str, password: &str, name: &str| Register {
            login: login.into(),
            password: Secret::new(password.into()),
            name: name.into(),
            locale: None,
        };
        assert!(check_new(&new("a@b", "ü".repeat(8).as_str(), "")).is_ok());
        let fault = check_new(&new("a", "1234567", "a\tb")).unwrap_err();
        let pointers: Vec<_> = fault.fields.iter().map(|f| f.pointer.as_str()).collect();
        assert_eq!(pointers, ["/login", "/password", "/name"]);
        assert!(check_new(&new("a@b", &"x".repeat(129), &"n".repeat(101))).is_err());
        let login = Login { login: "x".repeat(255), password: Secret::new("x".repeat(129)) };
        assert_eq!(check_login(&login).unwrap_err().fields.len(), 2);
        // Not every engine can look for it.
        let login = Login { login: "a\0@b".into(), password: Secret::new("x".into()) };
        assert_eq!(check_login(&login).unwrap_err().fields[0].pointer, "/login");
    }

    proptest! {
        #[test]
        fn the_key_of_an_address_is_stable(text in "\\PC{0,40}@\\PC{1,40}") {
            let key = login_key(&text);
            prop_assert_eq!(login_key(&key), key);
        }
    }
}
