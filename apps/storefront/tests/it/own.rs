//! What belongs to one member is not there for another, and nothing of a member's for a visitor.

use std::collections::BTreeSet;

use crate::world::World;

/// A route of a member's own things, with an id that belongs to somebody else.
struct Own {
    /// As the router has it.
    pattern: &'static str,
    method: &'static str,
    path: &'static str,
    form: &'static [(&'static str, &'static str)],
}

const fn get(pattern: &'static str, path: &'static str) -> Own {
    Own { pattern, method: "GET", path, form: &[] }
}

const fn post(
    pattern: &'static str,
    path: &'static str,
    form: &'static [(&'static str, &'static str)],
) -> Own {
    Own { pattern, method: "POST", path, form }
}

const CARD: &[(&str, &str)] = &[
    ("number", "4242424242424242"),
    ("expiry", "08/29"),
    ("cvc", "123"),
    ("form_token", "00000000000000000000000000000000"),
];

/// Every route whose address has an id.
const ROUTES: [Own; 10] = [
    get("/orders/{id}", "/orders/999"),
    get("/orders/{id}/events", "/orders/999/events"),
    get("/orders/{id}/pay", "/orders/999/pay"),
    post("/orders/{id}/pay", "/orders/999/pay", CARD),
    post("/orders/{id}/actions/{operation}", "/orders/999/actions/cancel", &[("version", "2")]),
    get("/account/addresses/{id}", "/account/addresses/999"),
    post("/account/addresses/{id}", "/account/addresses/999", &[]),
    post("/account/addresses/{id}/default", "/account/addresses/999/default", &[]),
    post("/account/addresses/{id}/delete", "/account/addresses/999/delete", &[]),
    get("/orders/{id}", "/orders/999?placing=10"),
];

/// Method and pattern of every route with an id, as the router has them.
fn routed() -> BTreeSet<(&'static str, &'static str)> {
    let table = include_str!("../../../ui/src/routes/pattern.rs");
    let text_of = |name: &str| {
        let (_, rest) = table.split_once(&format!("const {name}: &str = \"")).unwrap();
        rest.split('"').next().unwrap()
    };
    let router = include_str!("../../src/handlers/mod.rs");
    let mut routed = BTreeSet::new();
    for route in router.split(".route(pattern::").skip(1) {
        let (name, rest) = route.split_once(',').unwrap();
        let handlers = rest.split('\n').next().unwrap();
        let pattern = text_of(name);
        for (method, handler) in [("GET", "get("), ("POST", "post(")] {
            if pattern.contains("{id}") && handlers.contains(handler) {
                routed.insert((method, pattern));
            }
        }
    }
    routed
}

#[test]
fn no_route_with_an_id_is_left_out() {
    let tried: BTreeSet<(&str, &str)> = ROUTES.iter().map(|r| (r.method, r.pattern)).collect();
    assert_eq!(tried, routed());
    assert_eq!(tried.len(), ROUTES.len() - 1, "one is tried while it waits, too");
}

#[tokio::test]
async fn what_belongs_to_another_member_is_not_there() {
    let world = World::new();
    let log = world.log.clone();
    let mut member = world.member();
    for Own { method, path, form, .. } in ROUTES {
        let seen = match method {
            "GET" => member.get(path).await,
            _ => member.post(path, form).await,
        };
        seen.is(404).shows("Not found");
        let made_up = path.replace("999", "abc");
        let seen = match method {
            "GET" => member.get(&made_up).await,
            _ => member.post(&made_up, form).await,
        };
        seen.is(404);
    }
    let done: Vec<String> = log.all().into_iter().filter(|l| !l.contains(" get")).collect();
    assert_eq!(done, Vec::<String>::new(), "nothing was changed or paid");
}

#[tokio::test]
async fn a_visitor_who_has_not_signed_in_gets_nothing_of_a_member() {
    let world = World::new();
    let log = world.log.clone();
    let mut visitor = world.visitor();
    visitor.get("/sign-in").await;
    let others =
        ["/account", "/account/addresses", "/account/addresses/new", "/orders", "/checkout"];
    for path in
        others.into_iter().chain(ROUTES.iter().filter(|r| r.method == "GET").map(|r| r.path))
    {
        let seen = visitor.get(path).await;
        assert!(seen.location().starts_with("/sign-in?next="), "{path}: {}", seen.status);
    }
    let others = ["/account", "/account/password", "/account/sessions", "/account/addresses"];
    let forms = ROUTES.iter().filter(|r| r.method == "POST").map(|r| (r.path, r.form));
    for (path, form) in forms.chain(others.map(|path| (path, &[][..]))) {
        let seen = visitor.post(path, form).await;
        assert!(seen.location().starts_with("/sign-in?next="), "{path}: {}", seen.status);
    }
    let done: Vec<String> = log.all().into_iter().filter(|l| !l.contains(" get")).collect();
    assert_eq!(done, Vec::<String>::new());
}
