//! Who works here: adding and changing people, and who may what.

use std::sync::{Arc, Mutex};

use kit::{Cursor, ErrorCode, FieldError, Page};
use rpc::{Actor, Fault};
use staff_api::{Error, NewStaff, PERMISSIONS, Role, StaffMember, StaffMock, UpdateStaff};
use types::StaffId;
use web::testing::Browser;

use crate::data;
use crate::world::{World, visitor};

const PASSWORD: &str = "correct horse battery";

#[derive(Clone, Default)]
struct Asked {
    added: Arc<Mutex<Vec<NewStaff>>>,
    changed: Arc<Mutex<Vec<UpdateStaff>>>,
}

fn bert() -> StaffMember {
    let id = StaffId::from_i64(8).unwrap();
    StaffMember {
        id,
        login: "bert".into(),
        name: "Bert <b>".into(),
        ..data::staff(Role::Warehouse)
    }
}

fn invalid(fields: &[&str]) -> Error {
    let fields = fields.iter().map(|f| FieldError::new(*f, "no")).collect();
    Fault::new(ErrorCode::Invalid, "mistakes").with_fields(fields).into()
}

fn mock(role: Role, asked: &Asked) -> StaffMock {
    let Asked { added, changed } = asked.clone();
    StaffMock::new()
        .on_me(move |_, _| Ok(data::staff(role)))
        .on_list(move |_, req| {
            let next = req.cursor.is_none().then(|| Cursor::encode(&"bert"));
            Ok(Page { items: vec![data::staff(Role::Owner), bert()], next_cursor: next })
        })
        .on_add(move |_, req| {
            added.lock().unwrap().push(req.clone());
            match req.login.as_str() {
                "taken" => Err(Error::LoginTaken),
                "x" => Err(invalid(&["/login", "/password"])),
                "above" => Err(Fault::new(ErrorCode::Forbidden, "you do not have *").into()),
                _ => Ok(bert()),
            }
        })
        .on_update(move |_, req| {
            changed.lock().unwrap().push(req.clone());
            if req.id.get() == data::STAFF {
                let last = Fault::new(ErrorCode::Conflict, "last").with_slug("last_owner");
                return Err(last.into());
            }
            Ok(bert())
        })
}

fn desk(role: Role, asked: &Asked) -> Browser {
    World { staff: mock(role, asked), ..World::of(role) }.desk()
}

#[tokio::test]
async fn people_are_listed_with_what_can_be_changed_but_not_oneself() {
    let asked = Asked::default();
    let seen = desk(Role::Owner, &asked).get("/console/staff").await;
    seen.is(200).shows("Bert &lt;b&gt;").shows("Add somebody");
    seen.shows("action=\"/console/staff/8/role\"").shows("action=\"/console/staff/8/enabled\"");
    seen.hides("action=\"/console/staff/7/role\"").hides("action=\"/console/staff/7/enabled\"");
    seen.shows(&format!("/console/staff?cursor={}", Cursor::encode(&"bert").as_str()));
}

