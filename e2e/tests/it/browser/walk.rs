//! A walk over all pages that can be reached: each is looked at, and its links are followed. One page of a
//! kind is enough: those of `/p/{slug}` are one kind.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use e2e::browser::{Browser, Facts, Plain, WIDTHS, is_protected};

/// The most pages of one walk.
const PAGES_MAX: usize = 120;

/// What is looked at.
pub struct Walk<'a> {
    /// Who walks.
    pub browser: &'a Browser,
    /// The host's address.
    pub origin: String,
    /// The same host, to see what is on the wire.
    pub plain: Plain,
    /// The text of axe-core, where it is installed.
    pub axe: Option<&'a str>,
    /// Where pictures are kept; none are made without.
    pub pictures: Option<PathBuf>,
    /// Whether a path belongs to the walk.
    pub inside: fn(&str) -> bool,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Walked {
    /// The kinds of pages, each with the path that stood for it.
    pub kinds: BTreeMap<String, String>,
    /// Where forms are sent, one of a kind.
    pub posts: BTreeMap<String, String>,
    /// What is wrong, page by page.
    pub faults: Vec<String>,
}

impl Walked {
    /// Whether a page of this kind was seen, whatever its query.
    pub fn has(&self, kind: &str) -> bool {
        self.kinds.keys().any(|k| k.split('?').next() == Some(kind))
    }

    /// That nothing was wrong.
    ///
    /// # Errors
    /// All that was.
    pub fn is_clean(&self) -> Result<()> {
        if self.faults.is_empty() {
            return Ok(());
        }
        bail!(
            "{} faults on {} pages:\n{}",
            self.faults.len(),
            self.kinds.len(),
            self.faults.join("\n")
        )
    }
}

impl Walk<'_> {
    /// Walks from some pages to all that they lead to.
    pub async fn from(&mut self, starts: &[&str]) -> Result<Walked> {
        let mut walked = Walked::default();
        let mut next: VecDeque<String> = starts.iter().map(|s| (*s).to_owned()).collect();
        while let Some(path) = next.pop_front() {
            let kind = kind_of(&path);
            if walked.kinds.contains_key(&kind) {
                continue;
            }
            ensure!(
                walked.kinds.len() < PAGES_MAX,
                "more than {PAGES_MAX} kinds: {:?}",
                walked.kinds
            );
            let looked = self.look(&path, &mut walked).await.context(path.clone())?;
            walked.kinds.insert(kind, path);
            let Some(facts) = looked else { continue };
            for post in facts.posts {
                walked.posts.entry(kind_of(&post)).or_insert(post);
            }
            let on = facts.links.into_iter().filter(|l| (self.inside)(l) && is_page(l));
            next.extend(on);
        }
        Ok(walked)
    }

    /// Looks at one page; `None` when there is no page but a file.
    async fn look(&mut self, path: &str, walked: &mut Walked) -> Result<Option<Facts>> {
        let mut faults: Vec<String> = Vec::new();
        // The page it stands on tells which cookies go along.
        self.plain.cookies = self.browser.cookies().await?.into_iter().collect();
        let seen = self.plain.get(path).await?;
        if !seen.is_page() && seen.status == 200 {
            return Ok(None);
        }
        if let Err(e) = is_protected(&seen) {
            faults.push(format!("{e:#}"));
        }
        if seen.status >= 500 {
            faults.push(format!("answers {}", seen.status));
        }
        self.browser.goto(&[&self.origin, path].concat()).await?;
        let facts = self.browser.facts().await?;
        faults.extend(facts.bare_posts.iter().map(|p| format!("a form without a token: {p}")));
        faults.extend(facts.inline.iter().map(|i| format!("inline: {i}")));
        if facts.blocking.len() > 1 {
            faults.push(format!("waits for {:?}", facts.blocking));
        }
        if let Some(axe) = self.axe {
            let found = self.browser.accessibility(axe).await?;
            faults.extend(found.iter().filter(|f| f.is_bad()).map(ToString::to_string));
        }
        for width in WIDTHS {
            self.browser.set_width(width).await?;
            if let Err(e) = self.browser.fits_its_window().await {
                faults.push(format!("at {width}: {e:#}"));
            }
            if let Some(folder) = &self.pictures {
                self.browser.keep_picture(folder, &file_name(path), width).await?;
            }
        }
        walked.faults.extend(faults.into_iter().map(|f| format!("{path}: {f}")));
        Ok(Some(facts))
    }
}

