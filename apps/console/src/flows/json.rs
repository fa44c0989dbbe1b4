//! The text of a flow document: written so that people read it well, and where in a text a JSON Pointer
//! leads. It must not know what a flow is.

use flow::Document;
use serde_json::Value;

/// Arrays and objects up to this width stand on one line.
const WIDTH: usize = 100;

/// The text of a document for people to read and edit, without its version: the next one is given when it
/// is published.
pub(crate) fn text_of(document: &Value) -> String {
    match serde_json::from_value::<Document>(document.clone()) {
        Ok(document) => pretty(&Document { version: None, ..document }.canonical()),
        Err(_) => pretty(&document.to_string()),
    }
}

/// What somebody wrote in the way of [`text_of`], if it is a document, else as it is. Two texts that mean
/// the same become the same.
pub(crate) fn normal(text: &str) -> String {
    match serde_json::from_str::<Document>(text) {
        Ok(document) => pretty(&Document { version: None, ..document }.canonical()),
        Err(_) => text.replace("\r\n", "\n"),
    }
}

/// Breaks JSON into lines; what is short stays on one. The sequence of members stays.
fn pretty(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let mut scan = Scan { bytes: json.as_bytes(), at: 0 };
    write_value(json, &mut scan, 0, true, &mut text);
    text.push('\n');
    text
}

fn write_value(json: &str, scan: &mut Scan<'_>, depth: usize, is_whole: bool, text: &mut String) {
    scan.blanks();
    let (begin, open) = (scan.at, scan.peek());
    scan.value();
    let raw = json.get(begin..scan.at).unwrap_or_default();
    let is_container = matches!(open, Some(b'{' | b'['));
    if !is_container || (!is_whole && raw.len() + 2 * depth <= WIDTH) || raw.len() == 2 {
        spaced(raw, text);
        return;
    }
    let is_object = open == Some(b'{');
    let mut inner = Scan { bytes: scan.bytes, at: begin + 1 };
    text.push(if is_object { '{' } else { '[' });
    loop {
        inner.blanks();
        text.push('\n');
        text.push_str(&"  ".repeat(depth + 1));
        if is_object {
            let name = inner.at;
            inner.value();
            text.push_str(json.get(name..inner.at).unwrap_or_default());
            text.push_str(": ");
            inner.blanks();
            inner.at += 1;
        }
        write_value(json, &mut inner, depth + 1, false, text);
        inner.blanks();
        if inner.peek() != Some(b',') {
            break;
        }
        inner.at += 1;
        text.push(',');
    }
    text.push('\n');
    text.push_str(&"  ".repeat(depth));
    text.push(if is_object { '}' } else { ']' });
}

/// Puts a blank after every comma and colon of JSON without blanks.
fn spaced(raw: &str, text: &mut String) {
    let (mut in_string, mut is_escaped) = (false, false);
    for c in raw.chars() {
        text.push(c);
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if in_string => is_escaped = true,
            '"' => in_string = !in_string,
            ',' | ':' if !in_string => text.push(' '),
            _ => {}
        }
    }
}

/// A place in a text, both numbers from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Where the thing that a pointer names stands; what is not there has the place of what it would be in.
/// Of a name that stands twice the second is meant.
pub(crate) fn locate(text: &str, pointer: &str) -> Position {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
    scan.blanks();
    let mut found = scan.at;
    for part in pointer.split('/').skip(1) {
        let wanted = part.replace("~1", "/").replace("~0", "~");
        let Some((place, value)) = scan.child(text, &wanted) else { break };
        found = place;
        scan.at = value;
    }
    position(text, found)
}

/// The place that a parser's message ends with: `… at line 2 column 7`.
pub(crate) fn told(message: &str) -> Option<Position> {
    let (_, rest) = message.rsplit_once(" at line ")?;
    let (line, column) = rest.split_once(" column ")?;
    let digits = column.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(Position { line: line.parse().ok()?, column: digits.parse::<usize>().ok()?.max(1) })
}

fn position(text: &str, at: usize) -> Position {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Position { line, column }
}

