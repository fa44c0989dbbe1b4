//! One Rust file, taken apart as far as the rules need it: its functions with their lengths, which lines are test code,
//! which are inside a loop, and its words. Pure.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

/// A parsed file.
#[derive(Debug, Default)]
pub struct Source {
    /// Its functions and methods that have a body.
    pub functions: Vec<Function>,
    /// Its tokens, flat; comments are not among them.
    pub tokens: Vec<Token>,
    /// Whether all of it is test code.
    pub all_test: bool,
    tests: Vec<Lines>,
    loops: Vec<Lines>,
}

/// A function or method.
#[derive(Debug)]
pub struct Function {
    /// `name`, or `Type::name` for a method.
    pub name: String,
    /// From `fn` to the closing brace.
    pub lines: Lines,
}

/// A range of lines, from 1, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// First line.
    pub first: usize,
    /// Last line.
    pub last: usize,
}

impl Lines {
    /// How many lines there are.
    pub fn count(self) -> usize {
        self.last + 1 - self.first
    }

    fn contains(self, line: usize) -> bool {
        (self.first..=self.last).contains(&line)
    }
}

/// A token with its line.
#[derive(Debug)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// The line it begins in.
    pub line: usize,
}

/// The kinds of token that rules look at.
#[derive(Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// An identifier or keyword, without `r#`.
    Ident(String),
    /// A punctuation character.
    Punct(char),
    /// An opening parenthesis.
    OpenParen,
    /// Anything else.
    Other,
}

impl Token {
    /// The identifier, if it is one.
    pub fn ident(&self) -> Option<&str> {
        match &self.kind {
            TokenKind::Ident(name) => Some(name),
            _ => None,
        }
    }
}

impl Source {
    /// Takes a file apart.
    ///
    /// # Errors
    /// The line and the reason when it is not Rust.
    pub fn parse(path: &str, text: &str) -> Result<Self, (usize, String)> {
        let fail = |span: proc_macro2::Span, reason: String| (span.start().line.max(1), reason);
        let file = syn::parse_file(text).map_err(|error| fail(error.span(), error.to_string()))?;
        let stream: TokenStream = text
            .parse()
            .map_err(|error: proc_macro2::LexError| fail(error.span(), error.to_string()))?;
        let mut source = Self {
            all_test: is_test_path(path) || file.attrs.iter().any(is_test_attribute),
            ..Self::default()
        };
        flatten(stream, &mut source.tokens);
        let mut visitor = Visitor { source: &mut source, owner: None };
        visitor.visit_file(&file);
        Ok(source)
    }

    /// Whether this line is test code.
    pub fn is_test(&self, line: usize) -> bool {
        self.all_test || self.tests.iter().any(|range| range.contains(line))
    }

    /// Whether this line is inside the body of a loop.
    pub fn is_in_loop(&self, line: usize) -> bool {
        self.loops.iter().any(|range| range.contains(line))
    }

    /// The innermost function around this line.
    pub fn function_at(&self, line: usize) -> Option<&Function> {
        self.functions
            .iter()
            .filter(|function| function.lines.contains(line))
            .min_by_key(|function| function.lines.count())
    }
}

