//! The words of staff, credentials and one's own account.

use rpc::Actor;
use staff_api::{PERMISSIONS, PermissionInfo};

ui::words! {
    /// The words of staff, credentials and one's own account.
    pub(crate) struct Words, used in ["src/staff"];
    "staff" {
        words {
            staff, staff_text, name, login, role, state, since, enabled, disabled, you, change,
            role_for, save_role, disable, disable_text, enable, enable_text, add_somebody,
            login_hint, password, password_hint, add, bad_login, bad_name, bad_password, login_taken,
            last_owner, not_yours, too_many_staff, who_may_what, who_may_what_text, permission, yes,
            no, look_below, done_added, done_role, done_disabled, done_enabled,
        }
        tables { permissions, areas }
    }
    "credentials" {
        words {
            credentials, credentials_text, no_credentials, credential_for, allowed, made_at, holds,
            revoke, revoke_text, new_credential, credential_name_hint, may, may_hint, create,
            bad_permissions, too_many_credentials, done_revoked, token_made, token, token_once,
            token_use, token_kept,
        }
        sentences {
            revoked_at(time: &str),
        }
    }
    "account" {
        words {
            account, program_text, your_permissions, change_password, change_password_text,
            current_password, new_password, new_password_again, wrong_password, not_the_same,
            done_password,
        }
        sentences {
            locked_until(time: &str),
        }
    }
}

/// The permissions that somebody has, by area and in the sequence of the table.
pub(super) fn by_area(actor: &Actor) -> Vec<Vec<&'static PermissionInfo>> {
    let has: Vec<_> = PERMISSIONS.iter().filter(|p| actor.may(p.name)).collect();
    has.chunk_by(|a, b| area_of(a) == area_of(b)).map(<[_]>::to_vec).collect()
}

fn area_of(permission: &PermissionInfo) -> &'static str {
    permission.name.split(':').next().unwrap_or_default()
}

impl Words {
    /// What a permission allows.
    pub(super) fn allows(&self, permission: &PermissionInfo) -> &'static str {
        // a name of a text has no colon
        self.permissions.get(&permission.name.replace(':', "-")).unwrap_or(permission.allows)
    }

    /// What the area of a permission is called.
    pub(super) fn area(&self, permission: &PermissionInfo) -> &'static str {
        let area = area_of(permission);
        self.areas.get(area).unwrap_or(area)
    }
}

#[cfg(test)]
mod tests {
    use ui::Lang;

    use super::*;

    #[test]
    fn every_permission_and_its_area_is_told_in_every_language() {
        for lang in Lang::ALL {
            let w = Words::of(lang);
            for permission in PERMISSIONS {
                let (area, verb) = permission.name.split_once(':').unwrap();
                let name = [area, "-", verb].concat();
                assert!(w.permissions.get(&name).is_some(), "{name} in {}", lang.tag());
                assert!(w.areas.get(area).is_some(), "{area} in {}", lang.tag());
            }
        }
    }
}
