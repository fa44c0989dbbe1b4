//! What a tenant may look like. Pure rules; no IO.

use kit::{FieldError, Placement, Placements, TenantCode};
use rpc::Fault;
use tenant_api::{BANNERS_MAX, Banner, NewTenant, Overlap, Theme, UpdateTenant};
use types::{ImageId, Locale, Texts};

/// Characters of a tenant's name in one language.
const NAME_MAX: usize = 100;
/// Characters of the line under the name.
const TAGLINE_MAX: usize = 200;
/// Characters of a list of font families.
const FONTS_MAX: usize = 200;
/// Characters of a banner's heading in one language.
const BANNER_TITLE_MAX: usize = 100;
/// Characters of a banner's sentence in one language.
const BANNER_TEXT_MAX: usize = 300;
/// Characters of an address.
const ADDRESS_MAX: usize = 500;
/// Hosts of one tenant.
pub const HOSTS_MAX: usize = 20;
/// Languages of one tenant.
const LOCALES_MAX: usize = 20;
/// The largest shipping fee, in minor units.
pub const SHIPPING_FEE_MAX: i64 = 1_000_000_000;

/// A host as it is stored and looked up: lower case, without a final dot. `None` when it is no host name:
/// up to 253 characters of labels that are 1 to 63 letters, digits and inner dashes.
#[must_use]
pub fn host(text: &str) -> Option<String> {
    // Refused before it is copied.
    if text.len() > 254 {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let name = lower.strip_suffix('.').unwrap_or(&lower);
    (name.len() <= 253 && name.split('.').all(is_label)).then(|| name.to_owned())
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Checks a tenant to add, and yields its hosts as they are stored.
///
/// # Errors
/// `Invalid` with everything that is wrong.
pub fn check_new(new: &NewTenant) -> Result<Vec<String>, Fault> {
    let mut problems = Vec::new();
    if new.code == TenantCode::platform() {
        let detail = "`platform` stands for the platform itself; choose another code";
        problems.push(FieldError::new("/code", detail));
    }
    check_name(&new.name, &mut problems);
    let hosts = check_hosts(&new.hosts, &mut problems);
    check_locales(&new.locales, &mut problems);
    check_theme(&new.theme, &mut problems);
    check_fee(new.shipping_fee, &mut problems);
    refuse(problems, "the tenant has mistakes").map(|()| hosts)
}

/// Checks changes to a tenant.
///
/// # Errors
/// As [`check_new`].
pub fn check_update(update: &UpdateTenant) -> Result<(), Fault> {
    let mut problems = Vec::new();
    if let Some(name) = &update.name {
        check_name(name, &mut problems);
    }
    if let Some(theme) = &update.theme {
        check_theme(theme, &mut problems);
    }
    if let Some(banners) = &update.banners {
        check_banners(banners, &mut problems);
    }
    if let Some(fee) = update.shipping_fee {
        check_fee(fee, &mut problems);
    }
    refuse(problems, "the changes have mistakes")
}

fn refuse(problems: Vec<FieldError>, what: &str) -> Result<(), Fault> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Fault::new(kit::ErrorCode::Invalid, what).with_fields(problems))
}

fn check_name(name: &Texts, problems: &mut Vec<FieldError>) {
    check_texts("/name", name, 1, NAME_MAX, problems);
}

fn check_texts(at: &str, texts: &Texts, min: usize, max: usize, problems: &mut Vec<FieldError>) {
    for (locale, text) in texts.all() {
        if text.trim().chars().count() < min || !is_line(text, max) {
            let detail = format!("{min} to {max} characters, without control characters");
            problems.push(FieldError::new(format!("{at}/{locale}"), detail));
        }
    }
}

