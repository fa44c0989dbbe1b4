//! The static check of a condition: every name is known, every type fits, the result is a boolean and
//! the work is bounded. It must not evaluate anything. Types come from the kind's sample.

use std::collections::BTreeMap;
use std::fmt;

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SelectExpr, operators};
use serde_json::Value;

/// How deep an expression's tree may be. Evaluating takes some 40 KiB of stack per level in an unoptimised
/// build, and it runs on ordinary worker threads.
const DEPTH_MAX: usize = 20;
/// How many loops may stand inside each other.
const LOOPS_MAX: usize = 2;

/// A type as far as a sample shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Type {
    Bool,
    Int,
    Double,
    Text,
    Null,
    List(Box<Type>),
    Object(BTreeMap<String, Type>),
    /// Not known: `null` or an empty array in the sample. Fits everywhere.
    Any,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "a boolean",
            Self::Int => "an int",
            Self::Double => "a double",
            Self::Text => "a string",
            Self::Null => "null",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
            Self::Any => "anything",
        })
    }
}

impl Type {
    fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Any,
            Value::Bool(_) => Self::Bool,
            Value::Number(n) if n.is_f64() => Self::Double,
            Value::Number(_) => Self::Int,
            Value::String(_) => Self::Text,
            Value::Array(items) => Self::List(Box::new(Self::common(items.iter().map(Self::of)))),
            Value::Object(members) => {
                Self::Object(members.iter().map(|(k, v)| (k.clone(), Self::of(v))).collect())
            }
        }
    }

    /// The type that all share, or `Any`.
    fn common(mut types: impl Iterator<Item = Self>) -> Self {
        let Some(first) = types.next() else { return Self::Any };
        if types.all(|t| t == first) { first } else { Self::Any }
    }

    fn is(&self, wanted: &Self) -> bool {
        *self == Self::Any || self == wanted
    }

    fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Double | Self::Any)
    }

    /// Whether `==` between the two can ever be true.
    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any | Self::Null, _) | (_, Self::Any | Self::Null) => true,
            (Self::List(a), Self::List(b)) => a.equals(b),
            (Self::Object(_), Self::Object(_)) => true,
            _ => self == other || (self.is_number() && other.is_number()),
        }
    }

    /// Whether `<` between the two means something.
    fn compares(&self, other: &Self) -> bool {
        (self.is_number() && other.is_number()) || (self.is(&Self::Text) && other.is(&Self::Text))
    }
}

/// The variables a condition may name, with their types.
#[derive(Debug)]
pub(crate) struct Variables(BTreeMap<String, Type>);

impl Variables {
    /// The members of the sample; none when the sample is no object.
    pub(crate) fn of_sample(sample: &Value) -> Self {
        match Type::of(sample) {
            Type::Object(members) => Self(members),
            _ => Self(BTreeMap::new()),
        }
    }
}

/// Checks that the expression is well typed, bounded and yields a boolean.
pub(super) fn boolean(expression: &IdedExpr, variables: &Variables) -> Result<(), String> {
    let mut checker = Checker { variables, locals: Vec::new(), depth: 0, loops: 0 };
    match checker.infer(expression)? {
        Type::Bool | Type::Any => Ok(()),
        other => Err(format!("the expression yields {other} and not a boolean")),
    }
}

struct Checker<'a> {
    variables: &'a Variables,
    /// The names that loops bind, innermost last.
    locals: Vec<(String, Type)>,
    depth: usize,
    loops: usize,
}