/// Walks through JSON. It never fails: at the end, or where there is no JSON, it stands still.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        self.at = self.at.min(self.bytes.len());
    }

    /// Past one value, however deep it is.
    fn value(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                b',' | b':' if depth == 0 => return,
                _ if depth > 0 => self.at += 1,
                _ => {
                    let ends = |b: &u8| b.is_ascii_whitespace() || b",:]}".contains(b);
                    let rest = self.bytes.get(self.at..).unwrap_or_default();
                    self.at += rest.iter().position(ends).unwrap_or(rest.len()).max(1);
                }
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// Where the member or item `wanted` of the value here begins, and where its value does.
    fn child(&self, text: &str, wanted: &str) -> Option<(usize, usize)> {
        let is_object = match self.peek() {
            Some(b'{') => true,
            Some(b'[') => false,
            _ => return None,
        };
        let mut walk = Scan { bytes: self.bytes, at: self.at + 1 };
        let mut found = None;
        for index in 0_usize.. {
            walk.blanks();
            if matches!(walk.peek(), None | Some(b'}' | b']')) {
                break;
            }
            let place = walk.at;
            let is_wanted = if is_object {
                walk.value();
                let name = text.get(place..walk.at).unwrap_or_default();
                let name: Option<String> = serde_json::from_str(name).ok();
                walk.blanks();
                if walk.peek() != Some(b':') {
                    break;
                }
                walk.at += 1;
                walk.blanks();
                name.as_deref() == Some(wanted)
            } else {
                index.to_string() == wanted
            };
            let value = walk.at;
            if is_wanted {
                found = Some((place, value));
            }
            walk.value();
            walk.blanks();
            if walk.peek() != Some(b',') {
                break;
            }
            walk.at += 1;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "{\n  \"a/b\": [1, {\"x\": null}],\n  \"名\": {\"long\": \"}\\\"]\", \"n\": -1.5e3},\n\t\"a\": 1, \"a\": 2\n}";

    fn at(pointer: &str) -> (usize, usize) {
        let Position { line, column } = locate(TEXT, pointer);
        (line, column)
    }

    #[test]
    fn a_pointer_leads_to_its_line_and_column() {
        assert_eq!(at(""), (1, 1));
        assert_eq!(at("/a~1b"), (2, 3));
        assert_eq!(at("/a~1b/1"), (2, 14));
        assert_eq!(at("/a~1b/1/x"), (2, 15));
        assert_eq!(at("/名/n"), (3, 25));
        assert_eq!(at("/a"), (4, 10), "the second of two");
    }

    #[test]
    fn what_is_missing_has_the_place_of_what_it_would_be_in() {
        assert_eq!(at("/名/gone/deeper"), (3, 3));
        assert_eq!(at("/a~1b/7"), (2, 3));
        assert_eq!(at("/gone"), (1, 1));
        assert_eq!(locate("", "/a"), Position { line: 1, column: 1 });
        assert_eq!(locate("  [", "/0"), Position { line: 1, column: 3 });
    }

    #[test]
    fn a_parsers_message_tells_its_place() {
        let text = "{\n  \"a\": }";
        let said = serde_json::from_str::<Value>(text).unwrap_err().to_string();
        assert_eq!(told(&said), Some(Position { line: 2, column: 8 }));
        assert_eq!(told("not JSON: EOF at line 1 column 0"), Some(Position { line: 1, column: 1 }));
        assert_eq!(told("something else"), None);
    }

    #[test]
    fn a_document_is_written_to_be_read_and_means_the_same() {
        for demo in [
            include_str!("../../../../stoa/demo/flows/flora-order.json"),
            include_str!("../../../../stoa/demo/flows/after_sale.json"),
        ] {
            let value: Value = serde_json::from_str(demo).unwrap();
            let text = text_of(&value);
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
            assert!(text.starts_with("{\n  \"code\": "), "{text}");
            assert!(text.lines().all(|l| l.chars().count() < 160), "{text}");
            assert_eq!(normal(&text), text);
            assert_eq!(normal(demo), text, "blanks and sequence do not matter");
        }
        assert_eq!(normal("{\r\n"), "{\n");
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..6).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_again(value in json()) {
            let text = pretty(&value.to_string());
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }

        #[test]
        fn no_text_and_no_pointer_is_too_strange(text in ".{0,60}", pointer in "(/[a-z0-9~]{0,3}){0,4}") {
            let Position { line, column } = locate(&text, &pointer);
            prop_assert!(line >= 1 && column >= 1);
        }
    }
}
