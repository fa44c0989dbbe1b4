//! The table of all permissions: what a credential can be granted and a role be made of. A route that
//! asks for a permission that is not here cannot be reached by any credential.

/// A permission and what it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermissionInfo {
    /// `area:verb`.
    pub name: &'static str,
    /// What it allows, for a person.
    pub allows: &'static str,
}

const fn allows(name: &'static str, allows: &'static str) -> PermissionInfo {
    PermissionInfo { name, allows }
}

/// All permissions, by area.
pub const PERMISSIONS: &[PermissionInfo] = &[
    allows("tenant:read", "see the settings of the tenant"),
    allows("tenant:write", "change the settings of the tenant"),
    allows("staff:read", "see who works for the tenant, and its credentials"),
    allows("staff:write", "add and change staff and credentials"),
    allows("members:read", "find members and see them"),
    allows("members:write", "change members"),
    allows("products:read", "see products that are not on sale, too"),
    allows("products:write", "change the catalogue and import into it"),
    allows("stock:read", "see stock and its ledger"),
    allows("stock:write", "change stock and warehouses"),
    allows("orders:read", "see all orders"),
    allows("orders:operate", "move orders along their flow"),
    allows("orders:ship", "move orders as the warehouse does"),
    allows("payments:read", "see payments and refunds"),
    allows("payments:collect", "record cash that was collected"),
    allows("payments:refund", "give money back"),
    allows("fulfillment:read", "see shipments"),
    allows("fulfillment:ship", "ship, and record where parcels are"),
    allows("flows:read", "see flows"),
    allows("flows:publish", "publish new versions of flows"),
    allows("messages:read", "see messages that are stuck"),
    allows("messages:write", "send stuck messages again, or drop them"),
];

/// Whether this can be granted: a permission of the table, `area:*` of one of its areas, or `*`.
#[must_use]
pub fn is_grantable(granted: &str) -> bool {
    let in_area = |area: &str| {
        PERMISSIONS.iter().any(|p| p.name.split_once(':').is_some_and(|(a, _)| a == area))
    };
    granted == "*"
        || PERMISSIONS.iter().any(|p| p.name == granted)
        || granted.strip_suffix(":*").is_some_and(in_area)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Role;

    #[test]
    fn roles_are_made_of_known_permissions() {
        for role in Role::ALL {
            for permission in role.permissions() {
                assert!(is_grantable(permission), "{role:?} has {permission}");
            }
        }
    }

    #[test]
    fn the_table_has_no_doubles_and_only_areas_have_wildcards() {
        let names: BTreeSet<_> = PERMISSIONS.iter().map(|p| p.name).collect();
        assert_eq!(names.len(), PERMISSIONS.len());
        for good in ["*", "stock:*", "stock:read"] {
            assert!(is_grantable(good), "{good}");
        }
        for bad in ["", ":*", "stock", "stock:", "stock:*:*", "st*", "**", "moon:read", "moon:*"] {
            assert!(!is_grantable(bad), "{bad}");
        }
    }
}
