//! Writes the code of a checked service. Each part is what one could write by hand; whatever does not
//! depend on the trait's types stands in `rpc::__private`. It must not check anything.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::model::{Method, Service};

/// Everything the trait becomes.
pub fn expand(service: &Service) -> TokenStream {
    let item = &service.item;
    let client = client(service);
    let mock = mock(service);
    let router = router(service);
    let promises = promises(service);
    quote! {
        #[::rpc::async_trait]
        #item
        #client
        #mock
        #router
        #promises
    }
}

/// The handle: constructors, and one inherent method per trait method.
fn client(service: &Service) -> TokenStream {
    let (vis, ident, name) = (&service.item.vis, &service.item.ident, &service.name);
    let (client, mock) = (format_ident!("{ident}Client"), format_ident!("{ident}Mock"));
    let title = format!(
        "A handle of the service `{name}`. Whether [`{ident}`] is local, remote or a mock behind it, its \
         caller cannot tell. Cheap to clone."
    );
    let shown = client.to_string();
    let calls = service.methods.iter().map(|m| call(service, m));
    let remote = remote(service);
    let late = late(service);
    quote! {
        #[doc = #title]
        #[derive(Clone)]
        #vis struct #client(::std::sync::Arc<dyn #ident>);

        impl #client {
            /// The service's name on the wire, in logs and in metrics.
            pub const SERVICE: &'static str = #name;

            /// A handle of a service in this process.
            #[must_use]
            pub fn local(service: impl #ident) -> Self {
                Self(::std::sync::Arc::new(service))
            }

            /// A handle of a service in this process that others hold too.
            #[must_use]
            pub fn from_arc(service: ::std::sync::Arc<dyn #ident>) -> Self {
                Self(service)
            }

            /// A handle of a mock.
            #[must_use]
            pub fn mock(mock: #mock) -> Self {
                Self::local(mock)
            }

            #remote
            #late
            #(#calls)*
        }

        impl ::std::fmt::Debug for #client {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(#shown)
            }
        }
    }
}

fn call(service: &Service, method: &Method) -> TokenStream {
    let Method { ident, wire, docs, ctx, req, resp, error } = method;
    let name = &service.name;
    let docs = if docs.is_empty() {
        let see = format!("See [`{}::{ident}`].", service.item.ident);
        quote!(#[doc = #see])
    } else {
        quote!(#(#docs)*)
    };
    quote! {
        #docs
        pub async fn #ident(&self, ctx: #ctx, req: #req) -> ::std::result::Result<#resp, #error> {
            ::rpc::__private::call(ctx, #name, #wire, self.0.#ident(ctx, req)).await
        }
    }
}

/// The constructor of a remote handle, with the implementation that it needs inside.
fn remote(service: &Service) -> TokenStream {
    let (ident, name) = (&service.item.ident, &service.name);
    let methods = service.methods.iter().map(|method| {
        let Method { ident, wire, ctx, req, resp, error, .. } = method;
        quote! {
            async fn #ident(&self, ctx: #ctx, req: #req) -> ::std::result::Result<#resp, #error> {
                self.0.call(ctx, #name, #wire, req).await
            }
        }
    });
    quote! {
        /// A handle of a service in another process.
        #[must_use]
        pub fn remote(endpoint: ::rpc::Endpoint) -> Self {
            struct Remote(::rpc::Endpoint);
            #[::rpc::async_trait]
            impl #ident for Remote {
                #(#methods)*
            }
            Self::local(Remote(endpoint))
        }
    }
}

/// The constructor of a handle that is bound after it was handed out, for services that call each other.
fn late(service: &Service) -> TokenStream {
    let (ident, name) = (&service.item.ident, &service.name);
    let client = format_ident!("{ident}Client");
    let methods = service.methods.iter().map(|method| {
        let Method { ident, ctx, req, resp, error, .. } = method;
        quote! {
            async fn #ident(&self, ctx: #ctx, req: #req) -> ::std::result::Result<#resp, #error> {
                match self.0.get().and_then(::std::sync::Weak::upgrade) {
                    ::std::option::Option::Some(bound) => bound.#ident(ctx, req).await,
                    ::std::option::Option::None => {
                        ::std::result::Result::Err(::rpc::__private::not_started(#name).into())
                    }
                }
            }
        }
    });
    quote! {
        /// A handle that is bound later, and what binds it: services that call each other cannot all be
        /// started first. A call before that is `Unavailable`; binding twice keeps the first. It does not
        /// keep the service alive, so that two that call each other can both end: hold the bound handle
        /// for as long as it is to be called.
        #[must_use]
        pub fn late() -> (Self, ::std::boxed::Box<dyn ::std::ops::FnOnce(Self) + ::std::marker::Send>) {
            struct Late(::std::sync::Arc<::std::sync::OnceLock<::std::sync::Weak<dyn #ident>>>);
            #[::rpc::async_trait]
            impl #ident for Late {
                #(#methods)*
            }
            let cell = ::std::sync::Arc::new(::std::sync::OnceLock::new());
            let bind = ::std::sync::Arc::clone(&cell);
            let bind = move |bound: #client| {
                // The first binding stands.
                let _ = bind.set(::std::sync::Arc::downgrade(&bound.0));
            };
            (Self::local(Late(cell)), ::std::boxed::Box::new(bind))
        }
    }
}

/// The mock: a closure per method, set by a builder.
fn mock(service: &Service) -> TokenStream {
    let (vis, ident, name) = (&service.item.vis, &service.item.ident, &service.name);
    let mock = format_ident!("{ident}Mock");
    let title = format!(
        "A [`{ident}`] for tests, made of closures. A method that was not given one fails and names itself."
    );
    let fields = service.methods.iter().map(|Method { ident, req, resp, error, .. }| {
        quote!(#ident: ::std::option::Option<::rpc::__private::Answer<#req, #resp, #error>>)
    });
    let setters = service.methods.iter().map(|Method { ident, req, resp, error, .. }| {
        let (on, title) = (format_ident!("on_{ident}"), format!("Answers `{ident}` with a closure."));
        quote! {
            #[doc = #title]
            #[must_use]
            pub fn #on(
                mut self,
                answer: impl ::std::ops::Fn(&::rpc::Ctx, #req) -> ::std::result::Result<#resp, #error>
                    + ::std::marker::Send
                    + ::std::marker::Sync
                    + 'static,
            ) -> Self {
                self.#ident = ::std::option::Option::Some(::std::boxed::Box::new(answer));
                self
            }
        }
    });
    let methods = service.methods.iter().map(|Method { ident, wire, ctx, req, resp, error, .. }| {
        quote! {
            async fn #ident(&self, ctx: #ctx, req: #req) -> ::std::result::Result<#resp, #error> {
                ::rpc::__private::answer(self.#ident.as_ref(), #name, #wire, ctx, req)
            }
        }
    });
    quote! {
        #[doc = #title]
        #[derive(Default)]
        #vis struct #mock {
            #(#fields,)*
        }

        impl #mock {
            /// A mock that answers nothing yet.
            #[must_use]
            pub fn new() -> Self {
                Self::default()
            }

            #(#setters)*
        }

        #[::rpc::async_trait]
        impl #ident for #mock {
            #(#methods)*
        }
    }
}