impl Checker<'_> {
    fn infer(&mut self, e: &IdedExpr) -> Result<Type, String> {
        if self.depth == DEPTH_MAX {
            return Err(format!("the expression is nested deeper than {DEPTH_MAX}"));
        }
        self.depth += 1;
        let inferred = match &e.expr {
            Expr::Literal(literal) => literal_type(literal),
            Expr::Ident(name) => self.variable(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(l) => self.each(l),
            Expr::List(list) if list.optional_indices.is_empty() => {
                let items: Result<Vec<_>, _> =
                    list.elements.iter().map(|i| self.infer(i)).collect();
                Ok(Type::List(Box::new(Type::common(items?.into_iter()))))
            }
            Expr::Map(_) | Expr::Struct(_) | Expr::List(_) | Expr::Unspecified => {
                Err("objects, structs and optional values are not available in conditions"
                    .to_owned())
            }
        };
        self.depth -= 1;
        inferred
    }

    fn variable(&self, name: &str) -> Result<Type, String> {
        let local = self.locals.iter().rev().find(|(local, _)| local == name).map(|(_, t)| t);
        local
            .or_else(|| self.variables.0.get(name))
            .cloned()
            .ok_or_else(|| format!("the variable `{name}` is not known"))
    }

    fn select(&mut self, select: &SelectExpr) -> Result<Type, String> {
        let field = match self.infer(&select.operand)? {
            Type::Any => Type::Any,
            Type::Object(members) => members.get(&select.field).cloned().ok_or_else(|| {
                format!("the field `{}.{}` is not known", name_of(&select.operand), select.field)
            })?,
            other => {
                let owner = name_of(&select.operand);
                return Err(format!("`{owner}` is {other} and has no field `{}`", select.field));
            }
        };
        // has(a.b) is a select that only asks whether the field is there.
        Ok(if select.test { Type::Bool } else { field })
    }

    fn call(&mut self, call: &CallExpr) -> Result<Type, String> {
        let mut args = Vec::with_capacity(call.args.len() + 1);
        if let Some(target) = &call.target {
            args.push(self.infer(target)?);
        }
        for arg in &call.args {
            args.push(self.infer(arg)?);
        }
        match (call.func_name.as_str(), args.as_slice()) {
            (operators::INDEX, [container, _]) => index(container, call.args.last()),
            (operators::IN, [item, container]) => contained_in(item, container),
            (operators::CONDITIONAL, [condition, yes, no]) => {
                wants("?:", condition, &Type::Bool)?;
                if yes.equals(no) {
                    Ok(Type::common([yes.clone(), no.clone()].into_iter()))
                } else {
                    Err(format!("`?:` yields {yes} or {no}"))
                }
            }
            (name, args) if call.target.is_some() => method(name, args),
            (name, [one]) => unary(name, one),
            (name, [left, right]) => binary(name, left, right),
            (name, _) => Err(unknown(name)),
        }
    }

    /// A loop that a macro (`all`, `exists`, `filter`, `map`) expanded to.
    fn each(&mut self, l: &ComprehensionExpr) -> Result<Type, String> {
        if self.loops == LOOPS_MAX {
            return Err(format!("loops are nested deeper than {LOOPS_MAX}"));
        }
        let item = match self.infer(&l.iter_range)? {
            Type::List(item) => *item,
            Type::Object(_) => Type::Text,
            Type::Any => Type::Any,
            other => return Err(format!("`{}` is {other} and no list", name_of(&l.iter_range))),
        };
        let start = self.infer(&l.accu_init)?;
        self.loops += 1;
        let outer = self.locals.len();
        self.locals.push((l.iter_var.clone(), item));
        if let Some(second) = &l.iter_var2 {
            self.locals.push((second.clone(), Type::Any));
        }
        self.locals.push((l.accu_var.clone(), start));
        let condition = self.infer(&l.loop_cond)?;
        wants("the loop", &condition, &Type::Bool)?;
        let step = self.infer(&l.loop_step)?;
        if let Some(accumulated) = self.locals.last_mut() {
            accumulated.1 = step;
        }
        let result = self.infer(&l.result)?;
        self.locals.truncate(outer);
        self.loops -= 1;
        Ok(result)
    }
}

fn literal_type(literal: &LiteralValue) -> Result<Type, String> {
    Ok(match literal {
        LiteralValue::Boolean(_) => Type::Bool,
        LiteralValue::Int(_) => Type::Int,
        LiteralValue::Double(_) => Type::Double,
        LiteralValue::String(_) => Type::Text,
        LiteralValue::Null => Type::Null,
        LiteralValue::UInt(_) => return Err("unsigned numbers are not available".to_owned()),
        LiteralValue::Bytes(_) => return Err("bytes are not available".to_owned()),
    })
}

fn index(container: &Type, key: Option<&IdedExpr>) -> Result<Type, String> {
    match container {
        Type::List(item) => Ok((**item).clone()),
        Type::Object(members) => match key.map(|k| &k.expr) {
            Some(Expr::Literal(LiteralValue::String(name))) => members
                .get(name.inner())
                .cloned()
                .ok_or_else(|| format!("the field `{}` is not known", name.inner())),
            _ => Ok(Type::Any),
        },
        Type::Any => Ok(Type::Any),
        other => Err(format!("{other} has no items")),
    }
}