fn check_banners(banners: &[Banner], problems: &mut Vec<FieldError>) {
    if banners.len() > BANNERS_MAX {
        problems.push(FieldError::new("/banners", format!("at most {BANNERS_MAX} banners")));
        return;
    }
    for (i, banner) in banners.iter().enumerate() {
        check_texts(&format!("/banners/{i}/title"), &banner.title, 1, BANNER_TITLE_MAX, problems);
        check_texts(&format!("/banners/{i}/text"), &banner.text, 0, BANNER_TEXT_MAX, problems);
        if banner.image.as_deref().is_some_and(|image| !is_picture(image)) {
            problems.push(FieldError::new(format!("/banners/{i}/image"), PICTURE));
        }
        if !is_local_path(&banner.link) {
            let detail = "a path at the tenant's own host, which begins with one slash";
            problems.push(FieldError::new(format!("/banners/{i}/link"), detail));
        }
    }
}

fn check_hosts(hosts: &[String], problems: &mut Vec<FieldError>) -> Vec<String> {
    if hosts.is_empty() || hosts.len() > HOSTS_MAX {
        problems.push(FieldError::new("/hosts", format!("1 to {HOSTS_MAX} hosts")));
        return Vec::new();
    }
    let mut known = Vec::new();
    for (i, text) in hosts.iter().enumerate() {
        let detail = match host(text) {
            None => "not a host name; write it without scheme, port and path",
            Some(name) if known.contains(&name) => "named twice",
            Some(name) => {
                known.push(name);
                continue;
            }
        };
        problems.push(FieldError::new(format!("/hosts/{i}"), detail));
    }
    known
}

fn check_locales(locales: &[Locale], problems: &mut Vec<FieldError>) {
    if locales.is_empty() || locales.len() > LOCALES_MAX {
        problems.push(FieldError::new("/locales", format!("1 to {LOCALES_MAX} languages")));
        return;
    }
    for (i, locale) in locales.iter().enumerate() {
        if locales.iter().take(i).any(|l| l == locale) {
            problems.push(FieldError::new(format!("/locales/{i}"), "named twice"));
        }
    }
}

fn check_theme(theme: &Theme, problems: &mut Vec<FieldError>) {
    let colours =
        [("primary", &theme.primary), ("accent", &theme.accent), ("background", &theme.background)];
    for (field, colour) in colours {
        if !is_colour(colour) {
            let detail = "a colour is # and six digits of 0-9 and a-f";
            problems.push(FieldError::new(format!("/theme/{field}"), detail));
        }
    }
    if !is_line(&theme.tagline, TAGLINE_MAX) {
        let detail = format!("up to {TAGLINE_MAX} characters, without control characters");
        problems.push(FieldError::new("/theme/tagline", detail));
    }
    if theme.logo.as_deref().is_some_and(|logo| !is_picture(logo)) {
        problems.push(FieldError::new("/theme/logo", PICTURE));
    }
    let fonts = [("heading_font", &theme.heading_font), ("body_font", &theme.body_font)];
    for (field, families) in fonts {
        if families.as_deref().is_some_and(|families| !are_fonts(families)) {
            let detail = format!(
                "font families with commas between them: each begins with a letter and has letters, \
                 digits, blanks and hyphens; up to {FONTS_MAX} characters"
            );
            problems.push(FieldError::new(format!("/theme/{field}"), detail));
        }
    }
}

fn check_fee(fee: i64, problems: &mut Vec<FieldError>) {
    if !(0..=SHIPPING_FEE_MAX).contains(&fee) {
        let detail = format!("0 to {SHIPPING_FEE_MAX} minor units");
        problems.push(FieldError::new("/shipping_fee", detail));
    }
}

fn is_line(text: &str, max: usize) -> bool {
    text.chars().count() <= max && !text.chars().any(char::is_control)
}

const PICTURE: &str = "the address of a picture: /media/ and its number, or https://";

