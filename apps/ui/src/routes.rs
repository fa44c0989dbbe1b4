//! Every address of the browser applications, typed. Templates and redirects print a [`Route`]; nobody
//! puts an address together by hand. The patterns for the router stand in [`pattern`], beside them.

use std::fmt;

use kit::Cursor;
use types::{Locale, OrderId, SkuId, Slug};

use crate::assets::site_css_hash;

/// What the router matches.
pub mod pattern {
    /// [`super::Route::Home`]
    pub const HOME: &str = "/";
    /// [`super::Route::Products`]
    pub const PRODUCTS: &str = "/products";
    /// [`super::Route::Category`]
    pub const CATEGORY: &str = "/c/{slug}";
    /// [`super::Route::Product`]
    pub const PRODUCT: &str = "/p/{slug}";
    /// [`super::Route::Cart`]
    pub const CART: &str = "/cart";
    /// [`super::Route::CartLines`]
    pub const CART_LINES: &str = "/cart/lines";
    /// [`super::Route::SignIn`]
    pub const SIGN_IN: &str = "/sign-in";
    /// [`super::Route::Register`]
    pub const REGISTER: &str = "/register";
    /// [`super::Route::SignOut`]
    pub const SIGN_OUT: &str = "/sign-out";
    /// [`super::Route::Checkout`]
    pub const CHECKOUT: &str = "/checkout";
    /// [`super::Route::Orders`]
    pub const ORDERS: &str = "/orders";
    /// [`super::Route::Order`] and [`super::Route::OrderPlacing`]
    pub const ORDER: &str = "/orders/{id}";
    /// [`super::Route::OrderPay`]
    pub const ORDER_PAY: &str = "/orders/{id}/pay";
    /// [`super::Route::OrderAction`]
    pub const ORDER_ACTION: &str = "/orders/{id}/actions/{operation}";
    /// [`super::Route::Language`]
    pub const LANGUAGE: &str = "/language";
    /// [`super::Route::SiteCss`]
    pub const SITE_CSS: &str = "/assets/site.css";
    /// [`super::Route::ThemeCss`]
    pub const THEME_CSS: &str = "/assets/theme.css";
    /// [`super::Route::Icon`]
    pub const ICON: &str = "/assets/icon.svg";
}

/// An address on the tenant's host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The first page.
    Home,
    /// All products.
    Products {
        /// Where the list goes on.
        cursor: Option<Cursor>,
    },
    /// A category's products.
    Category {
        /// Its name for the address bar.
        slug: Slug,
        /// Where the list goes on.
        cursor: Option<Cursor>,
    },
    /// A product.
    Product {
        /// Its name for the address bar.
        slug: Slug,
        /// The chosen variant.
        sku: Option<SkuId>,
        /// Which picture is shown large, from 0.
        image: Option<usize>,
    },
    /// The cart.
    Cart,
    /// Where a line of the cart is set.
    CartLines,
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
    /// The stylesheet that all tenants share.
    SiteCss,
    /// A tenant's colours.
    ThemeCss {
        /// The tenant's version.
        version: i64,
    },
    /// A tenant's sign.
    Icon {
        /// The tenant's version.
        version: i64,
    },
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = Url { f, has_query: false };
        match self {
            Self::Home => url.path(pattern::HOME),
            Self::Products { cursor } => {
                url.path(pattern::PRODUCTS)?;
                url.query("cursor", cursor.as_ref().map(Cursor::as_str))
            }
            Self::Category { slug, cursor } => {
                url.filled(pattern::CATEGORY, &[slug.as_str()])?;
                url.query("cursor", cursor.as_ref().map(Cursor::as_str))
            }
            Self::Product { slug, sku, image } => {
                url.filled(pattern::PRODUCT, &[slug.as_str()])?;
                url.query("sku", sku.as_ref())?;
                url.query("image", image.as_ref())
            }
            Self::Cart => url.path(pattern::CART),
            Self::CartLines => url.path(pattern::CART_LINES),
            Self::SignIn { next } => {
                url.path(pattern::SIGN_IN)?;
                url.query("next", next.as_ref())
            }
            Self::Register { next } => {
                url.path(pattern::REGISTER)?;
                url.query("next", next.as_ref())
            }
            Self::SignOut => url.path(pattern::SIGN_OUT),
            Self::Checkout => url.path(pattern::CHECKOUT),
            Self::Orders { cursor } => {
                url.path(pattern::ORDERS)?;
                url.query("cursor", cursor.as_ref().map(Cursor::as_str))
            }
            Self::Order { id } => url.filled(pattern::ORDER, &[&id.to_string()]),
            Self::OrderPlacing { id, round } => {
                url.filled(pattern::ORDER, &[&id.to_string()])?;
                url.query("placing", Some(round))
            }
            Self::OrderPay { id } => url.filled(pattern::ORDER_PAY, &[&id.to_string()]),
            Self::OrderAction { id, operation } => {
                url.filled(pattern::ORDER_ACTION, &[&id.to_string(), operation])
            }
            Self::Language { locale, next } => {
                url.path(pattern::LANGUAGE)?;
                url.query("to", Some(locale))?;
                url.query("next", Some(next))
            }
            Self::SiteCss => {
                url.path(pattern::SITE_CSS)?;
                url.query("v", Some(site_css_hash()))
            }
            Self::ThemeCss { version } => {
                url.path(pattern::THEME_CSS)?;
                url.query("v", Some(version))
            }
            Self::Icon { version } => {
                url.path(pattern::ICON)?;
                url.query("v", Some(version))
            }
        }
    }
}

