//! Reads an SVG with a small strict scanner and refuses whatever is not plain drawing: scripts, handlers,
//! animation, foreign content, references to anything outside the file, and XML's own traps (document
//! types, entities, processing instructions, prefixes that rename elements). What is not known is refused.

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Counts from 1.
    pub line: usize,
    /// For a person.
    pub what: String,
}

/// How deep elements nest at most.
const DEPTH_MAX: usize = 100;
const SVG_NAMESPACE: &str = "http://www.w3.org/2000/svg";
const XLINK_NAMESPACE: &str = "http://www.w3.org/1999/xlink";

/// Elements that draw and nothing else.
const ELEMENTS: [&str; 51] = [
    "svg",
    "g",
    "defs",
    "symbol",
    "use",
    "title",
    "desc",
    "switch",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "text",
    "tspan",
    "textPath",
    "linearGradient",
    "radialGradient",
    "stop",
    "pattern",
    "clipPath",
    "mask",
    "marker",
    "style",
    "filter",
    "feBlend",
    "feColorMatrix",
    "feComponentTransfer",
    "feComposite",
    "feConvolveMatrix",
    "feDiffuseLighting",
    "feDisplacementMap",
    "feDistantLight",
    "feDropShadow",
    "feFlood",
    "feFuncA",
    "feFuncB",
    "feFuncG",
    "feFuncR",
    "feGaussianBlur",
    "feMerge",
    "feMergeNode",
    "feMorphology",
    "feOffset",
    "fePointLight",
    "feSpecularLighting",
    "feSpotLight",
    "feTile",
    "feTurbulence",
];

/// Whether the text is an SVG that is safe to serve.
///
/// # Errors
/// The first thing that is not.
pub fn check(text: &str) -> Result<(), Refused> {
    Scanner { text, at: 0, open: Vec::new(), seen_root: false }.run()
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    open: Vec<&'a str>,
    seen_root: bool,
}

impl<'a> Scanner<'a> {
    fn run(mut self) -> Result<(), Refused> {
        self.text_until_tag()?;
        while self.at < self.text.len() {
            self.markup()?;
            self.text_until_tag()?;
        }
        match self.open.last() {
            Some(name) => self.refuse(format!("<{name}> is not closed")),
            None if !self.seen_root => self.refuse("there is no <svg>"),
            None => Ok(()),
        }
    }

    fn refuse<T>(&self, what: impl Into<String>) -> Result<T, Refused> {
        let line = 1 + self.text.as_bytes()[..self.at].iter().filter(|b| **b == b'\n').count();
        Err(Refused { line, what: what.into() })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn find(&self, end: &str, what: &str) -> Result<usize, Refused> {
        match self.rest().find(end) {
            Some(n) => Ok(n),
            None => self.refuse(format!("{what} does not end")),
        }
    }

    fn text_until_tag(&mut self) -> Result<(), Refused> {
        let run = self.rest();
        let run = &run[..run.find('<').unwrap_or(run.len())];
        if self.open.is_empty() && !run.trim().is_empty() {
            return self.refuse("there is text outside of <svg>");
        }
        if run.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return self.refuse("there is a control character in the text");
        }
        let problem = if self.open.last() == Some(&"style") {
            style_problem(run)
        } else {
            entity_problem(run)
        };
        if let Some(problem) = problem {
            return self.refuse(problem);
        }
        self.at += run.len();
        Ok(())
    }

    fn markup(&mut self) -> Result<(), Refused> {
        let rest = self.rest();
        if let Some(body) = rest.strip_prefix("<!--") {
            // readers join what stands before and after it; the words looked for would be cut in two
            if self.open.last() == Some(&"style") {
                return self.refuse("there is a comment inside <style>");
            }
            let Some(length) = body.find("-->") else {
                return self.refuse("a comment does not end");
            };
            self.at += "<!--".len() + length + "-->".len();
            return Ok(());
        }
        if rest.starts_with("<?xml") && self.at == 0 {
            self.at += self.find("?>", "the XML declaration")? + 2;
            return Ok(());
        }
        if rest.starts_with("<!") || rest.starts_with("<?") {
            return self.refuse("document types, CDATA and processing instructions are refused");
        }
        if let Some(name) = rest.strip_prefix("</") {
            let length = self.find(">", "a closing tag")?;
            let name = name[..length - 2].trim_end();
            if self.open.pop() != Some(name) {
                return self.refuse("tags do not match");
            }
            self.at += length + 1;
            return Ok(());
        }
        self.element()
    }