fn contained_in(item: &Type, container: &Type) -> Result<Type, String> {
    let fits = match container {
        Type::List(items) => item.equals(items),
        Type::Object(_) => item.is(&Type::Text),
        other => *other == Type::Any,
    };
    if fits { Ok(Type::Bool) } else { Err(format!("`in` cannot look for {item} in {container}")) }
}

fn method(name: &str, args: &[Type]) -> Result<Type, String> {
    match (name, args) {
        ("size", [of]) => size(of),
        ("contains" | "startsWith" | "endsWith", [text, part]) => {
            wants(name, text, &Type::Text)?;
            wants(name, part, &Type::Text)?;
            Ok(Type::Bool)
        }
        _ => Err(unknown(name)),
    }
}

fn unary(name: &str, of: &Type) -> Result<Type, String> {
    match name {
        operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE => {
            wants("!", of, &Type::Bool)?;
            Ok(Type::Bool)
        }
        operators::NEGATE if of.is_number() => Ok(of.clone()),
        operators::NEGATE => Err(format!("`-` does not take {of}")),
        "size" => size(of),
        "int" | "double" if of.is_number() || *of == Type::Text => {
            Ok(if name == "int" { Type::Int } else { Type::Double })
        }
        "string" if of.is_number() || matches!(of, Type::Text | Type::Bool) => Ok(Type::Text),
        "int" | "double" | "string" => Err(format!("`{name}` does not take {of}")),
        #[cfg(test)]
        "test_panic" => Ok(Type::Bool),
        _ => Err(unknown(name)),
    }
}

fn binary(name: &str, left: &Type, right: &Type) -> Result<Type, String> {
    match name {
        operators::LOGICAL_AND | operators::LOGICAL_OR => {
            wants(sign(name), left, &Type::Bool)?;
            wants(sign(name), right, &Type::Bool)?;
            Ok(Type::Bool)
        }
        operators::EQUALS | operators::NOT_EQUALS if left.equals(right) => Ok(Type::Bool),
        operators::LESS
        | operators::LESS_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS
            if left.compares(right) =>
        {
            Ok(Type::Bool)
        }
        operators::EQUALS
        | operators::NOT_EQUALS
        | operators::LESS
        | operators::LESS_EQUALS
        | operators::GREATER
        | operators::GREATER_EQUALS => {
            Err(format!("`{}` compares {left} with {right}", sign(name)))
        }
        operators::ADD
        | operators::SUBSTRACT
        | operators::MULTIPLY
        | operators::DIVIDE
        | operators::MODULO => arithmetic(name, left, right),
        _ => Err(unknown(name)),
    }
}

fn arithmetic(name: &str, left: &Type, right: &Type) -> Result<Type, String> {
    match (left, right) {
        (Type::Any, other) | (other, Type::Any)
            if other.is_number()
                || (name == operators::ADD && matches!(other, Type::Text | Type::List(_))) =>
        {
            Ok(other.clone())
        }
        (Type::Int, Type::Int) => Ok(Type::Int),
        (Type::Double, Type::Double) if name != operators::MODULO => Ok(Type::Double),
        (Type::Text, Type::Text) if name == operators::ADD => Ok(Type::Text),
        (Type::List(a), Type::List(b)) if name == operators::ADD && a.equals(b) => {
            Ok(Type::List(if **a == Type::Any { b.clone() } else { a.clone() }))
        }
        _ => Err(format!("`{}` does not take {left} and {right}", sign(name))),
    }
}

fn size(of: &Type) -> Result<Type, String> {
    match of {
        Type::Text | Type::List(_) | Type::Object(_) | Type::Any => Ok(Type::Int),
        other => Err(format!("`size` does not take {other}")),
    }
}

fn wants(what: &str, given: &Type, wanted: &Type) -> Result<(), String> {
    if given.is(wanted) { Ok(()) } else { Err(format!("`{what}` wants {wanted}, not {given}")) }
}

fn unknown(function: &str) -> String {
    format!("the function `{}` is not available in conditions", sign(function))
}

/// An operator as it is written: `_&&_` is `&&`.
fn sign(function: &str) -> &str {
    function.trim_matches(|c| c == '_' || c == '@')
}

/// A path such as `a.b.c` as it was written, as far as it is one.
fn name_of(e: &IdedExpr) -> String {
    match &e.expr {
        Expr::Ident(name) => name.clone(),
        Expr::Select(select) => format!("{}.{}", name_of(&select.operand), select.field),
        _ => "…".to_owned(),
    }
}
