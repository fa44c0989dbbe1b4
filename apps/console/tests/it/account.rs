//! One's own account: who one is, what one may, and another password.

use std::sync::{Arc, Mutex};

use kit::{ErrorCode, FieldError, Secret};
use rpc::{Actor, Fault};
use staff_api::{ChangePassword, Error, Role, Session, StaffMock};
use web::testing::Browser;

use crate::data;
use crate::world::{World, visitor};

const TO: &str = "/console/account/password";
const OLD: &str = "correct horse battery";
const NEW: &str = "another long password";

fn world(role: Role, asked: &Arc<Mutex<Vec<ChangePassword>>>) -> World {
    let asked = Arc::clone(asked);
    let staff = StaffMock::new()
        .on_me(move |ctx, _| match ctx.actor.id {
            data::STAFF => Ok(data::staff(role)),
            _ => Err(Fault::not_found("this staff member").into()),
        })
        .on_change_password(move |_, req| {
            asked.lock().unwrap().push(req.clone());
            match req.current.expose().as_str() {
                OLD if req.new.expose().len() < 10 => {
                    let fields = vec![FieldError::new("/new", "10 to 128 characters")];
                    Err(Fault::new(ErrorCode::Invalid, "mistakes").with_fields(fields).into())
                }
                OLD => Ok(Session {
                    token: Secret::new("ss_new".into()),
                    expires_at: testkit::BEGIN.plus(std::time::Duration::from_secs(3_600)),
                    staff: data::staff(role),
                }),
                "too often" => Err(Error::Locked { until: data::AT }),
                "busy" => Err(Fault::new(ErrorCode::Unavailable, "too many").into()),
                _ => Err(Error::WrongPassword),
            }
        });
    World { staff, ..World::of(role) }
}

async fn send(desk: &mut Browser, current: &str, new: &str, again: &str) -> web::testing::Seen {
    desk.post(TO, &[("current", current), ("new", new), ("again", again)]).await
}

#[tokio::test]
async fn everybody_sees_who_they_are_and_what_they_may() {
    let mut desk = world(Role::Warehouse, &Arc::default()).desk();
    let seen = desk.get("/console/account").await;
    seen.is(200)
        .shows("Ann &lt;Lee&gt;")
        .shows("Warehouse")
        .shows("stock:write")
        .shows("orders:ship");
    seen.hides("orders:operate").hides("staff:read").shows("Current password");
    desk.get("/console").await.shows("href=\"/console/account\"");
}

#[tokio::test]
async fn a_new_password_comes_with_a_new_session_and_a_new_token_for_forms() {
    let asked = Arc::default();
    let mut desk = world(Role::Warehouse, &asked).desk();
    desk.jar.insert(console::SESSION_COOKIE.into(), "ss_old".into());
    let before = desk.token();
    send(&mut desk, OLD, NEW, NEW).await.leads_to("/console/account?done=password");
    assert_eq!(desk.jar[console::SESSION_COOKIE], "ss_new");
    assert_ne!(desk.token(), before);
    let asked = asked.lock().unwrap()[0].clone();
    assert_eq!((asked.current.expose().as_str(), asked.new.expose().as_str()), (OLD, NEW));
    desk.get("/console/account?done=password").await.is(200).shows("Your password was changed.");
}

#[tokio::test]
async fn a_refused_password_names_its_field_and_is_never_sent_back() {
    let asked = Arc::default();
    let mut desk = world(Role::Owner, &asked).desk();
    for (current, new, again, status, shown) in [
        ("wrong horse", NEW, NEW, 422, "This is not your current password."),
        (OLD, "short", "short", 422, "10 to 128 characters."),
        (OLD, NEW, "another", 422, "This is not the same as the new password."),
        ("too often", NEW, NEW, 429, "Too many failed attempts."),
        ("busy", NEW, NEW, 503, "Try again in a moment."),
    ] {
        let seen = send(&mut desk, current, new, again).await;
        seen.is(status).shows(shown).hides(NEW).hides(OLD).hides("wrong horse");
        assert!(!desk.jar.contains_key(console::SESSION_COOKIE));
    }
    assert_eq!(asked.lock().unwrap().len(), 4, "what was mistyped is not asked for");
}

#[tokio::test]
async fn a_program_has_permissions_and_no_password() {
    let by = Actor::operator(99, vec!["stock:read".into()]);
    let mut desk = visitor(world(Role::Owner, &Arc::default()).start().pages).acting(by);
    let seen = desk.get("/console/account").await;
    seen.is(200).shows("credential of a program").shows("stock:read").hides("Current password");
}
