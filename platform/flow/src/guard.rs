//! Conditions: a small, bounded part of CEL, compiled once and kept. Everything that the `cel` crate can
//! do to us stays in here: an expression that fails, panics or yields no boolean is an error value and
//! never a half-made move. No IO.

mod check;

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, Env, Program, Value as Cel};
use serde_json::Value;

pub(crate) use check::Variables;

/// The longest expression, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 1024;
/// How deep brackets may be nested in an expression.
const BRACKETS_MAX: usize = 16;
/// The stack the parser gets, in bytes.
const COMPILER_STACK_BYTES: usize = 32 * 1024 * 1024;
/// How many JSON values the variables of one decision may hold, all levels counted.
pub const VARIABLE_VALUES_MAX: usize = 10_000;
/// How many bytes of text the variables of one decision may hold.
pub const VARIABLE_BYTES_MAX: usize = 256 * 1024;
/// How deep the variables may be nested.
const VARIABLE_DEPTH_MAX: usize = 16;

/// The CEL functions that conditions run with; shared by all conditions of a flow.
#[derive(Clone)]
pub(crate) struct Library(Arc<Env>);

impl Library {
    /// The standard functions without the optional syntax. What a condition may use of them is decided
    /// by the checker.
    pub(crate) fn new() -> Self {
        let env = Env::stdlib().with_optional_support(false);
        #[cfg(test)]
        let env = tests::with_test_panic(env);
        Self(Arc::new(env))
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Library")
    }
}

/// A condition that compiled, is well typed and is bounded.
#[derive(Debug)]
pub(crate) struct Guard {
    program: Program,
}

impl Guard {
    /// Compiles and checks an expression against the kind's variables, and runs it once on the sample.
    pub(crate) fn compile(
        library: &Library,
        source: &str,
        variables: &Variables,
        sample: &Bound,
    ) -> Result<Self, String> {
        if source.len() > EXPRESSION_BYTES_MAX {
            return Err(format!("the expression is longer than {EXPRESSION_BYTES_MAX} bytes"));
        }
        // The parser descends with the brackets, so their depth is limited before it sees them.
        if bracket_depth(source) > BRACKETS_MAX {
            return Err(format!("brackets are nested deeper than {BRACKETS_MAX}"));
        }
        let program = with_deep_stack(|| {
            let program = library.0.compile(source).map_err(|e| {
                format!("the expression does not compile: {}", one_line(&e.to_string()))
            })?;
            check::boolean(program.expression(), variables)?;
            Ok(program)
        })?;
        let guard = Self { program };
        guard.holds(sample).map_err(|e| format!("the expression fails on the sample: {e}"))?;
        Ok(guard)
    }

    /// Whether the condition holds.
    pub(crate) fn holds(&self, variables: &Bound) -> Result<bool, String> {
        match contained(|| self.program.execute(&variables.0))? {
            Ok(Cel::Bool(answer)) => Ok(answer),
            Ok(other) => Err(format!("it yields {} and not a boolean", other.type_of())),
            Err(e) => Err(one_line(&e.to_string())),
        }
    }
}

/// The variables of one decision, ready to be looked up.
pub(crate) struct Bound(Context<'static, 'static>);

impl Bound {
    /// Takes an object whose members are the variables.
    pub(crate) fn new(library: &Library, variables: &Value) -> Result<Self, String> {
        let Value::Object(members) = variables else {
            return Err("the variables are not an object".to_owned());
        };
        let mut budget = Budget { values: VARIABLE_VALUES_MAX, bytes: VARIABLE_BYTES_MAX };
        let mut context = Context::with_env(Arc::clone(&library.0));
        for (name, value) in members {
            let value = budget.convert(value, VARIABLE_DEPTH_MAX)?;
            contained(|| context.add_variable_from_value(name.as_str(), value))?;
        }
        Ok(Self(context))
    }
}

/// What is left of the limits while variables are converted.
struct Budget {
    values: usize,
    bytes: usize,
}

impl Budget {
    fn convert(&mut self, value: &Value, depth: usize) -> Result<Cel, String> {
        if depth == 0 {
            return Err(format!("the variables are nested deeper than {VARIABLE_DEPTH_MAX}"));
        }
        self.values = self.values.checked_sub(1).ok_or("the variables hold too many values")?;
        Ok(match value {
            Value::Null => Cel::Null,
            Value::Bool(b) => Cel::Bool(*b),
            Value::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
                (Some(int), _, _) => Cel::Int(int),
                (None, None, Some(double)) => Cel::Float(double),
                _ => return Err(format!("the number {n} is out of range")),
            },
            Value::String(s) => Cel::String(Arc::new(self.text(s)?)),
            Value::Array(items) => {
                let items: Result<Vec<_>, _> =
                    items.iter().map(|item| self.convert(item, depth - 1)).collect();
                Cel::List(Arc::new(items?))
            }
            Value::Object(members) => {
                let mut map = HashMap::with_capacity(members.len());
                for (name, member) in members {
                    let key = Key::String(Arc::new(self.text(name)?));
                    map.insert(key, self.convert(member, depth - 1)?);
                }
                Cel::Map(Map { map: Arc::new(map) })
            }
        })
    }

    fn text(&mut self, text: &str) -> Result<String, String> {
        self.bytes =
            self.bytes.checked_sub(text.len()).ok_or("the variables hold too much text")?;
        Ok(text.to_owned())
    }
}

