//! What is wrong with the texts of an application. For the test that [`crate::words!`] writes; it reads
//! source files and must not be called by a page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{
    CallArguments, Entry, Expression, InlineExpression, Message, Pattern, PatternElement,
};
use fluent_syntax::parser::parse;

use crate::lang::Lang;

/// What a comment says above a text that is the same in every language.
const SAME: &str = "the same in every language";

/// One file per language, and what the code expects in it.
#[derive(Debug, Clone)]
pub struct Area {
    /// The file's name without its ending.
    pub name: &'static str,
    /// What stands in the files, in the sequence of [`Lang::ALL`].
    pub sources: [&'static str; 2],
    /// What is declared.
    pub texts: Vec<Text>,
}

/// A text that is declared in code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    name: &'static str,
    args: Vec<&'static str>,
    is_table: bool,
}

impl Text {
    /// A fixed text.
    #[must_use]
    pub const fn word(name: &'static str) -> Self {
        Self { name, args: vec![], is_table: false }
    }

    /// A text with arguments.
    #[must_use]
    pub fn sentence(name: &'static str, args: &[&'static str]) -> Self {
        Self { name, args: args.to_vec(), is_table: false }
    }

    /// Texts by name.
    #[must_use]
    pub const fn table(name: &'static str) -> Self {
        Self { name, args: vec![], is_table: true }
    }
}

/// Everything that is wrong, a line each; none when all is well. A declared text must be mentioned in a Rust file
/// under one of the folders.
#[must_use]
pub fn faults(areas: &[Area], folders: &[PathBuf]) -> Vec<String> {
    let mut found = Vec::new();
    let mut seen = BTreeMap::new();
    for area in areas {
        for text in &area.texts {
            if let Some(other) = seen.insert(text.name, area.name) {
                found.push(format!("{} stands in {other} and in {}", text.name, area.name));
            }
        }
        let [en, zh] = area.sources;
        let files = [(Lang::En, en), (Lang::ZhCn, zh)].map(|(lang, source)| {
            let at = format!("{}/{}.ftl", lang.tag(), area.name);
            read(&at, source, &mut found)
        });
        for (file, lang) in files.iter().zip(Lang::ALL) {
            let at = format!("{}/{}.ftl", lang.tag(), area.name);
            compare(&at, file, &area.texts, &mut found);
        }
        untranslated(area.name, &files, &mut found);
    }
    let used = mentioned(folders);
    let unused = seen.keys().filter(|name| !used.contains(**name));
    found.extend(unused.map(|name| format!("{name} is used nowhere")));
    found
}

/// A message of a file: its texts by attribute (the value has the empty name), and what they need.
#[derive(Debug, Default)]
struct Read {
    texts: BTreeMap<String, String>,
    args: BTreeSet<String>,
    has_value: bool,
    same: bool,
}

fn read(at: &str, source: &'static str, found: &mut Vec<String>) -> BTreeMap<String, Read> {
    let resource = parse(source).unwrap_or_else(|(resource, errors)| {
        found.extend(errors.iter().map(|e| format!("{at}: {e}")));
        resource
    });
    let mut messages = BTreeMap::new();
    for entry in &resource.body {
        if let Entry::Message(message) = entry {
            let name = message.id.name.to_owned();
            if messages.insert(name, read_message(message)).is_some() {
                found.push(format!("{at}: {} stands there twice", message.id.name));
            }
        }
    }
    messages
}

fn read_message(message: &Message<&'static str>) -> Read {
    let mut read = Read { has_value: message.value.is_some(), ..Read::default() };
    let comment = message.comment.iter().flat_map(|c| &c.content);
    read.same = comment.into_iter().any(|line| line.contains(SAME));
    let value = message.value.iter().map(|v| ("", v));
    for (name, pattern) in value.chain(message.attributes.iter().map(|a| (a.id.name, &a.value))) {
        read.texts.insert(name.to_owned(), format!("{pattern:?}"));
        pattern_args(pattern, &mut read.args);
    }
    read
}

fn pattern_args(pattern: &Pattern<&'static str>, args: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            expression_args(expression, args);
        }
    }
}

fn expression_args(expression: &Expression<&'static str>, args: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => inline_args(inline, args),
        Expression::Select { selector, variants } => {
            inline_args(selector, args);
            variants.iter().for_each(|v| pattern_args(&v.value, args));
        }
    }
}

fn inline_args(inline: &InlineExpression<&'static str>, args: &mut BTreeSet<String>) {
    let mut call = |arguments: &CallArguments<&'static str>| {
        arguments.positional.iter().for_each(|i| inline_args(i, args));
        arguments.named.iter().for_each(|n| inline_args(&n.value, args));
    };
    match inline {
        InlineExpression::VariableReference { id } => {
            args.insert(id.name.to_owned());
        }
        InlineExpression::FunctionReference { arguments, .. }
        | InlineExpression::TermReference { arguments: Some(arguments), .. } => call(arguments),
        InlineExpression::Placeable { expression } => expression_args(expression, args),
        InlineExpression::StringLiteral { .. }
        | InlineExpression::NumberLiteral { .. }
        | InlineExpression::MessageReference { .. }
        | InlineExpression::TermReference { arguments: None, .. } => {}
    }
}