/// That each of these forms is refused without its token, whoever sends it.
pub async fn refuse_bare_forms(plain: &mut Plain, posts: &BTreeMap<String, String>) -> Result<()> {
    ensure!(!posts.is_empty(), "there is no form at all");
    let cookies = plain.cookies.clone();
    for path in posts.values() {
        for fields in [&[][..], &[("csrf", "00000000000000000000000000000000")]] {
            plain.cookies.clone_from(&cookies);
            let seen = plain.post(path, fields).await?;
            ensure!(seen.status == 403, "{path} without a token is answered {}", seen.status);
            is_protected(&seen).with_context(|| format!("the refusal of {path}"))?;
        }
    }
    plain.cookies = cookies;
    Ok(())
}

/// What a path is one of: numbers and names are left out, and so are the values of its query.
fn kind_of(path: &str) -> String {
    let (path, query) =
        path.split('#').next().unwrap_or_default().split_once('?').unwrap_or((path, ""));
    let path = path.split('#').next().unwrap_or_default();
    let mut segments: Vec<&str> = path.split('/').collect();
    for n in 1..segments.len() {
        let is_number = segments[n].bytes().any(|b| b.is_ascii_digit())
            && segments[n].bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let is_name = match (segments[1], n) {
            ("p" | "c", 2) => true,
            ("console", 3) => matches!(segments[2], "flows" | "messages"),
            ("console", 4) => segments[2] == "messages" || segments[2..4] == ["products", "import"],
            _ => false,
        };
        if is_number || is_name {
            segments[n] = "{}";
        }
    }
    let names: BTreeSet<&str> = query
        .split('&')
        .filter_map(|pair| pair.split('=').next())
        .filter(|name| !name.is_empty())
        .collect();
    let names: Vec<&str> = names.into_iter().collect();
    let mark = if names.is_empty() { "" } else { "?" };
    [&segments.join("/"), mark, &names.join("&")].concat()
}

/// That no page was forgotten: every address that an application's source names was looked at, unless it
/// takes forms only, or is one of these files.
pub async fn all_reached(
    plain: &mut Plain,
    source: &str,
    files: &[&str],
    walks: &[&Walked],
) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(source);
    let mut patterns = BTreeSet::new();
    patterns_in(&folder, &mut patterns)?;
    ensure!(patterns.len() > 10, "{source} names {patterns:?} only");
    for pattern in patterns {
        let kind = kind_of_pattern(&pattern);
        if files.contains(&pattern.as_str()) || walks.iter().any(|w| w.has(&kind)) {
            continue;
        }
        let seen = plain.get(&kind.replace("{}", "1")).await?;
        ensure!(seen.status == 405, "{pattern} was not looked at; it answers {}", seen.status);
    }
    Ok(())
}

/// The addresses that stand as constants in a folder of source files.
fn patterns_in(folder: &Path, patterns: &mut BTreeSet<String>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            patterns_in(&path, patterns)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path)?;
            let found = text.split(": &str = \"/").skip(1).filter_map(|t| t.split('"').next());
            patterns.extend(found.map(|f| ["/", f].concat()));
        }
    }
    Ok(())
}

/// A pattern of a router as a kind of pages.
fn kind_of_pattern(pattern: &str) -> String {
    let segments = pattern.split('/').map(|s| if s.starts_with('{') { "{}" } else { s });
    segments.collect::<Vec<_>>().join("/")
}

/// Whether a link may be followed without changing anything.
fn is_page(path: &str) -> bool {
    !["/assets/", "/media/", "/language", "/console/language", "/console/assets/"]
        .iter()
        .any(|p| path.starts_with(p))
}

/// A path as the name of a file.
fn file_name(path: &str) -> String {
    let name: String = kind_of(path)
        .replace("{}", "one")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "home".to_owned() } else { name.to_owned() }
}

#[test]
fn pages_of_a_kind_are_one() {
    assert_eq!(kind_of("/p/red-rose?sku=5&image=2"), "/p/{}?image&sku");
    assert_eq!(kind_of("/orders/123/pay#x"), "/orders/{}/pay");
    assert_eq!(kind_of("/console/orders?status=PAID"), "/console/orders?status");
    assert_eq!(kind_of("/console/flows/order/edit"), kind_of_pattern("/console/flows/{code}/edit"));
    assert_eq!(file_name("/"), "home");
    assert_eq!(file_name("/p/rose"), "p-one");
    assert_eq!(file_name("/orders/5/pay"), "orders-one-pay");
}