/// The router that serves the handle to other processes.
fn router(service: &Service) -> TokenStream {
    let (vis, ident, name) = (&service.item.vis, &service.item.ident, &service.name);
    let client = format_ident!("{ident}Client");
    let router = format_ident!("{}_router", snake(&ident.to_string()));
    let title = format!(
        "Serves [`{ident}`] at `POST /rpc/{name}/…`. The routes trust whoever calls: hand them to \
         `rpc::serve` or `rpc::protect`, which ask for the shared secret."
    );
    let routes = service.methods.iter().map(|Method { ident, wire, req, .. }| {
        quote! {
            .method(#wire, &client, |client: #client, ctx: ::rpc::Ctx, req: #req| async move {
                client.#ident(&ctx, req).await
            })
        }
    });
    quote! {
        #[doc = #title]
        #vis fn #router(client: #client) -> ::rpc::__private::Router {
            ::rpc::__private::Routes::new(#name)
                #(#routes)*
                .into_router()
        }
    }
}

/// Bounds, checked where the types were written, so that the compiler points there.
fn promises(service: &Service) -> TokenStream {
    let error = &service.error;
    let error = quote_spanned!(error.span()=> ::rpc::__private::is_service_error::<#error>(););
    let messages = service
        .methods
        .iter()
        .flat_map(|m| [&m.req, &m.resp])
        .map(|ty| quote_spanned!(ty.span()=> ::rpc::__private::is_message::<#ty>();));
    quote! {
        const _: fn() = || {
            #error
            #(#messages)*
        };
    }
}

/// `StockKeeper` → `stock_keeper`.
fn snake(camel: &str) -> String {
    let mut text = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trait_of_two_words_gives_a_router_of_two_words() {
        assert_eq!(snake("StockKeeper"), "stock_keeper");
        assert_eq!(snake("Order"), "order");
    }

    #[test]
    fn an_undocumented_method_still_gets_a_documented_handle() {
        let code = Service::parse(
            quote!(name = "greeter"),
            quote! {
                trait Greeter: Send + Sync + 'static {
                    async fn hello(&self, _ctx: &rpc::Ctx, _: Hello) -> Result<(), Oops>;
                }
            },
        )
        .map(|s| expand(&s).to_string())
        .unwrap();
        assert!(code.contains("See [`Greeter::hello`]."), "{code}");
        assert!(code.contains("fn greeter_router"), "{code}");
    }
}
