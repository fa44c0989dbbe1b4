//! Reads a service trait and refuses what is not one, with messages that say how to write it. It must
//! not generate code.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, FnArg, GenericArgument, ItemTrait, Lit, LitStr, Meta, Pat, PatType,
    Path, PathArguments, Result, ReturnType, Signature, Token, TraitItem, TraitItemFn, Type,
    TypeParamBound,
};

const SHAPE: &str = "a service method has the shape `async fn name(&self, ctx: &Ctx, req: Req) -> Result<Resp, Error>`";

/// Names of a handle's own methods.
const RESERVED: [&str; 7] = ["local", "remote", "mock", "from_arc", "late", "clone", "fmt"];

/// A service trait that has been checked.
#[derive(Debug)]
pub struct Service {
    /// The trait as it was written.
    pub item: ItemTrait,
    /// The name on the wire, in logs and metrics.
    pub name: String,
    /// The methods, in order.
    pub methods: Vec<Method>,
    /// The error type they share.
    pub error: Type,
}

/// One method.
#[derive(Debug)]
pub struct Method {
    /// Its name.
    pub ident: syn::Ident,
    /// Its name on the wire.
    pub wire: String,
    /// Its documentation.
    pub docs: Vec<Attribute>,
    /// The type of `ctx`, a reference.
    pub ctx: Type,
    /// The type of `req`.
    pub req: Type,
    /// What it answers.
    pub resp: Type,
    /// How it fails.
    pub error: Type,
}

impl Service {
    /// Reads `#[service(name = "…")] trait …`. All mistakes are told at once.
    pub fn parse(attribute: TokenStream, item: TokenStream) -> Result<Self> {
        let name = parse_name(attribute)?;
        let item: ItemTrait = syn::parse2(item).map_err(|e| {
            Error::new(e.span(), "`#[rpc::service]` goes on a trait; the trait is the interface")
        })?;
        let mut problems = Problems::default();
        problems.check(check_trait(&item));
        let mut methods = Vec::new();
        for member in &item.items {
            let parsed = match member {
                TraitItem::Fn(f) => parse_method(f),
                other => Err(Error::new_spanned(
                    other,
                    "a service trait has methods only: constants and types cannot cross a wire",
                )),
            };
            if let Some(method) = problems.check(parsed) {
                methods.push(method);
            }
        }
        problems.into_result()?;
        let Some(first) = methods.first() else {
            return Err(Error::new(item.ident.span(), "a service has at least one method"));
        };
        let error = first.error.clone();
        let mut problems = Problems::default();
        for method in methods.iter().filter(|m| m.error != error) {
            problems.check::<()>(Err(Error::new_spanned(
                &method.error,
                "all methods of a service share one error type; give the enum another variant instead",
            )));
        }
        problems.into_result()?;
        Ok(Self { item, name, methods, error })
    }
}

/// Mistakes, collected.
#[derive(Default)]
struct Problems(Option<Error>);

