//! Somebody's account and address book.

use kit::ErrorCode;
use member_api::Error;
use rpc::Fault;

use crate::data;
use crate::world::World;

const ADDRESS: [(&str, &str); 7] = [
    ("name", "Li"),
    ("phone", "13800000000"),
    ("country", "cn"),
    ("region", ""),
    ("city", "Ningbo"),
    ("street", "Road 1"),
    ("postal_code", ""),
];

#[tokio::test]
async fn an_account_shows_who_it_is_and_changes_name_and_language() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    let page = member.get("/account").await;
    page.is(200).shows("value=\"Li &lt;b&gt;\"").shows("li@example.com").shows("/orders");
    page.shows("<option value=\"en\" selected").shows("/account/addresses");
    let form = [("name", "Lei"), ("locale", "zh-CN")];
    member.post("/account", &form).await.leads_to("/account?done=profile");
    assert_eq!(log.of("update_profile"), ["user:77 update_profile Some(\"Lei\") zh-CN"]);
    assert_eq!(member.jar["stoa_lang"], "zh-CN");
    member.get("/account?done=profile").await.shows("个人资料已保存");
    member.get("/account?done=nonsense").await.is(200).hides("role=\"status\"");
}

#[tokio::test]
async fn a_wrong_profile_is_told_and_stays_as_it_was_typed() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    let long = "n".repeat(101);
    let page = member.post("/account", &[("name", long.as_str()), ("locale", "xx")]).await;
    page.is(422).shows(&long).shows("This is too long").shows("This is not valid");
    assert_eq!(log.of("update_profile"), Vec::<String>::new());
}

#[tokio::test]
async fn a_new_password_gives_this_browser_a_new_session() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    let before = member.jar["stoa_csrf"].clone();
    let wrong = [("current", "wrong horse"), ("new", "another password")];
    let page = member.post("/account/password", &wrong).await;
    page.is(422).shows("This is not your current password.").hides("wrong horse");
    page.hides("another password");
    let short = [("current", "correct horse"), ("new", "short")];
    member.post("/account/password", &short).await.is(422).shows("Enter 8 to 128 characters");
    assert_eq!(log.of("change_password"), Vec::<String>::new());
    let right = [("current", "correct horse"), ("new", "another password")];
    member.post("/account/password", &right).await.leads_to("/account?done=password");
    assert_eq!(log.of("change_password"), ["user:77 change_password"]);
    assert_eq!(member.jar["stoa_session"], "sm_new");
    assert_ne!(member.jar["stoa_csrf"], before);
    member.get("/account?done=password").await.shows("Your password is changed");
    let mut world = World::new();
    world.members = world.members.on_change_password(|_, _| Err(Error::Locked { until: data::AT }));
    world.member().post("/account/password", &right).await.is(429).shows("21 Nov 2025");
    let mut world = World::new();
    let busy = || Fault::new(ErrorCode::Unavailable, "too many passwords are being checked");
    world.members = world.members.on_change_password(move |_, _| Err(busy().into()));
    let page = world.member().post("/account/password", &right).await;
    page.is(503).shows("Try again in a moment").shows("action=\"/account/password\"");
}

#[tokio::test]
async fn signing_out_everywhere_ends_this_session_too() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    member.post("/account/sessions", &[]).await.leads_to("/");
    assert_eq!(log.of("sign_out_everywhere"), ["user:77 sign_out_everywhere"]);
    assert!(!member.jar.contains_key("stoa_session"));
}

#[tokio::test]
async fn an_address_book_is_listed_added_to_edited_and_cleared() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    let book = member.get("/account/addresses").await;
    book.is(200)
        .shows("Li Lei &lt;b&gt;")
        .shows("status good\">Default")
        .shows("/account/addresses/41");
    book.shows("Delete this address?");
    let new = member.get("/account/addresses/new").await;
    new.is(200).shows("action=\"/account/addresses\"").shows("value=\"CN\"");
    let saved = "/account/addresses?done=address-saved";
    member.post("/account/addresses", &ADDRESS).await.leads_to(saved);
    let edit = member.get("/account/addresses/41").await;
    edit.is(200).shows("value=\"West Lake Road 1\"").shows("checked");
    let first = [&ADDRESS[..], &[("is_default", "1")]].concat();
    member.post("/account/addresses/41", &first).await.leads_to(saved);
    member.post("/account/addresses/41/default", &[]).await.leads_to(saved);
    assert_eq!(
        log.of("put_address"),
        [
            "user:77 put_address Ningbo",
            "user:77 put_address Ningbo first",
            "user:77 put_address Hangzhou first"
        ]
    );
    let deleted = "/account/addresses?done=address-deleted";
    member.post("/account/addresses/41/delete", &[]).await.leads_to(deleted);
    assert_eq!(log.of("delete_address"), ["user:77 delete_address 41"]);
    member.get(deleted).await.shows("The address is deleted.");
}

#[tokio::test]
async fn a_wrong_address_is_told_field_by_field_and_stays_as_it_was_typed() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    for path in ["/account/addresses", "/account/addresses/41"] {
        let mut form = ADDRESS.to_vec();
        form[0].1 = "";
        form[4].1 = "\"Xi'an\"";
        let page = member.post(path, &form).await;
        page.is(422).shows("Fill this in.").shows("&quot;Xi'an&quot;");
        page.shows(&format!("action=\"{path}\""));
    }
    assert_eq!(log.of("put_address"), Vec::<String>::new());
    let mut world = World::new();
    world.members = world.members.on_put_address(|_, _| Err(Error::TooManyAddresses));
    let page = world.member().post("/account/addresses", &ADDRESS).await;
    page.is(409).shows("Your address book is full").shows("value=\"Ningbo\"");
}

#[tokio::test]
async fn an_empty_address_book_says_so() {
    let mut world = World::new();
    world.members = world.members.on_list_addresses(|_, _| Ok(vec![]));
    let page = world.member().get("/account/addresses").await;
    page.is(200).shows("Your address book is empty").shows("/account/addresses/new");
}
