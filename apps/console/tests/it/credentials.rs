//! Credentials of programs: a token is shown once, in one answer, and nowhere else.

use std::sync::{Arc, Mutex};

use kit::{Cursor, ErrorCode, FieldError, Page, Secret};
use rpc::{Actor, Fault};
use staff_api::{CreatedCredential, Credential, NewCredential, Role, StaffMock};
use types::CredentialId;
use web::testing::Browser;

use crate::data::{self, AT};
use crate::world::{World, visitor};

const TOKEN: &str = "sc_abcdefghijklmnopqrstuvwxyz0123456789";
const LIST: &str = "/console/credentials";

fn credential(id: i64, name: &str) -> Credential {
    Credential {
        id: CredentialId::from_i64(id).unwrap(),
        name: name.into(),
        permissions: vec!["stock:*".into()],
        created_at: AT,
        revoked_at: (id == 6).then_some(AT),
    }
}

type Made = Arc<Mutex<Vec<NewCredential>>>;

fn mock(role: Role, made: &Made, revoked: &Arc<Mutex<Vec<i64>>>) -> StaffMock {
    let (made, revoked) = (Arc::clone(made), Arc::clone(revoked));
    StaffMock::new()
        .on_me(move |_, _| Ok(data::staff(role)))
        .on_list_credentials(|_, req| {
            let next = req.cursor.is_none().then(|| Cursor::encode(&5));
            Ok(Page {
                items: vec![credential(5, "ERP <b>"), credential(6, "Old")],
                next_cursor: next,
            })
        })
        .on_create_credential(move |_, req| {
            made.lock().unwrap().push(req.clone());
            let invalid = |at: &str| {
                let fields = vec![FieldError::new(at, "no")];
                Fault::new(ErrorCode::Invalid, "mistakes").with_fields(fields)
            };
            match req.name.as_str() {
                "" => Err(invalid("/name").into()),
                "full" => Err(Fault::new(ErrorCode::Conflict, "at most 100")
                    .with_slug("too_many_credentials")
                    .into()),
                _ if req.permissions.is_empty() => Err(invalid("/permissions").into()),
                _ if req.permissions.iter().any(|p| p == "*") => {
                    Err(Fault::new(ErrorCode::Forbidden, "you do not have *").into())
                }
                _ => Ok(CreatedCredential {
                    credential: Credential {
                        permissions: req.permissions,
                        ..credential(9, &req.name)
                    },
                    token: Secret::new(TOKEN.into()),
                }),
            }
        })
        .on_revoke_credential(move |_, req| {
            revoked.lock().unwrap().push(req.id.get());
            match req.id.get() {
                5 => Ok(credential(5, "ERP")),
                _ => Err(Fault::not_found("this credential").into()),
            }
        })
}

fn desk(role: Role) -> (Browser, Made, Arc<Mutex<Vec<i64>>>) {
    let (made, revoked) = (Made::default(), Arc::default());
    let staff = mock(role, &made, &revoked);
    (World { staff, ..World::of(role) }.desk(), made, revoked)
}

#[tokio::test]
async fn a_token_is_shown_once_and_kept_by_nobody() {
    let (mut desk, made, _) = desk(Role::Owner);
    let sent = [("name", " ERP "), ("permissions", "stock:read"), ("permissions", "orders:read")];
    let seen = desk.post(LIST, &sent).await;
    seen.is(200).shows(&format!(">{TOKEN}</textarea>")).shows("Copy the token now");
    assert_eq!(seen.body.matches(TOKEN).count(), 1);
    assert_eq!(seen.headers["cache-control"], "private, no-store");
    for (name, value) in &seen.headers {
        assert!(!value.to_str().unwrap().contains(TOKEN), "{name}");
    }
    assert!(!desk.jar.values().any(|v| v.contains(TOKEN)));
    let made = made.lock().unwrap()[0].clone();
    assert_eq!(made.name, "ERP");
    assert_eq!(made.permissions, ["orders:read", "stock:read"]);
    desk.get(LIST).await.is(200).hides(TOKEN).hides("sc_");
    desk.get("/console").await.hides(TOKEN);
}

#[tokio::test]
async fn a_refused_credential_names_its_field_keeps_what_was_chosen_and_shows_no_token() {
    let (mut desk, _, _) = desk(Role::Owner);
    let checked = "value=\"stock:read\" checked";
    let stock = ("permissions", "stock:read");
    let seen = desk.post(LIST, &[("name", " "), stock]).await;
    seen.is(422).shows("1 to 100 characters.").shows(checked).hides(TOKEN);
    let seen = desk.post(LIST, &[("name", "ERP <i>")]).await;
    seen.is(422).shows("Choose at least one.").shows("value=\"ERP &lt;i&gt;\"").hides(checked);
    let seen = desk.post(LIST, &[("name", "full"), stock]).await;
    seen.is(409)
        .shows("The limit of credentials is reached.")
        .shows(checked)
        .shows("value=\"full\"");
    let seen = desk.post(LIST, &[("name", "ERP"), ("permissions", "*")]).await;
    seen.is(403).shows("You cannot give or take what you may not do yourself.").hides(TOKEN);
}

#[tokio::test]
async fn a_credential_is_revoked_and_one_that_is_over_cannot_be() {
    let (mut desk, _, revoked) = desk(Role::Owner);
    let seen = desk.get(LIST).await;
    seen.is(200).shows("ERP &lt;b&gt;").shows("Revoked 21 Nov 2025");
    seen.shows("action=\"/console/credentials/5/revoke\"").hides("/console/credentials/6/revoke");
    seen.shows(&format!("{LIST}?cursor={}", Cursor::encode(&5).as_str()));
    let to = "/console/credentials/5/revoke";
    desk.post(to, &[]).await.leads_to("/console/credentials?done=revoked");
    desk.get("/console/credentials?done=revoked").await.is(200).shows("Revoked. It is refused");
    desk.post("/console/credentials/55/revoke", &[]).await.is(404);
    desk.post("/console/credentials/x/revoke", &[]).await.is(404);
    assert_eq!(*revoked.lock().unwrap(), [5, 55]);
}

#[tokio::test]
async fn who_may_only_read_sees_no_form_and_makes_nothing() {
    let (mut desk, made, revoked) = desk(Role::ReadOnly);
    let seen = desk.get(LIST).await;
    seen.is(200).shows("ERP &lt;b&gt;").hides("New credential").hides("/revoke");
    desk.post(LIST, &[("name", "ERP"), ("permissions", "stock:read")]).await.is(403).hides(TOKEN);
    desk.post("/console/credentials/5/revoke", &[]).await.is(403);
    assert!(made.lock().unwrap().is_empty() && revoked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn only_what_one_may_oneself_is_offered() {
    let (made, revoked) = (Made::default(), Arc::default());
    let world = World { staff: mock(Role::Owner, &made, &revoked), ..World::owner() };
    let by = ["staff:read", "staff:write", "stock:*"].map(str::to_owned).to_vec();
    let mut desk = visitor(world.start().pages).acting(Actor::operator(9, by));
    let seen = desk.get(LIST).await;
    seen.is(200).shows("value=\"stock:write\"").hides("value=\"orders:read\"");
}