/// Pages put addresses into attributes and load them, so nothing may pass that leads elsewhere.
fn is_picture(address: &str) -> bool {
    if address.len() > ADDRESS_MAX {
        return false;
    }
    if let Some(id) = address.strip_prefix("/media/") {
        return id.parse::<ImageId>().is_ok();
    }
    let Some(rest) = address.strip_prefix("https://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let named = authority.split(':').next().and_then(host).is_some();
    named && rest.chars().all(is_of_address)
}

/// Two slashes, or a slash and a backslash, would lead to another host.
fn is_local_path(path: &str) -> bool {
    let elsewhere = |rest: &str| rest.starts_with(['/', '\\']);
    path.len() <= ADDRESS_MAX
        && path.strip_prefix('/').is_some_and(|rest| !elsewhere(rest))
        && path.chars().all(is_of_address)
}

fn is_of_address(c: char) -> bool {
    !c.is_whitespace() && !c.is_control() && !"\"'<>\\^`{|}".contains(c)
}

/// They go into a style sheet: without quotes and brackets there is nothing that could end a rule.
fn are_fonts(families: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == ' ' || c == '-';
    let is_family = |family: &str| {
        let name = family.trim_matches(' ');
        name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(allowed)
    };
    families.len() <= FONTS_MAX && families.split(',').all(is_family)
}

/// The page puts colours into a style sheet, so nothing else may pass.
fn is_colour(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| {
        digits.len() == 6 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The cells that a new placement shares with a tenant's, in whatever version is in use.
#[must_use]
pub fn overlap(new: Placement, with: &TenantCode, theirs: &Placements) -> Option<Overlap> {
    let cells: Vec<_> = theirs.cells().into_iter().filter(|c| new.contains(*c)).collect();
    (!cells.is_empty()).then(|| Overlap { with: with.clone(), cells })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kit::Place;
    use proptest::prelude::*;

    fn new_tenant() -> NewTenant {
        NewTenant {
            code: "flora".parse().unwrap(),
            name: Texts::one("en".parse().unwrap(), "Flora"),
            hosts: vec!["Flora.localhost".into()],
            currency: "CNY".parse().unwrap(),
            locales: vec!["en".parse().unwrap(), "zh-CN".parse().unwrap()],
            theme: Theme {
                primary: "#0a7d4f".into(),
                accent: "#d4a017".into(),
                background: "#ffffff".into(),
                tagline: "Cut this morning".into(),
                ..Theme::default()
            },
            shipping_fee: 800,
            placement: Placement::new(1, 1, 0, 0).unwrap(),
        }
    }

    fn wrong(change: impl FnOnce(&mut NewTenant)) -> Vec<String> {
        let mut new = new_tenant();
        change(&mut new);
        check_new(&new).unwrap_err().fields.into_iter().map(|f| f.pointer).collect()
    }

    #[test]
    fn hosts_are_stored_in_lower_case_without_a_final_dot() {
        assert_eq!(check_new(&new_tenant()).unwrap(), ["flora.localhost"]);
        assert_eq!(host("Shop.Example."), Some("shop.example".into()));
        assert_eq!(host("localhost"), Some("localhost".into()));
        for bad in [
            "",
            ".",
            "a..b",
            "-a.b",
            "a-.b",
            "a b",
            "a:80",
            "http://a",
            "a/b",
            "ä.example",
            "a_b",
            &"a".repeat(64),
            &"a.".repeat(127).repeat(2),
            "..",
            "*.a",
        ] {
            assert_eq!(host(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_mistake_is_named_at_its_place() {
        assert_eq!(wrong(|n| n.code = TenantCode::platform()), ["/code"]);
        assert_eq!(wrong(|n| n.hosts.clear()), ["/hosts"]);
        assert_eq!(wrong(|n| n.hosts = vec!["a.b".into(), "A.B.".into()]), ["/hosts/1"]);
        assert_eq!(wrong(|n| n.locales.clear()), ["/locales"]);
        assert_eq!(wrong(|n| n.locales.push("en".parse().unwrap())), ["/locales/2"]);
        assert_eq!(wrong(|n| n.shipping_fee = -1), ["/shipping_fee"]);
        assert_eq!(wrong(|n| n.theme.tagline = "a\nb".into()), ["/theme/tagline"]);
        for colour in ["", "red", "#fff", "#FFFFFF", "#00000g", "#000000;}"] {
            assert_eq!(wrong(|n| n.theme.accent = colour.into()), ["/theme/accent"], "{colour}");
        }
        for logo in ["", "/media/", "/media/x", "/media/1/../2", "//evil.example/a.png", "/a.png"]
            .into_iter()
            .chain(["http://a.example/a.png", "https://", "https://a b/", "https://a@b.example/x"])
            .chain(["https://a.example/\"onerror", "javascript:alert(1)", "data:image/png;base64,"])
        {
            assert_eq!(wrong(|n| n.theme.logo = Some(logo.into())), ["/theme/logo"], "{logo}");
        }
        for fonts in ["", ",", "Arial,", "Arial; x", "\"A\"", "1st", "A}", "url(x)", "a\nb", "宋体"]
            .into_iter()
            .map(str::to_owned)
            .chain(["a".repeat(201)])
        {
            let at = wrong(|n| n.theme.body_font = Some(fonts.clone()));
            assert_eq!(at, ["/theme/body_font"], "{fonts}");
        }
        let two = wrong(|n| {
            n.name = Texts::one("en".parse().unwrap(), " ");
            n.shipping_fee = SHIPPING_FEE_MAX + 1;
        });
        assert_eq!(two, ["/name/en", "/shipping_fee"]);
    }

    #[test]
    fn a_look_with_logo_and_fonts_is_fine() {
        let mut new = new_tenant();
        for logo in
            ["/media/123", "https://cdn.example/a/logo.svg?v=2", "https://cdn.example:8443/l"]
        {
            new.theme.logo = Some(logo.into());
            new.theme.heading_font = Some("Georgia, Songti SC, serif".into());
            new.theme.body_font = Some("system-ui".into());
            assert!(check_new(&new).is_ok(), "{logo}");
        }
    }

    #[test]
    fn a_banner_leads_within_the_shop_and_its_mistakes_are_named() {
        let line = |text: &str| Texts::one("en".parse().unwrap(), text);
        let good = Banner {
            title: line("Spring"),
            text: line(""),
            image: Some("/media/1".into()),
            link: "/c/bouquets?sort=newest#list".into(),
        };
        let wrong = |banners: Vec<Banner>| {
            let update = UpdateTenant { banners: Some(banners), ..UpdateTenant::of(1) };
            match check_update(&update) {
                Ok(()) => Vec::new(),
                Err(e) => e.fields.into_iter().map(|f| f.pointer).collect(),
            }
        };
        assert!(wrong(vec![good.clone(); BANNERS_MAX]).is_empty());
        assert!(wrong(vec![]).is_empty());
        assert_eq!(wrong(vec![good.clone(); BANNERS_MAX + 1]), ["/banners"]);
        for link in ["", "c", "//evil.example", "/\\evil.example", "https://evil.example", "/a b"] {
            let bad = Banner { link: link.into(), ..good.clone() };
            assert_eq!(wrong(vec![good.clone(), bad]), ["/banners/1/link"], "{link}");
        }
        let bad = Banner {
            title: line(" "),
            text: line("a\nb"),
            image: Some("x".into()),
            ..good.clone()
        };
        let places = ["/banners/0/title/en", "/banners/0/text/en", "/banners/0/image"];
        assert_eq!(wrong(vec![bad]), places);
    }

    #[test]
    fn shared_cells_are_told_and_apart_ones_not() {
        let theirs = Placements::initial(Placement::new(1, 8, 0, 16).unwrap());
        let gadget: TenantCode = "gadget".parse().unwrap();
        let of = |d, t, ds, ts| overlap(Placement::new(d, t, ds, ts).unwrap(), &gadget, &theirs);
        let shared = of(1, 4, 0, 22).unwrap();
        assert_eq!(shared.cells, [Place { db: 0, table: 22 }, Place { db: 0, table: 23 }]);
        assert_eq!((of(1, 1, 0, 0), of(4, 8, 4, 0)), (None, None));
    }

    proptest! {
        #[test]
        fn a_stored_host_is_stable(text in "[a-zA-Z0-9.-]{0,80}") {
            if let Some(name) = host(&text) {
                prop_assert_eq!(host(&name), Some(name.clone()));
                prop_assert_eq!(name.to_ascii_lowercase(), name);
            }
        }
    }
}
