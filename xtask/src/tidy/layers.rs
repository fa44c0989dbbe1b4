//! The rule about layers: imports point downwards, `stoa → {apps, services} → api crates → types → platform → kit`. Pure.

use super::Finding;
use super::tree::Tree;
use crate::workspace::Crate;

/// Where a crate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer<'a> {
    Platform,
    Types,
    /// What others may see of the service of this name.
    Api(&'a str),
    Service(&'a str),
    /// Shared templates of the applications.
    Ui,
    /// What the applications share between requests and pages.
    Web,
    App,
    Stoa,
    /// Tests, measurements and this program.
    Tool,
}

fn layer(dir: &str) -> Layer<'_> {
    let parts: Vec<&str> = dir.split('/').collect();
    match parts.as_slice() {
        ["platform", ..] => Layer::Platform,
        ["services", "types"] => Layer::Types,
        ["services", name, "api"] => Layer::Api(name),
        ["services", name] => Layer::Service(name),
        ["apps", "ui"] => Layer::Ui,
        ["apps", "web"] => Layer::Web,
        ["apps", _] => Layer::App,
        ["stoa"] => Layer::Stoa,
        _ => Layer::Tool,
    }
}

/// The rule.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for from in &tree.crates {
        for dep in &from.deps {
            let Some(to) = tree.crates.iter().find(|other| other.name == dep.name) else {
                continue;
            };
            let wrong = if dep.dev { forbidden_in_tests(from, to) } else { forbidden(from, to) };
            if let Some(reason) = wrong {
                let manifest = format!("{}/Cargo.toml", from.dir);
                let line = tree
                    .files
                    .iter()
                    .find(|file| file.path == manifest)
                    .map_or(1, |file| file.line_of(&to.name));
                found.push(Finding::new(
                    "layers",
                    &manifest,
                    line,
                    format!("`{}` must not depend on `{}`: {reason}", from.name, to.name),
                ));
            }
        }
    }
    found
}

/// Why a crate must not depend on another, or `None` when it may.
fn forbidden(from: &Crate, to: &Crate) -> Option<&'static str> {
    use Layer::{Api, App, Platform, Service, Stoa, Tool, Types, Ui, Web};
    let to_is = |names: &[&str]| names.contains(&to.name.as_str());
    let (allowed, reason) = match (layer(&from.dir), layer(&to.dir)) {
        (_, Stoa) => (false, "only the tests of e2e and bench may see the program"),
        (_, Tool) => (false, "tools are not part of the product"),
        (Platform, other) => (other == Platform, "the platform knows nothing of shops"),
        (Types, other) => (other == Platform, "shared value types stand on the platform only"),
        (Api(_), Types) => (true, ""),
        (Api(_), _) => (to_is(&["kit", "rpc"]), "an api crate depends on kit, rpc and types only"),
        (Service(_), Platform | Types | Api(_)) => (true, ""),
        (Service(_), _) => (false, "a service sees other services' api crates only"),
        (Ui, Types) | (Web, Types | Api(_) | Ui) | (App, Types | Api(_) | Ui | Web) => (true, ""),
        (Ui, _) => (to_is(&["kit", "rpc", "http-kit"]), "templates see values only"),
        (Web, _) => (
            to_is(&["kit", "rpc", "http-kit", "outbox"]),
            "what applications share sees api crates, types, ui and the messages of services only",
        ),
        (App, _) => (
            to_is(&["kit", "rpc", "http-kit", "flow", "tasks"]),
            "an application sees api crates, types, kit, rpc, http-kit, flow, tasks, ui and web only",
        ),
        (Stoa | Tool, _) => (true, ""),
    };
    (!allowed).then_some(reason)
}

fn forbidden_in_tests(from: &Crate, to: &Crate) -> Option<&'static str> {
    let program = layer(&to.dir) == Layer::Stoa && !matches!(from.name.as_str(), "e2e" | "bench");
    program.then_some("only the tests of e2e and bench may see the program")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dep;

    const CRATES: &[(&str, &str)] = &[
        ("kit", "platform/kit"),
        ("rpc", "platform/rpc"),
        ("shard", "platform/shard"),
        ("types", "services/types"),
        ("cart-api", "services/cart/api"),
        ("cart", "services/cart"),
        ("order-api", "services/order/api"),
        ("order", "services/order"),
        ("ui", "apps/ui"),
        ("storefront", "apps/storefront"),
        ("stoa", "stoa"),
        ("e2e", "e2e"),
        ("bench", "bench"),
    ];

    fn finding(from: &str, to: &str, dev: bool) -> Option<String> {
        let mut tree = Tree::sample(&[]);
        for (name, dir) in CRATES {
            let deps = if *name == from { vec![Dep { name: to.into(), dev }] } else { Vec::new() };
            tree.crates.push(Crate { name: (*name).into(), dir: (*dir).into(), deps });
        }
        check(&tree).first().map(Finding::to_string)
    }

    #[test]
    fn what_points_downwards_is_allowed() {
        let fine = [
            ("shard", "kit"),
            ("types", "kit"),
            ("cart-api", "types"),
            ("cart-api", "rpc"),
            ("cart", "order-api"),
            ("cart", "shard"),
        ];
        let more = [
            ("storefront", "cart-api"),
            ("storefront", "ui"),
            ("ui", "types"),
            ("stoa", "cart"),
            ("bench", "kit"),
        ];
        for (from, to) in fine.into_iter().chain(more) {
            assert_eq!(finding(from, to, false), None);
        }
        assert_eq!(finding("e2e", "stoa", true), None);
    }

    #[test]
    fn what_points_up_or_sideways_is_found() {
        let wrong = [
            ("shard", "types"),
            ("kit", "cart-api"),
            ("types", "cart-api"),
            ("cart-api", "shard"),
            ("cart-api", "order-api"),
        ];
        let more = [
            ("cart", "order"),
            ("cart", "storefront"),
            ("storefront", "shard"),
            ("storefront", "cart"),
            ("ui", "cart-api"),
        ];
        let top = [("cart", "stoa"), ("e2e", "stoa"), ("stoa", "bench")];
        for (from, to) in wrong.into_iter().chain(more).chain(top) {
            let found =
                finding(from, to, false).unwrap_or_else(|| panic!("{from} -> {to} was not found"));
            assert!(found.contains(&format!("`{from}` must not depend on `{to}`")), "{found}");
        }
        assert!(finding("cart", "stoa", true).is_some());
    }
}
