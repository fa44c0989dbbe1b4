//! A small tenant and who works for it.

use kit::{Placement, Placements, Timestamp};
use staff_api::{Role, StaffMember};
use tenant_api::{TenantInfo, Theme};
use types::{StaffId, Texts};

pub const STAFF: i64 = 7;
pub const AT: Timestamp = Timestamp::from_millis(1_763_690_000_000);

pub fn texts(en: &str, zh: &str) -> Texts {
    let pairs = [("en", en), ("zh-CN", zh)].map(|(l, t)| (l.parse().unwrap(), t.to_owned()));
    Texts::new(pairs.into()).unwrap()
}

pub fn tenant() -> TenantInfo {
    TenantInfo {
        code: "flora".parse().unwrap(),
        name: texts("Flora & Sons", "花与子"),
        hosts: vec!["flora.localhost".into()],
        currency: "CNY".parse().unwrap(),
        locales: vec!["en".parse().unwrap(), "zh-CN".parse().unwrap()],
        theme: Theme {
            primary: "#1f6f43".into(),
            accent: "#c2410c".into(),
            background: "#f7f5ef".into(),
            ..Theme::default()
        },
        banners: Vec::new(),
        shipping_fee: kit::Money::new(1_200, "CNY".parse().unwrap()).unwrap(),
        placements: Placements::initial(Placement::new(1, 1, 0, 0).unwrap()),
        version: 3,
    }
}

pub fn staff(role: Role) -> StaffMember {
    StaffMember {
        id: StaffId::from_i64(STAFF).unwrap(),
        login: "ann".into(),
        name: "Ann <Lee>".into(),
        role,
        enabled: true,
        created_at: AT,
    }
}