/// Writes an address, encoding what is filled in.
struct Url<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    has_query: bool,
}

impl Url<'_, '_> {
    fn path(&mut self, pattern: &str) -> fmt::Result {
        self.f.write_str(pattern)
    }

    /// Fills the `{…}` of a pattern, one after the other.
    fn filled(&mut self, pattern: &str, values: &[&str]) -> fmt::Result {
        let mut values = values.iter();
        for segment in pattern.split('/').skip(1) {
            self.f.write_str("/")?;
            match segment.strip_prefix('{').and_then(|_| values.next()) {
                Some(value) => self.encoded(value)?,
                None => self.f.write_str(segment)?,
            }
        }
        Ok(())
    }

    fn query(&mut self, name: &str, value: Option<impl fmt::Display>) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        let mark = if self.has_query { '&' } else { '?' };
        self.has_query = true;
        write!(self.f, "{mark}{name}=")?;
        self.encoded(&value.to_string())
    }

    /// Everything but RFC 3986's unreserved characters is percent-encoded.
    fn encoded(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                write!(self.f, "{}", char::from(byte))?;
            } else {
                write!(self.f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// A path on this host that a browser may be sent back to. Never another host, whatever was put into
/// the address bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local(String);

/// The longest path that is sent back to, in bytes.
const LOCAL_LENGTH_MAX: usize = 2_000;

impl Local {
    /// Reads a path with its query, as it stands in a request. `None` when it could lead elsewhere.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let safe = text.starts_with('/')
            && !text.starts_with("//")
            && text.len() <= LOCAL_LENGTH_MAX
            // a backslash is a slash to browsers
            && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        safe.then(|| Self(text.to_owned()))
    }
}

impl From<&Route> for Local {
    fn from(route: &Route) -> Self {
        Self(route.to_string())
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_filled_in_is_encoded() {
        let slug: Slug = "玫瑰-1".parse().unwrap();
        let sku = Some(SkuId::from_i64(7).unwrap());
        let product = Route::Product { slug, sku, image: Some(2) };
        assert_eq!(product.to_string(), "/p/%E7%8E%AB%E7%91%B0-1?sku=7&image=2");
        let sign_in = Route::SignIn { next: Some(Local::from(&product)) };
        let next = "%2Fp%2F%25E7%258E%25AB%25E7%2591%25B0-1%3Fsku%3D7%26image%3D2";
        assert_eq!(sign_in.to_string(), ["/sign-in?next=", next].concat());
        let id = OrderId::from_i64(5).unwrap();
        let action = Route::OrderAction { id, operation: "a/b?".into() };
        assert_eq!(action.to_string(), "/orders/5/actions/a%2Fb%3F");
        assert_eq!(Route::OrderPay { id }.to_string(), "/orders/5/pay");
        assert_eq!(Route::Products { cursor: None }.to_string(), "/products");
        assert_eq!(Route::SignIn { next: None }.to_string(), "/sign-in");
        assert!(Route::SiteCss.to_string().starts_with("/assets/site.css?v="));
    }

    #[test]
    fn a_way_back_never_leads_to_another_host() {
        for good in ["/", "/cart?x=%2F%2Fa", "/p/%E7"] {
            assert_eq!(Local::parse(good).unwrap().to_string(), good);
        }
        for bad in
            ["", "cart", "//evil.test", "/\\evil.test", "https://evil.test", "/a b", "/a\r\nb"]
        {
            assert_eq!(Local::parse(bad), None, "{bad}");
        }
        assert_eq!(Local::parse(&["/", &"a".repeat(2_000)].concat()), None);
    }
}