impl Problems {
    fn check<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => return Some(value),
            Err(e) => match &mut self.0 {
                Some(all) => all.combine(e),
                none => *none = Some(e),
            },
        }
        None
    }

    fn into_result(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

fn parse_name(attribute: TokenStream) -> Result<String> {
    const USAGE: &str =
        "say how the service is called on the wire: `#[rpc::service(name = \"greeter\")]`";
    let whole = attribute.span();
    let metas = Punctuated::<Meta, Token![,]>::parse_terminated
        .parse2(attribute)
        .map_err(|e| Error::new(e.span(), USAGE))?;
    let mut name: Option<LitStr> = None;
    for meta in metas {
        let Meta::NameValue(pair) = &meta else { return Err(Error::new_spanned(meta, USAGE)) };
        match &pair.value {
            Expr::Lit(lit) if pair.path.is_ident("name") && name.is_none() => match &lit.lit {
                Lit::Str(text) => name = Some(text.clone()),
                other => return Err(Error::new_spanned(other, USAGE)),
            },
            _ => return Err(Error::new_spanned(meta, USAGE)),
        }
    }
    let name = name.ok_or_else(|| Error::new(whole, USAGE))?;
    let text = name.value();
    let plain = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.len() <= 32
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !plain {
        return Err(Error::new(
            name.span(),
            "a service's name is snake_case: a-z, 0-9 and _, starts with a letter, at most 32 characters",
        ));
    }
    Ok(text)
}

fn check_trait(item: &ItemTrait) -> Result<()> {
    let generics = &item.generics;
    if !generics.params.is_empty() || generics.where_clause.is_some() {
        return Err(Error::new_spanned(
            generics,
            "a service trait is not generic: a handle must be one type, whatever stands behind it",
        ));
    }
    let has = |wanted: &str| {
        item.supertraits.iter().any(|bound| match bound {
            TypeParamBound::Trait(b) => last_ident(&b.path).is_some_and(|i| i == wanted),
            TypeParamBound::Lifetime(l) => l.ident == wanted,
            _ => false,
        })
    };
    if !(has("Send") && has("Sync") && has("static")) {
        return Err(Error::new(
            item.ident.span(),
            format!(
                "handles of a service are shared between tasks: write `trait {}: Send + Sync + 'static`",
                item.ident
            ),
        ));
    }
    Ok(())
}

fn parse_method(method: &TraitItemFn) -> Result<Method> {
    let sig = &method.sig;
    if RESERVED.iter().any(|name| sig.ident == name) {
        return Err(Error::new_spanned(
            &sig.ident,
            format!("`{}` is a method that every handle has; choose another name", sig.ident),
        ));
    }
    check_qualifiers(sig)?;
    let mut inputs = sig.inputs.iter();
    check_self(sig, inputs.next())?;
    let ctx = argument(sig, inputs.next())?;
    let ctx = check_ctx(ctx)?;
    let req = argument(sig, inputs.next())?;
    let req = check_owned(&req.ty, "the request")?;
    if let Some(extra) = inputs.next() {
        return Err(Error::new_spanned(
            extra,
            format!(
                "one request, not several arguments: make it a struct, which can grow; {SHAPE}"
            ),
        ));
    }
    let (resp, error) = check_output(sig)?;
    let docs = method.attrs.iter().filter(|a| a.path().is_ident("doc")).cloned().collect();
    let (ident, wire) = (sig.ident.clone(), sig.ident.unraw().to_string());
    Ok(Method { ident, wire, docs, ctx, req, resp, error })
}

fn check_qualifiers(sig: &Signature) -> Result<()> {
    if sig.asyncness.is_none() {
        return Err(Error::new(
            sig.fn_token.span(),
            format!("a service method is async, because the service may be remote; {SHAPE}"),
        ));
    }
    if let Some(token) = &sig.unsafety {
        return Err(Error::new_spanned(token, format!("a service method is not unsafe; {SHAPE}")));
    }
    if let Some(abi) = &sig.abi {
        return Err(Error::new_spanned(abi, format!("a service method has no ABI; {SHAPE}")));
    }
    if !sig.generics.params.is_empty() || sig.generics.where_clause.is_some() {
        return Err(Error::new_spanned(
            &sig.generics,
            format!(
                "no generics and no lifetimes: what crosses a wire is owned and has one type; {SHAPE}"
            ),
        ));
    }
    Ok(())
}

fn check_self(sig: &Signature, first: Option<&FnArg>) -> Result<()> {
    match first {
        Some(FnArg::Receiver(r))
            if r.reference.as_ref().is_some_and(|(_, lifetime)| lifetime.is_none())
                && r.mutability.is_none()
                && r.colon_token.is_none() =>
        {
            Ok(())
        }
        Some(other) => {
            Err(Error::new_spanned(other, format!("the first argument is `&self`; {SHAPE}")))
        }
        None => Err(Error::new(sig.ident.span(), format!("`&self` is missing; {SHAPE}"))),
    }
}

fn argument<'a>(sig: &Signature, arg: Option<&'a FnArg>) -> Result<&'a PatType> {
    match arg {
        Some(FnArg::Typed(arg)) if matches!(*arg.pat, Pat::Ident(_) | Pat::Wild(_)) => Ok(arg),
        Some(other) => {
            Err(Error::new_spanned(other, format!("an argument is a plain name; {SHAPE}")))
        }
        None => Err(Error::new(
            sig.ident.span(),
            format!("every method takes a context and a request, even an empty one; {SHAPE}"),
        )),
    }
}

fn check_ctx(arg: &PatType) -> Result<Type> {
    if let Type::Reference(r) = &*arg.ty
        && r.mutability.is_none()
        && r.lifetime.is_none()
        && let Type::Path(p) = &*r.elem
        && last_ident(&p.path).is_some_and(|i| i == "Ctx")
    {
        return Ok((*arg.ty).clone());
    }
    Err(Error::new_spanned(
        arg,
        format!("the second argument is `ctx: &Ctx`: the context travels with every call; {SHAPE}"),
    ))
}

fn check_owned(ty: &Type, what: &str) -> Result<Type> {
    match ty {
        Type::Path(_) | Type::Tuple(_) | Type::Array(_) | Type::Paren(_) => Ok(ty.clone()),
        other => Err(Error::new_spanned(
            other,
            format!(
                "{what} is an owned serde type: no borrow, no closure and no `impl Trait` crosses a wire"
            ),
        )),
    }
}

fn check_output(sig: &Signature) -> Result<(Type, Type)> {
    let refuse = |at: &dyn ToTokens| {
        Err(Error::new_spanned(
            at.to_token_stream(),
            format!(
                "every call can fail: return `Result<Resp, Error>` with both types written out; {SHAPE}"
            ),
        ))
    };
    let ReturnType::Type(_, ty) = &sig.output else { return refuse(&sig.ident) };
    let Type::Path(path) = &**ty else { return refuse(ty) };
    let Some(last) = path.path.segments.last().filter(|s| s.ident == "Result") else {
        return refuse(ty);
    };
    let PathArguments::AngleBracketed(args) = &last.arguments else { return refuse(ty) };
    let types: Vec<&Type> = args
        .args
        .iter()
        .filter_map(|a| if let GenericArgument::Type(t) = a { Some(t) } else { None })
        .collect();
    match types[..] {
        [resp, error] if args.args.len() == 2 => {
            Ok((check_owned(resp, "the response")?, check_owned(error, "the error")?))
        }
        _ => refuse(ty),
    }
}

fn last_ident(path: &Path) -> Option<&syn::Ident> {
    path.segments.last().map(|s| &s.ident)
}
