//! The shop's settings: a refused change names its field and changes nothing, and nobody overwrites what
//! somebody else has just changed.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use kit::{ErrorCode, FieldError, Money};
use product_api::{ProductMock, PutImage, StoredImage};
use rpc::Fault;
use staff_api::Role;
use tenant_api::{Banner, Error, TenantInfo, TenantMock, UpdateTenant};
use types::ImageId;
use web::testing::{Browser, Seen};

use crate::data::{self, texts};
use crate::world::World;

const SETTINGS: &str = "/console/settings";
const SAVED: &str = "/console/settings?done=saved";

/// A tenant that changes as the service changes it.
#[derive(Clone)]
struct Shop {
    tenant: Arc<Mutex<TenantInfo>>,
    pictures: Arc<Mutex<Vec<PutImage>>>,
}

fn banner(title: &str) -> Banner {
    Banner {
        title: texts(title, "春"),
        text: texts("Fresh", "新"),
        image: None,
        link: "/c/x".into(),
    }
}

fn invalid(at: &str) -> Error {
    Fault::new(ErrorCode::Invalid, "mistakes").with_fields(vec![FieldError::new(at, "no")]).into()
}

impl Shop {
    fn new() -> Self {
        let tenant = TenantInfo { banners: vec![banner("One"), banner("Two")], ..data::tenant() };
        Self { tenant: Arc::new(Mutex::new(tenant)), pictures: Arc::default() }
    }

    fn now(&self) -> TenantInfo {
        self.tenant.lock().unwrap().clone()
    }

    fn titles(&self) -> Vec<String> {
        let en = "en".parse().unwrap();
        self.now().banners.iter().map(|b| b.title.get(&en).to_owned()).collect()
    }

    /// What the service checks, as far as these tests go.
    fn update(&self, req: UpdateTenant) -> Result<TenantInfo, Error> {
        if let Some(theme) = &req.theme {
            let wrong = [("primary", &theme.primary), ("accent", &theme.accent)];
            if let Some((field, _)) = wrong.iter().find(|(_, c)| c.len() != 7) {
                return Err(invalid(&format!("/theme/{field}")));
            }
            if theme.logo.as_deref().is_some_and(|l| l.starts_with("http:")) {
                return Err(invalid("/theme/logo"));
            }
        }
        for (i, banner) in req.banners.iter().flatten().enumerate() {
            if banner.link.starts_with("//") {
                return Err(invalid(&format!("/banners/{i}/link")));
            }
        }
        let mut tenant = self.tenant.lock().unwrap();
        if req.version != tenant.version {
            return Err(Error::Stale(tenant.version));
        }
        tenant.version += 1;
        if let Some(name) = req.name {
            tenant.name = name;
        }
        if let Some(theme) = req.theme {
            tenant.theme = theme;
        }
        if let Some(banners) = req.banners {
            tenant.banners = banners;
        }
        if let Some(fee) = req.shipping_fee {
            tenant.shipping_fee = Money::new(fee, tenant.currency).unwrap();
        }
        Ok(tenant.clone())
    }

    fn desk(&self, role: Role) -> Browser {
        let (get, update, pictures) = (self.clone(), self.clone(), Arc::clone(&self.pictures));
        let tenants = TenantMock::new()
            .on_get(move |_, _| Ok(get.now()))
            .on_update(move |_, req| update.update(req));
        let products = ProductMock::new().on_put_image(move |_, req| {
            pictures.lock().unwrap().push(req.clone());
            if req.bytes != b"picture" {
                return Err(Fault::new(ErrorCode::Invalid, "no picture").into());
            }
            let id = ImageId::from_i64(44).unwrap();
            Ok(StoredImage { id, url: "/media/44".into() })
        });
        World { tenants, products, ..World::of(role) }.desk()
    }
}

