//! Every route of the console is tried by every role, by nobody and by a shopper. The table of rules comes
//! with the routes, so a new route is tried without being named here.

use console::{Access, Rule};
use http::Method;
use rpc::Actor;
use staff_api::{PERMISSIONS, Role};
use web::testing::Seen;

use crate::world::{World, actor, visitor};

/// The rule's address with something in every place that is to be filled in.
fn path(rule: &Rule) -> String {
    let fill = |part: &str| if part.starts_with('{') { "5".to_owned() } else { part.to_owned() };
    rule.pattern.split('/').map(fill).collect::<Vec<_>>().join("/")
}

async fn tried(role: Role, by: Actor, rule: &Rule) -> Seen {
    let mut browser = visitor(World::of(role).start().pages).acting(by);
    if rule.method == Method::GET {
        return browser.get(&path(rule)).await;
    }
    browser.post(&path(rule), &[]).await
}

fn is_sent_to_sign_in(seen: &Seen) -> bool {
    seen.location().starts_with("/console/sign-in")
}

#[tokio::test]
async fn every_route_lets_in_who_may_and_no_other() {
    let rules = World::owner().start().rules;
    assert!(rules.len() > 5, "the table is not empty");
    for rule in &rules {
        for role in Role::ALL {
            let seen = tried(role, actor(role), rule).await;
            let at = format!("{role:?} at {} {}: {}", rule.method, rule.pattern, seen.status);
            let may = match rule.access {
                Access::Open | Access::SignedIn => true,
                Access::May(permission) => actor(role).may(permission),
            };
            assert_eq!(seen.status.as_u16() != 403, may, "{at}");
            // signing out is the one route that leads there for its own reason
            let leaves = rule.pattern == "/console/sign-out";
            assert!(leaves || !is_sent_to_sign_in(&seen), "{at} {}", seen.location());
        }
    }
}

#[tokio::test]
async fn nobody_and_no_shopper_gets_further_than_signing_in() {
    for rule in World::owner().start().rules {
        for by in [Actor::anonymous(), Actor::user(5)] {
            let seen = tried(Role::Owner, by, &rule).await;
            let sent = is_sent_to_sign_in(&seen);
            let at = format!("{} {}: {}", rule.method, rule.pattern, seen.status);
            assert_eq!(sent, rule.access != Access::Open, "{at}");
        }
    }
}

#[tokio::test]
async fn no_form_is_taken_without_its_token() {
    for rule in World::owner().start().rules {
        if rule.method == Method::GET {
            continue;
        }
        let mut browser = World::owner().desk();
        let seen = browser.post_bare(&path(&rule), &[("csrf", "0")]).await;
        assert_eq!(seen.status.as_u16(), 403, "{} {}", rule.method, rule.pattern);
        assert!(!is_sent_to_sign_in(&seen));
    }
}

#[test]
fn every_permission_of_the_table_exists() {
    for rule in World::owner().start().rules {
        if let Access::May(permission) = rule.access {
            let known = PERMISSIONS.iter().any(|p| p.name == permission);
            assert!(known, "{permission} at {}", rule.pattern);
        }
    }
}