    fn element(&mut self) -> Result<(), Refused> {
        self.at += 1;
        let name = self.name();
        if !ELEMENTS.contains(&name) {
            return self.refuse(format!("the element <{}> is refused", shown(name)));
        }
        if self.open.is_empty() && (self.seen_root || name != "svg") {
            return self.refuse("the one element at the top is <svg>");
        }
        if self.open.last() == Some(&"style") {
            return self.refuse("there is an element inside <style>");
        }
        if self.open.len() >= DEPTH_MAX {
            return self.refuse("elements are nested too deep");
        }
        let mut names = Vec::new();
        loop {
            let before = self.at;
            self.skip_space();
            if self.rest().starts_with("/>") {
                self.seen_root = true;
                self.at += 2;
                return Ok(());
            }
            if self.rest().starts_with('>') {
                self.seen_root = true;
                self.open.push(name);
                self.at += 1;
                return Ok(());
            }
            if self.at == before {
                return self.refuse(format!("<{name}> is malformed"));
            }
            let attribute = self.attribute()?;
            if names.contains(&attribute) {
                return self.refuse(format!("the attribute {} stands twice", shown(attribute)));
            }
            names.push(attribute);
        }
    }

    fn attribute(&mut self) -> Result<&'a str, Refused> {
        let name = self.name();
        if name.is_empty() {
            return self.refuse("there is something where an attribute should be");
        }
        self.skip_space();
        if !self.rest().starts_with('=') {
            return self.refuse(format!("the attribute {} has no value", shown(name)));
        }
        self.at += 1;
        self.skip_space();
        let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            return self.refuse(format!("the value of {} is not in quotes", shown(name)));
        };
        let body = &self.rest()[1..];
        let Some(length) = body.find(quote) else {
            return self.refuse(format!("the value of {} does not end", shown(name)));
        };
        let value = &body[..length];
        if let Some(problem) = attribute_problem(name, value) {
            return self.refuse(problem);
        }
        self.at += length + 2;
        Ok(name)
    }

    fn name(&mut self) -> &'a str {
        let rest = self.rest();
        let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        let name = &rest[..rest.find(|c| !of_name(c)).unwrap_or(rest.len())];
        self.at += name.len();
        name
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }
}

fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

fn attribute_problem(name: &str, value: &str) -> Option<String> {
    let refused = |why: &str| Some(format!("the attribute {} {why}", shown(name)));
    if value.contains('<') {
        return refused("contains <");
    }
    if value.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return refused("contains a control character");
    }
    let lower = name.to_ascii_lowercase();
    let (prefix, local) = lower.split_once(':').unwrap_or(("", &lower));
    match (prefix, local) {
        ("", "xmlns") if value != SVG_NAMESPACE => return refused("names another namespace"),
        ("xmlns", "xlink") if value != XLINK_NAMESPACE => {
            return refused("names another namespace");
        }
        // Any other prefix could rename what is checked by name.
        ("xmlns", other) if other != "xlink" => return refused("binds a prefix"),
        ("" | "xlink", "href") if !value.starts_with('#') => {
            return refused("leads out of the file");
        }
        ("", "src" | "base" | "formaction") => return refused("is refused"),
        ("xml", "base") => return refused("is refused"),
        ("" | "xmlns" | "xml" | "xlink", _) => {}
        _ => return refused("has an unknown prefix"),
    }
    if local.starts_with("on") {
        return refused("is an event handler");
    }
    if value.contains("&#") {
        return refused("spells characters as numbers");
    }
    if let Some(problem) = entity_problem(value) {
        return Some(problem);
    }
    let squeezed: String =
        value.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    if squeezed.contains("javascript:") || squeezed.contains("data:") {
        return refused("holds a program or data");
    }
    if local == "style" || squeezed.contains("url(") || squeezed.contains('\\') {
        return style_problem(value);
    }
    None
}

/// Style sheets may name colours and shapes, and load nothing.
fn style_problem(css: &str) -> Option<String> {
    let squeezed: String =
        css.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    // An escape or a character reference would hide the words looked for below.
    if let Some(odd) = ['\\', '&', '@'].into_iter().find(|c| squeezed.contains(*c)) {
        return Some(format!("a style contains {odd}"));
    }
    if squeezed.contains("/*") {
        return Some("a style contains a comment".to_owned());
    }
    for word in ["expression(", "image-set(", "image(", "src(", "behavior:", "-moz-binding"] {
        if squeezed.contains(word) {
            return Some(format!("a style contains {word}"));
        }
    }
    let outside = squeezed
        .split("url(")
        .skip(1)
        .any(|after| !after.trim_start_matches(['"', '\'']).starts_with('#'));
    outside.then(|| "a style leads out of the file".to_owned())
}

