//! Every address of the browser applications, typed. Templates and redirects print a [`Route`]; nobody
//! puts an address together by hand. The patterns for the router stand beside them.

pub mod pattern;

mod local;
mod url;

use std::fmt;

use kit::Cursor;
use types::{AddressId, Locale, OrderId, SkuId, Slug};

use crate::assets::{site_css_version, site_js_version};
use crate::list::ListFilter;

pub use local::{LANGUAGE_PARAM, Local};
pub use url::Url;

/// What a page tells that has just been done. It travels in the address, so that reloading the page does
/// nothing again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Name and language were changed.
    Profile,
    /// The password was changed.
    Password,
    /// An address was added or changed.
    AddressSaved,
    /// An address was deleted.
    AddressDeleted,
}

impl Done {
    const ALL: [Self; 4] =
        [Self::Profile, Self::Password, Self::AddressSaved, Self::AddressDeleted];

    const fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Password => "password",
            Self::AddressSaved => "address-saved",
            Self::AddressDeleted => "address-deleted",
        }
    }

    /// As it stands in an address; `None` for anything else.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.name() == name)
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An address on the tenant's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The first page.
    Home,
    /// All products, or those that are searched for.
    Products {
        /// What the list is narrowed to.
        filter: ListFilter,
    },
    /// A category's products.
    Category {
        /// Its name for the address bar.
        slug: Slug,
        /// What the list is narrowed to.
        filter: ListFilter,
    },
    /// A product.
    Product {
        /// Its name for the address bar.
        slug: Slug,
        /// The chosen variant.
        sku: Option<SkuId>,
    },
    /// The cart.
    Cart,
    /// Where a line of the cart is set.
    CartLines,
    /// Where a line is saved for later, moved back, or forgotten.
    CartSaved,
    /// Somebody's account.
    Account {
        /// What has just been done.
        done: Option<Done>,
    },
    /// Where a password is changed.
    AccountPassword,
    /// Where all sessions are ended.
    AccountSessions,
    /// The address book; where an address is added.
    Addresses {
        /// What has just been done.
        done: Option<Done>,
    },
    /// The form of a new address.
    AddressNew,
    /// An address of the book.
    Address {
        /// Which.
        id: AddressId,
    },
    /// Where an address becomes the one that is offered first.
    AddressDefault {
        /// Which.
        id: AddressId,
    },
    /// Where an address is deleted.
    AddressDelete {
        /// Which.
        id: AddressId,
    },
    /// Signing in, and where to go then.
    SignIn {
        /// Where to go then.
        next: Option<Local>,
    },
    /// Registering, and where to go then.
    Register {
        /// Where to go then.
        next: Option<Local>,
    },
    /// Signing out.
    SignOut,
    /// The checkout.
    Checkout,
    /// One's own orders that stand somewhere in their flow.
    OrdersIn {
        /// Where they stand, as the flow names it.
        status: String,
        /// Where the list goes on.
        cursor: Option<Cursor>,
    },
    /// One's own orders.
    Orders {
        /// Where the list goes on.
        cursor: Option<Cursor>,
    },
    /// An order.
    Order {
        /// Which.
        id: OrderId,
    },
    /// An order that is just being placed by another request.
    OrderPlacing {
        /// Which.
        id: OrderId,
        /// How often it was looked for.
        round: u32,
    },
    /// Where an order is paid by card.
    OrderPay {
        /// Which.
        id: OrderId,
    },
    /// The stream that tells when an order has changed.
    OrderEvents {
        /// Which.
        id: OrderId,
    },
    /// Where an order is moved.
    OrderAction {
        /// Which.
        id: OrderId,
        /// The operation, as its flow names it.
        operation: String,
    },
    /// Chooses a language.
    Language {
        /// Which.
        locale: Locale,
        /// Where to go then.
        next: Local,
    },
    /// The stylesheet, with a tenant's look.
    SiteCss {
        /// The tenant's version; none where there is no tenant.
        version: Option<i64>,
    },
    /// The script that all pages share.
    SiteJs,
    /// What crawlers are asked to leave alone.
    Robots,
    /// The list of sitemaps.
    Sitemap,
    /// The sitemap of everything but products.
    SitemapPages,
    /// A sitemap of products.
    SitemapProducts {
        /// Where the list of products goes on.
        cursor: Option<Cursor>,
    },
    /// A tenant's sign.
    Icon {
        /// The tenant's version.
        version: i64,
    },
}

impl Route {
    /// All products, from the first on.
    #[must_use]
    pub fn products() -> Self {
        Self::Products { filter: ListFilter::default() }
    }