/// Runs foreign code; a panic in it becomes an error. Nothing it touched is used afterwards, or it is
/// only read, which is why unwinding through it is safe.
fn contained<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| "the evaluation panicked".to_owned())
}

/// Runs the compiler on a stack of its own. Measured: the parser takes 200 KiB of stack per bracket in an
/// unoptimised build, more than a worker thread has; it gives up by itself at a depth of 96. What comes
/// out of here is shallow enough for any thread.
fn with_deep_stack<T: Send>(run: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    std::thread::scope(|scope| {
        let compiler = std::thread::Builder::new()
            .name("flow-compile".to_owned())
            .stack_size(COMPILER_STACK_BYTES)
            .spawn_scoped(scope, run)
            .map_err(|e| format!("the compiler cannot start: {e}"))?;
        compiler.join().unwrap_or_else(|_| Err("the compiler panicked".to_owned()))
    })
}

/// The depth of open brackets, those in text literals counted too: an over-estimate is safe.
fn bracket_depth(source: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Error texts of the parser draw the source with a caret below it; a problem has one line.
fn one_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it fails");
    line.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cel::common::value::CowVal;
    use proptest::prelude::*;
    use serde_json::json;

    fn explode<'b, 'v>(_: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, cel::ExecutionError> {
        panic!("a function of a guard panics")
    }

    /// Adds `test_panic(x)`. The checker knows it in test builds only.
    pub(super) fn with_test_panic(mut env: Env) -> Env {
        let args = vec![cel::common::types::INT_TYPE];
        env.add_overload("test_panic", "test_panic_int", args, explode).unwrap();
        env
    }

    fn sample() -> Value {
        json!({
            "thing": {"amount": 0, "name": "a", "paid": false, "rate": 0.5, "note": null,
                      "parts": [{"count": 1, "tags": ["x"]}], "extra": []},
            "now": 5
        })
    }

    fn compile(source: &str) -> Result<(Library, Guard), String> {
        let library = Library::new();
        let bound = Bound::new(&library, &sample()).unwrap();
        let guard = Guard::compile(&library, source, &Variables::of_sample(&sample()), &bound)?;
        Ok((library, guard))
    }

    fn ask(source: &str, variables: &Value) -> Result<bool, String> {
        let (library, guard) = compile(source)?;
        guard.holds(&Bound::new(&library, variables)?)
    }

    #[test]
    fn conditions_of_the_useful_part_of_cel_are_answered() {
        for (source, answer) in [
            ("thing.amount == 0", true),
            ("thing.amount > 0 || now >= 5", true),
            ("!thing.paid && thing.name != 'b'", true),
            ("thing.amount + 3 * 2 - 1 == 5 && -now < 0 && 7 % 2 == 1 && 7 / 2 == 3", true),
            ("thing.rate < 1", true),
            ("thing.name in ['a', 'b']", true),
            (
                "thing.name.startsWith('b') || thing.name.endsWith('c') || thing.name.contains('d')",
                false,
            ),
            ("size(thing.parts) == 1 && thing.parts.size() == 1 && size(thing.name) == 1", true),
            ("thing.parts.all(p, p.count > 0)", true),
            ("thing.parts.exists(p, p.count > 1)", false),
            ("thing.parts.exists_one(p, p.count == 1)", true),
            ("size(thing.parts.filter(p, p.count > 0)) == 1", true),
            ("2 in thing.parts.map(p, p.count * 2)", true),
            ("thing.parts.exists(p, p.tags.exists(t, t == 'x'))", true),
            ("thing.parts[0].count == 1", true),
            ("thing['amount'] == 0", true),
            ("'amount' in thing", true),
            ("has(thing.note) && thing.note == null", true),
            ("thing.paid ? now > 9 : now < 9", true),
            ("string(now) == '5' && int('5') == now", true),
            ("thing.extra.all(e, e.whatever == 1)", true),
            ("true", true),
        ] {
            assert_eq!(ask(source, &sample()), Ok(answer), "{source}");
        }
    }

    #[test]
    fn a_condition_that_is_wrong_is_refused_with_the_reason() {
        for (source, reason) in [
            ("thing.amount ==", "does not compile"),
            ("thing.amuont == 0", "thing.amuont"),
            ("think.amount == 0", "think"),
            ("paid || thing.amuont == 0", "paid"),
            ("true || thing.amuont == 0", "thing.amuont"),
            ("thing.parts.exists(p, p.cuont > 1)", "p.cuont"),
            ("thing.parts.exists(p, q > 1)", "q"),
            ("thing['nope'] == 0", "nope"),
            ("has(thing.nope)", "thing.nope"),
            ("now_utc() == 0", "now_utc"),
            ("thing.name.matches('a+')", "matches"),
            ("thing.amount.foo() == 1", "foo"),
            ("thing.amount", "int"),
            ("thing.name", "string"),
            ("thing", "object"),
            ("'true'", "string"),
            ("null", "null"),
            ("thing.amount == 'x'", "compares"),
            ("thing.amount < thing.name", "compares"),
            ("thing.amount + thing.name == 1", "int"),
            ("thing.amount && true", "int"),
            ("!thing.amount", "int"),
            ("thing.paid ? 1 : 2", "int"),
            ("thing.paid ? 1 : 'x'", "int"),
            ("thing.amount in thing.name", "in"),
            ("size(thing.amount) == 1", "size"),
            ("thing.amount.count == 1", "thing.amount"),
            ("{'a': 1}.a == 1", "not available"),
            ("1 / thing.amount == 1", "sample"),
            ("thing.parts[3].count == 1", "sample"),
            ("1u == 1u", "unsigned"),
            ("b'x' == b'x'", "bytes"),
            ("type(now) == int", "type"),
            ("dyn(now) == 5", "dyn"),
            ("timestamp('2025-01-01T00:00:00Z') == timestamp('2025-01-01T00:00:00Z')", "timestamp"),
            ("thing.parts.all(a, thing.parts.all(b, thing.parts.all(c, c.count == 1)))", "nested"),
        ] {
            let error = compile(source).map(|_| ()).unwrap_err();
            assert!(error.contains(reason), "{source} said {error}");
            assert!(!error.contains('\n'), "{source} said {error}");
        }
    }

    #[test]
    fn a_condition_that_is_too_big_is_refused() {
        assert!(compile(&format!("{}true{}", "(".repeat(300), ")".repeat(300))).is_err());
        assert!(compile(&format!("true{}", " && true".repeat(200))).is_err());
        assert!(compile(&format!("{}true", "!".repeat(1100))).is_err());
        assert!(compile(&vec!["1"; 250].join("+")).is_err());
        assert!(compile(&vec!["true ? true"; 80].join(" : ")).is_err());
        assert!(compile(&format!("thing{} == 1", ".a".repeat(400))).is_err());
    }

    #[test]
    fn the_deepest_condition_that_compiles_is_answered_on_half_a_stack() {
        let families: [fn(usize) -> String; 3] = [
            |n| format!("{} == {n}", vec!["1"; n].join("+")),
            |n| format!("{}1{} > 0", "(1 + ".repeat(n), " + 0)".repeat(n)),
            |n| "now == 6 ? false : ".repeat(n) + "true",
        ];
        for family in families {
            let compiling = (1..100).map(family).take_while(|source| compile(source).is_ok());
            let deepest = compiling.last().unwrap();
            let (library, guard) = compile(&deepest).unwrap();
            let ask = move || guard.holds(&Bound::new(&library, &sample()).unwrap());
            // A worker thread has 2 MiB, and something stands on it already.
            let half = std::thread::Builder::new().stack_size(1024 * 1024).spawn(ask).unwrap();
            assert_eq!(half.join().unwrap(), Ok(true), "{deepest}");
        }
    }

    #[test]
    fn variables_over_the_limits_are_an_error() {
        let library = Library::new();
        let many = json!({"x": vec![0; VARIABLE_VALUES_MAX]});
        let long = json!({"x": "a".repeat(VARIABLE_BYTES_MAX + 1)});
        let mut deep = json!(1);
        for _ in 0..VARIABLE_DEPTH_MAX {
            deep = json!([deep]);
        }
        for bad in [many, long, json!({"x": deep}), json!([1]), json!({"x": u64::MAX})] {
            assert!(Bound::new(&library, &bad).is_err());
        }
    }

    #[test]
    fn fl_05_a_condition_that_fails_or_panics_is_an_error_value() {
        let library = Library::new();
        let panics = Guard { program: library.0.compile("test_panic(1)").unwrap() };
        let bound = Bound::new(&library, &sample()).unwrap();
        assert_eq!(panics.holds(&bound), Err("the evaluation panicked".to_owned()));
        let (_, fails) = compile("10 / (thing.amount + 1) > 0").unwrap();
        let zero = Bound::new(&library, &json!({"thing": {"amount": -1}})).unwrap();
        assert!(fails.holds(&zero).is_err());
        let gone = Bound::new(&library, &json!({"thing": {}})).unwrap();
        assert!(fails.holds(&gone).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_text_brings_the_compiler_down(source in r#"([()\[\]{}!?:.,+*/<>=&|' a-z0-9"-]|thing|amount|\.all\(p, |has\(| in | == |true){0,60}"#) {
            let _ = compile(&source).map(|_| ());
        }
    }
}
