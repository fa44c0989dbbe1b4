//! The rule about the map: the code map of ARCHITECTURE.md names every crate, so that a reader finds the way. Pure.

use super::Finding;
use super::tree::Tree;

const FILE: &str = "ARCHITECTURE.md";

/// The rule; silent when there is no ARCHITECTURE.md.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let Some(text) = &tree.architecture else { return Vec::new() };
    let Some((line, map)) = code_map(text) else {
        return vec![Finding::new(
            "code-map",
            FILE,
            1,
            "there is no heading `Code map`: add one that names every crate",
        )];
    };
    let missing = tree.crates.iter().filter(|krate| !names(map, &krate.name, &krate.dir));
    missing
        .map(|krate| {
            Finding::new(
                "code-map",
                FILE,
                line,
                format!("the code map does not name `{}` ({})", krate.name, krate.dir),
            )
        })
        .collect()
}

/// The text below the heading `Code map`, up to the next heading of its level or above, with the heading's line.
fn code_map(text: &str) -> Option<(usize, &str)> {
    let mut start: Option<(usize, usize, usize)> = None;
    let mut at = 0;
    let mut in_code = false;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        in_code ^= line.starts_with("```");
        let level = if in_code { 0 } else { line.bytes().take_while(|byte| *byte == b'#').count() };
        match start {
            None if level > 0 && line.to_lowercase().contains("code map") => {
                start = Some((index + 1, level, at + line.len()))
            }
            Some((number, own, from)) if level > 0 && level <= own => {
                return Some((number, &text[from..at]));
            }
            _ => {}
        }
        at += line.len();
    }
    start.map(|(number, _, from)| (number, &text[from..]))
}

/// Whether the map names a crate: by its folder, or by its name in backticks or followed by a slash.
fn names(map: &str, name: &str, dir: &str) -> bool {
    let is_free =
        |c: Option<char>| c.is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '/')));
    let by_dir = map.match_indices(dir).any(|(at, _)| {
        let after = map[at + dir.len()..].trim_start_matches('/');
        is_free(map[..at].chars().next_back()) && is_free(after.chars().next())
    });
    let slashed = format!("{name}/");
    let by_name = map.match_indices(&slashed).any(|(at, _)| is_free(map[..at].chars().next_back()));
    by_dir || by_name || map.contains(&format!("`{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Crate;

    fn missing(architecture: &str) -> Vec<String> {
        let mut tree = Tree::sample(&[]);
        tree.architecture = Some(architecture.to_owned());
        for (name, dir) in
            [("kit", "platform/kit"), ("cart", "services/cart"), ("cart-api", "services/cart/api")]
        {
            tree.crates.push(Crate { name: name.into(), dir: dir.into(), deps: Vec::new() });
        }
        check(&tree).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn a_map_may_name_crates_in_several_ways() {
        assert_eq!(
            missing("# A\n## Code map\n`platform/kit` `cart` services/cart/api\n"),
            Vec::<String>::new()
        );
        assert_eq!(
            missing(
                "## Code map\n```\n# tree\n  kit/  ids\n  services/cart/\n```\n`cart-api`\n## End\n"
            ),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_crate_that_is_not_in_the_map_is_found() {
        let found = missing(
            "# A\n`cart-api` is mentioned too early\n## Code map\nthe kit of a cart, services/cart, platform/kit\n## Other\n`cart-api`\n",
        );
        assert_eq!(found, ["the code map does not name `cart-api` (services/cart/api)"]);
        assert!(missing("# A\n")[0].contains("no heading"));
    }
}