    /// All products of a category, from the first on.
    #[must_use]
    pub fn category(slug: &Slug) -> Self {
        Self::Category { slug: slug.clone(), filter: ListFilter::default() }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url::new(f);
        match self {
            Self::Home => url.path(pattern::HOME),
            Self::Products { filter } => {
                url.path(pattern::PRODUCTS)?;
                url.queries(&filter.pairs())
            }
            Self::Category { slug, filter } => {
                url.filled(pattern::CATEGORY, &[slug.as_str()])?;
                url.queries(&filter.pairs())
            }
            Self::Product { slug, sku } => {
                url.filled(pattern::PRODUCT, &[slug.as_str()])?;
                url.query("sku", sku.as_ref())
            }
            Self::Cart => url.path(pattern::CART),
            Self::CartLines => url.path(pattern::CART_LINES),
            Self::CartSaved => url.path(pattern::CART_SAVED),
            Self::Account { done } => url.with(pattern::ACCOUNT, "done", done.as_ref()),
            Self::AccountPassword => url.path(pattern::ACCOUNT_PASSWORD),
            Self::AccountSessions => url.path(pattern::ACCOUNT_SESSIONS),
            Self::Addresses { done } => url.with(pattern::ADDRESSES, "done", done.as_ref()),
            Self::AddressNew => url.path(pattern::ADDRESS_NEW),
            Self::Address { id } => url.filled(pattern::ADDRESS, &[&id.to_string()]),
            Self::AddressDefault { id } => url.filled(pattern::ADDRESS_DEFAULT, &[&id.to_string()]),
            Self::AddressDelete { id } => url.filled(pattern::ADDRESS_DELETE, &[&id.to_string()]),
            Self::SignIn { next } => url.with(pattern::SIGN_IN, "next", next.as_ref()),
            Self::Register { next } => url.with(pattern::REGISTER, "next", next.as_ref()),
            Self::SignOut => url.path(pattern::SIGN_OUT),
            Self::Checkout => url.path(pattern::CHECKOUT),
            Self::OrdersIn { status, cursor } => {
                url.path(pattern::ORDERS)?;
                url.query("status", Some(status))?;
                url.query("cursor", cursor.as_ref().map(Cursor::as_str))
            }
            Self::Orders { cursor } => {
                url.with(pattern::ORDERS, "cursor", cursor.as_ref().map(Cursor::as_str))
            }
            Self::Order { id } => url.filled(pattern::ORDER, &[&id.to_string()]),
            Self::OrderPlacing { id, round } => {
                url.filled(pattern::ORDER, &[&id.to_string()])?;
                url.query("placing", Some(round))
            }
            Self::OrderPay { id } => url.filled(pattern::ORDER_PAY, &[&id.to_string()]),
            Self::OrderEvents { id } => url.filled(pattern::ORDER_EVENTS, &[&id.to_string()]),
            Self::OrderAction { id, operation } => {
                url.filled(pattern::ORDER_ACTION, &[&id.to_string(), operation])
            }
            Self::Language { locale, next } => {
                url.path(pattern::LANGUAGE)?;
                url.query("to", Some(locale))?;
                url.query("next", Some(next))
            }
            Self::SiteCss { version } => {
                url.with(pattern::SITE_CSS, "v", Some(site_css_version(*version)))
            }
            Self::SiteJs => url.with(pattern::SITE_JS, "v", Some(site_js_version())),
            Self::Robots => url.path(pattern::ROBOTS),
            Self::Sitemap => url.path(pattern::SITEMAP),
            Self::SitemapPages => url.path(pattern::SITEMAP_PAGES),
            Self::SitemapProducts { cursor } => {
                url.with(pattern::SITEMAP_PRODUCTS, "cursor", cursor.as_ref().map(Cursor::as_str))
            }
            Self::Icon { version } => url.with(pattern::ICON, "v", Some(version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_encoded() {
        let slug: Slug = "玫瑰-1".parse().unwrap();
        let sku = Some(SkuId::from_i64(7).unwrap());
        let product = Route::Product { slug, sku };
        assert_eq!(product.to_string(), "/p/%E7%8E%AB%E7%91%B0-1?sku=7");
        let sign_in = Route::SignIn { next: Some(Local::from(&product)) };
        let next = "%2Fp%2F%25E7%258E%25AB%25E7%2591%25B0-1%3Fsku%3D7";
        assert_eq!(sign_in.to_string(), ["/sign-in?next=", next].concat());
        let id = OrderId::from_i64(5).unwrap();
        let action = Route::OrderAction { id, operation: "a/b?".into() };
        assert_eq!(action.to_string(), "/orders/5/actions/a%2Fb%3F");
        assert_eq!(Route::OrderPay { id }.to_string(), "/orders/5/pay");
        let done = Some(Done::AddressSaved);
        assert_eq!(Route::Addresses { done }.to_string(), "/account/addresses?done=address-saved");
        assert_eq!((Done::read("address-saved"), Done::read("x")), (done, None));
        assert_eq!(Route::products().to_string(), "/products");
        assert_eq!(Route::SignIn { next: None }.to_string(), "/sign-in");
        assert!(Route::SiteJs.to_string().starts_with("/assets/site.js?v="));
        assert!(Route::SiteCss { version: Some(5) }.to_string().ends_with("-5"));
    }
}
