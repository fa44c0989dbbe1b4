//! The service macro, which makes client, router and mock of a trait; nothing else. It must not decide
//! anything at run time: what the generated code does stands in the crate `rpc`.

mod expand;
mod model;

use proc_macro::TokenStream;

/// Turns a trait into a service: the trait itself (object safe), a client handle, a mock and a router.
///
/// Use it as `rpc::service`; the documentation stands there.
#[proc_macro_attribute]
pub fn service(attribute: TokenStream, item: TokenStream) -> TokenStream {
    model::Service::parse(attribute.into(), item.into())
        .map(|service| expand::expand(&service))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