#[tokio::test]
async fn who_may_only_read_sees_no_form() {
    for role in [Role::Operations, Role::ReadOnly] {
        let asked = Asked::default();
        let mut desk = desk(role, &asked);
        let seen = desk.get("/console/staff").await;
        // the one form is the frame's, for signing out
        assert_eq!(seen.body.matches("<form").count(), 1, "{role:?}");
        assert_eq!(seen.body.matches("action=\"/console/sign-out\"").count(), 1);
        for path in ["/console/staff", "/console/staff/8/role", "/console/staff/8/enabled"] {
            let sent = [("role", "owner"), ("enabled", "false"), ("login", "eve")];
            desk.post(path, &sent).await.is(403);
        }
        assert!(asked.added.lock().unwrap().is_empty() && asked.changed.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_table_of_permissions_is_that_of_the_roles() {
    let seen = desk(Role::ReadOnly, &Asked::default()).get("/console/staff").await;
    for permission in PERMISSIONS {
        let (_, rest) =
            seen.body.split_once(&format!("<code class=\"quiet\">{}<", permission.name)).unwrap();
        let row = rest.split_once("</tr>").unwrap().0;
        let shown: Vec<bool> = row.split("<td").skip(1).map(|cell| cell.contains('✓')).collect();
        let may = Role::ALL.map(|role| crate::world::actor(role).may(permission.name));
        assert_eq!(shown, may, "{}", permission.name);
    }
}

#[tokio::test]
async fn somebody_is_added_and_the_page_says_so() {
    let asked = Asked::default();
    let mut desk = desk(Role::Owner, &asked);
    let sent =
        [("login", " eve "), ("name", "Eve"), ("role", "customer_service"), ("password", PASSWORD)];
    desk.post("/console/staff", &sent).await.leads_to("/console/staff?done=added");
    let added = asked.added.lock().unwrap()[0].clone();
    assert_eq!((added.login.as_str(), added.name.as_str()), ("eve", "Eve"));
    assert_eq!((added.role, added.password.expose().as_str()), (Role::CustomerService, PASSWORD));
    desk.get("/console/staff?done=added").await.is(200).shows("Added. They can sign in now.");
    desk.get("/console/staff?done=%3Cb%3Ehi").await.is(200).hides("role=\"status\"");
}

#[tokio::test]
async fn a_refused_form_names_its_fields_and_keeps_what_was_typed_but_the_password() {
    let mut desk = desk(Role::Owner, &Asked::default());
    for (login, status, shown) in [
        ("taken", 409, "Somebody has this login already."),
        ("x", 422, "3 to 64 characters, without blanks."),
        ("above", 403, "You cannot give or take what you may not do yourself."),
    ] {
        let sent =
            [("login", login), ("name", "Eve <b>"), ("role", "operations"), ("password", PASSWORD)];
        let seen = desk.post("/console/staff", &sent).await;
        seen.is(status).shows(shown).shows("aria-invalid=\"true\"").shows("class=\"error\"");
        seen.shows(&format!("value=\"{login}\"")).shows("value=\"Eve &lt;b&gt;\"");
        seen.shows("<option value=\"operations\" selected>").hides(PASSWORD);
    }
    desk.post("/console/staff", &[("login", "eve"), ("role", "king")]).await.is(400);
}

#[tokio::test]
async fn a_role_is_given_and_somebody_is_disabled_and_enabled() {
    let asked = Asked::default();
    let mut desk = desk(Role::Owner, &asked);
    let sent = [("role", "read_only")];
    desk.post("/console/staff/8/role", &sent).await.leads_to("/console/staff?done=role");
    let to = "/console/staff/8/enabled";
    desk.post(to, &[("enabled", "false")]).await.leads_to("/console/staff?done=disabled");
    desk.post(to, &[("enabled", "true")]).await.leads_to("/console/staff?done=enabled");
    let changed = asked.changed.lock().unwrap().clone();
    let changed: Vec<_> = changed.iter().map(|c| (c.id.get(), c.role, c.enabled)).collect();
    let role = Some(Role::ReadOnly);
    assert_eq!(changed, [(8, role, None), (8, None, Some(false)), (8, None, Some(true))]);
    for (path, sent) in [
        ("/console/staff/8/role", ("role", "king")),
        ("/console/staff/8/enabled", ("enabled", "perhaps")),
    ] {
        desk.post(path, &[sent]).await.is(400);
    }
    desk.post("/console/staff/x/role", &[("role", "owner")]).await.is(404);
    assert_eq!(asked.changed.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn the_last_owner_stays_and_the_page_says_why() {
    let mut desk = desk(Role::Owner, &Asked::default());
    let sent = [("enabled", "false")];
    let seen = desk.post("/console/staff/7/enabled", &sent).await;
    seen.is(409).shows("This is the last owner who may sign in.").shows("Bert &lt;b&gt;");
}

#[tokio::test]
async fn a_program_that_may_manage_staff_sees_the_forms() {
    let world = World { staff: mock(Role::Owner, &Asked::default()), ..World::owner() };
    let by = Actor::operator(9, vec!["staff:read".into(), "staff:write".into()]);
    let mut desk = visitor(world.start().pages).acting(by);
    desk.get("/console/staff").await.is(200).shows("Add somebody");
}