/// Sends a form with files, its token first, as browsers do.
async fn send_file(desk: &mut Browser, path: &str, fields: &[(&str, &str)], file: &str) -> Seen {
    let token = desk.token();
    let mut body = String::new();
    for (name, value) in [("csrf", token.as_str())].iter().chain(fields) {
        body +=
            &format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += &format!(
        "--B\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"a.png\"\r\n\
         Content-Type: image/png\r\n\r\n{file}\r\n--B--\r\n"
    );
    desk.send("POST", path, "multipart/form-data; boundary=B", Body::from(body)).await
}

#[tokio::test]
async fn each_part_is_saved_and_the_others_stay() {
    let shop = Shop::new();
    let mut desk = shop.desk(Role::Owner);
    let sent = [("version", "3"), ("name_en", " Flora "), ("name_zh-CN", "")];
    desk.post("/console/settings/name", &sent).await.leads_to(SAVED);
    desk.get(SAVED).await.is(200).shows("Saved. The shop shows it within seconds.");
    let look = [
        ("version", "4"),
        ("primary", "#123ABC"),
        ("accent", "#c2410c"),
        ("accent_palette", "#222222"),
        ("accent_before", "#c2410c"),
        ("background", "#f7f5ef"),
        ("tagline", "Cut this morning"),
        ("heading_font", "Georgia, serif"),
        ("body_font", ""),
    ];
    desk.post("/console/settings/look", &look).await.leads_to(SAVED);
    let fee = [("version", "5"), ("shipping_fee", "9.90")];
    desk.post("/console/settings/shipping", &fee).await.leads_to(SAVED);
    let logo = [("version", "6"), ("logo", "https://cdn.example/logo.png")];
    desk.post("/console/settings/logo", &logo).await.leads_to(SAVED);
    let now = shop.now();
    let names: Vec<_> = now.name.all().iter().map(|(l, t)| (l.as_str(), t.as_str())).collect();
    assert_eq!((names, now.version), (vec![("en", "Flora")], 7));
    let theme = &now.theme;
    assert_eq!((theme.primary.as_str(), theme.accent.as_str()), ("#123abc", "#222222"));
    assert_eq!((theme.tagline.as_str(), &theme.body_font), ("Cut this morning", &None));
    assert_eq!(theme.heading_font.as_deref(), Some("Georgia, serif"));
    assert_eq!(theme.logo.as_deref(), Some("https://cdn.example/logo.png"));
    assert_eq!((now.shipping_fee.amount(), now.banners.len()), (990, 2));
}

#[tokio::test]
async fn a_refused_change_names_its_field_keeps_what_was_typed_and_changes_nothing() {
    let shop = Shop::new();
    let mut desk = shop.desk(Role::Owner);
    let before = shop.now();
    for (path, sent, id, text, kept) in [
        ("name", vec![("name_en", " "), ("name_zh-CN", "")], "f-name_en", "1 to 100", "Save"),
        (
            "look",
            vec![("primary", "red"), ("accent", "#000000"), ("tagline", "<i>")],
            "f-primary",
            "This is no colour",
            "value=\"&lt;i&gt;\"",
        ),
        (
            "logo",
            vec![("logo", "http://cdn.example/x")],
            "f-logo",
            "begins with /media/",
            "value=\"http://cdn.example/x\"",
        ),
        ("shipping", vec![("shipping_fee", "-1")], "f-shipping_fee", "such as 12", "value=\"-1\""),
        (
            "shipping",
            vec![("shipping_fee", "1.234")],
            "f-shipping_fee",
            "such as 12",
            "value=\"1.234\"",
        ),
    ] {
        let mut sent = sent;
        sent.push(("version", "3"));
        let seen = desk.post(&format!("{SETTINGS}/{path}"), &sent).await;
        seen.is(422).shows("Nothing was saved. Look at the marked fields.").shows(text).shows(kept);
        seen.shows(&format!("<p class=\"error\" id=\"{id}-error\">"));
        assert_eq!(seen.body.matches("class=\"error\"").count(), 1, "{path}");
        assert_eq!(shop.now(), before, "{path}");
    }
}

#[tokio::test]
async fn what_somebody_else_has_changed_is_not_overwritten_unseen() {
    let shop = Shop::new();
    let mut desk = shop.desk(Role::Owner);
    let stale = [("version", "2"), ("name_en", "Mine <b>"), ("name_zh-CN", "我的")];
    let seen = desk.post("/console/settings/name", &stale).await;
    seen.is(412).shows("Somebody else has changed the settings").shows("value=\"Mine &lt;b&gt;\"");
    assert_eq!((shop.now().version, seen.field("version").as_str()), (3, "3"));
    // a mistake on top does not hide it
    let seen =
        desk.post("/console/settings/shipping", &[("version", "2"), ("shipping_fee", "x")]).await;
    seen.is(412)
        .shows("Somebody else has changed the settings")
        .shows("such as 12")
        .shows("value=\"x\"");
    let again = [("version", "3"), ("name_en", "Mine"), ("name_zh-CN", "我的")];
    desk.post("/console/settings/name", &again).await.leads_to(SAVED);
}

#[tokio::test]
async fn a_logo_is_uploaded_and_what_is_no_picture_is_told() {
    let shop = Shop::new();
    let mut desk = shop.desk(Role::Owner);
    let to = "/console/settings/logo";
    let sent = [("version", "3"), ("logo", "https://cdn.example/old.png")];
    let seen = send_file(&mut desk, to, &sent, "nonsense").await;
    seen.is(422).shows("This is no PNG").shows("value=\"https://cdn.example/old.png\"");
    assert_eq!(shop.now(), Shop::new().now());
    send_file(&mut desk, to, &sent, "picture").await.leads_to(SAVED);
    assert_eq!(shop.now().theme.logo.as_deref(), Some("/media/44"));
    assert_eq!(shop.pictures.lock().unwrap()[1].content_type, "image/png");
    let large = "x".repeat(600 << 10);
    send_file(&mut desk, to, &[("version", "4")], &large).await.is(422).shows("At most 512 KiB");
    desk.post(to, &[("version", "4"), ("logo", "")]).await.leads_to(SAVED);
    assert_eq!(shop.now().theme.logo, None, "an empty address takes it away");
}

#[tokio::test]
async fn banners_are_added_changed_moved_and_removed() {
    let shop = Shop::new();
    let mut desk = shop.desk(Role::Owner);
    desk.get("/console/settings/banners/new").await.is(200).shows("New banner");
    let new = [("version", "3"), ("title_en", "Three"), ("text_en", ""), ("link", "/c/y")];
    send_file(&mut desk, "/console/settings/banners/new", &new, "picture").await.leads_to(SAVED);
    let added = shop.now().banners[2].clone();
    assert_eq!((added.image.as_deref(), added.link.as_str()), (Some("/media/44"), "/c/y"));
    desk.get("/console/settings/banners/3")
        .await
        .is(200)
        .shows("value=\"Three\"")
        .shows("/media/44");
    let changed = [("version", "4"), ("title_en", "Third"), ("title_zh-CN", "三"), ("link", "/")];
    desk.post("/console/settings/banners/3", &changed).await.leads_to(SAVED);
    let to = "/console/settings/banners/3/move";
    desk.post(to, &[("version", "5"), ("to", "earlier")]).await.leads_to(SAVED);
    assert_eq!(shop.titles(), ["One", "Third", "Two"]);
    let to = "/console/settings/banners/1/move";
    desk.post(to, &[("version", "6"), ("to", "later")]).await.leads_to(SAVED);
    assert_eq!(shop.titles(), ["Third", "One", "Two"]);
    let gone = desk.post("/console/settings/banners/2/remove", &[("version", "7")]).await;
    gone.leads_to("/console/settings?done=banner-removed");
    assert_eq!(shop.titles(), ["Third", "Two"]);
    for (path, sent) in [
        ("/console/settings/banners/1/move", ("to", "earlier")),
        ("/console/settings/banners/1/move", ("to", "nowhere")),
    ] {
        desk.post(path, &[("version", "8"), sent]).await.is(400);
    }
    desk.post("/console/settings/banners/2/move", &[("version", "8"), ("to", "later")])
        .await
        .is(404);
    for at in ["0", "3", "11", "x", "-1"] {
        desk.get(&format!("/console/settings/banners/{at}")).await.is(404);
        let remove = format!("/console/settings/banners/{at}/remove");
        desk.post(&remove, &[("version", "8")]).await.is(404);
    }
    assert_eq!(shop.now().version, 8);
}

#[tokio::test]
async fn a_refused_banner_keeps_what_was_typed_and_a_picture_that_is_kept() {
    let shop = Shop::new();
    let mut desk = shop.desk(Role::Owner);
    let to = "/console/settings/banners/1";
    let sent = [("version", "3"), ("title_en", "Mine <b>"), ("link", "//evil.example")];
    let seen = send_file(&mut desk, to, &sent, "picture").await;
    seen.is(422)
        .shows("f-link-error")
        .shows("value=\"Mine &lt;b&gt;\"")
        .shows("value=\"/media/44\"");
    let seen = desk.post(to, &[("version", "3"), ("title_en", " "), ("link", "/c/x")]).await;
    seen.is(422).shows("f-title_en-error");
    assert_eq!(shop.titles(), ["One", "Two"]);
}

#[tokio::test]
async fn a_banner_that_stands_elsewhere_now_is_not_replaced_unseen() {
    let shop = Shop::new();
    let mut desk = shop.desk(Role::Owner);
    desk.post("/console/settings/banners/1/remove", &[("version", "3")]).await;
    assert_eq!(shop.titles(), ["Two"]);
    let mine = [("version", "3"), ("title_en", "Mine"), ("link", "/c/x")];
    let seen = desk.post("/console/settings/banners/1", &mine).await;
    seen.is(412).shows("At this place there is now “Two”.").shows("value=\"Mine\"");
    let seen = desk.post("/console/settings/banners/2", &mine).await;
    seen.is(412).shows("action=\"/console/settings/banners/new\"").shows("value=\"Mine\"");
    let stale = [("version", "3"), ("to", "later")];
    desk.post("/console/settings/banners/1/move", &stale).await.is(412).shows("Somebody else");
    desk.post("/console/settings/banners/2/remove", &stale).await.is(412).shows("Somebody else");
    assert_eq!(shop.titles(), ["Two"]);
}

#[tokio::test]
async fn who_may_only_read_sees_values_and_no_form() {
    let shop = Shop::new();
    for role in [Role::Operations, Role::Warehouse, Role::CustomerService, Role::ReadOnly] {
        let mut desk = shop.desk(role);
        let seen = desk.get(SETTINGS).await;
        seen.is(200)
            .shows("Flora &amp; Sons")
            .shows("#1f6f43")
            .shows("¥12.00")
            .shows("flora.localhost");
        seen.shows("(1,1,0,0)").hides("/console/settings/name").hides("/console/settings/banners");
        desk.get("/console/settings/banners/1").await.is(403);
    }
    assert_eq!(shop.now().version, 3);
}

#[tokio::test]
async fn colours_that_are_hard_to_see_are_told_before_and_after_they_are_saved() {
    let shop = Shop::new();
    let mut desk = shop.desk(Role::Owner);
    desk.get(SETTINGS).await.hides("notice warn");
    let look = [
        ("version", "3"),
        ("primary", "#ffe08a"),
        ("accent", "#c2410c"),
        ("background", "#ffffff"),
    ];
    desk.post("/console/settings/look", &look).await.leads_to(SAVED);
    desk.get(SETTINGS).await.shows("notice warn").shows("1.28 : 1");
}