/// Only the five entities that XML itself has, and characters by number.
fn entity_problem(text: &str) -> Option<String> {
    text.split('&').skip(1).find_map(|after| {
        let name = after.split(';').next().unwrap_or_default();
        let known = matches!(name, "amp" | "lt" | "gt" | "quot" | "apos")
            || name.strip_prefix('#').is_some_and(|n| {
                let digits = n.strip_prefix('x').unwrap_or(n);
                (1..=7).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
            });
        (!known || after.len() == name.len()).then(|| "there is an unknown entity".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn svg(inside: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?>\n<svg xmlns=\"{SVG_NAMESPACE}\" xmlns:xlink='{XLINK_NAMESPACE}' \
             viewBox=\"0 0 10 10\">{inside}</svg>\n"
        )
    }

    #[test]
    fn plain_drawings_are_kept() {
        for inside in [
            "",
            "<!-- c --><rect width='10' height=\"10\" fill=\"#fff\"/>",
            "<defs><linearGradient id='g'><stop offset='0'/></linearGradient></defs>\
             <path d='M0 0L1 1' fill='url(#g)' style='stroke:red;fill:url(#g)'/>",
            "<text x='1'>Roses &amp; 玫瑰 &#38; on sale</text>",
            "<style>.a{fill:red}</style><use xlink:href='#g'/><use href='#g'/>",
        ] {
            assert_eq!(check(&svg(inside)), Ok(()), "{inside}");
        }
    }

    #[test]
    fn what_runs_or_loads_is_refused() {
        for inside in [
            "<script>alert(1)</script>",
            "<SCRIPT/>",
            "<x:script xmlns:x='http://www.w3.org/2000/svg'/>",
            "<foreignObject><p/></foreignObject>",
            "<rect onload='x()'/>",
            "<rect OnClick='x()'/>",
            "<rect\nonload='x()'/>",
            "<rect/onload='x()'/>",
            "<image href='https://a/b.png'/>",
            "<use href='https://a/b.svg#x'/>",
            "<use xlink:href='data:image/svg+xml,x'/>",
            "<a href='javascript:x()'><rect/></a>",
            "<rect fill='url(https://a/b)'/>",
            "<rect fill='UR&#76;(https://a/b)'/>",
            "<rect style='fill:u\\72l(https://a)'/>",
            "<rect style='background:url( \"//a\" )'/>",
            "<style>@import 'https://a';</style>",
            "<style>a{b:url(https://a)}</style>",
            "<style><![CDATA[@import 'a';]]></style>",
            "<style>a{fill:ur<!-- -->l(https://evil/x)}</style>",
            "<style>a{fill:ur<![CDATA[l(https://evil/x)]]>}</style>",
            "<style><!-- a{fill:red} --></style>",
            "<animate attributeName='href' to='javascript:x()'/>",
            "<set attributeName='onclick' to='x()'/>",
            "<iframe/>",
            "<rect xml:base='https://a'/>",
            "<?xml-stylesheet href='https://a'?>",
            "<g>&evil;</g>",
            "<g>",
            "</g>",
            "<rect width=1/>",
            "<rect width='1' width='2'/>",
            "<rect width='<'/>",
        ] {
            assert!(check(&svg(inside)).is_err(), "{inside}");
        }
        for whole in [
            "",
            "hello",
            "<p/>",
            "<!DOCTYPE svg [<!ENTITY a 'b'>]><svg/>",
            "<svg/><svg/>",
            "<svg xmlns='http://www.w3.org/1999/xhtml'/>",
            "<svg",
            "<svg ",
            "<svg a",
            "<svg a='",
            "<",
            "<!--",
        ] {
            assert!(check(whole).is_err(), "{whole}");
        }
        assert!(check(&svg(&"<g>".repeat(200))).is_err());
    }

    #[test]
    fn the_line_is_named() {
        assert_eq!(check(&svg("\n\n<script/>")).unwrap_err().line, 4);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[ -~é\n]{0,80}") {
            let _ = check(&text);
            let _ = check(&svg(&text));
        }
    }
}