/// Whether a file stands in a `tests` folder, or is the out-of-line module `tests.rs`.
pub fn is_test_path(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(any(test, …))]`.
fn is_test_attribute(attribute: &syn::Attribute) -> bool {
    let path = attribute.path();
    if path.is_ident("cfg") {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let mut words = Vec::new();
        flatten(list.tokens.clone(), &mut words);
        let has = |name| words.iter().any(|token| token.ident() == Some(name));
        return has("test") && !has("not");
    }
    path.segments.last().is_some_and(|segment| segment.ident == "test")
}

fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let kind = if group.delimiter() == Delimiter::Parenthesis {
                    TokenKind::OpenParen
                } else {
                    TokenKind::Other
                };
                into.push(Token { kind, line });
                flatten(group.stream(), into);
                into.push(Token { kind: TokenKind::Other, line: group.span_close().start().line });
            }
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                into.push(Token {
                    kind: TokenKind::Ident(name.strip_prefix("r#").unwrap_or(&name).to_owned()),
                    line,
                });
            }
            TokenTree::Punct(punct) => {
                into.push(Token { kind: TokenKind::Punct(punct.as_char()), line })
            }
            TokenTree::Literal(_) => into.push(Token { kind: TokenKind::Other, line }),
        }
    }
}

struct Visitor<'a> {
    source: &'a mut Source,
    /// The type whose methods are visited.
    owner: Option<String>,
}

impl Visitor<'_> {
    fn function(
        &mut self,
        attributes: &[syn::Attribute],
        signature: &syn::Signature,
        block: &syn::Block,
    ) {
        let lines = Lines {
            first: signature.fn_token.span.start().line,
            last: block.brace_token.span.close().end().line,
        };
        let name = match &self.owner {
            Some(owner) => format!("{owner}::{}", signature.ident),
            None => signature.ident.to_string(),
        };
        self.tests_if(attributes, lines);
        self.source.functions.push(Function { name, lines });
    }

    fn tests_if(&mut self, attributes: &[syn::Attribute], lines: Lines) {
        if attributes.iter().any(is_test_attribute) {
            self.source.tests.push(lines);
        }
    }

    fn body(&mut self, block: &syn::Block) {
        self.source.loops.push(lines_of(block.span()));
    }
}

fn lines_of(span: proc_macro2::Span) -> Lines {
    Lines { first: span.start().line, last: span.end().line }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Enum(item) => &item.attrs,
            syn::Item::Trait(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            syn::Item::Static(item) => &item.attrs,
            syn::Item::Type(item) => &item.attrs,
            syn::Item::Macro(item) => &item.attrs,
            _ => &Vec::new(),
        };
        self.tests_if(attributes, lines_of(item.span()));
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        let owner = self.owner.take();
        self.function(&item.attrs, &item.sig, &item.block);
        visit::visit_item_fn(self, item);
        self.owner = owner;
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let name = match item.self_ty.as_ref() {
            syn::Type::Path(path) => {
                path.path.segments.last().map(|segment| segment.ident.to_string())
            }
            _ => None,
        };
        let outer = std::mem::replace(&mut self.owner, name);
        visit::visit_item_impl(self, item);
        self.owner = outer;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        let outer = self.owner.replace(item.ident.to_string());
        visit::visit_item_trait(self, item);
        self.owner = outer;
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.attrs, &item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_expr_loop(&mut self, expression: &'ast syn::ExprLoop) {
        self.body(&expression.body);
        visit::visit_expr_loop(self, expression);
    }

    fn visit_expr_while(&mut self, expression: &'ast syn::ExprWhile) {
        self.body(&expression.body);
        visit::visit_expr_while(self, expression);
    }

    fn visit_expr_for_loop(&mut self, expression: &'ast syn::ExprForLoop) {
        self.body(&expression.body);
        visit::visit_expr_for_loop(self, expression);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "//! A.\n\
        struct S;\n\
        impl S {\n\
            pub async fn long(\n\
                &self,\n\
            ) {\n\
                loop {\n\
                    break;\n\
                }\n\
            }\n\
        }\n\
        trait T { fn given(&self) { } fn wanted(&self); }\n\
        #[cfg(test)]\n\
        mod tests {\n\
            #[tokio::test]\n\
            async fn t() {}\n\
        }\n\
        #[cfg(not(test))]\n\
        mod real { fn outer() { fn inner() {} } }\n";

    #[test]
    fn functions_and_methods_are_found_with_their_lines() {
        let source = Source::parse("src/a.rs", SAMPLE).unwrap();
        let names: Vec<&str> =
            source.functions.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(names, ["S::long", "T::given", "t", "outer", "inner"]);
        assert_eq!(source.functions[0].lines, Lines { first: 4, last: 10 });
        assert_eq!(source.function_at(8).unwrap().name, "S::long");
    }

    #[test]
    fn test_code_and_loops_are_known_by_line() {
        let source = Source::parse("src/a.rs", SAMPLE).unwrap();
        assert!(
            source.is_test(14) && source.is_test(16) && !source.is_test(8) && !source.is_test(19)
        );
        assert!(source.is_in_loop(8) && !source.is_in_loop(5));
        assert!(Source::parse("a/tests/it/main.rs", SAMPLE).unwrap().is_test(1));
        assert!(Source::parse("src/x/tests.rs", SAMPLE).unwrap().is_test(1));
    }

    #[test]
    fn what_does_not_parse_is_told_with_its_line() {
        assert_eq!(Source::parse("a.rs", "fn a() {}\nfn b( {}\n").unwrap_err().0, 2);
    }
}