/// A file against what the code declares.
fn compare(at: &str, file: &BTreeMap<String, Read>, texts: &[Text], found: &mut Vec<String>) {
    for text in texts {
        let Some(read) = file.get(text.name) else {
            found.push(format!("{at}: {} is missing", text.name));
            continue;
        };
        let declared: BTreeSet<&str> = text.args.iter().copied().collect();
        let used: BTreeSet<&str> = read.args.iter().map(String::as_str).collect();
        for name in used.difference(&declared) {
            found.push(format!("{at}: {} names ${name}, which it is not given", text.name));
        }
        for name in declared.difference(&used) {
            found.push(format!("{at}: {} does not tell ${name}", text.name));
        }
        let shape = (read.has_value, read.texts.len() > usize::from(read.has_value));
        if shape != (!text.is_table, text.is_table) {
            let kind = if text.is_table { "nothing but attributes" } else { "a text alone" };
            found.push(format!("{at}: {} is to have {kind}", text.name));
        }
    }
    let declared: BTreeSet<&str> = texts.iter().map(|t| t.name).collect();
    let extra = file.keys().filter(|name| !declared.contains(name.as_str()));
    found.extend(extra.map(|name| format!("{at}: {name} is not declared in code")));
}

/// The same text in both languages, and tables that do not have the same names.
fn untranslated(area: &str, files: &[BTreeMap<String, Read>; 2], found: &mut Vec<String>) {
    let [first, second] = files;
    for (name, a) in first {
        let Some(b) = second.get(name) else { continue };
        let (ours, theirs) = (&a.texts, &b.texts);
        for key in ours.keys().filter(|k| !theirs.contains_key(*k)) {
            found.push(format!("zh-CN/{area}.ftl: {name}.{key} is missing"));
        }
        for key in theirs.keys().filter(|k| !ours.contains_key(*k)) {
            found.push(format!("en/{area}.ftl: {name}.{key} is missing"));
        }
        if a.same || b.same {
            continue;
        }
        let same = ours.iter().filter(|(key, text)| theirs.get(*key) == Some(text));
        found.extend(same.map(|(key, _)| {
            format!("{area}.ftl: {name} {key} is not translated; `# {SAME}` if it is to be so")
        }));
    }
}

/// Every name after a point in the Rust files under some folders.
fn mentioned(folders: &[PathBuf]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open: Vec<PathBuf> = folders.to_vec();
    while let Some(path) = open.pop() {
        if let Ok(entries) = std::fs::read_dir(&path) {
            open.extend(entries.flatten().map(|e| e.path()));
        } else if is_rust(&path) {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            names.extend(after_points(&text));
        }
    }
    names
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "rs")
}

fn after_points(text: &str) -> impl Iterator<Item = String> {
    text.split('.')
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(en: &'static str, zh: &'static str, texts: Vec<Text>) -> Vec<String> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/text");
        faults(&[Area { name: "a", sources: [en, zh], texts }], &[here])
    }

    #[test]
    fn a_text_that_is_missing_extra_or_twice_is_found() {
        assert_eq!(faults_of("name = A\n", "name = 甲\n", vec![Text::word("name")]), [""; 0]);
        assert_eq!(
            faults_of("x = A\nx = B\n", "name = 甲\n", vec![Text::word("name")]),
            [
                "en/a.ftl: x stands there twice",
                "en/a.ftl: name is missing",
                "en/a.ftl: x is not declared in code"
            ]
        );
        assert_eq!(faults_of("= broken\n", "", vec![]).len(), 1);
    }

    #[test]
    fn an_argument_that_is_missing_or_unknown_is_found_in_every_branch() {
        let en = "name = { $n ->\n    [one] { $who } has one\n   *[other] many\n}\n";
        let zh = "name = { $n }\n";
        assert_eq!(
            faults_of(en, zh, vec![Text::sentence("name", &["n", "at"])]),
            [
                "en/a.ftl: name names $who, which it is not given",
                "en/a.ftl: name does not tell $at",
                "zh-CN/a.ftl: name does not tell $at"
            ]
        );
    }

    #[test]
    fn a_table_has_the_same_names_everywhere_and_a_word_has_none() {
        let (en, zh) = ("name =\n    .A = a\n    .B = b\n", "name =\n    .A = 甲\n");
        let missing = "zh-CN/a.ftl: name.B is missing";
        assert_eq!(faults_of(en, zh, vec![Text::table("name")]), [missing]);
        assert_eq!(faults_of(en, en, vec![Text::word("name")]).len(), 4);
    }

    #[test]
    fn what_is_not_translated_or_not_used_is_found_unless_it_is_meant() {
        let same = faults_of("name = SKU\n", "name = SKU\n", vec![Text::word("name")]);
        assert!(same[0].contains("not translated"), "{same:?}");
        let meant = "# the same in every language\nname = SKU\n";
        assert_eq!(faults_of(meant, "name = SKU\n", vec![Text::word("name")]), [""; 0]);
        let unused = concat!("nobody", "_says_this");
        let found = faults_of("", "", vec![Text::word(unused)]);
        assert_eq!(found.last().unwrap(), &[unused, " is used nowhere"].concat());
    }
}
